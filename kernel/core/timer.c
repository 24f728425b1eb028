/*
 * Timed waits: each CPU keeps those that began on it, in the order of their
 * deadlines. They are looked at from the tick, and from the one-shot timer
 * that an idle CPU sets for the first of them.
 *
 * The race that matters: a thread is woken by somebody else just when its
 * time runs out. timer_expire takes it off the list, names it in `firing`, and
 * gives the lock up, since the locks that waking takes are outer ones. Until
 * `firing` is cleared, timer_cancel keeps the thread from leaving its wait:
 * thread and wait queue stay alive that long.
 */
#include <kernel/core/runq.h>
#include <lib/assert.h>

void timerq_init(struct timerq *tq)
{
	spin_init(&tq->lock, RANK_TIMER);
	TAILQ_INIT(&tq->waits);
	tq->firing = NULL;
}

void timer_arm(struct timerq *tq, uint64_t ns)
{
	struct thread *t = current_thread(), *before;
	uint64_t flags = spin_lock_irqsave(&tq->lock);

	assert(!t->wake_at);
	t->wake_at = MAX(ns, 1ul);
	TAILQ_FOREACH_REVERSE(before, &tq->waits, thread_list, timer_link)
		if (before->wake_at <= ns)
			break;
	if (before)
		TAILQ_INSERT_AFTER(&tq->waits, before, t, timer_link);
	else
		TAILQ_INSERT_HEAD(&tq->waits, t, timer_link);
	spin_unlock_irqrestore(&tq->lock, flags);
}

void timer_cancel(struct timerq *tq)
{
	struct thread *t = current_thread();
	uint64_t flags = spin_lock_irqsave(&tq->lock);

	if (t->wake_at) {
		TAILQ_REMOVE(&tq->waits, t, timer_link);
		t->wake_at = 0;
	}
	while (tq->firing == t) {
		spin_unlock_irqrestore(&tq->lock, flags);
		cpu_relax();
		flags = spin_lock_irqsave(&tq->lock);
	}
	spin_unlock_irqrestore(&tq->lock, flags);
}

/* Takes the first one that is due off the list, and names it as firing; NULL: none is. */
static struct thread *timer_take(struct timerq *tq, uint64_t now)
{
	uint64_t flags = spin_lock_irqsave(&tq->lock);
	struct thread *t = TAILQ_FIRST(&tq->waits);

	if (t && t->wake_at <= now) {
		TAILQ_REMOVE(&tq->waits, t, timer_link);
		t->wake_at = 0;
	} else {
		t = NULL;
	}
	tq->firing = t;
	spin_unlock_irqrestore(&tq->lock, flags);
	return t;
}

void timer_expire(struct timerq *tq)
{
	uint64_t now = arch_clock_ns();
	struct thread *t;

	while ((t = timer_take(tq, now)))
		waitq_timeout(t);
}

uint64_t timer_next(struct timerq *tq)
{
	uint64_t flags = spin_lock_irqsave(&tq->lock);
	const struct thread *t = TAILQ_FIRST(&tq->waits);
	uint64_t ns = t ? t->wake_at : 0;

	spin_unlock_irqrestore(&tq->lock, flags);
	return ns;
}
