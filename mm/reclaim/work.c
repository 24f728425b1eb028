/*
 * What all who reclaim do together. Who looks for pages in vain does so for all: what others have looked at
 * since he began, and freed next to nothing of, he need not look at again. Candidates come
 * round in turn, so SHRINK_ROUNDS times as many looks as there are pages, by whoever, are
 * SHRINK_ROUNDS looks at each. Those that spare used pages do not count.
 */
#include <mm/reclaim/shrink.h>
#include <kernel/core/thread.h>
#include <mm/alloc/stat.h>

#define FEW	(SHRINK_ROUNDS << 10)	/* one page freed for so many looked at is as good as none */

static uint64_t looked;			/* at pages, whether they were used or not; atomic */

void shrink_count_looks(uint64_t n)
{
	__atomic_fetch_add(&looked, n, __ATOMIC_RELAXED);
}

uint64_t reclaim_freed(void)
{
	return vm_event_sum(PGSTEAL_KSWAPD) + vm_event_sum(PGSTEAL_DIRECT);
}

struct shrink_work shrink_work(void)
{
	return (struct shrink_work){ .looked = READ_ONCE(looked), .freed = reclaim_freed() };
}

bool shrink_gains(const struct shrink_work *begin)
{
	struct shrink_work now = shrink_work();

	return now.freed - begin->freed > (now.looked - begin->looked) / FEW;
}

bool shrink_is_vain(const struct shrink_work *begin, uint64_t looks)
{
	if (READ_ONCE(current_thread()->reserve))
		return true;
	return READ_ONCE(looked) - begin->looked >= looks && !shrink_gains(begin);
}
