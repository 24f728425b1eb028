/*
 * Getting memory back: the reclaim thread (kswapd.c) from the low watermark to the
 * high one, and whoever needs a page and gets none, for himself (direct reclaim).
 */
#ifndef MM_RECLAIM_RECLAIM_H
#define MM_RECLAIM_RECLAIM_H

#include <mm/alloc/page.h>

/*
 * Frees about `want` pages. How many it was; 0: nothing can be had (out of memory). At the top of the
 * fault path and of system calls: no lock held; may sleep.
 */
uint64_t reclaim_direct(uint64_t want);
/* page_alloc for who may wait for memory: reclaims, again and again, until there is some or nothing to be had (NULL). */
struct page *page_alloc_wait(unsigned order, enum page_kind kind, unsigned flags);
/* Starts kswapd. */
void reclaim_init(void);

#endif
