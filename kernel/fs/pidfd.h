/* pidfd_open(2): a process as a file: it can be polled for its end, and signalled without mistaking another for it. */
#ifndef KERNEL_FS_PIDFD_H
#define KERNEL_FS_PIDFD_H

#include <kernel/fs/file.h>

struct process;

/* -ESRCH; -EINVAL: a thread that is not its process's first; -ENOMEM. */
int __must_check pidfd_open(int pid, unsigned flags, struct file **out);
/* The process that f stands for, which f keeps; NULL: f is no pidfd, or one of a child that is not there yet. */
struct process *pidfd_process(const struct file *f);

/* CLONE_PIDFD: a number of the running process's, for a child that it is about to have. */
struct pidfd_made {
	struct file *file;		/* counted; NULL: none is asked for */
	unsigned fd;
};
/* The number goes to *to. 0, -ENOMEM, -EMFILE, -EFAULT: then nothing has happened. */
int __must_check pidfd_begin(struct pidfd_made *m, uint32_t __user *to);
/* The child is there, p; or (NULL) there will be none. */
void pidfd_finish(struct pidfd_made *m, struct process *p);

#endif
