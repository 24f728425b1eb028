/* How many ways lead to a page or a swap slot; see ways.h. */
#include <mm/vm/ways.h>
#include <kernel/core/thread.h>
#include <mm/alloc/slots.h>
#include <mm/pt/pt.h>
#include <mm/vm/mms.h>
#include <mm/vm/vma.h>

#define BLOCK_KEYS	(1ul << 40)	/* above all frame numbers */

/* Where the ways more to a page are noted, and those to a block by its huge leaves. */
static uint64_t page_key(const struct page *p)
{
	return page_to_pfn(p).v;
}

static uint64_t block_key(const struct page *p)
{
	return BLOCK_KEYS | page_to_pfn(p).v >> ORDER_HUGE;
}

/* n ways more to i. 0 or -ENOMEM. */
static int add_ways(struct radix *more, uint64_t i, uintptr_t n)
{
	n += (uintptr_t)radix_remove(more, i);
	return radix_insert(more, i, (void *)n);
}

/* Entry e of a shared table of that level, with `others` besides the first owner. */
static int entry_ways(pte_t e, unsigned level, unsigned others, struct ways *more)
{
	const struct page *p = leaf_page(e, level);

	if (p && (more->all || READ_ONCE(p->slots) > 1))
		return add_ways(&more->page, level == 1 ? page_key(p) : block_key(p), others);
	if (pte_kind(e, level) == PTE_SWAP && slot_count(pte_swp(e)) > 1)
		return add_ways(&more->slot, pte_swp(e).v, others);
	return 0;
}

/*
 * Of what as has for the 2 MB at va, if the table that it stands in is shared and as is its
 * first owner: of the pages of a last-level table, or of the block of a huge leaf.
 */
static int table_ways(struct aspace *as, vaddr_t va, struct ways *more)
{
	struct cursor c;
	int err = 0;

	cursor_find(&c, as, va, 1);
	if (c.level <= 2 && c.table->shared && c.table->as == as && (c.level == 2 || c.table->base == va)) {
		unsigned owners = pt_table_owners(c.table);

		do
			err = entry_ways(cursor_get(&c), c.level, owners - 1, more);
		while (!err && c.level == 1 && cursor_next(&c));
	}
	cursor_close(&c);
	return err;
}

static int aspace_ways(struct mm *mm, struct ways *more)
{
	vaddr_t done = 0;
	int err = 0;

	read_lock(&mm->lock);
	for (struct vma *v = vma_first(mm); v && !err && mm->as.shares; v = vma_next(v)) {
		vaddr_t va = MAX(ALIGN_DOWN(v->start, LEVEL_SIZE(2)), done);

		for (; va < v->end && !err; va += LEVEL_SIZE(2))
			err = table_ways(&mm->as, va, more);
		done = va;
	}
	read_unlock(&mm->lock);
	return err;
}

int ways_find(struct ways *more)
{
	int err = 0;

	for (struct mm *mm = mm_next(NULL); mm; mm = mm_next(mm)) {
		if (!err)
			err = aspace_ways(mm, more);
		resched_point();
	}
	return err;
}

static void empty(struct radix *more)
{
	for (uint64_t i = 0; radix_next(more, &i);)
		radix_remove(more, i);
}

void ways_drop(struct ways *more)
{
	empty(&more->page);
	empty(&more->slot);
}

uint64_t ways_more(const struct page *p, const struct ways *more)
{
	uint64_t ways = (uintptr_t)radix_get(&more->page, page_key(p));

	if (p->order || READ_ONCE(p->flags) & PG_MIXED)
		ways += (uintptr_t)radix_get(&more->page, block_key(p));
	return ways;
}

uint64_t ways_to_page(const struct page *p, unsigned owners, const struct ways *more)
{
	uint64_t slots = READ_ONCE(p->slots);

	return slots <= 1 ? owners : slots + ways_more(p, more);
}

uint64_t ways_to_slot(swp_t s, unsigned owners, const struct ways *more)
{
	uint64_t entries = slot_count(s);

	return entries > 1 ? entries + (uintptr_t)radix_get(&more->slot, s.v) : owners;
}
