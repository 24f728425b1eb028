/*
 * PG_BUSY: the sleeping lock of one page (RANK_PAGE_BUSY). Held by whoever fills it, maps it from an object,
 * takes it out of an index or a swap cache, or reclaims it. Who waits has a reference. Reclaim only tries.
 */
#ifndef MM_ALLOC_BUSY_H
#define MM_ALLOC_BUSY_H

#include <lib/assert.h>
#include <mm/alloc/page.h>

static inline bool __must_check page_trylock(struct page *p)
{
	return !(__atomic_fetch_or(&p->flags, PG_BUSY, __ATOMIC_ACQUIRE) & PG_BUSY);
}
/* Sleeps until p, referenced by the caller, is not busy. No spinlock held. */
void page_wait_busy(struct page *p);
void page_wake_busy(struct page *p);
/* Sleeps until it is the caller's. */
void page_lock(struct page *p);

static inline void page_unlock(struct page *p)
{
	uint32_t was = __atomic_fetch_and(&p->flags, ~(PG_BUSY | PG_WAITERS), __ATOMIC_RELEASE);

	debug_assert(was & PG_BUSY);
	if (unlikely(was & PG_WAITERS))
		page_wake_busy(p);
}

#endif
