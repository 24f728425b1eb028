/* What kswapd.c and direct.c have of each other, and of the shrink loop. */
#ifndef MM_RECLAIM_SHRINK_H
#define MM_RECLAIM_SHRINK_H

#include <mm/reclaim/reclaim.h>

/* Frees about `want` pages; how many it was. For kswapd, or for who needs them (direct). No lock held; may sleep. */
uint64_t shrink(uint64_t want, bool direct);
/* kswapd has freed some, or found nothing: who waits for it goes on, or looks for himself. */
void reclaim_relieve(bool found);

#endif
