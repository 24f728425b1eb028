/* Regular files as open files, and changes of their size; what they hold is an object (node.h). */
#ifndef KERNEL_FS_REGULAR_H
#define KERNEL_FS_REGULAR_H

#include <kernel/fs/file.h>

/* truncate(2): 0, -EPERM (sealed), -EFBIG (with SIGXFSZ), -ENOMEM, -ENOSPC. May sleep. */
int __must_check regular_truncate(struct node *n, uint64_t size);
/* fallocate(2), of a file open for writing: 0, -EOPNOTSUPP, -EINVAL, -ENOSPC, -ENOMEM. */
int __must_check regular_allocate(struct node *n, int mode, uint64_t off, uint64_t len);
/* f does not keep its file from being run: as memfds that are open since they were made, on Linux. */
void regular_is_no_writer(struct file *f);

#endif
