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

struct runq {
	struct spinlock lock;		/* RANK_RUNQ */
	struct cpu *cpu;		/* const */
	struct thread_list ready;	/* lock */
	unsigned nready;		/* lock; read without it as a hint */
	struct thread *last;		/* lock: who ran here before the current thread */
	bool ticking;			/* own CPU, interrupts off */
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
