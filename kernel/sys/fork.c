/* Calls that make processes and threads: fork, vfork, clone, clone3. */
#include <arch/layout.h>
#include <kernel/proc/process.h>
#include <kernel/sys/syscall.h>
#include <linux/sched.h>

/* What a thread shares with the others of its process: all of it. */
#define CLONE_TOGETHER	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)
/* What may be asked for besides: SysV semaphores are shared because there are none. */
#define CLONE_KNOWN	(CLONE_VM | CLONE_VFORK | CLONE_SETTLS | CLONE_PARENT_SETTID | \
			 CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | CLONE_DETACHED | \
			 CLONE_UNTRACED | CLONE_IO | CLONE_PTRACE | CLONE_SYSVSEM | CLONE_PIDFD)

long sys_fork(struct trapframe *tf)
{
	const struct fork_spec spec = { .exit_signal = SIGCHLD };

	return process_fork(&spec, tf);
}

long sys_vfork(struct trapframe *tf)
{
	const struct fork_spec spec = {
		.exit_signal = SIGCHLD, .share_memory = true, .wait = true,
	};

	return process_fork(&spec, tf);
}

/* What clone and clone3 say alike; flags without the signal, a->stack where the stack pointer is to be. */
static long clone_by(const struct clone_args *a, const struct trapframe *tf)
{
	struct fork_spec spec = {
		.exit_signal = (int)a->exit_signal,
		.share_memory = a->flags & CLONE_VM,
		.wait = a->flags & CLONE_VFORK,
		.stack = a->stack,
		.set_tls = a->flags & CLONE_SETTLS,
		.tls = a->tls,
	};

	spec.thread = a->flags & CLONE_THREAD;
	if (spec.thread ? (a->flags & CLONE_TOGETHER) != CLONE_TOGETHER || spec.wait :
	    a->flags & CLONE_TOGETHER & ~(uint64_t)CLONE_VM)
		return -EINVAL;
	if (a->flags & ~(uint64_t)(CLONE_KNOWN | CLONE_TOGETHER) || a->exit_signal > SIGNAL_MAX)
		return -EINVAL;
	if (a->flags & CLONE_PIDFD) {
		if (spec.thread || a->flags & CLONE_DETACHED ||
		    (a->flags & CLONE_PARENT_SETTID && a->pidfd == a->parent_tid))
			return -EINVAL;
		spec.pidfd = (uint32_t __user *)a->pidfd;
	}
	if (spec.set_tls && spec.tls >= (arch_levels == 5 ? USER_END_5 : USER_END_4))
		return -EPERM;
	if (a->flags & CLONE_PARENT_SETTID)
		spec.parent_tid = (uint32_t __user *)a->parent_tid;
	if (a->flags & CLONE_CHILD_SETTID)
		spec.set_child_tid = a->child_tid;
	if (a->flags & CLONE_CHILD_CLEARTID)
		spec.clear_child_tid = a->child_tid;
	return process_fork(&spec, tf);
}

/* flags, stack, parent_tid, child_tid, tls */
long sys_clone(struct trapframe *tf)
{
	const struct clone_args a = {
		.flags = (uint32_t)tf->rdi & ~(uint32_t)CSIGNAL, .exit_signal = tf->rdi & CSIGNAL,
		.stack = tf->rsi, .parent_tid = tf->rdx, .pidfd = tf->rdx, .child_tid = tf->r10, .tls = tf->r8,
	};

	return clone_by(&a, tf);
}

/* ---- clone3 ---- */

/* A struct of `size` bytes, which may be shorter than ours, or longer by zeros. */
static int read_clone_args(struct clone_args *a, const uint8_t __user *from, uint64_t size)
{
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (size < CLONE_ARGS_SIZE_VER0)
		return -EINVAL;
	*a = (struct clone_args){ 0 };
	for (uint64_t i = sizeof(*a); i < size; i++) {
		uint8_t more;

		if (copy_from_user(&more, from + i, 1))
			return -EFAULT;
		if (more)
			return -E2BIG;
	}
	return copy_from_user(a, from, MIN(size, sizeof(*a))) ? -EFAULT : 0;
}

static bool clone_args_valid(const struct clone_args *a)
{
	if (a->set_tid_size || a->set_tid)	/* pids are not to be chosen */
		return false;
	if (a->flags & (CLONE_DETACHED | CSIGNAL))
		return false;
	if (!a->stack)
		return !a->stack_size;
	return a->stack_size && user_range_ok((void __user *)a->stack, a->stack_size);
}

/* args, size */
long sys_clone3(struct trapframe *tf)
{
	struct clone_args a;
	int err = read_clone_args(&a, (const uint8_t __user *)tf->rdi, tf->rsi);

	if (err)
		return err;
	if (!clone_args_valid(&a))
		return -EINVAL;
	a.stack += a.stack_size;
	return clone_by(&a, tf);
}
