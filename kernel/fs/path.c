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
#include <lib/format.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <mm/alloc/slab.h>

#define LINKS_MAX	40

struct node *fs_root;

#define MADE_TEXT_MAX	64		/* of a link whose text is made when asked for */

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
	if (link->target)
		return walk_text(w, link->target, strlen(link->target));
	return walk_made_link(w, link);
}

/* Counted. */
static int walk_name(struct node *dir, const char *name, size_t len, struct node **out)
{
	if (len == 1 && name[0] == '.')
		*out = dir;
	else if (len == 2 && name[0] == '.' && name[1] == '.')
		*out = dir->dir.parent;
	else
		return dir_find(dir, name, len, out);
	node_get(*out);
	return 0;
}

/* One component: w->rest begins with neither '/' nor NUL. */
static int walk_step(struct walk *w, unsigned flags)
{
	const char *name = w->rest;
	struct node *n;
	size_t len = 0;
	int err;

	if (!node_is_dir(w->at))
		return -ENOTDIR;
	while (name[len] && name[len] != '/')
		len++;
	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	err = walk_name(w->at, name, len, &n);
	if (err)
		return err == -ENOENT && flags & LOOKUP_CREATE && !name[len] ? -EROFS : err;
	w->rest += len;
	if (!node_is_link(n) || (!*w->rest && flags & LOOKUP_NOFOLLOW)) {
		walk_to(w, n);
		return 0;
	}
	err = walk_link(w, n);
	node_put(n);
	return err;
}

int path_lookup(struct node *from, char *path, unsigned flags, struct node **out)
{
	struct walk w = { .at = *path == '/' ? fs_root : from, .buf = path, .rest = path };
	int err = 0;

	if (!*path && !(flags & LOOKUP_EMPTY))
		return -ENOENT;
	node_get(w.at);
	while (!err) {
		bool slash = *w.rest == '/';

		while (*w.rest == '/')
			w.rest++;
		if (!*w.rest) {
			if (slash && !node_is_dir(w.at))
				err = -ENOTDIR;
			break;
		}
		err = walk_step(&w, flags);
	}
	if (err)
		node_put(w.at);
	else
		*out = w.at;
	return err;
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

/*
 * The path that d names, put at the end of buf, its NUL in buf[n - 1]: where it
 * begins; n: no room.
 */
static size_t path_back(const struct dirent *d, char *buf, size_t n)
{
	size_t at = n - 1, len;

	buf[at] = '\0';
	for (; d; d = d->dir->name) {
		len = strlen(d->name);
		if (len + 1 > at)
			return n;
		at -= len;
		memcpy(buf + at, d->name, len);
		buf[--at] = '/';
	}
	if (at == n - 1)
		buf[--at] = '/';
	return at;
}

ssize_t path_of_dir(struct node *dir, char *buf, size_t n)
{
	size_t at;

	if (n < 2)
		return -ERANGE;
	at = path_back(dir->name, buf, n);
	if (at == n)
		return -ERANGE;
	memmove(buf, buf + at, n - at);
	return (ssize_t)(n - at);
}

ssize_t path_of_node(struct node *node, char *buf, size_t n)
{
	ssize_t len;

	if (node->ops && node->ops->path)
		return node->ops->path(node, buf, n);
	if (!node->name && !node_is_dir(node)) {
		len = snprintf(buf, n, "%s:[%lu]", S_ISFIFO(node->mode) ? "pipe" : "anon_inode",
			       node->ino);
		return (size_t)len < n ? len : -ENAMETOOLONG;
	}
	len = path_of_dir(node, buf, n);
	return len < 0 ? -ENAMETOOLONG : len - 1;
}
