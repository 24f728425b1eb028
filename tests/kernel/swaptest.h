/*
 * Swap for suites that need no device: an area of slots, and pages that go as far as
 * its cache.
 */
#ifndef TESTS_KERNEL_SWAPTEST_H
#define TESTS_KERNEL_SWAPTEST_H

#include <kernel/core/grace.h>
#include <lib/ktest.h>
#include <mm/alloc/busy.h>
#include <mm/alloc/slots.h>
#include <mm/pt/rmap.h>

static unsigned st_device;

static inline void st_begin(void)
{
	int n = slot_area_add(4096, 0);

	EXPECT(n >= 0);
	st_device = (unsigned)n;
	slot_area_start(st_device);
}

static inline void st_end(void)
{
	slot_area_stop(st_device);
	EXPECT_EQ(slots_free(), slots_total());
	slot_area_remove(st_device);
	grace_wait();
	slot_area_free(st_device);
}

/* All of p's entries name a slot of swap now. p keeps a reference of the caller, if it goes. */
static __attribute__((noinline, unused)) bool st_out(struct page *p)
{
	struct reclaim_gather r;
	bool done;
	swp_t s;

	page_get(p);
	EXPECT(page_trylock(p));
	EXPECT(slot_alloc(p, &s));
	reclaim_gather_init(&r);
	done = rmap_unmap(p, s, &r);
	reclaim_gather_flush(&r);
	if (!done)
		EXPECT(slot_uncache(p, 0));
	page_unlock(p);
	page_put(p);
	return done;
}

#endif
