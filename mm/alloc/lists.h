/*
 * The lists of pages that may be reclaimed, as mechanism: who is on them, and how a page gets on
 * and off. In what order they stand is the policy's (policy.h), which is told of
 * everything under lists_lock (RANK_LISTS).
 *
 * As long as memory has never been short nobody keeps lists: a page costs one look at
 * lists_on. The first shortage turns it on, waits for a grace period, and goes
 * through all frames once. From then on a new page is noted in a batch of its CPU
 * (PG_BATCH) and gets to the policy with the batch.
 *
 * A batch holds no reference. A page that is freed meanwhile loses PG_BATCH, or, on a list,
 * is taken off (PG_LRU): page_free sees either, and calls lists_forget. A batch passes over
 * pages without PG_BATCH; one that has been freed and noted again is a page like any other.
 */
#ifndef MM_ALLOC_LISTS_H
#define MM_ALLOC_LISTS_H

#include <mm/alloc/page.h>
#include <mm/alloc/policy.h>

extern bool lists_on;

void lists_note(struct page *p);
/* p, anonymous or an object's, has just become somebody's: mapped for the first time, or in an index. */
static inline void lists_new(struct page *p)
{
	if (unlikely(READ_ONCE(lists_on)))
		lists_note(p);
}
/* p, without references, is about to be free. */
void lists_forget(struct page *p);

#endif
