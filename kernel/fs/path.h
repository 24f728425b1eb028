/*
 * From a path to a node, as Linux walks it: symbolic links are followed (40
 * at most), "." and ".." and double slashes mean what they should.
 */
#ifndef KERNEL_FS_PATH_H
#define KERNEL_FS_PATH_H

#include <kernel/fs/node.h>

#define LOOKUP_NOFOLLOW	1u	/* a link at the end is the result, not what it leads to */
#define LOOKUP_EMPTY	2u	/* an empty path is the start itself (AT_EMPTY_PATH) */
#define LOOKUP_CREATE	4u	/* a missing last name would be made: EROFS instead of ENOENT */

/* The root of the file tree; const after fs_init. */
extern struct node *fs_root;

/*
 * The node that path leads to from the directory `from` (an absolute one: from
 * the root), counted for the caller. path is a buffer of PATH_MAX bytes that
 * the walk writes over. 0, -ENOENT, -ENOTDIR, -ELOOP, -ENAMETOOLONG.
 */
int __must_check path_lookup(struct node *from, char *path, unsigned flags, struct node **out);
/* The same for a path of the kernel's own. Also -ENOMEM. */
int __must_check path_lookup_from(struct node *from, const char *path, struct node **out);
/* The same from the root. */
int __must_check path_lookup_const(const char *path, struct node **out);
/* The absolute path of dir. Its length with the NUL, or -ERANGE if that is more than n. */
ssize_t __must_check path_of_dir(struct node *dir, char *buf, size_t n);
/*
 * What /proc shows as the path of a node, without NUL: an absolute path, or
 * the words of a thing without a name (pipe:[5], /memfd:x (deleted)). Its
 * length, or -ENAMETOOLONG if that is more than n.
 */
ssize_t __must_check path_of_node(struct node *node, char *buf, size_t n);

#endif
