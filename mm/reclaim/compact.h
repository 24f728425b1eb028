/*
 * Compaction: free memory that lies scattered is made large blocks by moving what lies between
 * (compact.c has the theory).
 */
#ifndef MM_RECLAIM_COMPACT_H
#define MM_RECLAIM_COMPACT_H

#include <mm/alloc/page.h>

/*
 * For who needs a block of that order (>= ORDER_HUGE) and got none: makes one. True: there was one when it
 * returned. Often said no to at once, where it has failed lately. No lock held; may sleep.
 */
bool compact_direct(unsigned order);
/* All that can be had. No lock held; may sleep. */
void compact_memory(void);
/* page_alloc for who would rather wait than not get it: compacts, and reclaims. NULL: it cannot be had. No lock held; may sleep. */
struct page *page_alloc_compact(unsigned order, enum page_kind kind, unsigned flags);
/* Is less than half of what is free in blocks that a huge page fits in, and is there room for moving? */
bool compact_is_worthwhile(void);
/* At boot. */
void compact_init(void);

/* Wakes kcompactd, which compacts if that is worth while. No spinlock from RANK_WAITQ on held. */
void compact_wake(void);
/* Sleeps until somebody has called compact_wake since. */
void compact_wait_asked(void);
/* Starts kcompactd. */
void kcompactd_init(void);

#endif
