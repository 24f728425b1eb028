/* Calls that make processes: fork, vfork, clone without threads. */
#include <arch/layout.h>
#include <kernel/proc/process.h>
#include <kernel/sys/syscall.h>
#include <linux/sched.h>

/* What a process of its own may ask for; the rest is for threads and namespaces. */
#define CLONE_KNOWN	(CSIGNAL | CLONE_VM | CLONE_VFORK | CLONE_SETTLS | CLONE_PARENT_SETTID | \
			 CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | CLONE_DETACHED | \
			 CLONE_UNTRACED | CLONE_IO | CLONE_PTRACE)

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

/* flags, stack, parent_tid, child_tid, tls */
long sys_clone(struct trapframe *tf)
{
	uint64_t flags = (uint32_t)tf->rdi;
	struct fork_spec spec = {
		.exit_signal = (int)(flags & CSIGNAL),
		.share_memory = flags & CLONE_VM,
		.wait = flags & CLONE_VFORK,
		.stack = tf->rsi,
		.set_tls = flags & CLONE_SETTLS,
		.tls = tf->r8,
	};

	if (flags & ~CLONE_KNOWN || spec.exit_signal > SIGNAL_MAX)
		return -EINVAL;
	if (spec.set_tls && spec.tls >= (arch_levels == 5 ? USER_END_5 : USER_END_4))
		return -EPERM;
	if (flags & CLONE_PARENT_SETTID)
		spec.parent_tid = (uint32_t __user *)tf->rdx;
	if (flags & CLONE_CHILD_SETTID)
		spec.set_child_tid = tf->r10;
	if (flags & CLONE_CHILD_CLEARTID)
		spec.clear_child_tid = tf->r10;
	return process_fork(&spec, tf);
}
