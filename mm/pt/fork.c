/*
 * A child's tables: copies of the parent's entries.
 *
 * What is copied loses W in the source and in the copy, both tables locked,
 * so that the law holds: a writable private leaf means that its frame has one
 * slot. The parent's other CPUs forget W when the caller's gather is flushed.
 *
 * The child is nobody's address space so far; the caller keeps the parent's
 * tables from being unlinked (mm.lock for writing).
 *
 * Locks: two last-level tables, the lower address first.
 */
#include <asm-generic/errno-base.h>
#include <mm/pt/table.h>

/* Takes W from a present leaf, A and D kept. True: it had it. */
static bool take_write(pte_t *slot, pte_t *e)
{
	if (!pte_writable(*e))
		return false;
	while (!pte_cmpxchg(slot, e, (pte_t){ e->v & ~PTE_W }))
		;
	e->v &= ~PTE_W;
	return true;
}

/* One slot and one reference more for the page that e names. */
static void slot_copy(struct page *t, pte_t e)
{
	struct page *p = entry_page(e);

	if (!p)
		return;
	table_count(t, p, 1);
	p->slot = NULL;
	__atomic_fetch_add(&p->slots, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&p->refs, 1, __ATOMIC_RELAXED);
}

/* Copies the entry at *from to *to, a none entry of t. True: *from lost W. */
static bool entry_copy(pte_t *from, pte_t *to, struct page *t)
{
	pte_t e = pte_read(from);
	bool lost = false;

	switch (pte_kind(e, 1)) {
	case PTE_NONE:
		return false;
	case PTE_PRESENT:
		lost = take_write(from, &e);
		slot_copy(t, e);
		break;
	case PTE_NOACCESS:
	case PTE_MIGRATING:
		slot_copy(t, e);
		break;
	case PTE_SPECIAL_LEAF:
	case PTE_MARKER:
		break;
	case PTE_SWAP:
	case PTE_HUGE:
	case PTE_TABLE:
		panic("entry %lx cannot be copied: nothing makes it", e.v);
	}
	assert(pte_is_none(pte_read(to)));
	table_entry_added(t, slot_index(to));
	pte_write_new(to, e);
	return lost;
}

static void lock_both(struct page *a, struct page *b)
{
	spin_lock(a < b ? &a->lock : &b->lock);
	spin_lock_nested(a < b ? &b->lock : &a->lock);
}

/* [va, end) of one table. */
static void table_copy(struct page *from, struct page *to, vaddr_t va, vaddr_t end,
		       struct gather *g)
{
	pte_t *src = table_entries(from), *dst = table_entries(to);
	unsigned i, stop, lo = PT_ENTRIES, hi = 0;

	lock_both(from, to);
	i = MAX(LEVEL_INDEX(va, 1), from->first);
	stop = MIN(LEVEL_INDEX(end - 1, 1), from->last) + 1u;
	for (; i < stop; i++) {
		if (entry_copy(&src[i], &dst[i], to)) {
			lo = MIN(lo, i);
			hi = i + 1;
		}
	}
	if (hi)
		gather_range(g, (va & -LEVEL_SIZE(2)) + lo * PAGE_SIZE, (hi - lo) * PAGE_SIZE);
	spin_unlock(&to->lock);
	spin_unlock(&from->lock);
}

int pt_copy(struct aspace *to, struct aspace *from, vaddr_t start, vaddr_t end, struct gather *g)
{
	vaddr_t va = start, next;
	struct page *t;
	struct cursor c;
	int err;

	assert(g->as == from && IS_ALIGNED(start | end, PAGE_SIZE));
	for (; va < end; va = next) {
		cursor_find(&c, from, va, 1);
		t = c.table;
		next = MIN(end, (va & -LEVEL_SIZE(c.level + 1)) + LEVEL_SIZE(c.level + 1));
		if (c.level > 1)
			next = MIN(end, (va & -LEVEL_SIZE(c.level)) + LEVEL_SIZE(c.level));
		cursor_close(&c);
		if (c.level > 1 || LEVEL_INDEX(va, 1) > t->last || LEVEL_INDEX(next - 1, 1) < t->first)
			continue;
		err = cursor_open(&c, to, va, 1);
		if (err)
			return err;
		cursor_close(&c);
		table_copy(t, c.table, va, next, g);
	}
	return 0;
}
