/*
 * The ways from a page to its entries (rmap.h): accessed bits, and unmapping.
 *
 * An entry goes under its table's lock, by whoever sees it there. So each round
 * of rmap_unmap looks for tables on the ring, and then for the entry in each of
 * them; what is on its way from one place to another, or comes by a fork in
 * between, is found in the next round.
 *
 * A shared table changes in place, for all of its owners; they all are flushed.
 *
 * Locks: kin_lock, or one table at a time.
 */
#include <mm/alloc/block.h>
#include <mm/alloc/slots.h>
#include <mm/pt/rmap.h>
#include <mm/pt/table.h>

/* No look at the table: *slot may be changed by others, and come to name something else. */
bool take_young(pte_t *slot, const struct page *p)
{
	pte_t e = pte_read(slot);

	while (entry_names(e, p) && pte_young(e))
		if (pte_cmpxchg(slot, &e, (pte_t){ e.v & ~PTE_A }))
			return true;
	return false;
}

bool look_dirty(pte_t *slot, const struct page *p)
{
	pte_t e = pte_read(slot);

	return entry_names(e, p) && pte_dirty(e);
}

/* For how many entries of p `fn` is true. */
static unsigned count_slots(struct page *p, bool (*fn)(pte_t *slot, const struct page *p))
{
	uint32_t slots = READ_ONCE(p->slots);
	const struct page *home, *t;
	unsigned i, n = 0;

	assert(p->kind == PAGE_ANON);
	if (unlikely(READ_ONCE(p->flags) & PG_MIXED))
		return 1;		/* huge leaves have it, too: for all that is known, yes */
	if (slots <= 1)
		return slots ? fn(READ_ONCE(p->slot), p) : 0;
	spin_lock(&kin_lock);
	i = slot_index(READ_ONCE(p->slot));
	t = home = virt_to_page(READ_ONCE(p->slot));
	do {
		n += fn(&table_entries(t)[i], p);
		t = kin_next(t);
	} while (t != home);
	spin_unlock(&kin_lock);
	return n;
}

unsigned rmap_clear_young(struct page *p)
{
	return count_slots(p, take_young);
}

bool rmap_is_dirty(struct page *p)
{
	return count_slots(p, look_dirty);
}

/* Does c stand on a huge leaf that maps p, a page of an object, among others? */
static bool is_block_of(const struct cursor *c, const struct page *p)
{
	return c->level == 2 && entry_names(cursor_get(c), block_head(p));
}

bool rmap_clear_young_at(struct aspace *as, vaddr_t va, struct page *p)
{
	struct cursor c;
	bool young;

	cursor_find(&c, as, va, 1);
	young = (c.level == 1 && take_young(c.slot, p)) ||
		(unlikely(is_block_of(&c, p)) && take_young(c.slot, block_head(p)));
	if (unlikely(young && c.level == 2)) {
		block_set_flag(block_head(p), PG_REFERENCED);
		__atomic_fetch_and(&p->flags, ~PG_REFERENCED, __ATOMIC_RELAXED);
	}
	cursor_close(&c);
	return young;
}

/* ---- unmapping ---- */

static void set_dirty(struct page *p)
{
	if (!(READ_ONCE(p->flags) & PG_DIRTY))
		__atomic_fetch_or(&p->flags, PG_DIRTY, __ATOMIC_RELAXED);
}

/* Entry i of t, which is locked and names p, becomes e. False: it is locked, too. */
static bool replace_entry(struct page *t, unsigned i, struct page *p, pte_t e,
			  struct reclaim_gather *r)
{
	pte_t *slot = &table_entries(t)[i];
	uint32_t refs;
	pte_t old;

	if (pte_read(slot).v & PTE_LOCKED)
		return false;
	old = pte_xchg(slot, e);
	slot_drop(t, p, slot, old);
	if (pte_dirty(old))
		set_dirty(p);
	if (pte_present(old))
		table_note(t, i, r);
	refs = __atomic_fetch_sub(&p->refs, 1, __ATOMIC_RELEASE);
	assert(refs > 1);
	return true;
}

/* False: it is locked, and stays. */
static bool swap_entry(struct page *t, unsigned i, struct page *p, swp_t s,
		       struct reclaim_gather *r)
{
	bool done = true;
	pte_t e;

	spin_lock(&t->lock);
	e = pte_read(&table_entries(t)[i]);
	if (!t->dead && entry_names(e, p)) {
		slot_get(s);
		t->swap++;
		done = replace_entry(t, i, p, pte_swap(s, e), r);
		if (!done) {
			t->swap--;
			slot_put(s);
		}
	}
	spin_unlock(&t->lock);
	return done;
}

unsigned rmap_tables(const struct page *p, bool migrating, struct page **out, unsigned *i)
{
	struct page *home, *t;
	unsigned n = 0;
	pte_t *anchor;

	spin_lock(&kin_lock);
	anchor = READ_ONCE(p->slot);
	*i = slot_index(anchor);
	t = home = virt_to_page(anchor);
	do {
		pte_t e = pte_read(&table_entries(t)[*i]);

		if (entry_names(e, p) &&
		    (!migrating || (pte_kind(e, 1) == PTE_MIGRATING && !t->dead)))
			out[n++] = t;
		t = kin_next(t);
	} while (t != home && n < RMAP_TABLES);
	spin_unlock(&kin_lock);
	return n;
}

bool rmap_unmap(struct page *p, swp_t s, struct reclaim_gather *r)
{
	struct page *t[RMAP_TABLES];
	unsigned i;

	assert(p->kind == PAGE_ANON && p->order == 0);
	while (READ_ONCE(p->slots)) {
		unsigned n = rmap_tables(p, false, t, &i);

		if (READ_ONCE(p->nlocked))
			return false;
		for (unsigned k = 0; k < n; k++)
			if (!swap_entry(t[k], i, p, s, r))
				return false;
	}
	return true;
}

/* ---- given up by MADV_FREE ---- */

/* False: it was written, or is locked. */
static bool hide_entry(struct page *t, unsigned i, struct page *p, struct reclaim_gather *r)
{
	pte_t *slot = &table_entries(t)[i], e;
	bool done = true;

	spin_lock(&t->lock);
	e = pte_read(slot);
	while (!t->dead && entry_names(e, p)) {
		done = !pte_dirty(e) && !(e.v & PTE_LOCKED);
		if (!done || !pte_present(e))
			break;
		if (pte_cmpxchg(slot, &e, pte_noaccess(e))) {	/* D is final */
			table_note(t, i, r);
			break;
		}
	}
	spin_unlock(&t->lock);
	return done;
}

bool rmap_hide(struct page *p, struct reclaim_gather *r)
{
	struct page *t[RMAP_TABLES];
	unsigned i, n;

	assert(p->kind == PAGE_ANON && p->order == 0);
	if (!READ_ONCE(p->slots))
		return true;
	n = rmap_tables(p, false, t, &i);
	for (unsigned k = 0; k < n; k++)
		if (!hide_entry(t[k], i, p, r))
			return false;
	return true;
}

/* False: it is not hidden (any more), or was written before that. */
static bool discard_entry(struct page *t, unsigned i, struct page *p)
{
	bool done = true;
	pte_t e;

	spin_lock(&t->lock);
	e = pte_read(&table_entries(t)[i]);
	if (!t->dead && entry_names(e, p)) {
		done = pte_kind(e, 1) == PTE_NOACCESS && !pte_dirty(e) &&
		       replace_entry(t, i, p, pte_none(), NULL);
		if (done)
			table_entries_gone(t, 1);
	}
	spin_unlock(&t->lock);
	return done;
}

bool rmap_discard(struct page *p)
{
	struct page *t[RMAP_TABLES];
	unsigned i;

	while (READ_ONCE(p->slots)) {
		unsigned n = rmap_tables(p, false, t, &i);

		for (unsigned k = 0; k < n; k++)
			if (!discard_entry(t[k], i, p))
				return false;
	}
	return true;
}

/* The huge leaf under c. False: it is locked, or r is full. */
static bool take_leaf(const struct cursor *c, struct reclaim_gather *r)
{
	pte_t e = cursor_get(c);
	struct page *head = pfn_to_page(pte_pfn(e));

	assert(!c->table->shared);
	if (e.v & PTE_LOCKED || r->nblocks == RECLAIM_BLOCKS)
		return false;
	leaf_drop(c->table, head, c->slot, pte_xchg(c->slot, pte_none()));
	table_note(c->table, slot_index(c->slot), r);
	r->block[r->nblocks++] = head;
	return true;
}

bool rmap_unmap_at(struct aspace *as, vaddr_t va, struct page *p, struct reclaim_gather *r)
{
	bool done = true, there;
	struct cursor c;

	cursor_find(&c, as, va, 1);
	there = c.level == 1 ? entry_names(cursor_get(&c), p) : is_block_of(&c, p);
	if (there) {
		done = c.level == 1 ? replace_entry(c.table, slot_index(c.slot), p, pte_none(), r) :
				      take_leaf(&c, r);
		if (done)
			table_entries_gone(c.table, 1);
	}
	cursor_close(&c);
	return done;
}
