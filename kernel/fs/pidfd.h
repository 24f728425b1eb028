/* pidfd_open(2): a process as a file: it can be polled for its end, and signalled without mistaking another for it. */
#ifndef KERNEL_FS_PIDFD_H
#define KERNEL_FS_PIDFD_H

#include <kernel/fs/file.h>

struct process;

/* -ESRCH; -EINVAL: a thread that is not its process's first; -ENOMEM. */
int __must_check pidfd_open(int pid, unsigned flags, struct file **out);
/* The process that f stands for, which f keeps; NULL: f is no pidfd. */
struct process *pidfd_process(const struct file *f);

#endif
