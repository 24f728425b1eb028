/* Calls about timers that send signals: timer_create(2) and its kin. */
#include <kernel/proc/posix_timer.h>
#include <asm/siginfo.h>
#include <kernel/proc/process.h>
#include <kernel/sys/syscall.h>
#include <kernel/sys/timespec.h>
#include <linux/time.h>

/* 0; -EOPNOTSUPP: a clock that can only be read, or would have to wake the machine; -EINVAL: there is none. */
static int check_clock(int clock)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
	case CLOCK_TAI:
	case CLOCK_PROCESS_CPUTIME_ID:
	case CLOCK_THREAD_CPUTIME_ID:
		return 0;
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_BOOTTIME_ALARM:
		return -EOPNOTSUPP;
	default:
		return -EINVAL;
	}
}

/* What a sigevent says; the thread that it names is looked for later. */
static int take_event(const struct sigevent *e, struct posix_timer_spec *spec)
{
	spec->signo = e->sigev_signo;
	spec->value = (uint64_t)e->sigev_value.sival_ptr;
	switch (e->sigev_notify) {
	case SIGEV_NONE:
		spec->signo = 0;
		return 0;
	case SIGEV_SIGNAL | SIGEV_THREAD_ID:
		spec->tid = e->_sigev_un._tid;
		if (spec->tid <= 0)
			return -EINVAL;
		break;
	case SIGEV_SIGNAL:
	case SIGEV_THREAD:
		break;
	default:
		return -EINVAL;
	}
	return spec->signo < 1 || spec->signo > SIGNAL_MAX ? -EINVAL : 0;
}

SYSCALL3(timer_create, int, clock, const struct sigevent __user *, event, uint32_t __user *, to)
{
	struct posix_timer_spec spec = { .clock = clock, .cpu_tid = current_thread()->tid };
	struct sigevent e = { .sigev_signo = SIGALRM, .sigev_notify = SIGEV_SIGNAL };
	int id, err;

	if (event && copy_from_user(&e, event, sizeof(e)))
		return -EFAULT;
	err = check_clock(clock);
	if (!err)
		err = take_event(&e, &spec);
	spec.own_value = !event;
	if (!err)
		err = posix_timer_create(&spec, &id);
	if (err || !put_user_u32((uint32_t)id, to))
		return err;
	(void)!posix_timer_delete(id);
	return -EFAULT;
}

SYSCALL4(timer_settime, int, id, int, flags, const struct __kernel_itimerspec __user *, new,
	 struct __kernel_itimerspec __user *, old)
{
	struct timer_setting was;
	uint64_t value, every;
	int err = new ? get_itimerspec(new, &value, &every) : -EINVAL;

	if (!err)
		err = posix_timer_set(id, value, flags & TIMER_ABSTIME, every, &was);
	return err || !old ? err : put_itimerspec(old, &was);
}

SYSCALL2(timer_gettime, int, id, struct __kernel_itimerspec __user *, to)
{
	struct timer_setting now;
	int err = posix_timer_get(id, &now);

	return err ? err : put_itimerspec(to, &now);
}

SYSCALL1(timer_getoverrun, int, id)
{
	return posix_timer_overruns(id);
}

SYSCALL1(timer_delete, int, id)
{
	return posix_timer_delete(id);
}
