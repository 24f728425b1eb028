/*
 * The cursor: the one way to change an entry of a page table.
 *
 * Going down, upper entries are read without a lock: a table that is taken
 * out of the tree meanwhile stays a table until a grace period has passed,
 * and the walk does not sleep. The table in which the cursor comes to stand
 * is locked, and then looked at again: if it died or its upper entry no
 * longer names it, the walk starts anew. From then on the table cannot go
 * away, because unlinking it takes its lock.
 *
 * Locks: one table (upper tables RANK_UPPER_TABLE, last-level ones
 * RANK_TABLE). Only table_reap holds two, the lower one by a try.
 *
 * cursor_open alone allocates, with no lock held; what follows cannot fail. An
 * upper entry of a last-level table without W says that the table may have
 * other owners (share.c): cursor_open makes it this address space's own first.
 *
 * SDM vol. 3A 4.10.2 (what of the upper entries a CPU may cache); Hafnium's
 * prepare and commit.
 */
#include <asm-generic/errno-base.h>
#include <mm/alloc/lists.h>
#include <mm/pt/table.h>

#define BELOW_ROOT	4		/* tables on the way down from a root of five levels */
#define TABLE_BITS	(PTE_ADDR_MASK | PTE_P | PTE_W | PTE_PS)

/* va's entry in the table of level l that `upper` points to; a root's address will do for upper. */
static __always_inline_ pte_t *entry_below(pte_t upper, vaddr_t va, unsigned l)
{
	pte_t *tab = phys_to_virt(paddr(upper.v & PTE_ADDR_MASK));

	return &tab[LEVEL_INDEX(va, l)];
}

static __always_inline_ bool is_table(pte_t e)		/* above level 1 */
{
	return (e.v & (PTE_P | PTE_PS)) == PTE_P;
}

/* A table that is this address space's own: nobody else points to it. */
static __always_inline_ bool is_own_table(pte_t e)
{
	return (e.v & (PTE_P | PTE_W | PTE_PS)) == (PTE_P | PTE_W);
}

/* True if t, locked now, is still the table that `up`, where it was found, names by `upper`. */
static __always_inline_ bool still_linked(const struct page *t, const pte_t *up, pte_t upper)
{
	return likely(!t->dead && ((pte_read(up).v ^ upper.v) & TABLE_BITS) == 0);
}

/* The rest of the cursor; as and va are set. */
static __always_inline_ void cursor_set(struct cursor *c, vaddr_t va, unsigned l, pte_t upper)
{
	c->level = l;
	c->table = pfn_to_page(paddr_to_pfn(paddr(upper.v & PTE_ADDR_MASK)));
	c->slot = entry_below(upper, va, l);
}

/*
 * Locks the table that holds va's entry at `level`, or the lowest one above
 * it that exists: seen from under the lock the way down ends there. Returns
 * the entry that points to it.
 */
static __attribute__((noinline)) pte_t
cursor_descend(struct cursor *c, struct aspace *as, vaddr_t va, unsigned level)
{
	for (;;) {
		pte_t upper = { as->root.v }, e;
		pte_t *up = NULL, *slot;
		unsigned l = arch_levels;

		for (; l > level; l--) {
			slot = entry_below(upper, va, l);
			e = pte_read(slot);
			if (!is_table(e))
				break;
			up = slot;
			upper = e;
		}
		c->as = as;
		c->va = va & -LEVEL_SIZE(l);
		cursor_set(c, va, l, upper);
		spin_lock(&c->table->lock);
		if ((!up || still_linked(c->table, up, upper)) &&
		    (l == level || !is_table(cursor_get(c))))
			return upper;
		cursor_close(c);
	}
}

/* Where a way down ends: at entry e of level l, in the table that upper points to. */
struct stop {
	pte_t upper, e;
	unsigned l;
};

/* One step of a way down. True: there is a table below. */
static __always_inline_ bool step(struct stop *s, vaddr_t va, unsigned l)
{
	s->upper = s->e;
	s->e = pte_read(entry_below(s->upper, va, l));
	s->l = l;
	return likely(is_table(s->e));
}

/*
 * The same for level 1 where all tables are there, as nearly always; c->as
 * and c->va are set. False: they are not (*s says how far), or not any more, or `own`
 * is asked for and it may have other owners; nothing is locked.
 */
static __always_inline_ bool descend_fast(struct cursor *c, struct aspace *as, vaddr_t va, bool own,
					  struct stop *s)
{
	pte_t *up;

	s->e = (pte_t){ as->root.v };
	if (unlikely(arch_levels == 5) && !step(s, va, 5))
		return false;
	if (!step(s, va, 4) || !step(s, va, 3) || !step(s, va, 2))
		return false;
	if (unlikely(own && !is_own_table(s->e)))
		return false;
	up = entry_below(s->upper, va, 2);
	cursor_set(c, va, 1, s->e);
	spin_lock(&c->table->lock);
	if (still_linked(c->table, up, s->e))
		return true;
	cursor_close(c);
	return false;
}

static __always_inline_ bool cursor_descend_fast(struct cursor *c, struct aspace *as, vaddr_t va,
						 bool own)
{
	struct stop s;

	return descend_fast(c, as, va, own, &s);
}

pte_t pt_peek(struct aspace *as, vaddr_t va)
{
	struct stop s = { .e = { as->root.v } };

	if (unlikely(arch_levels == 5) && !step(&s, va, 5))
		return pte_none();
	if (!step(&s, va, 4) || !step(&s, va, 3) || !step(&s, va, 2))
		return pte_none();
	return pte_read(entry_below(s.e, va, 1));
}

/*
 * Hangs n tables, empty and unseen so far, one below the other into the none
 * entry under the cursor, which goes down to the lowest: that one is locked
 * before anybody can find it, the one above is let go.
 */
static void cursor_link(struct cursor *c, vaddr_t va, struct page *const *spare, unsigned n)
{
	struct page *upper = c->table;
	pte_t *const first = c->slot;
	pte_t entry[BELOW_ROOT];

	for (unsigned i = 0; i < n; i++) {
		entry[i] = pte_table(page_to_pfn(spare[i]), !c->as->kernel);
		table_init(spare[i], c->as, c->level - 1, c->va);
		spare[i]->owner_slot = c->slot;
		table_entry_added(c->table, slot_index(c->slot));
		if (i)
			pte_write_new(c->slot, entry[i]);
		c->va = va & -LEVEL_SIZE(c->level - 1);
		cursor_set(c, va, c->level - 1, entry[i]);
	}
	if (!spin_trylock(&c->table->lock))
		panic("a table that nobody knows is locked");
	__atomic_fetch_add(&c->as->table_bytes, n * PAGE_SIZE, __ATOMIC_RELAXED);
	pte_write_new(first, entry[0]);
	spin_unlock(&upper->lock);
}

/*
 * The cursor stands above `level`: makes the tables that are missing, allocated
 * with nothing locked. Somebody else may have made some of them meanwhile.
 */
static __attribute__((noinline)) int cursor_make(struct cursor *c, vaddr_t va, unsigned level)
{
	struct page *spare[BELOW_ROOT];
	unsigned n = 0;
	int err = 0;

	while (c->level > level && !err) {
		unsigned missing = c->level - level;

		if (!pte_is_none(cursor_get(c))) {
			err = -EEXIST;
		} else if (n >= missing) {
			n -= missing;
			cursor_link(c, va, spare + n, missing);
		} else {
			cursor_close(c);
			while (n < missing && (spare[n] = table_alloc(ALLOC_ZERO)) != NULL)
				n++;
			if (n < missing) {
				err = -ENOMEM;
				break;
			}
			cursor_descend(c, c->as, va, level);
		}
	}
	while (n)
		table_free(spare[--n]);
	return err;
}

/* Where cursor_descend_fast cannot, or failed: va is c->va. */
static __attribute__((noinline)) int cursor_open_slow(struct cursor *c, unsigned level)
{
	vaddr_t va = c->va;
	pte_t upper = cursor_descend(c, c->as, va, level);
	int err;

	while (c->level <= 2 && !pte_writable(upper)) {
		cursor_close(c);
		err = table_own(c->as, va, c->level);
		if (err)
			return err;
		upper = cursor_descend(c, c->as, va, level);
	}
	return c->level == level ? 0 : cursor_make(c, va, level);
}

int cursor_open(struct cursor *c, struct aspace *as, vaddr_t va, unsigned level)
{
	debug_assert(level >= 1 && level <= arch_levels);
	debug_assert((va >= KERNEL_HALF) == as->kernel);
	c->as = as;
	c->va = va & PAGE_MASK;
	if (unlikely(level != 1))
		return cursor_open_slow(c, level);
	return likely(cursor_descend_fast(c, as, va, true)) ? 0 : cursor_open_slow(c, 1);
}

/*
 * The table has been kept from being freed by the grace period. What it says
 * of itself under its lock is as good as its upper entry: who hangs it elsewhere
 * changes both.
 */
bool cursor_reopen(struct cursor *c)
{
	const struct page *t = c->table;

	if (unlikely(c->level != 1))
		return false;
	spin_lock(&c->table->lock);
	if (likely(!t->dead && !t->shared && t->as == c->as &&
		   t->base == (c->va & -LEVEL_SIZE(2))))
		return true;
	cursor_close(c);
	return false;
}

void cursor_find(struct cursor *c, struct aspace *as, vaddr_t va, unsigned level)
{
	c->as = as;
	c->va = va & PAGE_MASK;
	if (unlikely(level != 1))
		cursor_descend(c, as, va, level);
	else if (unlikely(!cursor_descend_fast(c, as, va, false)))
		cursor_descend(c, c->as, c->va, 1);
}

/*
 * Is there nothing in [va, end), because the upper entry at which a way down to va
 * ended, in a table with others, is none? Read without a lock: what comes there now
 * comes after.
 */
static bool in_hole(const struct stop *s, vaddr_t va, vaddr_t end)
{
	return pte_is_none(s->e) && ((va ^ (end - 1)) >> LEVEL_SHIFT(s->l)) == 0 &&
	       READ_ONCE(pfn_to_page(pte_pfn(s->upper))->used);
}

bool cursor_find_used(struct cursor *c, struct aspace *as, vaddr_t va, vaddr_t end)
{
	struct stop s;

	c->as = as;
	c->va = va & PAGE_MASK;
	if (likely(descend_fast(c, as, va, false, &s)))
		return true;
	if (in_hole(&s, va, end))
		return false;
	cursor_descend(c, as, c->va, 1);
	return true;
}

/*
 * An anonymous page without a slot is the caller's alone: no atomic operation. Slots
 * more come by copies of tables only.
 */
static __always_inline_ void slot_add(struct page *t, pte_t *slot, vaddr_t va, struct page *p,
				      unsigned prot)
{
	if (unlikely(prot & PROT_LOCKED))
		__atomic_fetch_add(&p->nlocked, 1, __ATOMIC_RELAXED);
	if (likely(p->kind == PAGE_ANON && p->slots == 0)) {
		t->anon++;
		p->slot = slot;
		p->index = va >> PAGE_SHIFT;
		__atomic_store_n(&p->slots, 1, __ATOMIC_RELEASE);	/* who sees one finds it */
		return;
	}
	debug_assert(p->kind != PAGE_ANON);
	table_count(t, p, 1);
	__atomic_fetch_add(&p->slots, 1, __ATOMIC_RELAXED);
}

/* page_leaf; folded to a constant for what most pages of a program have. */
static __always_inline_ pte_t leaf(const struct page *p, unsigned prot)
{
	if (likely(prot == (PROT_R | PROT_W | PROT_U)))
		return pte_leaf(page_to_pfn(p), 1, PROT_R | PROT_W | PROT_U);
	return page_leaf(p, 1, prot);
}

/* A special leaf of any level and rights. */
static __attribute__((noinline)) pte_t huge_special(struct cursor *c, pfn_t f, unsigned prot)
{
	if (c->level > 1)
		c->as->huge = true;
	return pte_leaf(f, c->level, prot & ~PROT_LOCKED);
}

void cursor_map(struct cursor *c, struct page *p, unsigned prot)
{
	struct page *t = c->table;
	pte_t *slot = c->slot;

	assert(pte_is_none(pte_read(slot)));
	debug_assert(IS_ALIGNED(page_to_phys(p).v, LEVEL_SIZE(c->level)));
	if (unlikely(c->level > 1)) {
		leaf_map(c, p, prot);
		return;
	}
	table_entry_added(t, slot_index(slot));
	slot_add(t, slot, c->va, p, prot);
	pte_write_new(slot, leaf(p, prot));
	lists_new(p);
}

void cursor_map_special(struct cursor *c, pfn_t f, unsigned prot)
{
	pte_t e = likely(c->level == 1 && prot == (PROT_R | PROT_U)) ?
		  pte_leaf(f, 1, PROT_R | PROT_U) : huge_special(c, f, prot);

	assert(pte_is_none(cursor_get(c)));
	debug_assert(!(prot & PROT_W) || f.v != zero_pfn.v);
	table_entry_added(c->table, slot_index(c->slot));
	pte_write_new(c->slot, (pte_t){ e.v | PTE_SPECIAL });
}

/* Until g is flushed other CPUs may go on reading what was there. */
void cursor_replace(struct cursor *c, struct page *p, unsigned prot, struct gather *g)
{
	pte_t old;

	assert(!gather_full(g));
	if (unlikely(c->level > 1)) {
		leaf_replace(c, p, prot, g);
		return;
	}
	old = pte_xchg(c->slot, leaf(p, prot));
	if (pte_is_none(old))
		table_entry_added(c->table, slot_index(c->slot));
	if (pte_present(old))
		gather_range(g, c->va, PAGE_SIZE);
	entry_drop(c->table, 1, c->slot, old, g);
	slot_add(c->table, c->slot, c->va, p, prot);
	lists_new(p);
}

void cursor_replace_frame(struct cursor *c, struct page *p, struct gather *g)
{
	const uint64_t frame = page_to_phys(p).v;
	pte_t old = cursor_get(c), new;

	assert(!gather_full(g) && c->level == 1 && entry_slot_page(old, 1));
	do
		new.v = (old.v & ~PTE_ADDR_MASK) | frame;
	while (!pte_cmpxchg(c->slot, &old,
			    (pte_t){ pte_present(new) ? new.v & ~PTE_W : new.v }));
	if (pte_present(old))
		gather_range(g, c->va, PAGE_SIZE);
	entry_drop(c->table, 1, c->slot, old, g);
	slot_add(c->table, c->slot, c->va, p, old.v & PTE_LOCKED ? PROT_LOCKED : 0);
	lists_new(p);
}

pte_t cursor_clear(struct cursor *c, struct gather *g, bool *full)
{
	pte_t old = cursor_get(c);

	assert(!gather_full(g));
	assert(pte_kind(old, c->level) != PTE_TABLE);
	if (!pte_is_none(old)) {
		old = pte_xchg(c->slot, pte_none());
		table_entries_gone(c->table, 1);
		if (pte_present(old) || c->level > 1)
			gather_leaves(g, c->va, LEVEL_SIZE(c->level), c->level);
		entry_drop(c->table, c->level, c->slot, old, g);
	}
	*full = gather_full(g) || gather_owners_full(g);
	return old;
}

void cursor_protect(struct cursor *c, unsigned prot, struct gather *g)
{
	if (entry_protect(c->slot, c->level, prot))
		gather_leaves(g, c->va, LEVEL_SIZE(c->level), c->level);
}

/*
 * p may lose its last slot while it gets this one: the entry is there before it is counted, so
 * whoever looks for an anchor finds it, and who counts the first slot is the anchor.
 */
bool cursor_swap_in(struct cursor *c, struct page *p, unsigned prot)
{
	pte_t was = cursor_get(c), e = leaf(p, prot & ~PROT_W);
	struct page *t = c->table;

	assert(c->level == 1 && pte_kind(was, 1) == PTE_SWAP && p->kind == PAGE_ANON);
	if (unlikely(pte_swap_is_stray(was)))
		return false;
	e.v |= was.v & PTE_SOFT_MASK;
	if (unlikely(e.v & PTE_LOCKED))
		__atomic_fetch_add(&p->nlocked, 1, __ATOMIC_RELAXED);
	t->swap--;
	t->anon++;
	pte_write_new(c->slot, e);
	if (__atomic_fetch_add(&p->slots, 1, __ATOMIC_SEQ_CST) == 0) {
		WRITE_ONCE(p->slot, c->slot);
		p->index = c->va >> PAGE_SHIFT;
	}
	lists_new(p);
	return true;
}
