/*
 * Direct reclaim: who needs memory and gets none looks for some himself, at the top of the fault
 * path and of system calls, where he holds no lock, and starts again.
 */
#include <mm/reclaim/shrink.h>
#include <kernel/core/thread.h>
#include <lib/lock.h>
#include <mm/alloc/stat.h>

#define WANT		32u		/* pages: as many as the allocator takes at once */
#define TRIES		8u		/* then somebody else gets all that is freed */

uint64_t reclaim_direct(uint64_t want)
{
	vm_count(ALLOCSTALL, 1);
	page_drain();
	return shrink(want, true);
}

bool reclaim_retry(unsigned *tries)
{
	struct thread *t = current_thread();

	if (!t->starved)
		return false;
	t->starved = false;
	return ++*tries <= TRIES && reclaim_direct((uint64_t)WANT << *tries / 2) > 0;
}

struct page *page_alloc_wait(unsigned order, enum page_kind kind, unsigned flags)
{
	unsigned tries = 0;
	struct page *p;

	lock_assert_none_from(RANK_MM);
	do
		p = page_alloc(order, kind, flags);
	while (!p && reclaim_retry(&tries));
	return p;
}
