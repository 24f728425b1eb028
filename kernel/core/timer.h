/*
 * Timers: a function to be called when a time has come. From the timer
 * interrupt of the CPU that armed it, as late as its next tick (an idle CPU is
 * exact).
 */
#ifndef KERNEL_CORE_TIMER_H
#define KERNEL_CORE_TIMER_H

#include <arch/types.h>
#include <bsd/sys/queue.h>

struct timerq;

struct timer {
	uint64_t at;			/* queue's lock: ns of arch_clock_ns(); 0: not armed */
	void (*fn)(struct timer *t);	/* const. Interrupts off; may arm the timer again */
	struct timerq *queue;		/* where it was armed last; NULL: never */
	TAILQ_ENTRY(timer) link;	/* queue's lock */
};

/* As programs set their timers: when it is due next, from now on (0: it is off), and how often then (0: once). */
struct timer_setting { uint64_t left_ns, every_ns; };

/* A timer that is not armed. */
void timer_arm(struct timer *t, uint64_t ns);
/*
 * Not armed on return, and its function neither runs nor will. No lock held
 * that the function takes. 0, or the time for which it was armed.
 */
uint64_t timer_cancel(struct timer *t);

#endif
