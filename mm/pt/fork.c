/*
 * A child's tables: shared with the parent, or copies of the parent's entries.
 *
 * What is shared loses W in the upper entry, on both sides; the leaves stay
 * as they are. What is copied loses W in the source and in the copy, under
 * the source's lock, so that the law holds: a writable private leaf means
 * that its frame has one slot. The parent's other CPUs forget W when the
 * caller's gather is flushed. (Leaves of a table that is shared already need
 * no flush: each owner's CPUs have forgotten W when it was shared.)
 *
 * The child is nobody's address space so far; the caller keeps the parent's
 * tables from being changed (mm.lock for writing, all VMAs marked), so their counts can be
 * read without a lock. Truncates alone come by all the same: they know the mappings
 * of memory objects that both have. They change no table that is shared, but take away
 * one that is empty, as the child's are when they are made: so whether it is dead is
 * looked at under its lock, before anything goes in.
 *
 * A table of huge leaves that lies in what is shared is itself shared, by entries of
 * level 3; single huge leaves are copied: what was said of small leaves holds for them.
 *
 * Locks: two tables of one level, the lower address first; in sharing the two
 * upper ones, and inside of them one table of leaves after the other.
 */
#include <asm-generic/errno-base.h>
#include <lib/string.h>
#include <mm/alloc/slots.h>
#include <mm/pt/huge.h>
#include <mm/pt/table.h>

/* Tables with fewer entries are copied at once: the hot ones of stack and data. */
#define SHARE_ABOVE	32u

/* ---- entries ---- */

static __always_inline_ void page_twin(struct page *p)
{
	__atomic_fetch_add(&p->slots, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&p->refs, 1, __ATOMIC_RELAXED);
}

static pte_t other_twin(pte_t *slot, pte_t e)
{
	struct page *p = entry_slot_page(e, 1);

	if (pte_kind(e, 1) == PTE_MIGRATING) {
		e.v &= ~PTE_MIGRATE_W;
		pte_write_new(slot, e);
	}
	if (p)
		page_twin(p);
	else if (pte_kind(e, 1) == PTE_SWAP)
		slot_get(pte_swp(e));
	return e;
}

/* The entry to stand beside *slot: its page has a slot and a reference more, W is gone. */
static __always_inline_ pte_t entry_twin(pte_t *slot)
{
	pte_t e = pte_read(slot);

	if (unlikely((e.v & (PTE_P | PTE_SPECIAL)) != PTE_P))
		return other_twin(slot, e);
	if (e.v & PTE_W) {
		__atomic_fetch_and(&slot->v, ~PTE_W, __ATOMIC_ACQ_REL);
		e = pte_read(slot);
	}
	page_twin(pfn_to_page(pte_pfn(e)));
	return e;
}

void table_copy_whole(struct page *from, struct page *to)
{
	pte_t *src = table_entries(from), *dst = table_entries(to);
	unsigned first = from->first, last = from->last;

	memset(dst, 0, first * sizeof(*dst));
	if (likely(from->level == 1))
		for (unsigned i = first; i <= last; i++)
			dst[i] = entry_twin(&src[i]);
	else
		for (unsigned i = first; i <= last; i++)
			dst[i] = leaf_twin(&src[i], &dst[i]);
	memset(dst + last + 1, 0, (PT_ENTRIES - 1 - last) * sizeof(*dst));
	to->used = from->used;
	to->first = first;
	to->last = last;
	to->anon = from->anon;
	to->file = from->file;
	to->shmem = from->shmem;
	to->swap = from->swap;
}

/* ---- copies ---- */

static void lock_both(struct page *a, struct page *b)
{
	spin_lock(a < b ? &a->lock : &b->lock);
	spin_lock_nested(a < b ? &b->lock : &a->lock);
}

static void unlock_both(struct page *a, struct page *b)
{
	spin_unlock(&a->lock);
	spin_unlock(&b->lock);
}

/* What a copy of entries adds to its table, and which of the source lost W: [lo, hi). */
struct copied {
	unsigned used, first, last, anon, file, shmem, swap;
	unsigned lo, hi;
};

/* Entries [i, end) of src to dst, where they are none. */
static struct copied copy_entries(pte_t *src, pte_t *dst, unsigned i, unsigned end)
{
	struct copied n = { .first = PT_ENTRIES, .lo = PT_ENTRIES };

	for (; i < end; i++) {
		pte_t was = pte_read(&src[i]), e;
		const struct page *p;

		if (pte_is_none(was))
			continue;
		e = entry_twin(&src[i]);
		p = likely((e.v & (PTE_P | PTE_SPECIAL)) == PTE_P) ? pfn_to_page(pte_pfn(e)) :
								      entry_slot_page(e, 1);
		n.anon += p && p->kind == PAGE_ANON;
		n.file += p && p->kind == PAGE_FILE && !(p->flags & PG_SHMEM);
		n.shmem += p && p->kind == PAGE_FILE && p->flags & PG_SHMEM;
		n.swap += !p && pte_kind(e, 1) == PTE_SWAP;
		n.used++;
		n.first = MIN(n.first, i);
		n.last = i;
		if (pte_writable(was)) {
			n.lo = MIN(n.lo, i);
			n.hi = i + 1;
		}
		debug_assert(pte_is_none(pte_read(&dst[i])));
		pte_write_new(&dst[i], (pte_t){ e.v & ~PTE_LOCKED }); /* mlock is not inherited */
	}
	return n;
}

/* [va, end) of one table. False: `to` was taken away. */
static bool __must_check table_copy(struct page *from, struct page *to, vaddr_t va, vaddr_t end,
				    struct gather *g)
{
	vaddr_t base = va & -LEVEL_SIZE(2);
	unsigned first, last;
	struct copied n;

	lock_both(from, to);
	if (unlikely(to->dead)) {
		unlock_both(from, to);
		return false;
	}
	if (from->anon || from->swap)	/* else it may be dead */
		kin_join(from, to);
	first = MAX(LEVEL_INDEX(va, 1), from->first);
	last = MIN(LEVEL_INDEX(end - 1, 1), from->last);
	n = copy_entries(table_entries(from), table_entries(to), first, last + 1);
	to->used += n.used;
	to->first = MIN(to->first, n.first);
	to->last = MAX(to->last, n.last);
	to->anon += n.anon;
	to->file += n.file;
	to->shmem += n.shmem;
	to->swap += n.swap;
	if (n.hi)
		gather_range(g, base + n.lo * PAGE_SIZE, (n.hi - n.lo) * PAGE_SIZE);
	unlock_both(from, to);
	return true;
}

/* ---- huge leaves ---- */

/* The upper table of va at `level` in `to`, not locked, with a companion. 0 or -ENOMEM. */
static int open_twin(struct cursor *c, struct aspace *to, vaddr_t va, unsigned level)
{
	int err = cursor_open(c, to, va, level);

	if (err)
		return err;
	cursor_close(c);
	return companion_prepare(c->table);
}

/* src's huge entry gets a twin in dst, a none entry. Both tables locked, with companions. */
static void copy_leaf(struct page *from, pte_t *src, struct page *to, pte_t *dst)
{
	pte_t e = leaf_twin(src, dst);
	const struct page *p = entry_slot_page(e, from->level);

	if (p)
		table_count(to, p, 1);
	table_entry_added(to, slot_index(dst));
	pte_write_new(dst, (pte_t){ e.v & ~PTE_LOCKED });
}

/* The huge leaf of from's upper table `upper` that translates va. 0 or -ENOMEM. */
static int copy_huge(struct aspace *to, struct page *upper, vaddr_t va, struct gather *g)
{
	pte_t *src = &table_entries(upper)[LEVEL_INDEX(va, upper->level)];
	int err = companion_prepare(upper);
	struct cursor c;
	bool done;

	if (err)
		return err;
	do {
		err = open_twin(&c, to, va, upper->level);
		if (err)
			return err;
		lock_both(upper, c.table);
		done = !c.table->dead;
		if (likely(done)) {
			copy_leaf(upper, src, c.table, c.slot);
			gather_leaves(g, c.va, LEVEL_SIZE(c.level), c.level);
		}
		unlock_both(upper, c.table);
	} while (unlikely(!done));
	to->huge = true;
	return 0;
}

/* ---- tables ---- */

/* The entries of from's table t in [va, end). */
static int copy_table(struct aspace *to, struct page *t, vaddr_t va, vaddr_t end, struct gather *g)
{
	struct cursor c;
	int err;

	if (!table_meets(t, va & -LEVEL_SIZE(2), va, end))
		return 0;
	do {
		err = cursor_open(&c, to, va, 1);
		if (err)
			return err;
		cursor_close(&c);
	} while (!table_copy(t, c.table, va, end, g));
	return 0;
}

int pt_copy(struct aspace *to, struct aspace *from, vaddr_t start, vaddr_t end, struct gather *g)
{
	vaddr_t va = start, next;
	struct cursor c;
	int err = 0;
	pte_t e;

	assert(g->stale.as == from && IS_ALIGNED(start | end, PAGE_SIZE));
	huge_zero_share(to, from);
	for (; va < end && !err; va = next) {
		cursor_find(&c, from, va, 1);
		e = cursor_get(&c);
		cursor_close(&c);
		next = span_end(va, MAX(c.level, 2u), end);
		if (c.level == 1)
			err = copy_table(to, c.table, va, next, g);
		else if (!pte_is_none(e))
			err = copy_huge(to, c.table, va, g);
	}
	return err;
}

/* ---- sharing ---- */

/* The table of an upper entry; NULL: it is none, or a huge leaf. */
static struct page *table_of(pte_t e)
{
	return pte_kind(e, 2) == PTE_TABLE ? pfn_to_page(pte_pfn(e)) : NULL;
}

static bool worth_sharing(const struct page *t)
{
	return t && t->used > SHARE_ABOVE;
}

/* Copies the small tables and huge leaves of entries [i, end) of `upper`, base that of i; counts the others. */
static int copy_small(struct aspace *to, struct page *upper, unsigned i, unsigned end,
		      vaddr_t base, unsigned *big, struct gather *g)
{
	const pte_t *tab = table_entries(upper);
	int err = 0;

	for (; i < end && !err; i++, base += LEVEL_SIZE(2)) {
		pte_t e = pte_read(&tab[i]);
		struct page *t = table_of(e);

		if (worth_sharing(t))
			++*big;
		else if (t)
			err = copy_table(to, t, base, base + LEVEL_SIZE(2), g);
		else if (!pte_is_none(e))
			err = copy_huge(to, upper, base, g);
	}
	return err;
}

/* t, to which *slot points, gets *twin, a none entry, as an owner. Upper tables locked. */
static void share_one(pte_t *slot, pte_t *twin, struct page *t)
{
	pte_t e;

	spin_lock(&t->lock);
	__atomic_fetch_and(&slot->v, ~PTE_W, __ATOMIC_ACQ_REL);
	e = pte_read(slot);
	owner_add(t, twin);
	pte_write_new(twin, e);
	spin_unlock(&t->lock);
}

/* Those of [i, end) of upper tables, both with companions. Returns how many tables were shared. */
static unsigned share_big(struct page *from, struct page *to, unsigned i, unsigned end)
{
	pte_t *src = table_entries(from), *dst = table_entries(to);
	unsigned n = 0;

	for (; i < end; i++) {
		struct page *t = table_of(pte_read(&src[i]));

		/* copied, or empty: reclaim changes the counts meanwhile */
		if (!t || !pte_is_none(pte_read(&dst[i])) || !READ_ONCE(t->used))
			continue;
		share_one(&src[i], &dst[i], t);
		table_entry_added(to, i);
		n++;
	}
	return n;
}

/* [va, end) below one upper table of from's. */
static int share_upper(struct aspace *to, struct page *upper, vaddr_t va, vaddr_t end,
		       struct gather *g)
{
	unsigned i = LEVEL_INDEX(va, 2), stop = LEVEL_INDEX(end - 1, 2) + 1, big = 0;
	struct cursor c;
	int err = copy_small(to, upper, i, stop, va, &big, g);
	bool dead;

	if (err || !big)
		return err;
	err = companion_prepare(upper);
	if (err)
		return err;
	do {
		err = open_twin(&c, to, va, 2);
		if (err)
			return err;
		lock_both(upper, c.table);
		dead = c.table->dead;
		if (likely(!dead)) {
			big = share_big(upper, c.table, i, stop);
			gather_range(g, va, end - va);
		}
		unlock_both(upper, c.table);
	} while (unlikely(dead));
	__atomic_fetch_add(&to->table_bytes, big * PAGE_SIZE, __ATOMIC_RELAXED);
	return 0;
}

/* Are all entries of the upper table t huge leaves, and in [start, end)? base: where its first one is. */
static bool is_of_leaves(const struct page *t, vaddr_t base, vaddr_t start, vaddr_t end)
{
	const pte_t *tab = table_entries(t);
	unsigned i = t->first;

	if (t->used <= 1 || !table_within(t, base, start, end))
		return false;
	while ((i = table_next(tab, i, t->last + 1u)) <= t->last && !table_of(pte_read(&tab[i])))
		i++;
	return i > t->last;
}

/*
 * The table t of huge leaves that translates va is the child's, too. 0, -ENOMEM, or -EEXIST: the
 * child has one there, in which a truncate has left nothing.
 */
static int share_huge(struct aspace *to, struct aspace *from, struct page *t, vaddr_t va,
		      struct gather *g)
{
	struct cursor up, c;
	bool free;
	int err;

	cursor_find(&up, from, va, 3);
	cursor_close(&up);
	assert(up.level == 3);
	err = companion_prepare(up.table);
	if (!err)
		err = open_twin(&c, to, va, 3);
	if (err)
		return err;
	lock_both(up.table, c.table);
	free = pte_is_none(cursor_get(&c)) && !c.table->dead;
	if (likely(free)) {
		share_one(up.slot, c.slot, t);
		table_entry_added(c.table, slot_index(c.slot));
		gather_leaves(g, up.va + t->first * LEVEL_SIZE(2),
			      (t->last + 1ul - t->first) * LEVEL_SIZE(2), 2);
	}
	unlock_both(up.table, c.table);
	if (unlikely(!free))
		return -EEXIST;
	__atomic_fetch_add(&to->table_bytes, PAGE_SIZE, __ATOMIC_RELAXED);
	to->huge = true;
	return 0;
}

/* What is in [va, end), which c stands at the beginning of, unlocked, and which is of one upper table. */
static int share_entries(struct aspace *to, const struct cursor *c, vaddr_t va, vaddr_t end,
			 struct gather *g)
{
	if (c->level == 2)
		return share_upper(to, c->table, va, end, g);
	return pte_is_none(cursor_get(c)) ? 0 : copy_huge(to, c->table, va, g);
}

int pt_share(struct aspace *to, struct aspace *from, vaddr_t start, vaddr_t end, struct gather *g)
{
	vaddr_t va = start, next;
	struct cursor c;
	int err = 0;

	assert(g->stale.as == from && IS_ALIGNED(start | end, LEVEL_SIZE(2)));
	to->shares = from->shares = true;
	huge_zero_share(to, from);
	for (; va < end && !err; va = next) {
		cursor_find(&c, from, va, 2);
		cursor_close(&c);
		next = span_end(va, MAX(c.level, 3u), end);
		err = -EEXIST;
		if (c.level == 2 && from->huge && is_of_leaves(c.table, va & -LEVEL_SIZE(3), va, next))
			err = share_huge(to, from, c.table, va, g);
		if (err == -EEXIST)
			err = share_entries(to, &c, va, next, g);
	}
	return err;
}
