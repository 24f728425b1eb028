/* What changes of names have in common (change.c, rename.c); tree_lock is held. */
#ifndef KERNEL_FS_CHANGES_H
#define KERNEL_FS_CHANGES_H

#include <kernel/fs/names.h>
#include <kernel/fs/perm.h>

/* The running process may make a name in dir: 0, -ENOENT, -EPERM, -EACCES. */
int __must_check change_may_create(const struct node *dir);
/* It may take a name of n out of dir: 0, -EPERM, -EACCES. */
int __must_check change_may_remove(const struct node *dir, const struct node *n);
/* Another file system begins at n, which is in dir. */
bool change_is_fs_root(const struct node *n, const struct node *dir);
/* name_remove for good: a directory takes no names any more. */
void change_take_away(struct dirent *d, struct dirent **left);

#endif
