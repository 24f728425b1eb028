/*
 * Reclaim of blocks that huge leaves map (mm/alloc/block.h).
 *
 * They stand in a queue of their own. The oldest is looked at: if it was used since the last
 * look it goes behind the others; else all of its leaves become tables, and its pages go at once,
 * one behind the other, as far as they can. So what is written out is as a rule one run of slots.
 *
 * A block that is locked or held, or whose leaf lies in a table that a fork shares, stays.
 */
#include <mm/alloc/block.h>
#include <mm/alloc/slots.h>
#include <mm/pt/rmap.h>
#include <mm/reclaim/reclaim.h>
#include <mm/reclaim/shrink.h>

#define PART		32u		/* pages at once */

/* Held by our reference besides its leaves'. */
static bool may_go(const struct page *head)
{
	return !READ_ONCE(head->nlocked) && READ_ONCE(head->refs) == READ_ONCE(head->slots) + 1;
}

/* The references of the pages are given up. Returns how many are free now. */
static uint64_t reclaim_parts(struct page *head)
{
	struct page *part[PART];
	uint64_t freed = 0;

	for (unsigned i = 0; i < BLOCK_PAGES; i += PART) {
		for (unsigned k = 0; k < PART; k++)
			part[k] = &head[i + k];
		freed += reclaim_pages(part, PART);
	}
	return freed;
}

static uint64_t shrink_block(struct page *head)
{
	struct reclaim_gather r;
	bool split = false;

	if (may_go(head) && !rmap_block_young(head)) {
		reclaim_gather_init(&r);
		split = rmap_split(head, &r);
		reclaim_gather_flush(&r);
	}
	if (split)
		return reclaim_parts(head);
	block_put(head);
	return 0;
}

uint64_t shrink_blocks(unsigned n, uint16_t limit)
{
	uint64_t freed = 0;
	struct page *head;

	while (n-- && READ_ONCE(slots_on) && (head = block_oldest(limit)) != NULL)
		freed += shrink_block(head);
	return freed;
}
