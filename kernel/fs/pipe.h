/* Pipes: bytes that one open file takes in and another gives out. */
#ifndef KERNEL_FS_PIPE_H
#define KERNEL_FS_PIPE_H

#include <kernel/fs/file.h>

void pipe_init(void);
/* end[0] to read from, end[1] to write to. flags: O_NONBLOCK or 0. 0 or -ENOMEM. */
int __must_check pipe_create(unsigned flags, struct file *end[2]);

#endif
