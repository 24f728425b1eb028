/*
 * Per-CPU stacks of free frames in front of the buddy: the last frame freed,
 * still in the cache, is the next one allocated, and the zone's lock is taken
 * once for a batch.
 *
 * No lock and no masked interrupts: a stack belongs to its CPU, the kernel is
 * not preemptible, interrupt handlers do not allocate, and nothing here waits.
 * A frame on a stack is PAGE_PERCPU; the buddy does not merge with it. There is a stack of movable frames
 * and one of unmovable ones (pageblock.h).
 *
 * Bonwick and Adams, "Magazines and Vmem", USENIX 2001, for the idea.
 */
#include <mm/alloc/internal.h>
#include <lib/assert.h>
#include <lib/string.h>

struct pcp pcps[MAX_CPUS][PAGE_MOBILITIES];

bool pcp_refill(struct pcp *pcp, enum page_mobility type, bool reserve)
{
	assert(pcp->count == 0);
	pcp->count = buddy_alloc_batch(pcp->page, PCP_BATCH, type, reserve);
	pcp->refills++;
	page_wake_reclaim();
	return pcp->count;
}

void pcp_drain(struct pcp *pcp, unsigned n)
{
	assert(n <= pcp->count);
	buddy_free_batch(pcp->page, n);
	pcp->count -= n;
	memmove(pcp->page, pcp->page + n, pcp->count * sizeof(pcp->page[0]));
	pcp->drains++;
}

void page_drain(void)
{
	debug_assert(this_cpu()->irq_depth == 0);
	for (unsigned type = 0; type < PAGE_MOBILITIES; type++) {
		struct pcp *pcp = this_pcp(type);

		if (pcp->count)
			pcp_drain(pcp, (unsigned)pcp->count);
	}
}
