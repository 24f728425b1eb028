/*
 * From a path to a node, as Linux walks it: symbolic links are followed (40
 * at most), "." and ".." and double slashes mean what they should, and each
 * directory must let the running process search it.
 */
#ifndef KERNEL_FS_PATH_H
#define KERNEL_FS_PATH_H

#include <kernel/fs/node.h>

#define LOOKUP_NOFOLLOW	1u	/* a link at the end is the result, not what it leads to */
#define LOOKUP_EMPTY	2u	/* an empty path is the start itself (AT_EMPTY_PATH) */
#define LOOKUP_PARENT	4u	/* the last name is not looked at; links there are not followed */

/* The root of the file tree; const after fs_init. */
extern struct node *fs_root;

/* Where a path ends. */
enum path_last {
	PATH_HERE,			/* in no name: "/", "", or where a link of /proc leads to */
	PATH_DOT, PATH_DOTS,		/* in "." or ".." */
	PATH_NAME,
};

struct path_end {
	enum path_last last;
	struct node *node;		/* counted; NULL: the name is not there, or LOOKUP_PARENT */
	struct node *dir;		/* in which the last name is; counted; PATH_HERE: NULL */
	const char *name;		/* it, in the buffer that was walked; not ended by NUL */
	size_t len;
	bool slash;			/* slashes follow it */
};

/*
 * Walks path from the directory `from` (an absolute one: from the root). path is a buffer of
 * PATH_MAX bytes that the walk writes over. 0, -ENOENT (a directory on the way), -ENOTDIR,
 * -ELOOP, -ENAMETOOLONG, -EACCES, -ENOMEM. Then path_end_put.
 */
int __must_check path_walk(struct node *from, char *path, unsigned flags, struct path_end *end);
void path_end_put(struct path_end *end);
/* The node that it leads to, counted: the same, and -ENOENT where there is none. */
int __must_check path_lookup(struct node *from, char *path, unsigned flags, struct node **out);
/* The same for a path of the kernel's own. Also -ENOMEM. */
int __must_check path_lookup_from(struct node *from, const char *path, struct node **out);
/* The same from the root. */
int __must_check path_lookup_const(const char *path, struct node **out);
/*
 * The absolute path of dir ("(unreachable)" and what is left of it, in a file system that is mounted no more). Its
 * length with the NUL, or -ERANGE if that is more than n; -ENOENT: removed.
 */
ssize_t __must_check path_of_dir(struct node *dir, char *buf, size_t n);
/*
 * What /proc shows as the path of a node, without NUL: an absolute path, or
 * the words of a thing without a name (pipe:[5], /memfd:x (deleted)). Its
 * length, or -ENAMETOOLONG if that is more than n.
 */
ssize_t __must_check path_of_node(struct node *node, char *buf, size_t n);

#endif
