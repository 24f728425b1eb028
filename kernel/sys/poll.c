/* poll and ppoll. A handler that runs ends them with EINTR, whatever its SA_RESTART says. */
#include <kernel/core/clock.h>
#include <kernel/fs/file.h>
#include <kernel/proc/process.h>
#include <kernel/sys/poll.h>
#include <kernel/sys/syscall.h>
#include <kernel/sys/timespec.h>
#include <linux/poll.h>
#include <linux/time_types.h>
#include <mm/alloc/slab.h>

static short poll_one(struct files *files, const struct pollfd *p)
{
	struct file *f;
	unsigned now;

	if (p->fd < 0)
		return 0;
	f = files_get(files, (unsigned)p->fd);
	if (!f)
		return POLLNVAL;
	now = file_poll(f) & ((unsigned)(unsigned short)p->events | POLLERR | POLLHUP);
	file_put(f);
	return (short)now;
}

static long poll_all(struct pollfd *fds, unsigned n)
{
	struct files *files = &current_process()->files;
	long ready = 0;

	for (unsigned i = 0; i < n; i++) {
		fds[i].revents = poll_one(files, &fds[i]);
		ready += fds[i].revents != 0;
	}
	return ready;
}

long poll_files(struct pollfd *fds, unsigned n, uint64_t deadline)
{
	for (;;) {
		uint64_t change = file_poll_changes();
		long ready = poll_all(fds, n);
		int err;

		if (ready)
			return ready;
		err = file_poll_sleep(change, deadline);
		if (err)
			ready = poll_all(fds, n);
		if (ready || err)
			return ready || err == -ETIMEDOUT ? ready : -ERESTARTNOHAND;
	}
}

/*
 * Nothing else of it: another thread may have changed what is asked for by now. The program's
 * array need not be aligned.
 */
static int put_results(struct pollfd __user *to, const struct pollfd *fds, unsigned n)
{
	vaddr_t at = (vaddr_t)to + offsetof(struct pollfd, revents);

	for (unsigned i = 0; i < n; i++, at += sizeof(*fds))
		if (copy_to_user((void __user *)at, &fds[i].revents, sizeof(fds[i].revents)))
			return -EFAULT;
	return 0;
}

static long poll_user(struct pollfd __user *ufds, uint64_t n, uint64_t deadline)
{
	size_t bytes = n * sizeof(struct pollfd);
	struct pollfd *fds;
	long r;

	if (n > process_fd_limit(current_process()))
		return -EINVAL;
	fds = kmalloc(bytes + 1);
	if (!fds)
		return -ENOMEM;
	r = copy_from_user(fds, ufds, bytes) ? -EFAULT : poll_files(fds, (unsigned)n, deadline);
	if (r >= 0 && put_results(ufds, fds, (unsigned)n))
		r = -EFAULT;
	kfree(fds);
	return r;
}

SYSCALL3(poll, struct pollfd __user *, fds, uint64_t, n, int, ms)
{
	uint64_t ns = (uint64_t)ms * NS_PER_MS;

	return poll_user(fds, n, ms < 0 ? DEADLINE_NEVER : clock_monotonic_ns() + ns);
}

int poll_block_signals(const uint64_t __user *mask, size_t size)
{
	uint64_t set;

	if (mask && size != sizeof(set))
		return -EINVAL;
	if (mask && get_user_u64(&set, mask))
		return -EFAULT;
	if (mask)
		signal_set_blocked_for_call(signal_thread(), set);
	return 0;
}

long poll_unblock_signals(long r)
{
	if (r != -ERESTARTNOHAND)
		signal_restore_blocked(signal_thread());
	return r;
}

SYSCALL5(ppoll, struct pollfd __user *, fds, uint64_t, n,
	 const struct __kernel_timespec __user *, timeout, const uint64_t __user *, mask,
	 size_t, mask_size)
{
	uint64_t deadline;
	long r = get_timeout(timeout, &deadline);

	if (!r)
		r = poll_block_signals(mask, mask_size);
	return r ? r : poll_unblock_signals(poll_user(fds, n, deadline));
}
