/* Calls that make files to wait for: eventfd, signalfd, timerfd; and sets of them: epoll. */
#include <asm/fcntl.h>
#include <kernel/core/clock.h>
#include <kernel/fs/epoll.h>
#include <kernel/fs/eventfd.h>
#include <kernel/fs/signalfd.h>
#include <kernel/fs/timerfd.h>
#include <kernel/proc/process.h>
#include <kernel/sys/poll.h>
#include <kernel/sys/syscall.h>
#include <kernel/sys/timespec.h>
#include <linux/time.h>
#include <linux/signalfd.h>
#include <linux/timerfd.h>
#include <mm/alloc/slab.h>

/* Of eventfd(2), timerfd_create(2), timerfd_settime(2): in no header of the kernel's that all have. */
#define EFD_SEMAPHORE	1u
#define EFD_FLAGS	(EFD_SEMAPHORE | O_CLOEXEC | O_NONBLOCK)
#define TFD_FLAGS	((unsigned)(TFD_CLOEXEC | TFD_NONBLOCK))
#define TFD_SET_FLAGS	(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)

#define EVENTS_MAX	128u		/* told of in one call: there is always another */

long file_number(struct file *f, bool cloexec)
{
	struct process *p = current_process();
	long fd = files_add(&p->files, f, 0, process_fd_limit(p), cloexec);

	if (fd < 0)
		file_put(f);
	return fd;
}

/* ---- eventfd ---- */

static long make_eventfd(unsigned first, unsigned flags)
{
	struct file *f;
	int err;

	if (flags & ~EFD_FLAGS)
		return -EINVAL;
	err = eventfd_open(first, flags & EFD_SEMAPHORE, flags & O_NONBLOCK, &f);
	return err ? err : file_number(f, flags & O_CLOEXEC);
}

SYSCALL1(eventfd, unsigned, first)
{
	return make_eventfd(first, 0);
}

SYSCALL2(eventfd2, unsigned, first, unsigned, flags)
{
	return make_eventfd(first, flags);
}

/* ---- signalfd ---- */

static long change_signalfd(int fd, uint64_t set)
{
	struct file *f __put_file = user_file(fd);
	int err = f ? signalfd_change(f, set) : -EBADF;

	return err ? err : fd;
}

static long make_signalfd(int fd, const uint64_t __user *from, size_t size, int flags)
{
	uint64_t set;
	struct file *f;
	int err;

	if (size != sizeof(set))
		return -EINVAL;
	if (copy_from_user(&set, from, sizeof(set)))
		return -EFAULT;
	if (flags & ~(SFD_CLOEXEC | SFD_NONBLOCK))
		return -EINVAL;
	if (fd != -1)
		return change_signalfd(fd, set);
	err = signalfd_open(set, flags & O_NONBLOCK, &f);
	return err ? err : file_number(f, flags & O_CLOEXEC);
}

SYSCALL3(signalfd, int, fd, const uint64_t __user *, set, size_t, size)
{
	return make_signalfd(fd, set, size, 0);
}

SYSCALL4(signalfd4, int, fd, const uint64_t __user *, set, size_t, size, int, flags)
{
	return make_signalfd(fd, set, size, flags);
}

/* ---- timerfd ---- */

SYSCALL2(timerfd_create, int, clock, unsigned, flags)
{
	struct file *f;
	int err;

	if (flags & ~TFD_FLAGS ||
	    (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME))
		return -EINVAL;
	err = timerfd_open(clock == CLOCK_REALTIME, flags & O_NONBLOCK, &f);
	return err ? err : file_number(f, flags & O_CLOEXEC);
}

/* The moment of the monotonic clock that ns means; one that has passed is the first there is. */
static uint64_t moment(const struct file *f, uint64_t ns, bool absolute)
{
	uint64_t now = clock_monotonic_ns(), offset;

	if (!ns)
		return 0;
	if (!absolute)
		return now + ns;
	offset = timerfd_is_realtime(f) ? clock_realtime_ns() - now : 0;
	return ns > offset ? ns - offset : 1;
}

SYSCALL4(timerfd_settime, int, fd, int, flags, const struct __kernel_itimerspec __user *, new,
	 struct __kernel_itimerspec __user *, old)
{
	struct file *f __put_file = NULL;
	struct timer_setting was;
	uint64_t value, every;
	long r = get_itimerspec(new, &value, &every);

	if (!r && flags & ~TFD_SET_FLAGS)
		r = -EINVAL;
	if (r)
		return r;
	f = user_file(fd);
	if (!f || !is_timerfd(f))
		return f ? -EINVAL : -EBADF;
	timerfd_set(f, moment(f, value, flags & TFD_TIMER_ABSTIME), every, &was);
	return old ? put_itimerspec(old, &was) : 0;
}

SYSCALL2(timerfd_gettime, int, fd, struct __kernel_itimerspec __user *, to)
{
	struct file *f __put_file = user_file(fd);
	struct timer_setting now;

	if (!f || !is_timerfd(f))
		return f ? -EINVAL : -EBADF;
	timerfd_get(f, &now);
	return put_itimerspec(to, &now);
}

/* ---- epoll ---- */

static long make_epoll(bool cloexec)
{
	struct file *f;
	int err = epoll_open(&f);

	return err ? err : file_number(f, cloexec);
}

SYSCALL1(epoll_create, int, size)
{
	return size <= 0 ? -EINVAL : make_epoll(false);
}

SYSCALL1(epoll_create1, unsigned, flags)
{
	return flags & ~(unsigned)EPOLL_CLOEXEC ? -EINVAL : make_epoll(flags & EPOLL_CLOEXEC);
}

SYSCALL4(epoll_ctl, int, epfd, int, op, int, fd, const struct epoll_event __user *, event)
{
	struct file *set __put_file = NULL, *f __put_file = NULL;
	struct epoll_event e = { 0 };

	if (op != EPOLL_CTL_DEL && copy_from_user(&e, event, sizeof(e)))
		return -EFAULT;
	set = user_file(epfd);
	f = user_file(fd);
	return set && f ? epoll_change(set, op, f, fd, &e) : -EBADF;
}

/* How many of n events got there, or -EFAULT; the others stay to be told of. */
static long put_events(struct file *set, struct epoll_event __user *to, const struct epoll_event *events, unsigned n,
		       uint64_t turn)
{
	unsigned done = 0;

	while (done < n && !copy_to_user(&to[done], &events[done], sizeof(*events)))
		done++;
	if (done < n)
		epoll_untell(set, turn + done, n - done);
	return done || !n ? (long)done : -EFAULT;
}

static long collect(struct file *set, struct epoll_event __user *to, unsigned max, uint64_t deadline)
{
	struct epoll_event *events = kmalloc(max * sizeof(*events));
	uint64_t turn;
	long n;

	if (!events)
		return -ENOMEM;
	n = epoll_collect(set, events, max, deadline, &turn);
	if (n > 0)
		n = put_events(set, to, events, (unsigned)n, turn);
	kfree(events);
	return n;
}

static long wait_for_set(int epfd, struct epoll_event __user *to, int max, uint64_t deadline)
{
	struct file *set __put_file = NULL;

	if (max <= 0 || (size_t)max > INT32_MAX / sizeof(struct epoll_event))
		return -EINVAL;
	set = user_file(epfd);
	if (!set || !is_epoll(set))
		return set ? -EINVAL : -EBADF;
	return collect(set, to, MIN((unsigned)max, EVENTS_MAX), deadline);
}

static uint64_t deadline_of(int ms)
{
	return ms < 0 ? DEADLINE_NEVER : clock_monotonic_ns() + (uint64_t)ms * NS_PER_MS;
}

SYSCALL4(epoll_wait, int, epfd, struct epoll_event __user *, to, int, max, int, ms)
{
	return wait_for_set(epfd, to, max, deadline_of(ms));
}

SYSCALL6(epoll_pwait, int, epfd, struct epoll_event __user *, to, int, max, int, ms,
	 const uint64_t __user *, mask, size_t, size)
{
	int err = poll_block_signals(mask, size);

	return err ? err : poll_unblock_signals(wait_for_set(epfd, to, max, deadline_of(ms)));
}

SYSCALL6(epoll_pwait2, int, epfd, struct epoll_event __user *, to, int, max,
	 const struct __kernel_timespec __user *, timeout, const uint64_t __user *, mask, size_t, size)
{
	uint64_t deadline;
	int err = get_timeout(timeout, &deadline);

	if (!err)
		err = poll_block_signals(mask, size);
	return err ? err : poll_unblock_signals(wait_for_set(epfd, to, max, deadline));
}
