/*
 * Waiting for PG_BUSY. Sleepers wait in one of a few queues, by frame number: they set PG_WAITERS under
 * its lock, and whoever clears PG_BUSY and saw it wakes all of that queue. (The mark may stay
 * behind where nobody sleeps: it costs the next one a look.) The queues belong to no object, so
 * that the object of a page may be gone as soon as the page is not busy.
 */
#include <mm/alloc/busy.h>
#include <kernel/core/wait.h>

#define QUEUES	16u		/* a power of two */

static struct waitq queues[QUEUES] = {
	[0 ... QUEUES - 1] = { .lock = SPINLOCK_INIT(RANK_WAITQ) },
};

/* Its lock taken, ready for use. */
static struct waitq *queue_lock(const struct page *p, uint64_t *irq)
{
	struct waitq *q = &queues[page_to_pfn(p).v % QUEUES];

	*irq = waitq_lock(q);
	if (!q->sleepers.tqh_last)
		TAILQ_INIT(&q->sleepers);
	return q;
}

void page_wait_busy(struct page *p)
{
	uint64_t irq;
	struct waitq *q = queue_lock(p, &irq);

	while (__atomic_fetch_or(&p->flags, PG_WAITERS, __ATOMIC_ACQUIRE) & PG_BUSY)
		waitq_sleep(q, &irq);
	waitq_unlock(q, irq);
}

void page_wake_busy(struct page *p)
{
	uint64_t irq;
	struct waitq *q = queue_lock(p, &irq);

	waitq_wake_all(q);
	waitq_unlock(q, irq);
}

void page_lock(struct page *p)
{
	while (!page_trylock(p))
		page_wait_busy(p);
}
