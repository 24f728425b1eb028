/*
 * Whole ranges: empty them, change their rights, look at them.
 *
 * pt_zap and pt_protect go table by table: the cursor lands in the lowest
 * table that exists, all of its entries in the range are done under one hold
 * of its lock, and the next landing is behind them. What a table's first and
 * last entry leave out is skipped, so an empty stretch costs one landing.
 *
 * Locks: one table at a time; none on return.
 */
#include <kernel/core/thread.h>
#include <mm/alloc/block.h>
#include <mm/pt/table.h>

/* Of the entries from c->slot on, the ones to do, and where the work goes on. */
struct span {
	unsigned i, end;	/* used entries can only be in [i, end) */
	vaddr_t base, next;	/* of index 0; behind the last entry of the range in this table */
};

static inline struct span span_at(const struct cursor *c, unsigned level, vaddr_t end)
{
	const struct page *t = c->table;
	unsigned shift = LEVEL_SHIFT(level), i = slot_index(c->slot);
	vaddr_t base = c->va - ((vaddr_t)i << shift);
	vaddr_t n = (end - base + (1ul << shift) - 1) >> shift;

	if (n > PT_ENTRIES)
		n = PT_ENTRIES;
	return (struct span){
		.i = MAX(i, t->first), .end = MIN(n, t->last + 1u),
		.base = base, .next = base + (n << shift),
	};
}

static inline struct span cursor_span(const struct cursor *c, vaddr_t end)
{
	return span_at(c, c->level, end);
}

vaddr_t zap_leaves(struct cursor *c, vaddr_t end, struct gather *g)
{
	struct span s = span_at(c, 1, end);
	struct page *t = c->table;
	pte_t *tab = table_entries(t);
	unsigned gone = 0, lo = PT_ENTRIES, hi = 0;

	for (unsigned i = s.i; i < s.end; i++) {
		pte_t e = pte_read(&tab[i]);

		if (pte_is_none(e))
			continue;
		if (unlikely(gather_full(g))) {
			s.next = s.base + (vaddr_t)i * PAGE_SIZE;
			break;
		}
		e = pte_xchg(&tab[i], pte_none());
		gone++;
		if (likely(pte_present(e))) {
			lo = MIN(lo, i);
			hi = i + 1;
		}
		/* PTE_PRESENT, taken out of entry_drop's switch */
		if (likely((e.v & (PTE_P | PTE_SPECIAL)) == PTE_P)) {
			struct page *p = pfn_to_page(pte_pfn(e));

			slot_drop(t, p, &tab[i], e);
			g->page[g->npages++] = p;
		} else {
			entry_drop(t, 1, &tab[i], e, g);
		}
	}
	table_entries_gone(t, gone);
	if (hi)
		gather_range(g, s.base + lo * PAGE_SIZE, (hi - lo) * PAGE_SIZE);
	return s.next;
}

/* Is the page that e names, which is no table, one of an object's cache? */
static bool names_cached(pte_t e, unsigned level)
{
	const struct page *p = entry_slot_page(e, level);

	return p && p->kind == PAGE_FILE;
}

/*
 * Upper table: the huge leaves of the span, up to the first entry that is a
 * table. Returns as zap_leaves, or where that table's range begins. A leaf of private memory that lies
 * across an end has come by a fault since pt_own_zap looked (only if mm.lock is held for reading): it has nothing
 * of what was there, and is as if it came after all of this.
 */
static vaddr_t zap_upper(struct cursor *c, vaddr_t start, vaddr_t end, struct gather *g)
{
	struct span s = cursor_span(c, end);
	pte_t *tab = table_entries(c->table);
	bool full = gather_full(g) || gather_owners_full(g);

	for (unsigned i = s.i; i < s.end; i++) {
		vaddr_t va = s.base + i * LEVEL_SIZE(c->level);
		pte_t e = pte_read(&tab[i]);

		if (pte_is_none(e))
			continue;
		if (pte_kind(e, c->level) == PTE_TABLE || full)
			return MAX(va, start);
		if (!names_cached(e, c->level) && (va < start || va + LEVEL_SIZE(c->level) > end))
			continue;
		c->slot = &tab[i];
		c->va = va;
		cursor_clear(c, g, &full);
	}
	return s.next;
}

void leave_table(pte_t *up, struct page *t, vaddr_t va, struct gather *g)
{
	unsigned shift = LEVEL_SHIFT(t->level);

	pte_xchg(up, pte_none());
	gather_owner(g, t, up);
	if (t->used)			/* else reclaim took the last */
		gather_leaves(g, va + ((vaddr_t)t->first << shift),
			      (t->last + 1ul - t->first) << shift, t->level);
}

/* No entry of t in the range: as where an object is mapped between what was there at the fork. */
static bool is_gap(struct page *t, vaddr_t va, vaddr_t start, vaddr_t end)
{
	const pte_t *tab = table_entries(t);
	unsigned shift = LEVEL_SHIFT(t->level), i = start > va ? (start - va) >> shift : 0;

	for (; i < PT_ENTRIES && va + ((vaddr_t)i << shift) < end; i++)
		if (!pte_is_none(pte_read(&tab[i])))
			return false;
	return true;
}

/* t, to which *up points, is left if it has entries in the range. False: not shared, or g full. */
static bool zap_if_shared(pte_t *up, struct page *t, vaddr_t va, vaddr_t start, vaddr_t end,
			  struct gather *g)
{
	bool done;

	spin_lock(&t->lock);
	done = t->shared && !gather_owners_full(g);
	if (done && (!t->used || table_meets(t, va, start, end))) {
		if (!t->used || table_within(t, va, start, end))
			leave_table(up, t, va, g);
		else
			assert(is_gap(t, va, start, end));
	}
	spin_unlock(&t->lock);
	return done;
}

/*
 * The shared tables below the one that c stands in, up to the first that is not: as
 * leaves them to their other owners. Returns as zap_leaves.
 */
static vaddr_t zap_shared(struct cursor *c, vaddr_t start, vaddr_t end, struct gather *g)
{
	struct span s = cursor_span(c, end);
	pte_t *tab = table_entries(c->table);
	unsigned gone = 0;

	for (unsigned i = s.i; i < s.end; i++) {
		vaddr_t va = s.base + i * LEVEL_SIZE(c->level);
		pte_t e = pte_read(&tab[i]);
		bool go_on;

		if (pte_is_none(e))
			continue;
		go_on = pte_kind(e, c->level) == PTE_TABLE &&
			zap_if_shared(&tab[i], pfn_to_page(pte_pfn(e)), va, start, end, g);
		if (!go_on) {
			s.next = MAX(va, start);
			break;
		}
		gone += pte_is_none(pte_read(&tab[i]));
	}
	table_entries_gone(c->table, gone);
	__atomic_fetch_sub(&c->as->table_bytes, gone * PAGE_SIZE, __ATOMIC_RELAXED);
	return s.next;
}

/* A table that is not as's own, or not a last-level one. */
static __attribute__((noinline)) vaddr_t zap_other(struct cursor *c, vaddr_t at, vaddr_t end,
						   struct gather *g)
{
	unsigned level = c->level;

	if (!c->table->shared)
		return zap_upper(c, at, end, g);
	cursor_close(c);
	cursor_find(c, c->as, at, level + 1);
	return c->level == level + 1 ? zap_shared(c, at, end, g) : at;
}

/* What is at `at` under the cursor. Returns where to go on. */
static vaddr_t zap_table(struct cursor *c, vaddr_t at, vaddr_t end, struct gather *g)
{
	if (likely(c->level == 1 && !c->table->shared))
		return zap_leaves(c, end, g);
	return zap_other(c, at, end, g);
}

/* Table by table from start to end, step empties what is under the cursor; it returns where to go on. */
static __always_inline_ void zap_tables(struct aspace *as, vaddr_t start, vaddr_t end, struct gather *g,
					vaddr_t (*step)(struct cursor *, vaddr_t, vaddr_t, struct gather *))
{
	vaddr_t va = start, at;
	struct cursor c;
	bool empty;

	assert(g->stale.as == as && IS_ALIGNED(start | end, PAGE_SIZE));
	while (va < end) {
		at = va;
		if (!cursor_find_used(&c, as, at, end))
			return;
		va = step(&c, at, end, g);
		empty = c.table->used == 0;
		cursor_close(&c);
		if (empty)
			table_reap(as, at, c.level, g);
		if (unlikely(gather_full(g) || gather_owners_full(g))) {
			gather_flush(g);
			resched_point();
		}
	}
}

void pt_zap(struct aspace *as, vaddr_t start, vaddr_t end, struct gather *g)
{
	zap_tables(as, start, end, g, zap_table);
}

/* Of those the ones from c->slot on, up to end. Returns where to go on. */
static vaddr_t zap_cached_leaves(struct cursor *c, vaddr_t end, struct gather *g)
{
	struct span s = span_at(c, 1, end);
	pte_t *tab = table_entries(c->table);
	bool full = false;

	for (unsigned i = s.i; i < s.end; i++) {
		if (!names_cached(pte_read(&tab[i]), 1))
			continue;
		c->slot = &tab[i];
		c->va = s.base + i * PAGE_SIZE;
		cursor_clear(c, g, &full);
		if (full)
			return c->va + PAGE_SIZE;
	}
	return s.next;
}

/* Upper table: such huge leaves, up to the first entry that is a table. Returns as zap_upper. */
static vaddr_t zap_cached_upper(struct cursor *c, vaddr_t at, vaddr_t end, struct gather *g)
{
	struct span s = cursor_span(c, end);
	pte_t *tab = table_entries(c->table);
	bool full = false;

	for (unsigned i = s.i; i < s.end; i++) {
		vaddr_t va = s.base + i * LEVEL_SIZE(c->level);
		pte_t e = pte_read(&tab[i]);

		if (pte_kind(e, c->level) == PTE_TABLE || full)
			return MAX(va, at);
		if (!names_cached(e, c->level))
			continue;
		c->slot = &tab[i];
		c->va = va;
		cursor_clear(c, g, &full);
	}
	return s.next;
}

/* As zap_table. */
static vaddr_t zap_cached_table(struct cursor *c, vaddr_t at, vaddr_t end, struct gather *g)
{
	if (c->table->shared)
		return cursor_span(c, end).next;
	if (c->level > 1)
		return zap_cached_upper(c, at, end, g);
	return zap_cached_leaves(c, end, g);
}

void pt_zap_cached(struct aspace *as, vaddr_t start, vaddr_t end, struct gather *g)
{
	zap_tables(as, start, end, g, zap_cached_table);
}

/* What pt_protect makes of one entry: W is kept where prot has it, never given. */
static inline bool protect_entry(pte_t *slot, unsigned level, unsigned prot)
{
	return entry_protect(slot, level, pte_writable(pte_read(slot)) ? prot : prot & ~PROT_W);
}

/* Nobody else sees p: slots and refs are both 1. */
static __always_inline_ bool page_is_alone(const struct page *p)
{
	return p->kind == PAGE_ANON && READ_ONCE(p->refs) == 1 && READ_ONCE(p->slots) == 1;
}

/* What a change of rights makes of a user's leaf: the bits that stay, and those that it gets. */
struct leaf_bits {
	uint64_t keep, set;
	uint64_t lost;			/* a right went if one of these changes */
};

static inline struct leaf_bits leaf_bits(unsigned prot)
{
	const uint64_t set = pte_prot_bits((prot & PROT_X) | PROT_U);
	const uint64_t keep = PTE_ADDR_MASK | PTE_A | PTE_D | PTE_SPECIAL | PTE_SOFT_MASK |
			      (prot & PROT_W ? PTE_W : 0);

	return (struct leaf_bits){ keep, set, (~keep & PTE_W) | (set & PTE_NX) };
}

/*
 * The entries from slot up to end. Returns the bits that changed in leaves, and all
 * if a right went otherwise. give: as PROT_GIVE_W.
 */
static __always_inline_ uint64_t protect_run(pte_t *slot, const pte_t *end, struct leaf_bits b,
					     unsigned prot, bool give)
{
	uint64_t changed = 0;

	for (; slot < end; slot++) {
		pte_t e = pte_read(slot), new;

		if (unlikely(!pte_present(e))) {
			if (protect_entry(slot, 1, prot))
				changed = ~0ull;
			continue;
		}
		new.v = (e.v & b.keep) | b.set;
		if (give && !(e.v & (PTE_W | PTE_SPECIAL)) && page_is_alone(pfn_to_page(pte_pfn(e))))
			new.v |= PTE_W;
		if (new.v == e.v)
			continue;
		changed |= new.v ^ e.v;
		while (unlikely(!pte_cmpxchg(slot, &e, new)))
			new.v = (new.v & ~(PTE_A | PTE_D)) | (e.v & (PTE_A | PTE_D));
	}
	return changed;
}

/*
 * protect_table for a last-level table of a user and rights that are not none.
 * The bits are made once; W of an entry stays where prot has it. What lost a
 * right is noted as one with all that the table has in the range.
 */
static vaddr_t protect_leaves(struct cursor *c, vaddr_t end, unsigned prot, struct gather *g)
{
	const bool give = (prot & PROT_W) && (prot & PROT_GIVE_W);
	struct span s = span_at(c, 1, end);
	pte_t *tab = table_entries(c->table);
	struct leaf_bits b = leaf_bits(prot);
	uint64_t changed;

	assert(!c->table->shared || s.i >= s.end);
	prot &= ~PROT_GIVE_W;
	if (give)
		changed = protect_run(&tab[s.i], &tab[s.end], b, prot, true);
	else
		changed = protect_run(&tab[s.i], &tab[s.end], b, prot, false);
	if (changed & b.lost)
		gather_range(g, s.base + s.i * PAGE_SIZE, (s.end - s.i) * PAGE_SIZE);
	return s.next;
}

/* The block of the huge leaf *slot is nobody else's: it may be written to. */
static bool leaf_is_own(pte_t e)
{
	struct page *p = pte_present(e) ? entry_page(e) : NULL;

	return p && p->kind == PAGE_ANON && block_is_own(p);
}

/* All of the span that is no table; returns where to go on. */
static __attribute__((noinline)) vaddr_t protect_table(struct cursor *c, vaddr_t start, vaddr_t end, unsigned prot,
			     struct gather *g)
{
	const bool give = (prot & PROT_W) && (prot & PROT_GIVE_W) && c->level > 1;
	struct span s = cursor_span(c, end);
	pte_t *tab = table_entries(c->table);
	unsigned lo = PT_ENTRIES, hi = 0;
	unsigned long size = LEVEL_SIZE(c->level);

	prot &= ~PROT_GIVE_W;
	assert(!c->table->shared || s.i >= s.end);
	for (unsigned i = s.i; i < s.end; i++) {
		vaddr_t va = s.base + i * size;
		pte_t e = pte_read(&tab[i]);

		if (pte_is_none(e))
			continue;
		if (pte_kind(e, c->level) == PTE_TABLE) {
			s.next = MAX(va, start);
			break;
		}
		assert(va >= start && va + size <= end);
		if (protect_entry(&tab[i], c->level, prot)) {
			lo = MIN(lo, i);
			hi = i + 1;
		}
		if (give && leaf_is_own(pte_read(&tab[i])))
			__atomic_fetch_or(&tab[i].v, PTE_W, __ATOMIC_RELAXED);
	}
	if (hi)
		gather_leaves(g, s.base + lo * size, (hi - lo) * size, c->level);
	return s.next;
}

void pt_protect(struct aspace *as, vaddr_t start, vaddr_t end, unsigned prot, struct gather *g)
{
	vaddr_t va = start;
	struct cursor c;

	assert(g->stale.as == as && IS_ALIGNED(start | end, PAGE_SIZE));
	if (!as->kernel)
		prot |= PROT_U;
	while (va < end) {
		if (!cursor_find_used(&c, as, va, end))
			return;
		if (likely(c.level == 1 && prot & PROT_RWX && !as->kernel))
			va = protect_leaves(&c, end, prot, g);
		else
			va = protect_table(&c, va, end, prot, g);
		cursor_close(&c);
	}
}

struct walk {
	vaddr_t first, last;		/* inclusive: the kernel's range ends with the last byte */
	int (*visit)(void *arg, vaddr_t va, unsigned level, pte_t *slot, pte_t e);
	void *arg;
};

/* The table's entries that meet [w->first, w->last]; base: of its entry 0. */
static int walk_table(const struct walk *w, pte_t *tab, unsigned level, vaddr_t base)
{
	unsigned i = w->first > base ? LEVEL_INDEX(w->first, level) : 0;
	int err = 0;

	for (; i < PT_ENTRIES && !err; i++) {
		vaddr_t va = base + i * LEVEL_SIZE(level);
		pte_t e = pte_read(&tab[i]);

		if (va > w->last)
			break;
		if (pte_is_none(e))
			continue;
		err = w->visit(w->arg, va, level, &tab[i], e);
		if (!err && pte_kind(e, level) == PTE_TABLE)
			err = walk_table(w, phys_to_virt(pfn_to_paddr(pte_pfn(e))), level - 1, va);
	}
	return err;
}

int pt_walk(struct aspace *as, vaddr_t start, vaddr_t end,
	    int (*visit)(void *arg, vaddr_t va, unsigned level, pte_t *slot, pte_t e), void *arg)
{
	struct walk w = { .first = start, .last = end - 1, .visit = visit, .arg = arg };

	if (start == end)
		return 0;
	return walk_table(&w, phys_to_virt(as->root), arch_levels,
			  ALIGN_DOWN(start, LEVEL_SIZE(arch_levels + 1)));
}

pte_t pt_lookup(struct aspace *as, vaddr_t va, unsigned *level)
{
	pte_t e = { as->root.v };
	unsigned l = arch_levels + 1;

	do {
		const pte_t *tab = phys_to_virt(pfn_to_paddr(pte_pfn(e)));

		l--;
		e = pte_read(&tab[LEVEL_INDEX(va, l)]);
	} while (l > 1 && pte_kind(e, l) == PTE_TABLE);
	*level = l;
	return e;
}
