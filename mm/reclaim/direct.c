/*
 * Direct reclaim: who needs memory and gets none, at the top of the fault path and of system
 * calls, where he holds no lock, sees to it that there is some, and starts again.
 *
 * First he waits for kswapd, as who allocates does in the BSDs: it is at work by then, and frees as much
 * in one go as many of them need. So whoever allocates faster than kswapd frees is slowed
 * down to its pace. Where it finds nothing, or does not get to run, he looks for himself.
 *
 * When is memory out? Each failure of the same fault or call is a try, and tries are weighed by what
 * all who reclaim have done together since it began (work.c):
 *
 *	gain	a page was freed for every FEW that were looked at, by whoever: what one frees
 *		another may get, and what one finds busy is on its way out by another's hand.
 *		Memory is not out as long as pages are freed at such a rate
 *	vain	it was less, after SHRINK_ROUNDS looks at each page, used or not. A page now and
 *		then is no gain: somebody has just given it back, and it is gone already.
 *		PATIENCE / FRUITLESS such tries, and memory is out
 *
 * It does not matter who looked: where many want memory and there is none, their looks add up, and all know
 * after SHRINK_ROUNDS looks at each page, not after as many of each of them. So from the last gain to
 * the OOM killer it is some SHRINK_ROUNDS * PATIENCE / FRUITLESS looks at each page, however many want memory.
 *
 * Locks: relief.lock around `hope`.
 */
#include <mm/reclaim/shrink.h>
#include <kernel/core/clock.h>
#include <kernel/core/thread.h>
#include <kernel/core/wait.h>
#include <mm/alloc/stat.h>

#define WANT		32u		/* pages: as many as the allocator takes at once */
#define WAIT_NS		(20 * NS_PER_MS)	/* for kswapd */
#define PATIENCE	1024u		/* tries that were worth something, ... */
#define FRUITLESS	64u		/* ... of which one that was not counts for so many */

static struct waitq relief = WAITQ_INIT(relief);	/* who waits for kswapd */
static bool hope;			/* it freed something when it last tried; relief.lock */

uint64_t reclaim_direct(uint64_t want)
{
	vm_count(ALLOCSTALL, 1);
	page_drain();
	return shrink(want, true);
}

void reclaim_relieve(bool found)
{
	uint64_t irq = waitq_lock(&relief);

	hope = found;
	waitq_wake_all(&relief);
	waitq_unlock(&relief, irq);
}

static bool is_room(void)
{
	return page_buddy_count() >= page_min_mark() + WANT;
}

/* True: kswapd has made room. */
static bool wait_for_kswapd(void)
{
	uint64_t irq = waitq_lock(&relief), deadline = arch_clock_ns() + WAIT_NS;
	int err = 0;

	while (hope && !is_room() && !err)
		err = waitq_sleep_until(&relief, &irq, deadline);
	waitq_unlock(&relief, irq);
	return is_room();
}

bool reclaim_go_on(unsigned *tries, bool gain)
{
	++*tries;
	if (!gain) {
		*tries += FRUITLESS - 1;
		sleep_ns(NS_PER_MS);
	}
	return *tries < PATIENCE;
}

bool reclaim_try(unsigned *tries, uint64_t want)
{
	struct shrink_work begin = shrink_work();

	reclaim_direct(want);
	return reclaim_go_on(tries, shrink_gains(&begin));
}

bool reclaim_retry(unsigned *tries)
{
	struct thread *t = current_thread();
	bool room = is_room();

	if (!t->starved)
		return false;
	t->starved = false;
	if (room ? *tries == 0 : wait_for_kswapd()) {
		vm_count(ALLOCWAIT, 1);
		return ++*tries < PATIENCE;
	}
	return reclaim_try(tries, WANT);
}
