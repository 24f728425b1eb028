/*
 * fork, vfork, clone: one process becomes two.
 *
 * The child is made whole before anybody can see it: whatever may fail comes
 * first, and process_free takes back what there is. Then it gets its pid and
 * its place in the tree, and starts as if it came out of the parent's system
 * call: the parent's registers lie at the top of its own stack.
 */
#include <kernel/fs/pidfd.h>
#include <kernel/proc/process.h>
#include <kernel/proc/oom.h>
#include <lib/assert.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <mm/mm.h>

/* The new thread begins here, in its address space. */
static void child_main(void *arg)
{
	struct task *t = arg;

	if (t->set_child_tid)
		(void)!put_user_u32((uint32_t)t->thread.tid, (uint32_t __user *)t->set_child_tid);
	arch_enter_user(arch_stack_frame(t->thread.stack_top));
}

static void copy_places(struct process *child, const struct process *parent)
{
	child->umask = parent->umask;
	child->membarrier = parent->membarrier;
	child->oom_score_adj = parent->oom_score_adj;
	child->oom_score_adj_min = parent->oom_score_adj_min;
	child->dumpable = parent->dumpable;
	child->no_new_privs = parent->no_new_privs;
	child->timer_slack = parent->timer_slack;
	child->personality = parent->personality;
	child->mempolicy = parent->mempolicy;
	spin_lock(&process_lock);
	memcpy(child->rlimit, parent->rlimit, sizeof(child->rlimit));
	child->no_terminal = parent->no_terminal;
	memcpy(&child->cred, &parent->cred, cred_size(&parent->cred));
	spin_unlock(&process_lock);
	child->cwd = process_cwd();
	node_get(parent->exe);
	(void)!node_begin_run(parent->exe);	/* the parent runs it */
	child->exe = parent->exe;
}

static int copy_memory(struct process *child, struct process *parent, const struct fork_spec *spec)
{
	struct mm_figures f;

	if (!spec->share_memory) {
		child->mm = mm_fork(parent->mm);
		if (!child->mm)
			return -ENOMEM;
		process_limit_memory_new(child);
		return 0;
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
	return copy_memory(child, parent, spec);
}

/* What the new thread begins with, in mm. */
static void set_up(struct task *t, struct mm *mm, const struct fork_spec *spec,
		   const struct trapframe *tf)
{
	struct trapframe *to = arch_stack_frame(t->thread.stack_top);
	struct context *ctx = &t->thread.ctx;

	*to = *tf;
	to->rax = 0;
	if (spec->stack)
		to->rsp = spec->stack;
	ctx->fs_base = spec->set_tls ? spec->tls : arch_get_fs_base();
	ctx->gs_base = arch_get_gs_base();
	t->thread.nice = current_thread()->nice;
	t->thread.aspace = mm_aspace(mm);
	t->set_child_tid = spec->set_child_tid;
	t->clear_child_tid = spec->clear_child_tid;
	if (spec->parent_tid)
		(void)!put_user_u32((uint32_t)t->thread.tid, spec->parent_tid);
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

/* By reclaim, as long as that finds something: others may take it. */
static void make_room(void)
{
	unsigned tries = 0;

	while (memory_is_short() && reclaim_try(&tries, page_low_mark()))
		;
}

/* Another task of this process. */
static int fork_task(struct process *p, const struct fork_spec *spec, const struct trapframe *tf)
{
	struct task *t = task_alloc(p);
	int err, tid;

	if (!t)
		return -ENOMEM;
	arch_fpu_fork(t->thread.ctx.fpu);
	signal_thread_inherit(&t->sig, signal_thread(), true);
	err = task_publish(t, current_thread()->name, child_main);
	if (err) {
		task_free(t);
		return err;
	}
	tid = t->thread.tid;
	mm_add_thread(p->mm);
	set_up(t, p->mm, spec, tf);
	thread_start(&t->thread);
	return tid;
}

static int fork_process(struct process *parent, const struct fork_spec *spec,
			const struct trapframe *tf)
{
	struct process *child = process_alloc();
	struct pidfd_made pidfd = { 0 };
	int err, pid;

	if (!child)
		return -ENOMEM;
	arch_fpu_fork(child->leader->thread.ctx.fpu);
	err = copy_process(child, parent, spec);
	if (!err && spec->pidfd)
		err = pidfd_begin(&pidfd, spec->pidfd);
	if (!err) {
		err = process_publish(child, parent, current_thread()->name, child_main);
		if (spec->pidfd)
			pidfd_finish(&pidfd, err ? NULL : child);
	}
	if (err) {
		process_free(child);
		return err;
	}
	pid = child->pid;
	set_up(child->leader, child->mm, spec, tf);
	process_get(child);
	thread_start(&child->leader->thread);
	if (spec->wait)
		wait_until_left(parent, child);
	process_put(child);
	return pid;
}

/* RLIMIT_NPROC: of all tasks of p's user, those of zombies too. It is none for the privileged. */
static bool has_too_many(const struct process *p)
{
	uint64_t limit = process_limit(p, RLIMIT_NPROC), n = 0;
	const struct process *q;

	if (likely(limit == RLIM64_INFINITY || !p->cred.uid || cred_is_privileged(&p->cred)))
		return false;
	spin_lock(&process_lock);
	TAILQ_FOREACH(q, &processes, link)
		if (q->cred.uid == p->cred.uid)
			n += MAX(q->ntasks, 1u);
	spin_unlock(&process_lock);
	return n >= limit;
}

int process_fork(const struct fork_spec *spec, const struct trapframe *tf)
{
	struct process *p = current_process();

	if (has_too_many(p))
		return -EAGAIN;
	make_room();
	if (memory_is_short()) {
		oom_settle();
		if (memory_is_short())
			return -ENOMEM;
	}
	return spec->thread ? fork_task(p, spec, tf) : fork_process(p, spec, tf);
}
