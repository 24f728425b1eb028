/*
 * A task: one thread of a process, as floor 9 sees it. What all threads of a process
 * share is in struct process (process.h); what each has for itself is here.
 *
 * Life:
 *
 *	task_alloc		nobody knows it
 *	task_publish		has a number, is among its process's tasks
 *	thread_start		runs
 *	task_exit		by itself: the last one of its process takes that down, too
 *	gone			off its stack; the first task stays as long as its process, so
 *				that its number does
 *
 * Fields without a lock named are the task's own.
 */
#ifndef KERNEL_PROC_TASK_H
#define KERNEL_PROC_TASK_H

#include <kernel/core/thread.h>
#include <kernel/proc/signal.h>

struct process;

#define PID_LIMIT	32768		/* numbers of tasks are below it */

struct task {
	struct thread thread;		/* thread.tid: process_lock to write */
	struct process *process;	/* const */
	uint64_t clear_child_tid;	/* where 0 goes when it leaves memory that others use */
	uint64_t robust_list;		/* of futexes that it holds (set_robust_list(2)) */
	uint64_t set_child_tid;		/* where clone put its number; 0: nowhere */
	uint64_t user_ticks, kernel_ticks; /* timer interrupts that found it there */
	TAILQ_ENTRY(task) link;		/* its process's tasks; process_lock */
	LIST_ENTRY(task) hash_link;	/* by number; process_lock */
	struct sig_thread sig;		/* signals.lock of the process, and its own */
};

TAILQ_HEAD(task_list, task);

/* Of a thread of a process (not of the kernel's). */
static inline struct task *current_task(void)
{
	return container_of(current_thread(), struct task, thread);
}

/* What signals know of the running thread. */
static inline struct sig_thread *signal_thread(void) { return &current_task()->sig; }

extern int pid_max;			/* process_lock; at most PID_LIMIT */

void task_init(void);
/* With a kernel stack and an FPU area, which is not filled in. NULL: no memory. */
struct task *task_alloc(struct process *p);
/* Its thread will begin in fn(t), and waits for thread_start. */
void task_prepare(struct task *t, const char *name, void (*fn)(void *));
/*
 * Gives t, of the running process, a number, and its thread, which will begin in fn(t) and
 * waits for thread_start. 0; -EAGAIN: all numbers are taken; -ERESTARTNOINTR: the process ends.
 */
int __must_check task_publish(struct task *t, const char *name, void (*fn)(void *));
/* Gives back what its thread runs on. Off its stack, or never started. */
void task_free_stack(struct task *t);
/* The whole. */
void task_free(struct task *t);

/* ---- numbers; process_lock held ---- */

/* The one that was given last (the lock need not be held); how many tasks there have been. */
int pid_last(void);
uint64_t tasks_started(void);
/* The next free one, or 0. */
int pid_take(void);
/* A task, group or session was called `from` and is called `to` now; 0: none. */
void pid_change_use(int from, int to);
/* Among the tasks of its process, and found by its number, from now on; and no more. */
void task_add(struct task *t, int tid);
void task_remove(struct task *t);
/* The one of that number, or NULL. */
struct task *task_find(int tid);

#endif
