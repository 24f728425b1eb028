/* Calls about time. Every clock runs in nanoseconds; signals interrupt a sleep. */
#include <kernel/core/clock.h>
#include <kernel/core/wait.h>
#include <kernel/proc/process.h>
#include <kernel/sys/syscall.h>
#include <kernel/sys/timespec.h>
#include <linux/time.h>

/* The lowest two bits of such a clock. */
enum { CLOCK_OF_BOTH, CLOCK_OF_USER, CLOCK_OF_RUNNING, CLOCK_OF_FILE };

/*
 * Of a process or thread, by its number (clock_getcpuclockid(3)): above three bits that say of which and which time,
 * stands its complement. 0, -EINVAL.
 */
static int cpu_clock_read(int clock, uint64_t *ns)
{
	bool thread = clock & 4;
	int tid = ~(clock >> 3), which = clock & 3;
	uint64_t user, system;
	const struct task *t;

	spin_lock(&process_lock);
	t = tid ? task_find(tid) : current_task();
	if (t && thread)
		task_times(t, &user, &system);
	else if (t)
		process_times(t->process, &user, &system);
	if (t && thread ? t->process != current_process() : t && tid && t->process->pid != tid)
		t = NULL;
	spin_unlock(&process_lock);
	if (!t || which == CLOCK_OF_FILE)
		return -EINVAL;
	*ns = which == CLOCK_OF_USER ? user : user + system;
	return 0;
}

/* The clock's nanoseconds now, or -EINVAL. */
static int clock_read(int clock, uint64_t *ns)
{
	if (clock < 0)
		return cpu_clock_read(clock, ns);
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_TAI:
		*ns = clock_realtime_ns();
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
		*ns = clock_monotonic_ns();
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
		*ns = process_cpu_ns(current_process());
		return 0;
	case CLOCK_THREAD_CPUTIME_ID:
		*ns = thread_cpu_ns(current_thread());
		return 0;
	default:
		return -EINVAL;
	}
}

static long put_timespec(struct __kernel_timespec __user *to, uint64_t ns)
{
	struct __kernel_timespec t = { (long)(ns / NS_PER_SEC), (long)(ns % NS_PER_SEC) };

	return copy_to_user(to, &t, sizeof(t)) ? -EFAULT : 0;
}

int get_timespec(const struct __kernel_timespec __user *from, uint64_t *ns)
{
	struct __kernel_timespec t;

	if (copy_from_user(&t, from, sizeof(t)))
		return -EFAULT;
	if (t.tv_sec < 0 || t.tv_nsec < 0 || (uint64_t)t.tv_nsec >= NS_PER_SEC)
		return -EINVAL;
	*ns = (uint64_t)MIN(t.tv_sec, SECONDS_MAX) * NS_PER_SEC + (uint64_t)t.tv_nsec;
	return 0;
}

int get_timeout(const struct __kernel_timespec __user *from, uint64_t *deadline)
{
	uint64_t ns;
	int err = from ? get_timespec(from, &ns) : 0;

	if (!err)
		*deadline = from ? clock_monotonic_ns() + ns : DEADLINE_NEVER;
	return err;
}

/* it_interval, then it_value: maybe not aligned. */
int get_itimerspec(const struct __kernel_itimerspec __user *from, uint64_t *value, uint64_t *every)
{
	const struct __kernel_timespec __user *t = (const struct __kernel_timespec __user *)from;
	int err = get_timespec(t, every);

	return err ? err : get_timespec(t + 1, value);
}

long put_itimerspec(struct __kernel_itimerspec __user *to, const struct timer_setting *s)
{
	const struct __kernel_itimerspec v = {
		.it_interval = { (long)(s->every_ns / NS_PER_SEC), (long)(s->every_ns % NS_PER_SEC) },
		.it_value = { (long)(s->left_ns / NS_PER_SEC), (long)(s->left_ns % NS_PER_SEC) },
	};

	return copy_to_user(to, &v, sizeof(v)) ? -EFAULT : 0;
}

SYSCALL2(clock_gettime, int, clock, struct __kernel_timespec __user *, to)
{
	uint64_t ns;
	int err = clock_read(clock, &ns);

	return err ? err : put_timespec(to, ns);
}

SYSCALL2(clock_getres, int, clock, struct __kernel_timespec __user *, to)
{
	uint64_t ns;
	int err = clock_read(clock, &ns);

	return err || !to ? err : put_timespec(to, 1);
}

SYSCALL2(gettimeofday, struct __kernel_old_timeval __user *, to, struct timezone __user *, zone)
{
	uint64_t ns = clock_realtime_ns();
	struct __kernel_old_timeval t = { (long)(ns / NS_PER_SEC), (long)(ns % NS_PER_SEC / 1000) };
	struct timezone utc = { 0, 0 };

	if (to && copy_to_user(to, &t, sizeof(t)))
		return -EFAULT;
	return zone && copy_to_user(zone, &utc, sizeof(utc)) ? -EFAULT : 0;
}

SYSCALL1(time, uint64_t __user *, to)
{
	uint64_t s = clock_realtime_ns() / NS_PER_SEC;

	return to && put_user_u64(s, to) ? -EFAULT : (long)s;
}

/* What is left of an interrupted sleep; a handler ends it, anything else goes on with it. */
static long sleep_rest(struct sig_restart *r)
{
	struct __kernel_timespec __user *to = (struct __kernel_timespec __user *)r->rest;
	uint64_t now = clock_monotonic_ns();

	if (now >= r->deadline_ns)
		return 0;
	if (to && put_timespec(to, r->deadline_ns - now))
		return -EFAULT;
	return -ERESTART_RESTARTBLOCK;
}

static long sleep_on(struct sig_restart *r)
{
	if (!sleep_interruptible_until(r->deadline_ns))
		return 0;
	r->fn = sleep_on;
	return sleep_rest(r);
}

static long sleep_for(uint64_t ns, struct __kernel_timespec __user *rest)
{
	struct sig_restart *r = &signal_thread()->restart;

	r->deadline_ns = clock_monotonic_ns() + ns;
	r->rest = (uint64_t)rest;
	return sleep_on(r);
}

SYSCALL2(nanosleep, const struct __kernel_timespec __user *, from,
	 struct __kernel_timespec __user *, rest)
{
	uint64_t ns;
	int err = get_timespec(from, &ns);

	return err ? err : sleep_for(ns, rest);
}

/* Until a moment of the clock: made again, it has the same end. */
static long sleep_until(uint64_t ns, uint64_t now)
{
	if (ns <= now)
		return 0;
	return sleep_interruptible_until(clock_monotonic_ns() + (ns - now)) ? -ERESTARTNOHAND : 0;
}

/* Clocks that do not run while one sleeps cannot be slept by. */
SYSCALL4(clock_nanosleep, int, clock, int, flags, const struct __kernel_timespec __user *, from,
	 struct __kernel_timespec __user *, rest)
{
	uint64_t ns, now;
	int err = clock_read(clock, &now);

	if (!err && clock == CLOCK_THREAD_CPUTIME_ID)
		err = -EINVAL;
	else if (!err && clock == CLOCK_PROCESS_CPUTIME_ID)
		err = -EOPNOTSUPP;
	if (!err)
		err = get_timespec(from, &ns);
	if (err)
		return err;
	return flags & TIMER_ABSTIME ? sleep_until(ns, now) : sleep_for(ns, rest);
}
