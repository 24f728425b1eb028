/*
 * Getting memory back: the reclaim thread (kswapd.c) from the low watermark to the
 * high one, and whoever needs a page and gets none, for himself (direct reclaim).
 */
#ifndef MM_RECLAIM_RECLAIM_H
#define MM_RECLAIM_RECLAIM_H

#include <mm/alloc/page.h>
#include <mm/alloc/policy.h>

/*
 * Frees about `want` pages. How many it was; 0: nothing can be had (out of memory). At the top of the
 * fault path and of system calls: no lock held; may sleep.
 */
uint64_t reclaim_direct(uint64_t want);
/* page_alloc for who may wait for memory: reclaims, again and again, until there is some or nothing to be had (NULL). */
struct page *page_alloc_wait(unsigned order, enum page_kind kind, unsigned flags);
/* At boot: which policy the option reclaim= names. From then on policy_chosen() is that one. */
void policy_init(void);
const struct policy *policy_chosen(void);
/* All of them, by number; NULL past the last. */
const struct policy *policy_nth(unsigned i);
/* Starts kswapd. */
void reclaim_init(void);

#endif
