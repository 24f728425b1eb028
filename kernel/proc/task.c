/* Tasks and their numbers, which processes, groups and sessions share; see task.h. */
#include <kernel/proc/process.h>
#include <lib/assert.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <mm/alloc/slab.h>
#include <mm/mm.h>

#define HASH_SIZE	1024u		/* a power of two */
#define PID_FIRST	2

int pid_max = PID_LIMIT;

static int last_pid = 1;		/* process_lock */
static uint64_t nstarted;		/* tasks that there have been; process_lock */
static LIST_HEAD(, task) by_tid[HASH_SIZE]; /* process_lock */
/*
 * How often a number is that of a task, a group or a session: it is given out again
 * when it is none of them. process_lock.
 */
static uint16_t pid_uses[PID_LIMIT];
static struct kmem_cache *task_cache, *fpu_cache;

_Static_assert(2 * (PID_LIMIT - 1) + 1 <= UINT16_MAX,
	       "all processes may be of one group and session");

/* ---- numbers ---- */

int pid_take(void)
{
	for (int n = PID_FIRST; n < pid_max; n++) {
		if (++last_pid >= pid_max)
			last_pid = PID_FIRST;
		if (!pid_uses[last_pid])
			return last_pid;
	}
	return 0;
}

int pid_last(void)
{
	return READ_ONCE(last_pid);
}

uint64_t tasks_started(void)
{
	return READ_ONCE(nstarted);
}

void pid_change_use(int from, int to)
{
	if (from)
		pid_uses[from]--;
	if (to)
		pid_uses[to]++;
}

void task_add(struct task *t, int tid)
{
	struct process *p = t->process;

	assert(spin_is_locked(&process_lock));
	t->thread.tid = tid;
	nstarted++;
	pid_change_use(0, tid);
	LIST_INSERT_HEAD(&by_tid[(unsigned)tid % HASH_SIZE], t, hash_link);
	TAILQ_INSERT_TAIL(&p->tasks, t, link);
}

void task_remove(struct task *t)
{
	assert(spin_is_locked(&process_lock));
	pid_change_use(t->thread.tid, 0);
	LIST_REMOVE(t, hash_link);
	TAILQ_REMOVE(&t->process->tasks, t, link);
}

struct task *task_find(int tid)
{
	struct task *t;

	assert(spin_is_locked(&process_lock));
	LIST_FOREACH(t, &by_tid[(unsigned)tid % HASH_SIZE], hash_link)
		if (t->thread.tid == tid)
			return t;
	return NULL;
}

/* ---- the struct ---- */

void task_init(void)
{
	task_cache = kmem_cache_create("task", sizeof(struct task), 0);
	fpu_cache = kmem_cache_create("fpu", arch_features.xsave_size, 64);
	if (!task_cache || !fpu_cache)
		panic("no memory for the caches of tasks");
}

struct task *task_alloc(struct process *p)
{
	struct task *t = kmem_alloc(task_cache);

	if (!t)
		return NULL;
	memset(t, 0, offsetof(struct task, sig));
	signal_thread_create(&t->sig, &p->signals, &t->thread);
	t->process = p;
	t->thread.ctx.fpu = kmem_alloc(fpu_cache);
	if (!t->thread.ctx.fpu)
		goto no_fpu;
	if (kstack_alloc(&t->thread.stack_bottom, &t->thread.stack_top))
		goto no_stack;
	return t;
no_stack:
	kmem_free(fpu_cache, t->thread.ctx.fpu);
no_fpu:
	kmem_free(task_cache, t);
	return NULL;
}

void task_prepare(struct task *t, const char *name, void (*fn)(void *))
{
	void *fpu = t->thread.ctx.fpu;

	thread_init(&t->thread, name, t->thread.stack_bottom, t->thread.stack_top, fn, t);
	t->thread.ctx.fpu = fpu;
	t->thread.owner = t->process;
}

int task_publish(struct task *t, const char *name, void (*fn)(void *))
{
	struct process *p = t->process;
	int tid, err = 0;

	spin_lock(&process_lock);
	tid = pid_take();
	if (!tid) {
		err = -EAGAIN;
		goto out;
	}
	task_prepare(t, name, fn);
	task_add(t, tid);
	if (signal_start(&t->sig)) {
		p->nlive++;
		p->ntasks++;
	} else {
		task_remove(t);
		thread_discard(&t->thread);
		err = -ERESTARTNOINTR;
	}
out:
	spin_unlock(&process_lock);
	return err;
}

void task_free_stack(struct task *t)
{
	page_fail_forget(&t->thread);
	if (!t->thread.stack_bottom)
		return;
	kmem_free(fpu_cache, t->thread.ctx.fpu);
	kstack_free(t->thread.stack_bottom);
	t->thread.ctx.fpu = NULL;
	t->thread.stack_bottom = 0;
}

void task_free(struct task *t)
{
	task_free_stack(t);
	kmem_free(task_cache, t);
}
