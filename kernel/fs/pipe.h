/* Pipes: bytes that one open file takes in and another gives out. */
#ifndef KERNEL_FS_PIPE_H
#define KERNEL_FS_PIPE_H

#include <kernel/fs/file.h>

void pipe_init(void);
/* end[0] to read from, end[1] to write to. flags: O_NONBLOCK, O_DIRECT. 0 or -ENOMEM. */
int __must_check pipe_create(unsigned flags, struct file *end[2]);
/* Opens n, a fifo; without O_NONBLOCK it waits for somebody at the other end. 0, -ENXIO, -ENOMEM, -ERESTARTSYS. */
int __must_check fifo_open(struct node *n, unsigned flags, struct file **out);
/* fcntl(2)'s F_GETPIPE_SZ and F_SETPIPE_SZ: bytes, -EBADF: no pipe; -EINVAL, -EBUSY, -ENOMEM. */
long pipe_size(const struct file *f);
long pipe_set_size(struct file *f, unsigned bytes);

/* In the flags of a file, for one call: no SIGPIPE where nobody reads. */
#define PIPE_NO_SIGNAL	(1u << 31)
/* What a write finds there else: SIGPIPE to the running thread. */
void pipe_broken(void);

#endif
