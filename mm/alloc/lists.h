/*
 * The lists of pages that may be reclaimed, as mechanism: who is on them, and how a page gets on
 * and off. In what order they stand is the policy's (policy.h), which is told of
 * everything under lists_lock (RANK_LISTS).
 *
 * As long as memory has never been short nobody keeps lists: a page costs one look at
 * lists_on. The first shortage turns it on and goes through all frames once, with the other
 * CPUs parked. From then on a new page is noted in a batch of its CPU (PG_BATCH) and gets to
 * the policy with the batch.
 *
 * A page that reclaim cannot take as things are (locked, no swap) is left off, but known (PG_LEFT_OFF): it
 * can still be moved. It gets on the lists by being noted again, or when swap is turned on.
 *
 * Pages of mixed blocks stay off, unknown: their block stands in a queue of its own (block.h).
 *
 * A batch holds no reference. A page that is freed meanwhile loses PG_BATCH, or, on a list,
 * is taken off (PG_LRU): page_free sees either, and calls lists_forget. So a page that is seen with
 * either flag under lists_lock is what it was when it got it. Whoever finds PG_BATCH there may take the
 * page to the lists, whether it is in his batch or not; a batch passes over pages without.
 *
 * What the reclaim loop has taken for a closer look has neither flag, and a reference. It is
 * no concern of the policy's until it is judged or put back; if it is noted meanwhile
 * (a fault found it in the swap cache), it gets on the lists that way, and the loop sees that.
 */
#ifndef MM_ALLOC_LISTS_H
#define MM_ALLOC_LISTS_H

#include <mm/alloc/page.h>
#include <mm/alloc/policy.h>

#define PG_LISTED	(PG_LRU | PG_BATCH)
#define PG_KNOWN	(PG_LISTED | PG_LEFT_OFF)

extern bool lists_on;

void lists_note(struct page *p);
/*
 * p, anonymous or an object's, has just become somebody's: mapped for the first time, in an index,
 * or not locked any more. The caller keeps it from being freed. Nothing from RANK_LISTS on is held.
 */
static inline void lists_new(struct page *p)
{
	if (unlikely(READ_ONCE(lists_on)))
		lists_note(p);
}
/*
 * p, anonymous, in use, is given up by its owner (MADV_FREE): it may go without being swapped. Or it is not any
 * more, since it was written. The same locks as for lists_new.
 */
void lists_lazy(struct page *p, bool lazy);
/* p, without references, is about to be free, and has PG_KNOWN. */
void lists_forget(struct page *p);

/*
 * That a page was evicted is kept by a number (a shadow, as slots.h; never 0) in its place, and when
 * its content comes back as page `fresh` it tells the policy how long it was away.
 */
uint32_t lists_evicted(const struct page *p);
/* Before `fresh` is mapped or in an index. */
void lists_returns(struct page *fresh, uint32_t shadow);
/* How many pages were evicted since. */
uint32_t lists_distance(uint32_t shadow);

/* ---- for who reclaims ---- */

/*
 * From now on there are lists, by this policy: every page in use that is on none gets there. Later again, for
 * pages that were left off for want of swap. All other CPUs are parked.
 */
void lists_start(const struct policy *policy, uint64_t frames);
/* Up to n pages off the lists for a closer look, each with a reference; how many. swappiness: as for policies. */
unsigned lists_take(struct page **out, unsigned n, unsigned swappiness);
/*
 * The same of pages that are charged to that memory limit, by a clock hand of its own over all frames, which looks at no
 * more than *frames of them; *frames: how many it was.
 */
unsigned lists_take_charged(struct page **out, unsigned n, uint16_t limit, uint64_t *frames);
/* go[i]: page[i], used or not since the last look, shall go; else it is back on a list. */
void lists_judge(struct page *const *page, const bool *used, bool *go, unsigned n);
/*
 * For who moves pages (mm/reclaim/migrate.c): pages in use among the frames [*at, end), which all are RAM, off the lists with a
 * reference, up to n; how many. *at: where to go on.
 */
unsigned lists_isolate(uint64_t *at, uint64_t end, struct page **out, unsigned n);
/* to, in which the content of `from`, taken off like that, is now, stands for it; the two may be one. */
void lists_moved(struct page *from, struct page *to);
/* They cannot go. */
void lists_putback(struct page *const *page, unsigned n);
/* p, off the lists and referenced, is left off until it is noted again. */
void lists_leave_off(struct page *p);
/*
 * The same of those that must stay whatever the policy thinks of them (no slot is free): they count as used, but
 * for active ones, which would be looked at again and again before the others.
 */
void lists_keep(struct page *const *page, unsigned n);
/* The same for pages that are chosen already, and referenced. */
void lists_take_off(struct page *const *page, unsigned n);
/* p, referenced, counts as one that is not in use (MADV_COLD). */
void lists_cool(struct page *p);
/* What waits in the batches of all CPUs gets on the lists. */
void lists_drain(void);
/* [file]; pages on the lists, active ones of them; what came back, and of it at once active. */
struct lists_figures {
	uint64_t listed[2], active[2], refault[2], refault_active[2];
	uint64_t activate, deactivate;	/* pages that became active, or are no longer, when judged */
	uint64_t refill;		/* active ones looked at */
};
void lists_figures(struct lists_figures *f);
/* PG_LRU is on exactly the pages that are on a list, each once: NULL, or a text. At rest. */
const char *lists_verify(void);

#endif
