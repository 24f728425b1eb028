/* Calls about signals: what is kept of them (kernel/proc/signal.c says what that is good for). */
#include <kernel/proc/process.h>
#include <kernel/sys/syscall.h>

#define SET_SIZE	8		/* of a set of signals, as every caller must say */
#define UNBLOCKABLE	(1ul << (SIGKILL - 1) | 1ul << (SIGSTOP - 1))

static long send(int sig)
{
	if (sig < 0 || sig > SIGNAL_MAX)
		return -EINVAL;
	return sig ? signal_self(current_process(), sig) : 0;
}

/* Nobody can be signalled but the caller. */
SYSCALL2(kill, int, pid, int, sig)
{
	int own = current_process()->pid;

	if (sig < 0 || sig > SIGNAL_MAX)
		return -EINVAL;
	return pid == 0 || pid == own || pid == -own ? send(sig) : -ESRCH;
}

SYSCALL2(tkill, int, tid, int, sig)
{
	if (tid <= 0)
		return -EINVAL;
	return tid == current_process()->pid ? send(sig) : -ESRCH;
}

SYSCALL3(tgkill, int, pid, int, tid, int, sig)
{
	int own = current_process()->pid;

	if (pid <= 0 || tid <= 0)
		return -EINVAL;
	return pid == own && tid == own ? send(sig) : -ESRCH;
}

SYSCALL4(rt_sigaction, int, sig, const struct sig_action __user *, new,
	 struct sig_action __user *, old, size_t, size)
{
	struct process *p = current_process();
	struct sig_action next, was;

	if (size != SET_SIZE || sig < 1 || sig > SIGNAL_MAX)
		return -EINVAL;
	if (new && copy_from_user(&next, new, sizeof(next)))
		return -EFAULT;
	if (new && (sig == SIGKILL || sig == SIGSTOP))
		return -EINVAL;
	was = p->action[sig];
	if (new)
		p->action[sig] = next;
	return old && copy_to_user(old, &was, sizeof(was)) ? -EFAULT : 0;
}

static int change_blocked(struct process *p, int how, uint64_t set)
{
	switch (how) {
	case SIG_BLOCK:
		p->blocked |= set;
		break;
	case SIG_UNBLOCK:
		p->blocked &= ~set;
		break;
	case SIG_SETMASK:
		p->blocked = set;
		break;
	default:
		return -EINVAL;
	}
	p->blocked &= ~UNBLOCKABLE;
	signal_unblocked(p);
	return 0;
}

SYSCALL4(rt_sigprocmask, int, how, const uint64_t __user *, new, uint64_t __user *, old,
	 size_t, size)
{
	struct process *p = current_process();
	uint64_t set, was = p->blocked;
	int err = 0;

	if (size != SET_SIZE)
		return -EINVAL;
	if (new && get_user_u64(&set, new))
		return -EFAULT;
	if (new)
		err = change_blocked(p, how, set);
	if (!err && old)
		err = put_user_u64(was, old);
	return err;
}

SYSCALL2(rt_sigpending, uint64_t __user *, set, size_t, size)
{
	struct process *p = current_process();

	if (size > SET_SIZE)
		return -EINVAL;
	return copy_to_user(set, &p->pending, size) ? -EFAULT : 0;
}
