/* signalfd(2): signals that are blocked are read. Whose: of the thread that reads. */
#ifndef KERNEL_FS_SIGNALFD_H
#define KERNEL_FS_SIGNALFD_H

#include <kernel/fs/file.h>

int __must_check signalfd_open(uint64_t set, unsigned flags, struct file **out);
/* Another set from now on. -EINVAL: f is none. */
int __must_check signalfd_change(struct file *f, uint64_t set);

#endif
