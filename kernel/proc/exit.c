/*
 * The end of tasks and processes.
 *
 * A task ends by itself, on its way back to ring 3 when another one has decided so
 * (signal_end_others). Each takes leave of the memory that it shares with others, and
 * unloads it, before it counts itself out of nlive; so the last one may take memory, files
 * and the rest down. The process is gone when the last is off its stack (ntasks).
 *
 * A first task that ends before the others leaves its struct and its number behind: the
 * number is the process's.
 */
#include <kernel/proc/process.h>
#include <kernel/proc/futex.h>
#include <kernel/proc/oom.h>
#include <kernel/proc/posix_timer.h>
#include <kernel/proc/terminal.h>
#include <lib/assert.h>
#include <linux/errno.h>
#include <mm/mm.h>

/* ---- memory ---- */

/* p does not use mm any more. */
static void leave_memory(struct process *p, struct mm *mm)
{
	struct mm_usage u;

	mm_leave(mm, &u);
	spin_lock(&process_lock);
	p->used.minflt += u.minflt;
	p->used.majflt += u.majflt;
	p->used.rss_max = MAX(p->used.rss_max, u.rss_max);
	if (unlikely(p->oom == OOM_VICTIM))
		oom_given_back(p);
	spin_unlock(&process_lock);
}

/* Its parent lent it its memory and waits to have it back. */
static void give_back(struct process *p)
{
	spin_lock(&process_lock);
	p->shares_memory = false;
	process_wake_parent(p);
	spin_unlock(&process_lock);
}

void task_leave_memory(void)
{
	struct task *t = current_task();
	struct process *p = t->process;
	struct aspace *now = t->thread.aspace;

	if (!p->mm || !(t->robust_list | t->clear_child_tid))
		return;
	thread_set_aspace(mm_aspace(p->mm));
	futex_exit(t);
	if (t->clear_child_tid && (READ_ONCE(p->mm->refs) > 1 || READ_ONCE(p->nlive) > 1)) {
		(void)!put_user_u32(0, (uint32_t __user *)t->clear_child_tid);
		(void)futex_wake(t->clear_child_tid, true, 1, FUTEX_ANY);
	}
	t->clear_child_tid = 0;
	thread_set_aspace(now);
}

void process_change_memory(struct process *p, struct mm *next)
{
	struct mm *old = p->mm;

	spin_lock(&process_lock);	/* who looks at p takes a reference under it */
	p->mm = next;
	spin_unlock(&process_lock);
	if (old)
		leave_memory(p, old);
	if (p->shares_memory)
		give_back(p);
}

void process_put_exe(struct node *exe)
{
	node_end_run(exe);
	node_put(exe);
}

void process_drop_nodes(struct process *p)
{
	struct node *cwd, *exe;

	spin_lock(&process_lock);	/* who looks at p takes references under it */
	cwd = p->cwd;
	exe = p->exe;
	p->cwd = p->exe = NULL;
	spin_unlock(&process_lock);
	if (cwd)
		node_put(cwd);
	if (exe)
		process_put_exe(exe);
}

/* ---- one task ---- */

/* t, which is not the first, has used that much; process_lock held. */
static void add_times(struct process *p, const struct task *t)
{
	p->ended.ns += thread_cpu_ns(&t->thread);
	p->ended.user_ticks += t->user_ticks;
	p->ended.kernel_ticks += t->kernel_ticks;
}

/* One less. process_lock held. */
static void count_out(struct process *p)
{
	uint64_t flags = waitq_lock(&p->tasks_wait);

	p->ntasks--;
	waitq_wake_all(&p->tasks_wait);
	waitq_unlock(&p->tasks_wait, flags);
}

/* Its stack is no longer in use. On the idle thread. */
static void task_done(void *arg)
{
	struct task *t = arg;
	struct process *p = t->process;
	bool first, gone;

	task_free_stack(t);
	spin_lock(&process_lock);
	first = t == p->leader;
	if (!first) {
		add_times(p, t);
		task_remove(t);
	}
	gone = p->ntasks == 1;
	count_out(p);
	spin_unlock(&process_lock);
	if (!first)
		task_free(t);
	if (gone)
		process_gone(p);
}

/* What the tasks had in common. No other one is left. */
static void take_down(struct process *p)
{
	posix_timers_end(p);
	files_destroy(&p->files);
	process_change_memory(p, NULL);
	process_drop_nodes(p);
	terminal_leader_ends(p);
	process_leave_children(p);
}

void task_exit(int status)
{
	struct task *t = current_task();
	struct process *p = t->process;
	bool last;

	assert(p != &init_process);
	task_leave_memory();
	signal_exit(&t->sig);
	thread_set_aspace(NULL);
	spin_lock(&process_lock);
	if (t == p->leader && !p->exiting)
		p->status = status;
	last = !--p->nlive;
	spin_unlock(&process_lock);
	if (last)
		take_down(p);
	thread_exit(task_done, t);
}

/* ---- all tasks ---- */

/*
 * Of several that end all tasks the first one says with what: it does so after the
 * others may have left already, but before it leaves itself. One that comes while
 * another task is in execve ends alone, for the new program goes on; but a signal that
 * kills is not lost: task_end_others looks for it.
 */
void process_exit(int status)
{
	struct process *p = current_process();
	bool first = signal_end_others(&p->signals);

	spin_lock(&process_lock);
	if (first || (!p->exiting && status & 0x7f)) {
		p->status = status;
		p->exiting = true;
	}
	spin_unlock(&process_lock);
	task_exit(status);
}

/* The running task, the only one left, takes the place and the number of the first. */
static void become_first(struct task *t, struct process *p)
{
	struct task *first = p->leader;

	if (t == first)
		return;
	spin_lock(&process_lock);
	add_times(p, first);
	task_remove(first);
	task_remove(t);
	task_add(t, p->pid);
	p->leader = t;
	spin_unlock(&process_lock);
	task_free(first);
}

int task_end_others(void)
{
	struct task *t = current_task();
	struct process *p = t->process;
	uint64_t flags;

	if (READ_ONCE(p->ntasks) == 1 && t == p->leader)
		return 0;
	if (!signal_end_others(&p->signals))
		return -EINTR;
	flags = waitq_lock(&p->tasks_wait);
	while (p->ntasks > 1)
		waitq_sleep(&p->tasks_wait, &flags);
	waitq_unlock(&p->tasks_wait, flags);
	become_first(t, p);
	if (p->exiting) {		/* killed meanwhile: it ends on its way back to ring 3 */
		thread_interrupt(&t->thread);
		return -EINTR;
	}
	signal_ended_others(&p->signals);
	return 0;
}
