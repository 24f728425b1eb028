/*
 * Movable and unmovable frames kept apart, in blocks of 2 MB (pageblocks).
 *
 * What a program has mapped can be moved elsewhere, since all that name it are known; tables, slabs and
 * the kernel's own pages cannot. One such page alone in 2 MB keeps a huge page from ever being made
 * there. So each pageblock has a type: what may lie in it as long as there is room elsewhere.
 *
 *	- A pageblock that is free as a whole is movable: it is nobody's.
 *	- Unmovable frames are taken from unmovable pageblocks. If these have none, a movable one is
 *	  taken over, a free one where there is one; else the one with the largest free
 *	  block, if no more than half of it is somebody's who can be moved.
 *	- Movable frames are taken from unmovable pageblocks only when there are no others.
 *	- Where memory was not given to the allocator as a whole pageblock (beside the image, holes) it is
 *	  unmovable from the start.
 *
 * So the types separate nothing by force: every free frame can be had for anything.
 *
 * Gorman and Whitcroft, "The What, The Why and the Where To of Anti-Fragmentation", OLS 2006.
 */
#ifndef MM_ALLOC_PAGEBLOCK_H
#define MM_ALLOC_PAGEBLOCK_H

#include <mm/alloc/page.h>

#define PAGEBLOCK_ORDER		ORDER_HUGE
#define PAGEBLOCK_FRAMES	(1ul << PAGEBLOCK_ORDER)

/* Of each pageblock, by number; the zone's lock to change, racy reads are guesses. */
extern uint8_t *pageblock_types;

static inline enum page_mobility kind_mobility(enum page_kind kind)
{
	return kind >= PAGE_ANON ? PAGES_MOVABLE : PAGES_UNMOVABLE;
}

static inline enum page_mobility pageblock_type(const struct page *p)
{
	return READ_ONCE(pageblock_types[page_to_pfn(p).v >> PAGEBLOCK_ORDER]);
}

/* Of all pageblocks in the block of that order (PAGEBLOCK_ORDER or more) that p heads. zone.lock. */
void pageblock_set(const struct page *p, unsigned order, enum page_mobility type);
/* At boot, before early_close: a type for every frame of RAM, unmovable so far. */
void pageblock_init(void);
/* How many pageblocks have each type. */
void pageblock_count(uint64_t n[PAGE_MOBILITIES]);

#endif
