/*
 * Private to kernel/core: a CPU's run queue and its timers.
 *
 * A thread is in exactly one place: running on a CPU, on the ready list of
 * one run queue, on one wait queue, or dead. Locks, outer to inner: a wait
 * queue's, a run queue's; a timer queue's lock is innermost and is never held
 * while another is taken.
 */
#ifndef KERNEL_CORE_RUNQ_H
#define KERNEL_CORE_RUNQ_H

#include <kernel/core/thread.h>

TAILQ_HEAD(timer_list, timer);

struct timerq {
	struct spinlock lock;		/* RANK_TIMER */
	struct timer_list armed;	/* lock: by time, ascending */
	struct timer *firing;		/* lock: its time has come and its function runs */
};

#define RUNQ_MISPLACED	1u	/* a thread on the ready list may not run here */
#define RUNQ_PARK	2u	/* the CPU is to halt in schedule() */

struct runq {
	struct spinlock lock;		/* RANK_RUNQ */
	struct cpu *cpu;		/* const */
	struct thread_list ready;	/* lock */
	unsigned nready;		/* lock; read without it as a hint */
	uint32_t special;		/* lock: RUNQ_*; read without it */
	unsigned balance_ticks;		/* own CPU, interrupts off */
	uint64_t tick_ns;		/* when it ticked last; own CPU, others read */
	uint64_t moved_ns;		/* when its thread was last seen to be about to give way; own CPU, others read */
	struct thread *last;		/* lock: who ran here before the current thread */
	bool ticking;			/* own CPU, interrupts off */
	uint64_t switches;		/* from one thread to another; lock to change */
	uint64_t user_ticks, kernel_ticks; /* that found a thread at work (load.h); own CPU, others read */
	const void *parked_at;		/* the frame in which its CPU is parked; own CPU, then the parker reads */
	void (*done)(void *);		/* own CPU: what a thread that exited left to be called */
	void *done_arg;
	struct timerq timers;
};

static inline struct runq *this_runq(void) { return this_cpu()->runq; }

/*
 * Gives the CPU to the next thread. The running thread's state says what
 * becomes of it: RUNNING (to the ready list's end), BLOCKED, DEAD. The run
 * queue's lock is held, interrupts are off; on return likewise, on whatever
 * CPU the thread runs then.
 */
void runq_switch(struct runq *rq);
/* Puts t, which is on no list, on rq's ready list, and asks an idle CPU to look. rq locked. */
void runq_make_ready(struct runq *rq, struct thread *t);

/* -- balance.c -- */

/* Locks and returns the queue that t, which has been started, belongs to. Interrupts off. */
struct runq *thread_runq_lock(struct thread *t);
/*
 * Makes t, which nobody else can make ready, ready on the CPU that suits it best. rq, that
 * of its cpu, is locked; not on return.
 */
void runq_wake(struct runq *rq, struct thread *t);
/* What rq->special asks of the running thread. No spinlock held. */
void runq_special(struct runq *rq);
/* Takes a thread over that waits elsewhere. rq is this CPU's; interrupts off, no lock held. */
bool runq_steal(struct runq *rq);
/* The tick's part, where there are several CPUs. Interrupts off. */
void runq_tick(struct runq *rq);
/* In between, threads are sent to this CPU: until it wakes. Interrupts off. */
void idle_enter(const struct cpu *c);
void idle_exit(const struct cpu *c);

/* -- wait.c -- */

/* Makes a blocked thread ready. Interrupts off; its wait queue's lock held. */
void thread_wake(struct thread *t);

void timerq_init(struct timerq *tq);
/* Calls the functions of all whose time has come. Interrupts off. */
void timer_expire(struct timerq *tq);
/* The next time something is due, or 0. */
uint64_t timer_next(struct timerq *tq);
/* Of a thread's own timer: its wait ends because its time ran out, if it has not ended yet. */
void waitq_timeout(struct timer *timer);

#endif
