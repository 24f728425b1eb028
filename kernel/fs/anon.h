/* Files that are in no directory: eventfd, timerfd, epoll and their like. /proc shows them as anon_inode:[name]. */
#ifndef KERNEL_FS_ANON_H
#define KERNEL_FS_ANON_H

#include <kernel/fs/file.h>

/* An open file; name is const, data its operations' (the caller's if this fails). 0 or -ENOMEM. */
int __must_check anon_open(const char *name, const struct file_ops *ops, void *data, unsigned flags,
			   struct file **out);

#endif
