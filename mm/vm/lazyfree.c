/*
 * MADV_FREE: the program does not need what is there, and may write something else at any time. A page that only
 * this address space has counts as not written from now on, and is marked: until it is
 * written again reclaim may take it without swapping it (mm/pt/rmap.h), and then zeros are there. What is
 * in swap goes at once. What others have as well (by a fork) stays what it is, as on Linux.
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
#include <mm/pt/pt.h>

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

void madvise_free(struct mm *mm, vaddr_t va, vaddr_t end, struct gather *g)
{
	struct cursor c;

	while (va < end) {
		cursor_find(&c, &mm->as, va, 1);
		va = cursor_behind(&c);
		free_entries(&c, end, g);
		cursor_close(&c);
		gather_flush(g);
		resched_point();
	}
}
