/*
 * The walk along a path; see path.h.
 *
 * A link that is met writes its text in front of what is left to walk, in the
 * one buffer, and the walk goes on: no recursion, and a path that links make
 * longer than PATH_MAX is ENAMETOOLONG.
 */
#include <kernel/fs/path.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <mm/alloc/slab.h>

#define LINKS_MAX	40

struct node *fs_root;

struct walk {
	struct node *at;
	char *buf, *rest;		/* rest: in buf, what is still to walk */
	unsigned links;
};

/* Puts the text of link before the rest (which is "" or begins with '/'). */
static int walk_link(struct walk *w, struct node *link)
{
	size_t left = strlen(w->rest), len = strlen(link->target);

	if (++w->links > LINKS_MAX)
		return -ELOOP;
	if (!len)
		return -ENOENT;
	if (len + left + 1 > PATH_MAX)
		return -ENAMETOOLONG;
	memmove(w->buf + len, w->rest, left + 1);
	memcpy(w->buf, link->target, len);
	w->rest = w->buf;
	if (*w->rest == '/')
		w->at = fs_root;
	return 0;
}

static struct node *walk_name(struct node *dir, const char *name, size_t len)
{
	if (len == 1 && name[0] == '.')
		return dir;
	if (len == 2 && name[0] == '.' && name[1] == '.')
		return dir->dir.parent;
	return dir_lookup(dir, name, len);
}

/* One component: w->rest begins with neither '/' nor NUL. */
static int walk_step(struct walk *w, unsigned flags)
{
	const char *name = w->rest;
	struct node *n;
	size_t len = 0;

	if (!node_is_dir(w->at))
		return -ENOTDIR;
	while (name[len] && name[len] != '/')
		len++;
	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	n = walk_name(w->at, name, len);
	if (!n)
		return flags & LOOKUP_CREATE && !name[len] ? -EROFS : -ENOENT;
	w->rest += len;
	if (node_is_link(n) && (*w->rest || !(flags & LOOKUP_NOFOLLOW)))
		return walk_link(w, n);
	w->at = n;
	return 0;
}

int path_lookup(struct node *from, char *path, unsigned flags, struct node **out)
{
	struct walk w = { .at = *path == '/' ? fs_root : from, .buf = path, .rest = path };
	int err = 0;

	if (!*path && !(flags & LOOKUP_EMPTY))
		return -ENOENT;
	while (!err) {
		bool slash = *w.rest == '/';

		while (*w.rest == '/')
			w.rest++;
		if (!*w.rest) {
			if (slash && !node_is_dir(w.at))
				return -ENOTDIR;
			break;
		}
		err = walk_step(&w, flags);
	}
	if (err)
		return err;
	node_get(w.at);
	*out = w.at;
	return 0;
}

int path_lookup_const(const char *path, struct node **out)
{
	char *buf = kmalloc(PATH_MAX);
	int err;

	if (!buf)
		return -ENOMEM;
	if (strlcpy(buf, path, PATH_MAX) >= PATH_MAX)
		err = -ENAMETOOLONG;
	else
		err = path_lookup(fs_root, buf, 0, out);
	kfree(buf);
	return err;
}

ssize_t path_of_dir(struct node *dir, char *buf, size_t n)
{
	size_t at = n, len;

	if (n < 2)
		return -ERANGE;
	buf[--at] = '\0';
	if (!dir->dir.self)
		buf[--at] = '/';
	for (; dir->dir.self; dir = dir->dir.parent) {
		len = strlen(dir->dir.self->name);
		if (len + 1 > at)
			return -ERANGE;
		at -= len;
		memcpy(buf + at, dir->dir.self->name, len);
		buf[--at] = '/';
	}
	memmove(buf, buf + at, n - at);
	return (ssize_t)(n - at);
}
