/*
 * fork, vfork, clone: one process becomes two.
 *
 * The child is made whole before anybody can see it: whatever may fail comes
 * first, and process_free takes back what there is. Then it gets its pid and
 * its place in the tree, and starts as if it came out of the parent's system
 * call: the parent's registers lie at the top of its own stack.
 */
#include <kernel/proc/process.h>
#include <lib/assert.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <mm/mm.h>

/* The child's thread begins here, in its own address space. */
static void child_main(void *arg)
{
	struct process *p = arg;

	struct task *t = p->leader;

	if (t->set_child_tid)
		(void)!put_user_u32((uint32_t)t->thread.tid, (uint32_t __user *)t->set_child_tid);
	arch_enter_user(arch_stack_frame(t->thread.stack_top));
}

static void copy_places(struct process *child, const struct process *parent)
{
	child->umask = parent->umask;
	child->oom_score_adj = parent->oom_score_adj;
	memcpy(child->rlimit, parent->rlimit, sizeof(child->rlimit));
	node_get(parent->cwd);
	child->cwd = parent->cwd;
	node_get(parent->exe);
	child->exe = parent->exe;
}

static int copy_memory(struct process *child, struct process *parent, const struct fork_spec *spec)
{
	struct mm_limits limits;
	struct mm_figures f;

	if (!spec->share_memory) {
		child->mm = mm_fork(parent->mm);
		if (child->mm && parent->shares_memory) {	/* that has the lender's limits */
			limits = process_memory_limits(parent);
			mm_set_limits(child->mm, &limits);
		}
		return child->mm ? 0 : -ENOMEM;
	}
	child->mm = mm_get(parent->mm);
	child->shares_memory = spec->wait;
	mm_figures(child->mm, &f);
	child->used.minflt = -f.minflt;	/* what others did there is not its own */
	child->used.majflt = -f.majflt;
	return 0;
}

static int copy_process(struct process *child, struct process *parent, const struct fork_spec *spec)
{
	int err = files_copy(&child->files, &parent->files);

	if (err)
		return err;
	copy_places(child, parent);
	signal_inherit(&child->signals, &parent->signals);
	signal_thread_inherit(&child->leader->sig, signal_thread(),
			      spec->share_memory && !spec->wait);
	child->exit_signal = spec->exit_signal;
	child->leader->set_child_tid = spec->set_child_tid;
	child->leader->clear_child_tid = spec->clear_child_tid;
	return copy_memory(child, parent, spec);
}

/* The registers that the child begins with. */
static void copy_registers(struct process *child, const struct fork_spec *spec,
			   const struct trapframe *tf)
{
	struct trapframe *to = arch_stack_frame(child->leader->thread.stack_top);
	struct context *ctx = &child->leader->thread.ctx;

	*to = *tf;
	to->rax = 0;
	if (spec->stack)
		to->rsp = spec->stack;
	ctx->fs_base = spec->set_tls ? spec->tls : arch_get_fs_base();
	ctx->gs_base = arch_get_gs_base();
	child->leader->thread.aspace = mm_aspace(child->mm);
}

/*
 * Until the child ends or runs another program, or the parent is killed. Its parent
 * stays the one that it has for as long as that one waits here.
 */
static void wait_until_left(struct process *parent, struct process *child)
{
	uint64_t flags;
	int killed = 0;

	signal_only_fatal(signal_thread(), true);
	flags = waitq_lock(&parent->child_wait);
	while (READ_ONCE(child->shares_memory) && !killed)
		killed = waitq_sleep_interruptible(&parent->child_wait, &flags);
	waitq_unlock(&parent->child_wait, flags);
	signal_only_fatal(signal_thread(), false);
}

/* A fork must not take the last frames: those that run need some to go on. */
static bool memory_is_short(void)
{
	return page_free_count() < page_low_mark();
}

int process_fork(const struct fork_spec *spec, const struct trapframe *tf)
{
	struct process *parent = current_process(), *child;
	int err, pid;

	child = memory_is_short() ? NULL : process_alloc();
	if (!child)
		return -ENOMEM;
	arch_fpu_fork(child->leader->thread.ctx.fpu);
	err = copy_process(child, parent, spec);
	if (!err)
		err = process_publish(child, parent, parent->leader->thread.name, child_main);
	if (err) {
		process_free(child);
		return err;
	}
	pid = child->pid;
	copy_registers(child, spec, tf);
	if (spec->parent_tid)
		(void)!put_user_u32((uint32_t)pid, spec->parent_tid);
	process_get(child);
	thread_start(&child->leader->thread);
	if (spec->wait)
		wait_until_left(parent, child);
	process_put(child);
	return pid;
}
