/*
 * MADV_COLD and MADV_PAGEOUT: reclaim takes what is in the range sooner than other pages, or at once, unless somebody
 * else has it too. A huge page goes as a whole if all of it lies in the range; else it is split, and some of
 * its pages go, as on Linux. Those of a memory object go page by page.
 *
 * Locks: mm.lock for reading, by the caller: reclaim waits for no lock. One table.
 */
#include <mm/vm/map.h>
#include <kernel/core/thread.h>
#include <mm/pt/huge.h>
#include <mm/pt/leaf.h>
#include <mm/reclaim/reclaim.h>

#define SOME		32u		/* pages at a time */

/* Pages, or a block, that nobody else has, with a reference each. */
struct found {
	unsigned n;
	struct page *page[SOME];
	struct page *block;
	bool across;			/* a huge leaf lies across an end of the range, or is to go by pages: nothing was taken */
};

/* Pages from the cursor on, in its table. *va: where to go on. */
static void find_pages(struct cursor *c, vaddr_t *va, vaddr_t end, struct found *f)
{
	while (*va < end && f->n < SOME) {
		pte_t e = cursor_get(c);
		struct page *p = pte_present(e) && !(e.v & PTE_SPECIAL) ? pfn_to_page(pte_pfn(e)) : NULL;

		if (p && READ_ONCE(p->slots) == 1 && !c->table->shared) {
			page_get(p);
			f->page[f->n++] = p;
		}
		*va += PAGE_SIZE;
		if (!cursor_next(c))
			break;
	}
}

static void find(struct mm *mm, vaddr_t *va, vaddr_t end, bool out, struct found *f)
{
	struct page *head;
	struct cursor c;

	f->n = 0;
	f->block = NULL;
	cursor_find(&c, &mm->as, *va, 1);
	head = leaf_own_block(&c);
	f->across = (head && !leaf_lies_in(&c, *va, end)) || (out && leaf_is_cached(&c));
	if (head && !f->across) {
		block_get(head);
		f->block = head;
	}
	if (c.level == 1)
		find_pages(&c, va, end, f);
	else if (!f->across)
		*va = cursor_behind(&c);
	cursor_close(&c);
}

static void page_out(const struct found *f)
{
	if (f->block)
		reclaim_block(f->block);
	else if (f->n)
		reclaim_pages(f->page, f->n);
}

static void cool(const struct found *f)
{
	if (f->block)
		reclaim_cool_block(f->block);
	else
		reclaim_cool(f->page, f->n);
}

void madvise_age(struct mm *mm, vaddr_t va, vaddr_t end, bool out)
{
	struct found f;

	while (va < end) {
		find(mm, &va, end, out, &f);
		if (out)
			page_out(&f);
		else
			cool(&f);
		if (f.across && pt_split(&mm->as, va))
			va = ALIGN_DOWN(va, HUGE_SIZE) + HUGE_SIZE;
		resched_point();
	}
}
