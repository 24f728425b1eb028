/*
 * Changes of names: what makes, moves and takes away, with the checks that Linux makes, in its
 * order. Where they change something is the end of a path (path.h), walked to its parent.
 *
 * What has to be allocated is allocated before; then checks and change are one step under tree_lock.
 */
#ifndef KERNEL_FS_CHANGE_H
#define KERNEL_FS_CHANGE_H

#include <kernel/fs/path.h>

/*
 * A node that the running process makes in dir, without a name: file, directory, fifo, socket;
 * a device is rdev. mode with its kind; the umask has been taken away. NULL: no memory.
 */
struct node *fs_new_node(const struct node *dir, uint32_t mode, uint64_t rdev);
/* Gives n, from there or of node_create_link, the name at e. 0, -EEXIST, -ENOENT, -EACCES, -EPERM, -ENOSPC, -ENOMEM. */
int __must_check fs_make(const struct path_end *e, struct node *n);
/* link(2): the same for a node that may have names. Also -EXDEV, -EPERM (a directory), -EMLINK. */
int __must_check fs_link(const struct path_end *e, struct node *n);
/* unlink(2), rmdir(2). */
int __must_check fs_unlink(const struct path_end *e);
int __must_check fs_rmdir(const struct path_end *e);
/* renameat2(2); flags: RENAME_NOREPLACE, RENAME_EXCHANGE. */
int __must_check fs_rename(const struct path_end *from, const struct path_end *to, unsigned flags);

#endif
