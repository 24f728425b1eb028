/* What kswapd.c and direct.c have of each other, and of the shrink loop. */
#ifndef MM_RECLAIM_SHRINK_H
#define MM_RECLAIM_SHRINK_H

#include <mm/reclaim/reclaim.h>

/*
 * Frees about `want` pages; how many it was. For kswapd, or for who needs them (direct). Less: each page was
 * looked at several times, by the caller or by all who look meanwhile. No lock held; may sleep.
 */
uint64_t shrink(uint64_t want, bool direct);

/* ---- what all do together (work.c) ---- */

#define SHRINK_ROUNDS	3u	/* each page is looked at as often, then nothing can be had */

/* What all who reclaim have done so far: pages looked at whether used or not, pages freed. */
struct shrink_work {
	uint64_t looked, freed;
};
struct shrink_work shrink_work(void);
/* Has what was done since `begin` freed some, for the pages that were looked at? */
bool shrink_gains(const struct shrink_work *begin);
/* No: after so many looks. Or it is not needed: who asks may use the reserve. */
bool shrink_is_vain(const struct shrink_work *begin, uint64_t looks);
/* The caller has looked at n pages. */
void shrink_count_looks(uint64_t n);

/*
 * Looks at a block of huge leaves (blocks.c), the oldest that is charged to a memory limit (0: to any or none); asks: it
 * stays if it was used since the last look. How many pages of it are free now. As shrink.
 */
uint64_t shrink_block(uint16_t limit, bool asks);
/* kswapd has freed some, or found nothing: who waits for it goes on, or looks for himself. */
void reclaim_relieve(bool found);

#endif
