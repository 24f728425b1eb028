/* The shrink loop, for kswapd.c and direct.c. */
#ifndef MM_RECLAIM_SHRINK_H
#define MM_RECLAIM_SHRINK_H

#include <mm/reclaim/reclaim.h>

/* Frees about `want` pages; how many it was. For kswapd, or for who needs them (direct). No lock held; may sleep. */
uint64_t shrink(uint64_t want, bool direct);

#endif
