/*
 * Timers: each CPU keeps those that were armed on it, in the order of their
 * times: timed waits of threads, and whatever else is to happen later. They
 * are looked at from the tick, and from the one-shot timer that an idle CPU
 * sets for the first of them.
 *
 * The race that matters: somebody cancels a timer (a thread is woken) just
 * when its time comes. timer_expire takes it off the list, names it in `firing`, and
 * gives the lock up, since the locks that its function takes are outer ones.
 * Until `firing` is cleared, timer_cancel does not return: what the function
 * touches (thread and wait queue) stays alive that long.
 */
#include <kernel/core/runq.h>
#include <lib/assert.h>

void timerq_init(struct timerq *tq)
{
	spin_init(&tq->lock, RANK_TIMER);
	TAILQ_INIT(&tq->armed);
	tq->firing = NULL;
}

void timer_arm(struct timer *t, uint64_t ns)
{
	uint64_t irq = irq_save();
	struct timerq *tq = &this_runq()->timers;
	struct timer *before;

	spin_lock(&tq->lock);
	assert(!t->at);
	t->at = MAX(ns, 1ul);
	t->queue = tq;
	TAILQ_FOREACH_REVERSE(before, &tq->armed, timer_list, link)
		if (before->at <= ns)
			break;
	if (before)
		TAILQ_INSERT_AFTER(&tq->armed, before, t, link);
	else
		TAILQ_INSERT_HEAD(&tq->armed, t, link);
	spin_unlock_irqrestore(&tq->lock, irq);
}

/* queue's lock held. */
static uint64_t take_off(struct timerq *tq, struct timer *t)
{
	uint64_t at = t->at;

	if (at)
		TAILQ_REMOVE(&tq->armed, t, link);
	t->at = 0;
	return at;
}

uint64_t timer_cancel(struct timer *t)
{
	struct timerq *tq = t->queue;
	uint64_t flags, at;

	if (!tq)
		return 0;
	flags = spin_lock_irqsave(&tq->lock);
	at = take_off(tq, t);
	while (tq->firing == t) {
		spin_unlock_irqrestore(&tq->lock, flags);
		cpu_relax();
		flags = spin_lock_irqsave(&tq->lock);
		at = MAX(at, take_off(tq, t));
	}
	spin_unlock_irqrestore(&tq->lock, flags);
	return at;
}

/* Takes the first one that is due off the list, and names it as firing; NULL: none is. */
static struct timer *timer_take(struct timerq *tq, uint64_t now)
{
	uint64_t flags = spin_lock_irqsave(&tq->lock);
	struct timer *t = TAILQ_FIRST(&tq->armed);

	if (t && t->at <= now)
		take_off(tq, t);
	else
		t = NULL;
	tq->firing = t;
	spin_unlock_irqrestore(&tq->lock, flags);
	return t;
}

void timer_expire(struct timerq *tq)
{
	uint64_t now = arch_clock_ns();
	struct timer *t;

	while ((t = timer_take(tq, now)))
		t->fn(t);
}

uint64_t timer_next(struct timerq *tq)
{
	uint64_t flags = spin_lock_irqsave(&tq->lock);
	const struct timer *t = TAILQ_FIRST(&tq->armed);
	uint64_t ns = t ? t->at : 0;

	spin_unlock_irqrestore(&tq->lock, flags);
	return ns;
}
