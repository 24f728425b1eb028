/*
 * Wait queues.
 *
 * Why no wake is lost: a sleeper puts itself on the list under the queue's
 * lock, takes its run queue's lock, marks itself blocked, and only then gives
 * the queue's lock up. Whoever finds it on the list must take that run
 * queue's lock to wake it, and gets it only when the switch to the next
 * thread is over: by then the sleeper's registers are saved.
 *
 * A thread on a queue's list is BLOCKED or about to be; the one that takes it
 * off (a waker or its timer), under the queue's lock, is the one that wakes it.
 */
#include <kernel/core/wait.h>
#include <kernel/core/runq.h>
#include <lib/assert.h>
#include <linux/errno.h>

void waitq_init(struct waitq *q)
{
	spin_init(&q->lock, RANK_WAITQ);
	TAILQ_INIT(&q->sleepers);
}

uint64_t waitq_lock(struct waitq *q)
{
	return spin_lock_irqsave(&q->lock);
}

void waitq_unlock(struct waitq *q, uint64_t flags)
{
	spin_unlock_irqrestore(&q->lock, flags);
}

/* Puts the running thread on q and sleeps; q's lock is not held on return, interrupts are off. */
static void sleep_on(struct waitq *q)
{
	struct thread *t = current_thread();
	struct runq *rq = this_runq();

	assert(spin_is_locked(&q->lock));
	assert(t != rq->cpu->idle);
	lock_assert_may_sleep(1);
	t->waiting_on = q;
	t->timed_out = false;
	TAILQ_INSERT_TAIL(&q->sleepers, t, run_link);
	spin_lock(&rq->lock);
	t->state = THREAD_BLOCKED;
	spin_unlock(&q->lock);
	runq_switch(rq);
	spin_unlock(&this_runq()->lock);
	assert(!t->waiting_on);
}

void waitq_sleep(struct waitq *q, uint64_t *flags)
{
	sleep_on(q);
	irq_restore(*flags);
	*flags = waitq_lock(q);
}

int waitq_sleep_until(struct waitq *q, uint64_t *flags, uint64_t deadline_ns)
{
	struct timerq *tq = &this_runq()->timers;
	bool timed_out;

	timer_arm(tq, deadline_ns);
	sleep_on(q);
	irq_restore(*flags);
	timer_cancel(tq);
	timed_out = current_thread()->timed_out;
	*flags = waitq_lock(q);
	return timed_out ? -ETIMEDOUT : 0;
}

/* Takes t off q and makes it ready. q's lock held. */
static void take_off(struct waitq *q, struct thread *t)
{
	assert(t->waiting_on == q);
	TAILQ_REMOVE(&q->sleepers, t, run_link);
	t->waiting_on = NULL;
	thread_wake(t);
}

void waitq_wake_one(struct waitq *q)
{
	struct thread *t = TAILQ_FIRST(&q->sleepers);

	assert(spin_is_locked(&q->lock));
	if (t)
		take_off(q, t);
}

void waitq_wake_all(struct waitq *q)
{
	assert(spin_is_locked(&q->lock));
	while (!TAILQ_EMPTY(&q->sleepers))
		take_off(q, TAILQ_FIRST(&q->sleepers));
}

/*
 * t cannot leave waitq_sleep_until before timer_cancel lets it, so that the
 * queue it names is alive; but a waker may be taking it off at this moment.
 */
void waitq_timeout(struct thread *t)
{
	struct waitq *q = __atomic_load_n(&t->waiting_on, __ATOMIC_ACQUIRE);

	if (!q)
		return;
	spin_lock(&q->lock);
	if (t->waiting_on == q) {
		t->timed_out = true;
		take_off(q, t);
	}
	spin_unlock(&q->lock);
}

void sleep_ns(uint64_t ns)
{
	uint64_t deadline = arch_clock_ns(), flags;
	struct waitq q;

	if (__builtin_add_overflow(deadline, ns, &deadline))
		deadline = UINT64_MAX;
	waitq_init(&q);
	flags = waitq_lock(&q);
	while (arch_clock_ns() < deadline)
		(void)waitq_sleep_until(&q, &flags, deadline);
	waitq_unlock(&q, flags);
}
