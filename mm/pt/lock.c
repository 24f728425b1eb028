/*
 * mlock in the tables: an entry of locked memory that has a page carries
 * PTE_LOCKED, and its page counts such slots (nlocked). Faults make entries so
 * by themselves (PROT_LOCKED); here are those that are there already. CPUs
 * do not look at the bit: nothing is flushed. The zero page is not counted.
 *
 * Locks: one table at a time.
 */
#include <mm/alloc/lists.h>
#include <mm/pt/table.h>

void page_unlock_slot(struct page *p)
{
	if (__atomic_sub_fetch(&p->nlocked, 1, __ATOMIC_SEQ_CST) == 0)
		lists_new(p);
}

/* The CPUs may set A and D in *slot at any time: hence atomic. */
static void lock_entry(pte_t *slot, unsigned level, bool lock)
{
	pte_t e = pte_read(slot);
	struct page *p;

	if (pte_is_none(e) || pte_kind(e, level) == PTE_TABLE)
		return;
	p = entry_slot_page(e, level);
	if (!p || !(e.v & PTE_LOCKED) == !lock)
		return;
	if (lock)
		__atomic_fetch_or(&slot->v, PTE_LOCKED, __ATOMIC_RELAXED);
	else
		__atomic_fetch_and(&slot->v, ~PTE_LOCKED, __ATOMIC_RELAXED);
	if (level > 1)
		leaf_lock(e, lock);
	else if (lock)
		__atomic_fetch_add(&p->nlocked, 1, __ATOMIC_RELAXED);
	else
		page_unlock_slot(p);
}

/* The entries of [va, end) in the cursor's table. Returns where to go on. */
static vaddr_t lock_table(struct cursor *c, vaddr_t va, vaddr_t end, bool lock)
{
	pte_t *tab = table_entries(c->table);
	unsigned i = slot_index(c->slot), stop;

	if (c->level > 1) {		/* no table below: a huge leaf, or nothing */
		lock_entry(c->slot, c->level, lock);
		return span_end(va, c->level, end);
	}
	end = span_end(va, 2, end);
	stop = MIN(i + (unsigned)((end - va) >> PAGE_SHIFT), c->table->last + 1u);
	for (; (i = table_next(tab, i, MAX(stop, i))) < stop; i++) {
		assert(!c->table->shared);
		lock_entry(&tab[i], 1, lock);
	}
	return end;
}

void pt_lock(struct aspace *as, vaddr_t start, vaddr_t end, bool lock)
{
	struct cursor c;

	assert(IS_ALIGNED(start | end, PAGE_SIZE));
	while (start < end) {
		cursor_find(&c, as, start, 1);
		start = lock_table(&c, start, end, lock);
		cursor_close(&c);
	}
}
