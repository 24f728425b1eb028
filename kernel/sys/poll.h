/* What the calls that wait for files have in common. */
#ifndef KERNEL_SYS_POLL_H
#define KERNEL_SYS_POLL_H

#include <arch/types.h>
#include <arch/uaccess.h>
#include <linux/poll.h>

/* Waits until one is ready, or the deadline: how many are, or -ERESTARTNOHAND. */
long poll_files(struct pollfd *fds, unsigned n, uint64_t deadline);
/* The set of signals (NULL: none) is blocked until a handler runs or the call is over: this tells, with its result. */
int __must_check poll_block_signals(const uint64_t __user *mask, size_t size);
long poll_unblock_signals(long r);

#endif
