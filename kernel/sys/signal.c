/* Calls about signals: arguments and errors; what they do is in kernel/proc/signal*.c. */
#include <kernel/core/clock.h>
#include <kernel/proc/process.h>
#include <kernel/sys/syscall.h>
#include <kernel/sys/timespec.h>
#include <lib/string.h>
#include <linux/time.h>

#define SET_SIZE	8		/* of a set of signals, as every caller must say */

/* ---- sending ---- */

SYSCALL2(kill, int, pid, int, sig)
{
	struct sig_info info = signal_info_user(sig, SI_USER);

	return signal_send_pid(pid, &info);
}

SYSCALL2(tkill, int, tid, int, sig)
{
	struct sig_info info = signal_info_user(sig, SI_TKILL);

	return tid <= 0 ? -EINVAL : signal_send_thread(0, tid, &info);
}

SYSCALL3(tgkill, int, pid, int, tid, int, sig)
{
	struct sig_info info = signal_info_user(sig, SI_TKILL);

	return pid <= 0 || tid <= 0 ? -EINVAL : signal_send_thread(pid, tid, &info);
}

/* A siginfo of the caller's own; one that looks like kill(2)'s or the kernel's only to itself. */
static int get_info(struct sig_info *info, const void __user *from, int pid, int sig)
{
	if (copy_from_user(info, from, sizeof(*info)))
		return -EFAULT;
	info->signo = sig;
	if ((info->code >= 0 || info->code == SI_TKILL) && pid != current_process()->pid)
		return -EPERM;
	return 0;
}

SYSCALL3(rt_sigqueueinfo, int, pid, int, sig, const void __user *, from)
{
	struct sig_info info;
	int err = get_info(&info, from, pid, sig);

	if (err)
		return err;
	return pid <= 0 ? -ESRCH : signal_send_pid(pid, &info);
}

SYSCALL4(rt_tgsigqueueinfo, int, pid, int, tid, int, sig, const void __user *, from)
{
	struct sig_info info;
	int err;

	if (pid <= 0 || tid <= 0)
		return -EINVAL;
	err = get_info(&info, from, tid, sig);
	return err ? err : signal_send_thread(pid, tid, &info);
}

/* ---- actions, sets, stacks ---- */

SYSCALL4(rt_sigaction, int, sig, const struct sig_action __user *, new,
	 struct sig_action __user *, old, size_t, size)
{
	struct sig_action next, was;
	int err;

	if (size != SET_SIZE)
		return -EINVAL;
	if (new && copy_from_user(&next, new, sizeof(next)))
		return -EFAULT;
	err = signal_set_action(&current_process()->signals, sig, new ? &next : NULL, &was);
	if (err)
		return err;
	return old && copy_to_user(old, &was, sizeof(was)) ? -EFAULT : 0;
}

static int change_blocked(struct sig_thread *t, int how, uint64_t set)
{
	uint64_t blocked = t->blocked;

	switch (how) {
	case SIG_BLOCK:
		signal_set_blocked(t, blocked | set);
		return 0;
	case SIG_UNBLOCK:
		signal_set_blocked(t, blocked & ~set);
		return 0;
	case SIG_SETMASK:
		signal_set_blocked(t, set);
		return 0;
	default:
		return -EINVAL;
	}
}

SYSCALL4(rt_sigprocmask, int, how, const uint64_t __user *, new, uint64_t __user *, old,
	 size_t, size)
{
	struct sig_thread *t = signal_thread();
	uint64_t set, was = t->blocked;
	int err = 0;

	if (size != SET_SIZE)
		return -EINVAL;
	if (new && get_user_u64(&set, new))
		return -EFAULT;
	if (new)
		err = change_blocked(t, how, set);
	if (!err && old)
		err = put_user_u64(was, old);
	return err;
}

SYSCALL2(rt_sigpending, uint64_t __user *, set, size_t, size)
{
	uint64_t pending = signal_pending_blocked(signal_thread());

	if (size > SET_SIZE)
		return -EINVAL;
	return copy_to_user(set, &pending, size) ? -EFAULT : 0;
}

long sys_sigaltstack(struct trapframe *tf)
{
	const stack_t __user *new = (const stack_t __user *)tf->rdi;
	stack_t __user *old = (stack_t __user *)tf->rsi;
	struct sig_thread *t = signal_thread();
	stack_t next, was = { 0 };
	int err;

	if (new && copy_from_user(&next, new, sizeof(next)))
		return -EFAULT;
	signal_get_stack(t, &was, tf->rsp);
	err = new ? signal_set_stack(t, &next, tf->rsp) : 0;
	if (err)
		return err;
	return old && copy_to_user(old, &was, sizeof(was)) ? -EFAULT : 0;
}

long sys_rt_sigreturn(struct trapframe *tf)
{
	signal_return(signal_thread(), tf);
	return (long)tf->rax;
}

/* ---- waiting ---- */

static long pause(void)
{
	while (!sleep_interruptible_until(UINT64_MAX))
		;
	return -ERESTARTNOHAND;
}

SYSCALL0(pause)
{
	return pause();
}

SYSCALL2(rt_sigsuspend, const uint64_t __user *, from, size_t, size)
{
	uint64_t set;

	if (size != SET_SIZE)
		return -EINVAL;
	if (get_user_u64(&set, from))
		return -EFAULT;
	signal_set_blocked_for_call(signal_thread(), set);
	return pause();
}

SYSCALL4(rt_sigtimedwait, const uint64_t __user *, from, siginfo_t __user *, to,
	 const struct __kernel_timespec __user *, timeout, size_t, size)
{
	siginfo_t whole = { 0 };
	struct sig_info info;
	uint64_t set, deadline;
	int err, sig;

	if (size != SET_SIZE)
		return -EINVAL;
	if (get_user_u64(&set, from))
		return -EFAULT;
	err = get_timeout(timeout, &deadline);
	if (err)
		return err;
	sig = signal_wait(signal_thread(), set, deadline, &info);
	if (sig < 0 || !to)
		return sig;
	memcpy(&whole, &info, sizeof(info));
	return copy_to_user(to, &whole, sizeof(whole)) ? -EFAULT : sig;
}

SYSCALL0(restart_syscall)
{
	struct sig_restart *r = &signal_thread()->restart;
	long (*fn)(struct sig_restart *r) = r->fn;

	r->fn = NULL;
	return fn ? fn(r) : -EINTR;
}

/* ---- alarms ---- */

/* As Linux: a rest below half a second counts as none, but for one that is all there is. */
SYSCALL1(alarm, unsigned, seconds)
{
	uint64_t old, every, s;

	signal_set_alarm(current_process(), seconds * NS_PER_SEC, 0, &old, &every);
	s = old / NS_PER_SEC;
	return (long)(s + ((!s && old) || old % NS_PER_SEC >= NS_PER_SEC / 2));
}

static struct __kernel_old_timeval timeval(uint64_t ns)
{
	return (struct __kernel_old_timeval){
		(long)(ns / NS_PER_SEC), (long)(ns % NS_PER_SEC / 1000),
	};
}

static long put_itimer(struct __kernel_old_itimerval __user *to, uint64_t ns, uint64_t every)
{
	struct __kernel_old_itimerval v = {
		.it_interval = timeval(every), .it_value = timeval(ns),
	};

	return copy_to_user(to, &v, sizeof(v)) ? -EFAULT : 0;
}

static int get_ns(const struct __kernel_old_timeval *t, uint64_t *ns)
{
	if (t->tv_sec < 0 || t->tv_usec < 0 || t->tv_usec >= 1000000)
		return -EINVAL;
	*ns = (uint64_t)MIN(t->tv_sec, SECONDS_MAX) * NS_PER_SEC + (uint64_t)t->tv_usec * 1000;
	return 0;
}

SYSCALL2(getitimer, int, which, struct __kernel_old_itimerval __user *, to)
{
	uint64_t ns, every;

	switch (which) {
	case ITIMER_REAL:
		signal_get_alarm(current_process(), &ns, &every);
		break;
	case ITIMER_VIRTUAL:
	case ITIMER_PROF:
		signal_get_cpu_timer(current_process(), which, &ns, &every);
		break;
	default:
		return -EINVAL;
	}
	return put_itimer(to, ns, every);
}

SYSCALL3(setitimer, int, which, const struct __kernel_old_itimerval __user *, from,
	 struct __kernel_old_itimerval __user *, old)
{
	struct __kernel_old_itimerval v = { 0 };
	uint64_t ns, every, old_ns, old_every;

	if (from && copy_from_user(&v, from, sizeof(v)))
		return -EFAULT;
	if (get_ns(&v.it_value, &ns) || get_ns(&v.it_interval, &every))
		return -EINVAL;
	switch (which) {
	case ITIMER_REAL:
		signal_set_alarm(current_process(), ns, every, &old_ns, &old_every);
		break;
	case ITIMER_VIRTUAL:
	case ITIMER_PROF:
		signal_set_cpu_timer(current_process(), which, ns, every, &old_ns, &old_every);
		break;
	default:
		return -EINVAL;
	}
	return old ? put_itimer(old, old_ns, old_every) : 0;
}
