/*
 * MADV_FREE: the program does not need what is there, and may write something else at any time. A page that only
 * this address space has counts as not written from now on, and is marked: until it is
 * written again reclaim may take it without swapping it (mm/pt/rmap.h), and then zeros are there. What is
 * in swap goes at once. What others have as well (by a fork) stays what it is, as on Linux. A huge page is given up as a
 * whole, or split if it lies across an end.
 *
 * Who writes by a translation that still says "written" would not be seen: so the range is
 * flushed before the call ends.
 *
 * Locks: mm.lock for reading, by the caller; one table.
 */
#include <mm/vm/map.h>
#include <kernel/core/thread.h>
#include <mm/alloc/lists.h>
#include <mm/alloc/slots.h>
#include <mm/alloc/stat.h>
#include <mm/pt/huge.h>
#include <mm/pt/leaf.h>

/* The cursor's entry, in a table that nobody shares. */
static void free_entry(struct cursor *c, struct gather *g)
{
	pte_t e = cursor_get(c);
	enum pte_kind kind = pte_kind(e, 1);
	struct page *p = pfn_to_page(pte_pfn(e));
	bool full;

	if (kind == PTE_SWAP) {
		cursor_clear(c, g, &full);
	} else if (kind == PTE_PRESENT || kind == PTE_NOACCESS) {
		if (e.v & PTE_SPECIAL || !page_is_own(p))
			return;
		cursor_clear_dirty(c, g);
		lists_lazy(p, true);
		vm_count(PGLAZYFREE, 1);
	}
}

/* From the cursor on, up to end, in its table. */
static void free_entries(struct cursor *c, vaddr_t end, struct gather *g)
{
	if (c->level > 1 || c->table->shared)
		return;
	do
		free_entry(c, g);
	while (c->va + PAGE_SIZE < end && cursor_next(c));
}

static void free_block(struct cursor *c, struct page *head, struct gather *g)
{
	if (!block_is_own(head))
		return;
	cursor_clear_dirty(c, g);
	block_lazy(head, true);
	vm_count(PGLAZYFREE, BLOCK_PAGES);
}

/* The table, or huge leaf, that va lies in. False: the leaf is to be split first. */
static bool free_at(struct mm *mm, vaddr_t va, vaddr_t end, struct gather *g)
{
	struct page *head;
	struct cursor c;
	bool done = true;

	cursor_find(&c, &mm->as, va, 1);
	head = leaf_own_block(&c);
	if (!head)
		free_entries(&c, end, g);
	else if (leaf_lies_in(&c, va, end))
		free_block(&c, head, g);
	else
		done = false;
	cursor_close(&c);
	gather_flush(g);
	return done;
}

void madvise_free(struct mm *mm, vaddr_t va, vaddr_t end, struct gather *g)
{
	while (va < end) {
		if (free_at(mm, va, end, g) || pt_split(&mm->as, va))
			va = ALIGN_DOWN(va, HUGE_SIZE) + HUGE_SIZE;
		resched_point();
	}
}
