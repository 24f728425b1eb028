/*
 * Pages get other frames: their entries go from one struct page to another.
 *
 *	move	each entry of the old page becomes a migrating one, which names the new page
 *		already: slot, reference, anchor and locks are counted there from then on
 *	flush	nobody reads or writes the old frame through a translation
 *	copy	if nobody else has the old page: mm/reclaim/migrate.c
 *	arrive	each entry becomes what it was, in the new frame; or moves back
 *
 * The new page is busy until it has arrived. Who meets a migrating entry and needs the page waits for that, and
 * if the entry is still migrating then, makes it what it was himself (cursor_arrive). So
 * it does no harm that an entry which is on its way between two tables is passed over at the end. All others treat
 * it as a slot of the page that it names: rights are changed in it, a fork copies it (without W,
 * in both), it is locked, moved, taken out.
 *
 * The slots of an anonymous page stay in one family, at one index (rmap.h), though they are counted in
 * two pages for a while: who wants to move an entry to another index waits until its page is not busy
 * (move.c).
 *
 * Locks: one table at a time. Entries of shared tables change in place.
 */
#include <mm/pt/rmap.h>
#include <mm/pt/table.h>

/* *slot, of a locked table, named `from`, and names `to` now. e: what it was. */
static void slot_pass(struct page *from, struct page *to, pte_t *slot, pte_t e)
{
	uint32_t refs;

	page_get(to);
	if (e.v & PTE_LOCKED) {
		__atomic_fetch_add(&to->nlocked, 1, __ATOMIC_RELAXED);
		__atomic_fetch_sub(&from->nlocked, 1, __ATOMIC_RELAXED);
	}
	if (__atomic_fetch_add(&to->slots, 1, __ATOMIC_SEQ_CST) == 0 && to->kind == PAGE_ANON) {
		WRITE_ONCE(to->slot, slot);
		to->index = from->index;
	}
	if (__atomic_fetch_sub(&from->slots, 1, __ATOMIC_ACQ_REL) > 1 && READ_ONCE(from->slot) == slot)
		anchor_left(from, slot);
	refs = __atomic_fetch_sub(&from->refs, 1, __ATOMIC_RELEASE);
	assert(refs > 1);
}

/* Entry i of t, which is locked, if it names `from`. */
static void move_entry(struct page *t, unsigned i, struct page *from, struct page *to, bool arrived,
		       struct reclaim_gather *r)
{
	pte_t *slot = &table_entries(t)[i], old = pte_read(slot), new;

	if (!entry_names(old, from))
		return;
	do {
		new = pte_migrating(old, page_to_pfn(to));
		if (arrived)
			new = pte_migrated(new);
	} while (!pte_cmpxchg(slot, &old, new));
	if (pte_present(old))
		table_note(t, i, r);
	slot_pass(from, to, slot, old);
}

void rmap_move(struct page *from, struct page *to, bool arrived, struct reclaim_gather *r)
{
	struct page *t[RMAP_TABLES];
	unsigned i;

	assert(from->kind == PAGE_ANON && to->kind == PAGE_ANON && !from->order && !to->order);
	while (READ_ONCE(from->slots)) {
		unsigned n = rmap_tables(from, false, t, &i);

		for (unsigned k = 0; k < n; k++) {
			spin_lock(&t[k]->lock);
			if (!t[k]->dead)
				move_entry(t[k], i, from, to, arrived, r);
			spin_unlock(&t[k]->lock);
		}
	}
}

/* The entry in *slot, of a locked table, if it is a migrating one of p. */
static void arrive(pte_t *slot, const struct page *p)
{
	pte_t e = pte_read(slot);

	if (pte_kind(e, 1) == PTE_MIGRATING && entry_names(e, p))
		pte_write_new(slot, pte_migrated(e));
}

void rmap_arrive(struct page *p)
{
	struct page *t[RMAP_TABLES];
	unsigned i, n;

	do {
		n = READ_ONCE(p->slots) ? rmap_tables(p, true, t, &i) : 0;
		for (unsigned k = 0; k < n; k++) {
			spin_lock(&t[k]->lock);
			if (!t[k]->dead)
				arrive(&table_entries(t[k])[i], p);
			spin_unlock(&t[k]->lock);
		}
	} while (n);
}

void rmap_move_at(struct aspace *as, vaddr_t va, struct page *from, struct page *to, bool arrived,
		  struct reclaim_gather *r)
{
	struct cursor c;

	cursor_find(&c, as, va, 1);
	if (c.level == 1 && from != to)
		move_entry(c.table, slot_index(c.slot), from, to, arrived, r);
	else if (c.level == 1 && arrived)
		arrive(c.slot, to);
	cursor_close(&c);
}

bool cursor_arrive(struct cursor *c)
{
	pte_t e = cursor_get(c);
	const struct page *p = pfn_to_page(pte_pfn(e));

	assert(c->level == 1 && pte_kind(e, 1) == PTE_MIGRATING);
	debug_assert(!(READ_ONCE(p->flags) & PG_BUSY));
	if (p->kind == PAGE_FILE && !READ_ONCE(p->owner))
		return false;
	pte_write_new(c->slot, pte_migrated(e));
	return true;
}
