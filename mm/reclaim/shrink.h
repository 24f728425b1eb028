/* What kswapd.c and direct.c have of each other, and of the shrink loop. */
#ifndef MM_RECLAIM_SHRINK_H
#define MM_RECLAIM_SHRINK_H

#include <mm/reclaim/reclaim.h>

/* Frees about `want` pages; how many it was. For kswapd, or for who needs them (direct). No lock held; may sleep. */
uint64_t shrink(uint64_t want, bool direct);
/*
 * Looks at a block of huge leaves (blocks.c), the oldest that is charged to a memory limit (0: to any or none); asks: it
 * stays if it was used since the last look. How many pages of it are free now. As shrink.
 */
uint64_t shrink_block(uint16_t limit, bool asks);
/* kswapd has freed some, or found nothing: who waits for it goes on, or looks for himself. */
void reclaim_relieve(bool found);

#endif
