/*
 * Reclaim of blocks that huge leaves map (mm/alloc/block.h).
 *
 * They stand in a queue of their own. The oldest is looked at: if it was used since the last
 * look it goes behind the others; else all of its leaves become tables, and its pages go at once,
 * one behind the other, as far as they can. So what is written out is as a rule one run of slots.
 *
 * The pages of a mixed block are somebody's small ones as well, which may be in use: they get on the
 * lists as new ones. What MADV_FREE gave up, and nobody has written since, goes without swap. A block that is
 * locked or held stays. Leaves in a table that a fork shares are first made single
 * by who knows the owners (mm/vm/unshare.c).
 */
#include <mm/alloc/block.h>
#include <mm/alloc/slots.h>
#include <mm/pt/rmap.h>
#include <mm/reclaim/reclaim.h>
#include <mm/reclaim/shrink.h>

#define PART		32u		/* pages at once */

bool (*reclaim_unshare)(struct aspace *as, vaddr_t va);

/* If a leaf is locked, each page is. */
static bool is_locked(const struct page *head)
{
	const struct page *end = head + (block_is_whole(head) ? 1 : BLOCK_PAGES);

	for (const struct page *p = head; p < end; p++)
		if (!READ_ONCE(p->nlocked))
			return false;
	return true;
}

/* A whole one: held by our reference besides its leaves'. */
static bool may_go(const struct page *head)
{
	return !is_locked(head) && (!block_is_whole(head) || READ_ONCE(head->refs) == READ_ONCE(head->slots) + 1);
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

static bool split_leaves(struct page *head)
{
	struct reclaim_gather r;
	bool done;

	reclaim_gather_init(&r);
	done = rmap_split(head, &r);
	reclaim_gather_flush(&r);
	return done;
}

/* All of its leaves become tables. */
static bool split(struct page *head)
{
	bool done = split_leaves(head), go_on = true;
	struct aspace *as;
	vaddr_t va;

	while (!done && go_on && rmap_shared_leaf(head, &as, &va)) {
		go_on = reclaim_unshare(as, va);
		done = go_on && split_leaves(head);
	}
	return done;
}

static bool was_used(struct page *head)
{
	bool used = rmap_block_young(head);

	block_used(head, used);
	return used;
}

/* Given up by MADV_FREE, and not written since: no swap is needed. */
static bool is_lazy(struct page *head)
{
	if (!(READ_ONCE(head->flags) & PG_LAZYFREE))
		return false;
	if (!rmap_block_dirty(head))
		return true;
	block_lazy(head, false);
	return false;
}

/* The reference is taken over. */
static uint64_t look_at(struct page *head, bool asks)
{
	bool whole = block_is_whole(head);

	if (may_go(head) && (is_lazy(head) || READ_ONCE(slots_on)) && !(asks && was_used(head)) &&
	    split(head) && whole)
		return reclaim_parts(head);
	block_put(head);
	return 0;
}

uint64_t shrink_block(uint16_t limit, bool asks)
{
	struct page *head = block_oldest(limit);

	return head ? look_at(head, asks) : 0;
}

void reclaim_block(struct page *head)
{
	look_at(head, false);
}

void reclaim_cool_block(struct page *head)
{
	was_used(head);
	block_cool(head);
	block_put(head);
}
