/*
 * The ways from a block to its huge leaves (rmap.h): accessed and dirty bits, and the split of all of them.
 *
 * A leaf is found in the block's list, and split under its table's lock, which is
 * outer to the block's: so it is looked at again there. A table that has died meanwhile stays one
 * until a grace period is over, and nobody sleeps here.
 *
 * Locks: the block's, or a leaf's table and what a split takes.
 */
#include <mm/alloc/block.h>
#include <mm/pt/huge.h>
#include <mm/pt/rmap.h>
#include <mm/pt/table.h>

#define TRIES		16u		/* looks for a leaf that is on its way elsewhere */

/* Is `fn` true of any leaf? It is called for all. */
static bool look_at_leaves(struct page *head, bool (*fn)(pte_t *slot, const struct page *p))
{
	bool any = false;

	block_lock(head);
	for (pte_t *slot = leaf_next(head, NULL); slot; slot = leaf_next(head, slot))
		any |= fn(slot, head);
	block_unlock(head);
	return any;
}

bool rmap_block_young(struct page *head)
{
	return look_at_leaves(head, take_young);
}

bool rmap_block_dirty(struct page *head)
{
	return look_at_leaves(head, look_dirty);
}

static pte_t *some_leaf(const struct page *head)
{
	pte_t *slot;

	block_lock(head);
	slot = leaf_next(head, NULL);
	block_unlock(head);
	return slot;
}

/*
 * The table of a leaf is not shared: its upper entry gets W, since what comes to stand below
 * may be written to. (Who takes W away holds t's lock, too.)
 */
static void make_writable(const struct page *t)
{
	__atomic_fetch_or(&t->owner_slot->v, PTE_W, __ATOMIC_RELAXED);
}

/* 0: *slot names head, and is a table now, *t; 1: it does not (any more); -1: its table is shared. */
static int split_at(pte_t *slot, const struct page *head, struct page *t, struct reclaim_gather *r)
{
	struct page *upper = virt_to_page(slot);
	int result = 1;

	spin_lock(&upper->lock);
	if (!upper->dead && entry_names(pte_read(slot), head)) {
		result = upper->shared ? -1 : 0;
		if (!result) {
			make_writable(upper);
			leaf_split(upper, slot, t);
			table_note(upper, slot_index(slot), r);
		}
	}
	spin_unlock(&upper->lock);
	return result;
}

bool rmap_split(struct page *head, struct reclaim_gather *r)
{
	unsigned tries = 0;
	int result = 0;
	pte_t *slot;

	while (result >= 0 && tries++ < TRIES && some_leaf(head)) {
		struct page *t = table_alloc(ALLOC_RESERVE);

		if (!t)
			return false;
		slot = some_leaf(head);
		result = slot ? split_at(slot, head, t, r) : 1;
		if (result)
			page_free(t, 0);
		else
			tries = 0;
	}
	return !some_leaf(head);
}

bool rmap_shared_leaf(struct page *head, struct aspace **as, vaddr_t *va)
{
	pte_t *slot = some_leaf(head);
	struct page *upper;
	bool found;

	if (!slot)
		return false;
	upper = virt_to_page(slot);
	spin_lock(&upper->lock);
	found = !upper->dead && upper->shared && entry_names(pte_read(slot), head);
	if (found) {
		*as = upper->as;
		*va = upper->base + slot_index(slot) * LEVEL_SIZE(2);
		aspace_pin(*as);
	}
	spin_unlock(&upper->lock);
	return found;
}
