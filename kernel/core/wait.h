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

/*
 * What a system call that was interrupted returns, with Linux's numbers: ring 3
 * never sees them. The way back turns them into EINTR or makes the call again,
 * by what is delivered there: a handler, or nothing.
 */
#define ERESTARTSYS		512	/* again if nothing or a handler with SA_RESTART */
#define ERESTARTNOINTR		513	/* always again */
#define ERESTARTNOHAND		514	/* again only if no handler ran */
#define ERESTART_RESTARTBLOCK	516	/* likewise, by restart_syscall(2) */

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
/*
 * The same, ended by thread_interrupt as well; at once if the thread is interrupted
 * already. 0 woken, -ERESTARTSYS, -ETIMEDOUT. The queue must outlive the call,
 * however it is woken.
 */
int __must_check waitq_sleep_interruptible(struct waitq *q, uint64_t *flags);
int __must_check waitq_sleep_interruptible_until(struct waitq *q, uint64_t *flags, uint64_t deadline_ns);
/* Wakes one (the longest asleep) or all. Lock held. */
void waitq_wake_one(struct waitq *q);
void waitq_wake_all(struct waitq *q);
/* Sleeps for ns nanoseconds. */
void sleep_ns(uint64_t ns);
/* Sleeps until the deadline (UINT64_MAX: for ever): 0, or -ERESTARTSYS if interrupted before. */
int __must_check sleep_interruptible_until(uint64_t deadline_ns);

#endif
