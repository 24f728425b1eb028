/* eventfd(2): a number that writes add to and reads take away. */
#ifndef KERNEL_FS_EVENTFD_H
#define KERNEL_FS_EVENTFD_H

#include <kernel/fs/file.h>

/* flags: of the open file; semaphore: a read takes 1, not all. 0 or -ENOMEM. */
int __must_check eventfd_open(unsigned first, bool semaphore, unsigned flags, struct file **out);

#endif
