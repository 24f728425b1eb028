/*
 * Waiting. A wait queue is a list of sleeping threads; the condition is the
 * caller's and is tested under the queue's lock, so that no wake is lost:
 *
 *	flags = waitq_lock(&q);
 *	while (!condition)
 *		waitq_sleep(&q, &flags);	// gives the lock up while asleep
 *	waitq_unlock(&q, flags);
 *
 * Whoever makes the condition true does so under the same lock, then wakes.
 * The lock is an irq-off spinlock of rank RANK_WAITQ: interrupt handlers wake.
 */
#ifndef KERNEL_CORE_WAIT_H
#define KERNEL_CORE_WAIT_H

#include <kernel/core/thread.h>

struct waitq {
	struct spinlock lock;
	struct thread_list sleepers;	/* lock */
};

#define WAITQ_INIT(q)	{ .lock = SPINLOCK_INIT(RANK_WAITQ), \
			  .sleepers = TAILQ_HEAD_INITIALIZER((q).sleepers) }

void waitq_init(struct waitq *q);
uint64_t waitq_lock(struct waitq *q);
void waitq_unlock(struct waitq *q, uint64_t flags);
/* Sleeps until woken; the lock is held again on return. No other spinlock held. */
void waitq_sleep(struct waitq *q, uint64_t *flags);
/* The same, until arch_clock_ns() >= deadline at the latest: 0 woken, -ETIMEDOUT. */
int waitq_sleep_until(struct waitq *q, uint64_t *flags, uint64_t deadline_ns);
/* Wakes one (the longest asleep) or all. Lock held. */
void waitq_wake_one(struct waitq *q);
void waitq_wake_all(struct waitq *q);
/* Sleeps for ns nanoseconds. */
void sleep_ns(uint64_t ns);

#endif
