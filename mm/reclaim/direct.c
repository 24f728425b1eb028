/*
 * Direct reclaim: who needs memory and gets none looks for some himself, at the top of the fault
 * path and of system calls, where he holds no lock, and starts again.
 */
#include <mm/reclaim/shrink.h>
#include <kernel/core/clock.h>
#include <kernel/core/thread.h>
#include <kernel/core/wait.h>
#include <lib/lock.h>
#include <mm/alloc/stat.h>

#define WANT		32u		/* pages: as many as the allocator takes at once */
#define PATIENCE	256u		/* tries that were worth something, ... */
#define FRUITLESS	16u		/* ... of which one that was not counts for so many */

uint64_t reclaim_direct(uint64_t want)
{
	vm_count(ALLOCSTALL, 1);
	page_drain();
	return shrink(want, true);
}

static uint64_t stolen(void)
{
	return vm_event_sum(PGSTEAL_KSWAPD) + vm_event_sum(PGSTEAL_DIRECT);
}

/*
 * As long as anybody frees pages, memory is not out: what one frees another may get, and
 * what one finds busy is on its way out by another's hand.
 */
bool reclaim_retry(unsigned *tries)
{
	struct thread *t = current_thread();
	uint64_t before = stolen();

	if (!t->starved)
		return false;
	t->starved = false;
	++*tries;
	if (!reclaim_direct(WANT) && stolen() == before) {
		*tries += FRUITLESS - 1;
		sleep_ns(NS_PER_MS);
	}
	return *tries < PATIENCE;
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
