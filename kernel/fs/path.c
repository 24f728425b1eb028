/*
 * The walk along a path; see path.h.
 *
 * Where the walk stands is counted: a node that was made when looked for lasts
 * no longer than somebody has it.
 *
 * A link that is met writes its text in front of what is left to walk, in the
 * one buffer, and the walk goes on: no recursion, and a path that links make
 * longer than PATH_MAX is ENAMETOOLONG.
 */
#include <kernel/fs/path.h>
#include <kernel/fs/names.h>
#include <kernel/fs/perm.h>
#include <lib/format.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <mm/alloc/slab.h>

#define LINKS_MAX	40
#define UNREACHABLE	"(unreachable)"	/* before a path in what is mounted no more */
#define MADE_TEXT_MAX	64		/* of a link whose text is made when asked for */

struct node *fs_root;

struct walk {
	struct node *at;		/* counted */
	char *buf, *rest;		/* rest: in buf, what is still to walk */
	unsigned links;
};

/* Goes on to n, whose reference is taken over. */
static void walk_to(struct walk *w, struct node *n)
{
	node_put(w->at);
	w->at = n;
}

/* Puts text before the rest (which is "" or begins with '/'). */
static int walk_text(struct walk *w, const char *text, size_t len)
{
	size_t left = strlen(w->rest);

	if (!len)
		return -ENOENT;
	if (len + left + 1 > PATH_MAX)
		return -ENAMETOOLONG;
	memmove(w->buf + len, w->rest, left + 1);
	memcpy(w->buf, text, len);
	w->rest = w->buf;
	if (*w->rest == '/') {
		node_get(fs_root);
		walk_to(w, fs_root);
	}
	return 0;
}

static int walk_made_link(struct walk *w, struct node *link)
{
	char text[MADE_TEXT_MAX];
	struct node *n;
	ssize_t len;

	if (link->ops->follow) {
		int err = link->ops->follow(link, &n);

		if (!err)
			walk_to(w, n);
		return err;
	}
	len = node_readlink(link, text, sizeof(text));
	return len < 0 ? (int)len : walk_text(w, text, (size_t)len);
}

static int walk_link(struct walk *w, struct node *link)
{
	if (++w->links > LINKS_MAX)
		return -ELOOP;
	node_was_read(link);
	if (link->target)
		return walk_text(w, link->target, strlen(link->target));
	return walk_made_link(w, link);
}

/* The component that w->rest begins with, cut off from it; it is neither '/' nor NUL. False: too long. */
static bool next_component(struct walk *w, struct path_end *e)
{
	e->name = w->rest;
	e->len = 0;
	while (*w->rest && *w->rest != '/') {
		w->rest++;
		e->len++;
	}
	e->slash = *w->rest == '/';
	e->last = PATH_NAME;
	if (e->len == 1 && e->name[0] == '.')
		e->last = PATH_DOT;
	if (e->len == 2 && e->name[0] == '.' && e->name[1] == '.')
		e->last = PATH_DOTS;
	return e->len <= NAME_MAX;
}

/* Does nothing but slashes follow? */
static bool at_end(const struct walk *w)
{
	const char *s = w->rest;

	while (*s == '/')
		s++;
	return !*s;
}

/* What the component leads to from w->at; counted. */
static int find(struct node *at, const struct path_end *e, struct node **out)
{
	if (e->last == PATH_NAME)
		return dir_find(at, e->name, e->len, out);
	spin_lock(&tree_lock);
	*out = e->last == PATH_DOT ? at : at->dir.parent;
	if (!ref_tryget(&(*out)->refs)) {	/* it is being freed (dir_free): next, at is a root */
		node_get(at);
		*out = at;
	}
	spin_unlock(&tree_lock);
	return 0;
}

/*
 * One component: w->rest begins with neither '/' nor NUL. 0, -errno; 1: it is the last one, and e
 * is filled in but for dir.
 */
static int walk_step(struct walk *w, unsigned flags, struct path_end *e)
{
	struct node *n;
	bool last;
	int err;

	if (!node_is_dir(w->at))
		return -ENOTDIR;
	err = node_may(w->at, MAY_EXEC);
	if (err)
		return err;
	if (!next_component(w, e))
		return -ENAMETOOLONG;
	last = at_end(w);
	if (last && flags & LOOKUP_PARENT)
		return 1;
	err = find(w->at, e, &n);
	if (err)
		return err == -ENOENT && last ? 1 : err;
	if (node_is_link(n) && (!last || e->slash || !(flags & LOOKUP_NOFOLLOW))) {
		err = walk_link(w, n);
		node_put(n);
		return err;
	}
	if (!last)
		walk_to(w, n);
	else if (e->slash && !node_is_dir(n))
		err = -ENOTDIR;
	else
		e->node = n;
	if (err)
		node_put(n);
	return err ? err : last;
}

/* The walk is over where it stands, in no name. */
static int end_here(struct walk *w, bool slash, struct path_end *e)
{
	if (slash && !node_is_dir(w->at))
		return -ENOTDIR;
	*e = (struct path_end){ .node = w->at, .slash = slash };
	return 0;
}

int path_walk(struct node *from, char *path, unsigned flags, struct path_end *e)
{
	struct walk w = { .at = *path == '/' ? fs_root : from, .buf = path, .rest = path };
	int r = 0;

	*e = (struct path_end){ 0 };
	if (!*path && !(flags & LOOKUP_EMPTY))
		return -ENOENT;
	node_get(w.at);
	while (!r) {
		bool slash = *w.rest == '/';

		while (*w.rest == '/')
			w.rest++;
		if (!*w.rest) {
			r = end_here(&w, slash, e);
			break;
		}
		r = walk_step(&w, flags, e);
	}
	if (r < 0)
		node_put(w.at);
	else if (r == 1)
		e->dir = w.at;
	return MIN(r, 0);
}

void path_end_put(struct path_end *e)
{
	node_put(e->node);
	node_put(e->dir);
}

int path_lookup(struct node *from, char *path, unsigned flags, struct node **out)
{
	struct path_end e;
	int err = path_walk(from, path, flags, &e);

	if (err)
		return err;
	*out = e.node;
	e.node = NULL;
	path_end_put(&e);
	return *out ? 0 : -ENOENT;
}

int path_lookup_from(struct node *from, const char *path, struct node **out)
{
	char *buf = kmalloc(PATH_MAX);
	int err;

	if (!buf)
		return -ENOMEM;
	if (strlcpy(buf, path, PATH_MAX) >= PATH_MAX)
		err = -ENAMETOOLONG;
	else
		err = path_lookup(from, buf, 0, out);
	kfree(buf);
	return err;
}

int path_lookup_const(const char *path, struct node **out)
{
	return path_lookup_from(fs_root, path, out);
}

/* What there is to tell beside a path. */
struct where {
	bool gone;			/* the name is no more */
	const struct node *top;		/* where it begins */
};

/*
 * The path that n's name makes, put at the end of buf, its NUL in buf[n - 1]: where it
 * begins; n: no room. tree_lock held.
 */
static size_t path_back(const struct node *node, char *buf, size_t n, struct where *w)
{
	const struct dirent *d = node->name;
	size_t at = n - 1;

	*w = (struct where){ d && d->gone, node };
	buf[at] = '\0';
	for (; d; d = d->dir->name) {
		w->top = d->dir;
		if (d->len + 1ul > at)
			return n;
		at -= d->len;
		memcpy(buf + at, d->name, d->len);
		buf[--at] = '/';
	}
	if (at == n - 1)
		buf[--at] = '/';
	return at;
}

/* The same at the beginning of buf: its length with the NUL, or -ERANGE. */
static ssize_t path_text(const struct node *node, char *buf, size_t n, struct where *w)
{
	size_t at;

	if (n < 2)
		return -ERANGE;
	spin_lock(&tree_lock);
	at = path_back(node, buf, n, w);
	spin_unlock(&tree_lock);
	if (at == n)
		return -ERANGE;
	memmove(buf, buf + at, n - at);
	return (ssize_t)(n - at);
}

ssize_t path_of_dir(struct node *dir, char *buf, size_t n)
{
	const size_t more = strlen(UNREACHABLE);
	struct where w;
	ssize_t len = path_text(dir, buf, n, &w);

	if (len < 0 || w.gone)
		return len < 0 ? len : -ENOENT;
	if (w.top == fs_root)
		return len;
	if ((size_t)len + more > n)
		return -ERANGE;
	memmove(buf + more, buf, (size_t)len);
	memcpy(buf, UNREACHABLE, more);
	return len + (ssize_t)more;
}

ssize_t path_of_node(struct node *node, char *buf, size_t n)
{
	struct where w;
	ssize_t len;

	if (node->ops && node->ops->path)
		return node->ops->path(node, buf, n);
	if (!node->fs) {
		len = snprintf(buf, n, "%s:[%lu]", S_ISFIFO(node->mode) ? "pipe" : "anon_inode",
			       node->ino);
		return (size_t)len < n ? len : -ENAMETOOLONG;
	}
	if (!node->name && node != fs_root) {
		len = snprintf(buf, n, "/#%lu (deleted)", node->ino);	/* O_TMPFILE */
		return (size_t)len < n ? len : -ENAMETOOLONG;
	}
	len = path_text(node, buf, n, &w);
	if (len < 0)
		return -ENAMETOOLONG;
	len--;
	if (w.gone)
		len += (ssize_t)strlcpy(buf + len, " (deleted)", n - (size_t)len);
	return (size_t)len < n ? len : -ENAMETOOLONG;
}
