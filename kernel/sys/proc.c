/* Calls about processes: exit, identities, limits, accounts. */
#include <arch/layout.h>
#include <asm/prctl.h>
#include <kernel/core/clock.h>
#include <kernel/fs/path.h>
#include <kernel/proc/look.h>
#include <kernel/sys/syscall.h>
#include <kernel/sys/usage.h>
#include <lib/log.h>
#include <lib/string.h>
#include <linux/times.h>
#include <mm/alloc/slab.h>
#include <mm/mm.h>

#define CLKTCK		100

/* ---- exit ---- */

SYSCALL1(exit, int, code)
{
	task_exit(STATUS_EXIT(code));
}

SYSCALL1(exit_group, int, code)
{
	process_exit(STATUS_EXIT(code));
}

/* ---- who is who; users and groups: cred.c ---- */

SYSCALL0(getpid) { return current_process()->pid; }
SYSCALL0(gettid) { return current_thread()->tid; }
SYSCALL0(getppid) { return READ_ONCE(current_process()->ppid); }

/* ---- the thread's registers and number ---- */

static uint64_t user_end(void)
{
	return arch_levels == 5 ? USER_END_5 : USER_END_4;
}

SYSCALL2(arch_prctl, int, what, uint64_t, arg)
{
	switch (what) {
	case ARCH_SET_FS:
	case ARCH_SET_GS:
		if (arg >= user_end())
			return -EPERM;
		if (what == ARCH_SET_FS)
			arch_set_fs_base(arg);
		else
			arch_set_gs_base(arg);
		return 0;
	case ARCH_GET_FS:
		return put_user_u64(arch_get_fs_base(), (uint64_t __user *)arg);
	case ARCH_GET_GS:
		return put_user_u64(arch_get_gs_base(), (uint64_t __user *)arg);
	default:
		return -EINVAL;
	}
}

SYSCALL1(set_tid_address, uint64_t, addr)
{
	struct task *t = current_task();

	t->clear_child_tid = addr;
	return t->thread.tid;
}

/* glibc asks for it at each start, and does without. */
SYSCALL0(rseq)
{
	return -ENOSYS;
}

/* ---- limits ---- */

static long change_limit(int tid, unsigned which, const struct rlimit64 __user *from,
			 struct rlimit64 __user *old)
{
	struct rlimit64 was, new;
	int err;

	if (from && copy_from_user(&new, from, sizeof(new)))
		return -EFAULT;
	err = process_rlimit(tid, which, from ? &new : NULL, &was);
	if (err)
		return err;
	return old && copy_to_user(old, &was, sizeof(was)) ? -EFAULT : 0;
}

SYSCALL4(prlimit64, int, pid, unsigned, which, const struct rlimit64 __user *, new,
	 struct rlimit64 __user *, old)
{
	return change_limit(pid ? pid : current_process()->pid, which, new, old);
}

/* struct rlimit is struct rlimit64 here. */
SYSCALL2(getrlimit, unsigned, which, struct rlimit64 __user *, old)
{
	if (which < RLIM_NLIMITS && !old)
		return -EFAULT;
	return change_limit(current_process()->pid, which, NULL, old);
}

SYSCALL2(setrlimit, unsigned, which, const struct rlimit64 __user *, new)
{
	return !new ? -EFAULT : change_limit(current_process()->pid, which, new, NULL);
}

/* ---- accounts ---- */

static void put_time(struct __kernel_old_timeval *t, uint64_t ns)
{
	t->tv_sec = (long)(ns / NS_PER_SEC);
	t->tv_usec = (long)(ns % NS_PER_SEC / 1000);
}

void usage_to_user(const struct usage *u, struct rusage *r)
{
	*r = (struct rusage){
		.ru_maxrss = (long)(u->rss_max * (PAGE_SIZE / 1024)),
		.ru_minflt = (long)u->minflt,
		.ru_majflt = (long)u->majflt,
	};
	put_time(&r->ru_utime, u->user_ns);
	put_time(&r->ru_stime, u->system_ns);
}

static void reaped_usage(struct process *p, struct usage *u)
{
	spin_lock(&process_lock);
	*u = p->reaped;
	spin_unlock(&process_lock);
}

SYSCALL2(getrusage, int, who, struct rusage __user *, to)
{
	struct process *p = current_process();
	struct rusage r;
	struct usage u;

	if (who == RUSAGE_CHILDREN)
		reaped_usage(p, &u);
	else if (who == RUSAGE_SELF || who == RUSAGE_THREAD)
		process_usage(p, &u);
	else
		return -EINVAL;
	if (who == RUSAGE_THREAD) {
		task_times(current_task(), &u.user_ns, &u.system_ns);
		u.minflt = current_thread()->faults[0];
		u.majflt = current_thread()->faults[1];
	}
	usage_to_user(&u, &r);
	return copy_to_user(to, &r, sizeof(r)) ? -EFAULT : 0;
}

static long clock_ticks(uint64_t ns)
{
	return (long)(ns / (NS_PER_SEC / CLKTCK));
}

SYSCALL1(times, struct tms __user *, to)
{
	struct process *p = current_process();
	struct usage own, reaped;
	struct tms t;

	spin_lock(&process_lock);
	process_times(p, &own.user_ns, &own.system_ns);
	spin_unlock(&process_lock);
	reaped_usage(p, &reaped);
	t = (struct tms){
		.tms_utime = clock_ticks(own.user_ns),
		.tms_stime = clock_ticks(own.system_ns),
		.tms_cutime = clock_ticks(reaped.user_ns),
		.tms_cstime = clock_ticks(reaped.system_ns),
	};
	if (to && copy_to_user(to, &t, sizeof(t)))
		return -EFAULT;
	return clock_ticks(clock_monotonic_ns());
}
