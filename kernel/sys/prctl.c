/*
 * prctl(2) and personality(2): what a process says of itself, kept by fork unless said otherwise. What
 * has no meaning here has Linux's answer for a kernel that is built without it: EINVAL.
 */
#include <kernel/proc/process.h>
#include <kernel/sys/syscall.h>
#include <linux/capability.h>
#include <linux/personality.h>
#include <linux/prctl.h>
#include <mm/mm.h>

#define SLACK_DEFAULT	50000u		/* ns */

static long set_name(const char __user *from)
{
	char name[sizeof(current_thread()->name)];
	ssize_t n = strncpy_from_user(name, from, sizeof(name) - 1);

	if (n < 0 && n != -ENAMETOOLONG)
		return n;
	name[sizeof(name) - 1] = '\0';
	thread_set_name(name);
	return 0;
}

/* The three other arguments of who has any to say of huge pages are to be 0, and so is the first of who asks. */
static long disable_thp(bool set, uint64_t arg, uint64_t rest)
{
	struct mm *mm = current_process()->mm;

	if (rest || (!set && arg))
		return -EINVAL;
	if (!set)
		return READ_ONCE(mm->thp_disabled);
	WRITE_ONCE(mm->thp_disabled, arg != 0);
	return 0;
}

static long put_number(uint64_t to, uint32_t v)
{
	return put_user_u32(v, (uint32_t __user *)to);
}

/* Of a setting that is on or off, and knows nothing else. */
static long set_flag(bool *flag, uint64_t v)
{
	if (v > 1)
		return -EINVAL;
	WRITE_ONCE(*flag, v);
	return 0;
}

/* It may be set, but not taken back. */
static long forbid_new_privileges(struct process *p, uint64_t v, uint64_t rest)
{
	return v != 1 || rest ? -EINVAL : set_flag(&p->no_new_privs, 1);
}

static long set_death_signal(struct process *p, uint64_t sig)
{
	if (sig > SIGNAL_MAX)
		return -EINVAL;
	WRITE_ONCE(p->death_signal, (int)sig);
	return 0;
}

/* No timer is put off to go with others: it is kept, and told. */
static long set_slack(struct process *p, int64_t ns)
{
	WRITE_ONCE(p->timer_slack, ns <= 0 ? SLACK_DEFAULT : (uint64_t)ns);
	return 0;
}

/* Capabilities are all or none: none can be taken out of the bounds, or be given to programs to come. */
static long capabilities(int what, uint64_t arg, uint64_t cap)
{
	if (what == PR_CAP_AMBIENT && arg == PR_CAP_AMBIENT_CLEAR_ALL)
		return cap ? -EINVAL : 0;
	if (what != PR_CAP_AMBIENT)
		cap = arg;
	if (cap > CAP_LAST_CAP)
		return -EINVAL;
	switch (what) {
	case PR_CAPBSET_READ:
		return 1;
	case PR_CAP_AMBIENT:
		return arg == PR_CAP_AMBIENT_IS_SET || arg == PR_CAP_AMBIENT_LOWER ? 0 :
		       arg == PR_CAP_AMBIENT_RAISE ? -EPERM : -EINVAL;
	default:
		return -EPERM;
	}
}

/* What can only be asked for, and set to what it is. */
static long fixed(int what, uint64_t arg)
{
	switch (what) {
	case PR_GET_SECCOMP:
	case PR_GET_KEEPCAPS:
	case PR_GET_SECUREBITS:
	case PR_GET_TIMING:
		return 0;
	case PR_SET_KEEPCAPS:
		return arg > 1 ? -EINVAL : arg ? -EPERM : 0;
	case PR_SET_TIMING:
		return arg == PR_TIMING_STATISTICAL ? 0 : -EINVAL;
	case PR_GET_TSC:
		return put_number(arg, PR_TSC_ENABLE);
	case PR_SET_TSC:
		return arg == PR_TSC_ENABLE ? 0 : -EINVAL;
	default:
		return -EINVAL;
	}
}

SYSCALL5(prctl, int, what, uint64_t, arg, uint64_t, arg3, uint64_t, arg4, uint64_t, arg5)
{
	struct process *p = current_process();
	struct thread *t = current_thread();

	switch (what) {
	case PR_SET_NAME:
		return set_name((const char __user *)arg);
	case PR_GET_NAME:
		return copy_to_user((char __user *)arg, t->name, sizeof(t->name)) ? -EFAULT : 0;
	case PR_SET_PDEATHSIG:
		return set_death_signal(p, arg);
	case PR_GET_PDEATHSIG:
		return put_number(arg, (uint32_t)p->death_signal);
	case PR_SET_DUMPABLE:
		return set_flag(&p->dumpable, arg);
	case PR_GET_DUMPABLE:
		return p->dumpable;
	case PR_SET_CHILD_SUBREAPER:
		return set_flag(&p->reaps, arg != 0);
	case PR_GET_CHILD_SUBREAPER:
		return put_number(arg, p->reaps);
	case PR_SET_NO_NEW_PRIVS:
		return forbid_new_privileges(p, arg, arg3 | arg4 | arg5);
	case PR_GET_NO_NEW_PRIVS:
		return arg | arg3 | arg4 | arg5 ? -EINVAL : p->no_new_privs;
	case PR_SET_TIMERSLACK:
		return set_slack(p, (int64_t)arg);
	case PR_GET_TIMERSLACK:
		return (long)p->timer_slack;
	case PR_SET_THP_DISABLE:
	case PR_GET_THP_DISABLE:
		return disable_thp(what == PR_SET_THP_DISABLE, arg, arg3 | arg4 | arg5);
	case PR_GET_TID_ADDRESS:
		return put_user_u64(current_task()->clear_child_tid, (uint64_t __user *)arg);
	case PR_CAPBSET_READ:
	case PR_CAPBSET_DROP:
	case PR_CAP_AMBIENT:
		return capabilities(what, arg, arg3);
	default:
		return fixed(what, arg);
	}
}

/* ---- personality(2) ---- */

/* Those that mean something, or nothing at all: what other systems do otherwise is not done here. */
#define PERSONALITY_KNOWN	(ADDR_NO_RANDOMIZE | READ_IMPLIES_EXEC | WHOLE_SECONDS | STICKY_TIMEOUTS)

SYSCALL1(personality, uint32_t, next)
{
	struct process *p = current_process();
	uint32_t was = p->personality;

	if (next == UINT32_MAX)
		return was;
	if (next & ~(uint32_t)PERSONALITY_KNOWN)
		return -EINVAL;
	WRITE_ONCE(p->personality, next);
	return was;
}
