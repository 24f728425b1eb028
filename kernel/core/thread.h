/*
 * Threads and the scheduler. Below mm: a thread carries an aspace (the
 * machine's half of an address space) and an opaque owner; memory for threads
 * and their stacks is the caller's (kernel/proc, or mm/pt's kstack_alloc).
 *
 * The kernel is not preemptible: a thread gives up its CPU at waits, at
 * sched_yield, at resched points in long loops (resched_point) and on its
 * return to ring 3.
 */
#ifndef KERNEL_CORE_THREAD_H
#define KERNEL_CORE_THREAD_H

#include <arch/aspace.h>
#include <arch/context.h>
#include <arch/cpu.h>
#include <bsd/sys/queue.h>
#include <kernel/core/cpumask.h>
#include <kernel/core/timer.h>
#include <lib/lock.h>

enum thread_state { THREAD_NEW, THREAD_READY, THREAD_RUNNING, THREAD_BLOCKED, THREAD_DEAD };

struct thread {
	struct context ctx;		/* of a thread that does not run */
	uint64_t stack_bottom, stack_top;
	struct aspace *aspace;		/* NULL: kernel thread, runs on whatever is loaded (lazily) */
	void *owner;			/* struct process (floor 9), or NULL */
	TAILQ_ENTRY(thread) run_link;	/* runq lock: ready list of cpu, or a wait queue's */
	TAILQ_ENTRY(thread) all_link;	/* threads_lock */
	struct waitq *waiting_on;	/* waitq lock */
	struct cpu *cpu;		/* where it runs, waits, or ran last: locks of both queues to change; NULL: not started */
	struct cpumask affinity;	/* where it may run; runq lock, or not started */
	enum thread_state state;	/* runq lock */
	bool interrupted;		/* intr_lock to set, any reader: see thread_interrupt */
	bool interruptible;		/* in a wait that thread_interrupt may end; own thread, intr_lock to clear */
	int wait_result;		/* waitq lock: why its wait ended: 0, -ETIMEDOUT, -ERESTARTSYS */
	struct spinlock intr_lock;	/* keeps it in an interruptible wait while it is being taken out */
	bool on_cpu;			/* its registers are in a CPU, not in ctx */
	struct timer timer;		/* of a timed wait */
	uint64_t slice_left;		/* ticks until preemption */
	int nice;			/* -20 .. 19: how short its turns are; written at once */
	uint64_t run_ns;		/* CPU time so far; runq lock */
	uint64_t started_ns;		/* when it last got the CPU; runq lock */
	uint64_t faults[2];		/* that it settled: minor, major; its own */
	void (*fn)(void *);		/* what it started in, const */
	void *arg;
	bool reserve;			/* its allocations may dip below the min watermark; who sets it: process_lock */
	bool starved;			/* one of its allocations found no memory, */
	bool over_limit;		/* or was beyond a memory limit; own thread */
	int tid;			/* the caller's of thread_init; 0: of the kernel */
	char name[16];
#ifdef DEBUG
	struct lock_held held[CPU_HELD_MAX];	/* sleeping locks it holds while it does not run */
	unsigned nheld;
#endif
};

TAILQ_HEAD(thread_list, thread);
extern struct thread_list threads;	/* all, for GDB and reports; threads_lock */
extern struct spinlock threads_lock;

/* Makes the running boot code the boot CPU's idle thread to be. Before anything that waits. */
void sched_init(void);
/*
 * Initialises *t to start in fn(arg) on the given stack (bottom, top: virtual
 * addresses; stays the caller's). It does not run before thread_start.
 */
void thread_init(struct thread *t, const char *name, uint64_t stack_bottom, uint64_t stack_top,
		 void (*fn)(void *), void *arg);
void thread_start(struct thread *t);
/* Instead of thread_start: t is not to run after all. */
void thread_discard(struct thread *t);
/*
 * Ends the running thread; `done` (may be NULL) is called with done_arg when
 * this one's stack is no longer in use: the place to free stack and thread.
 * It runs at once, on the CPU's idle thread: no lock held, may not sleep.
 */
void thread_exit(void (*done)(void *), void *done_arg) __noreturn;

/* Picks the next thread and switches. Called with interrupts on or off, no spinlock held. */
void schedule(void);
void sched_yield(void);
/* How long its turns are. */
uint64_t sched_slice_ns(const struct thread *t);
/* Nanoseconds from one tick of a CPU to the next. */
uint64_t sched_tick_ns(void);
/* The tick's part: time slices, timed waits. Interrupts off. The tick itself is started and stopped by the scheduler. */
void sched_tick(void);
/* In long loops of the kernel: lets others run if the tick asks for it. No spinlock held. */
static inline void resched_point(void)
{
	if (unlikely(READ_ONCE(this_cpu()->need_resched) & NEED_SCHEDULE))
		sched_yield();
}
/*
 * Interrupts t: ends the interruptible wait that it is in (wait.h) or comes to,
 * and sends it through upcall_return_to_user before it sees ring 3 again. Stays
 * so until the thread itself calls thread_interrupt_done. Any context.
 */
void thread_interrupt(struct thread *t);
/* The running thread has seen to it. Interrupts off, under the lock that its interrupters hold. */
void thread_interrupt_done(void);
static inline bool thread_interrupted(const struct thread *t) { return READ_ONCE(t->interrupted); }
/*
 * Where t may run: the CPUs of the mask that are there; 0, or -EINVAL: none is. A thread
 * begins with the mask of the one that made it. The running thread is there on
 * return; another that runs elsewhere moves on soon.
 */
int __must_check thread_set_affinity(struct thread *t, const struct cpumask *mask);
/* The CPUs that are there of t's mask. */
void thread_get_affinity(const struct thread *t, struct cpumask *mask);
/* Calls fn(arg) in this thread on each CPU in turn. May sleep. */
void cpu_visit(void (*fn)(void *), void *arg);
/*
 * All other CPUs halt in the scheduler from now on: no thread but this one is on its way.
 * No spinlock held; this thread does not sleep before it releases them.
 */
void cpus_park(void);
void cpus_release(void);
/* Into line, of n bytes: how t came into the kernel, and where it is. The other CPUs are parked. */
size_t thread_trace(const struct thread *t, char *line, size_t n);
/* CPU time of a thread, up to now if it runs. No lock from RANK_RUNQ on held. */
uint64_t thread_cpu_ns(const struct thread *t);
/* Another CPU's main: makes it one that threads run on. Interrupts off. */
void sched_join(void) __noreturn;
/* The boot CPU's main turns into its idle loop. */
void sched_idle_loop(void) __noreturn;
/* Changes the running thread's address space (exec, exit): switches at once. as NULL: none, the kernel's root is loaded. */
void thread_set_aspace(struct aspace *as);

#endif
