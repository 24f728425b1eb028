/* What kswapd.c and direct.c have of each other, and of the shrink loop. */
#ifndef MM_RECLAIM_SHRINK_H
#define MM_RECLAIM_SHRINK_H

#include <mm/reclaim/reclaim.h>

/* Frees about `want` pages; how many it was. For kswapd, or for who needs them (direct). No lock held; may sleep. */
uint64_t shrink(uint64_t want, bool direct);
/*
 * Looks at n blocks of huge leaves (blocks.c), the oldest, charged to a memory limit (0: to any or none). How many
 * pages of them are free now. As shrink.
 */
uint64_t shrink_blocks(unsigned n, uint16_t limit);
/* kswapd has freed some, or found nothing: who waits for it goes on, or looks for himself. */
void reclaim_relieve(bool found);

#endif
