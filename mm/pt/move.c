/*
 * Moving translations to other addresses of the same address space (mremap).
 *
 * Where both addresses are at the same place within a span of 2 MB, and the
 * range covers all entries of a last-level table, the table itself is unhooked
 * here and hooked in there: one entry for 512 pages, and no slot moves. A huge leaf
 * moves likewise, or is split first.
 * Otherwise entry by entry, both tables locked; the page learns its new slot.
 *
 * All slots of an anonymous page are at one index of a family of tables (rmap.h).
 * Entries that keep their index bring the new table into the family. Where the
 * index changes, a page that relatives have too is copied before anything moves;
 * and an entry of a page in swap that they may have too is marked (a stray one),
 * and will get a copy.
 *
 * What is moved stays as it is: rights, A and D, soft bits, and W: the old
 * address may be used by other CPUs until the caller's gather is flushed, and
 * leads to the same page.
 *
 * Locks: two tables of one level, the lower address first; below two upper
 * ones the table that moves. mm.lock is held for writing, and faults are kept
 * out of both ranges: nothing else but a truncate changes these entries, and it
 * takes them out of both places. Faults of other ranges change other entries of the
 * same tables, and may put a table of their own where one was shared of which no
 * entry is to move.
 */
#include <asm-generic/errno-base.h>
#include <kernel/core/thread.h>
#include <mm/alloc/busy.h>
#include <mm/alloc/slots.h>
#include <mm/pt/huge.h>
#include <mm/pt/rmap.h>
#include <mm/pt/table.h>

#define SPAN	LEVEL_SIZE(2)		/* of a last-level table */

static void lock_two(struct page *a, struct page *b)
{
	spin_lock(a < b ? &a->lock : &b->lock);
	if (a != b)
		spin_lock_nested(a < b ? &b->lock : &a->lock);
}

static void unlock_two(struct page *a, struct page *b)
{
	if (a != b)
		spin_unlock(&b->lock);
	spin_unlock(&a->lock);
}

/* The slot src of p has moved to dst. What keeps an index keeps its family. */
static void anchor_move(struct page *p, pte_t *src, pte_t *dst)
{
	if (likely(READ_ONCE(p->slots) == 1)) {	/* this one: nobody else makes an anchor of his */
		WRITE_ONCE(p->slot, dst);
		return;
	}
	assert(slot_index(src) == slot_index(dst));
	__atomic_compare_exchange_n(&p->slot, &src, dst, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

/* What the entry e that moved from src, in `from`, to dst, in `to`, says of its page. */
static void slot_move(struct page *from, pte_t *src, struct page *to, pte_t *dst, pte_t e)
{
	struct page *p;

	switch (pte_kind(e, 1)) {
	case PTE_PRESENT:
	case PTE_NOACCESS:
	case PTE_MIGRATING:
		p = entry_page(e);
		if (!p)
			return;
		table_count(from, p, -1);
		table_count(to, p, 1);
		if (p->kind == PAGE_ANON)
			anchor_move(p, src, dst);
		return;
	case PTE_SPECIAL_LEAF:
	case PTE_MARKER:
		return;
	case PTE_SWAP:
		from->swap--;
		to->swap++;
		if (slot_index(src) != slot_index(dst) && READ_ONCE(from->kin_next))
			pte_write_new(dst, (pte_t){ e.v | PTE_SWAP_STRAY });
		return;
	case PTE_NONE:
	case PTE_HUGE:
	case PTE_TABLE:
		break;
	}
	panic("entry %lx cannot be moved", e.v);
}

/* n entries from src in `from` to dst in `to`, where nothing is; both locked. */
static void move_entries(struct page *from, pte_t *src, struct page *to, pte_t *dst, unsigned n)
{
	unsigned at = slot_index(src), i = from->first > at ? from->first - at : 0;
	unsigned first = slot_index(dst) + i, moved = 0, anon = 0;

	if (READ_ONCE(from->kin_next) && slot_index(src) == slot_index(dst))
		kin_join(from, to);
	n = from->last + 1u > at ? MIN(n, from->last + 1u - at) : 0;	/* what may be used */
	for (; i < n; i++) {
		pte_t e = pte_read(&src[i]);

		if (pte_is_none(e))
			continue;
		e = pte_xchg(&src[i], pte_none());
		assert(pte_is_none(pte_read(&dst[i])));
		pte_write_new(&dst[i], e);
		/* what most entries are, taken out of slot_move's switch */
		if (likely((e.v & (PTE_P | PTE_SPECIAL)) == PTE_P &&
			   entry_page(e)->kind == PAGE_ANON)) {
			anon++;
			anchor_move(entry_page(e), &src[i], &dst[i]);
		} else {
			slot_move(from, &src[i], to, &dst[i], e);
		}
		moved++;
	}
	from->anon -= anon;
	to->anon += anon;
	table_entries_gone(from, moved);
	if (moved)
		table_entries_added(to, first, slot_index(dst) + n, moved);
}

/*
 * A point where others may run. They include reclaim, which takes entries out at their new
 * place and flushes that: nobody may know the old place and W there any more.
 */
static void yield_flushed(struct gather *g)
{
	if (unlikely(READ_ONCE(this_cpu()->need_resched) & NEED_SCHEDULE))
		gather_flush(g);
	resched_point();
}

/* ---- pages that relatives have too ---- */

/*
 * Do others have p, or may they get it: slots, entries that name the swap slot whose cache it is? Of a page that is
 * busy, on its way to swap or to another frame, that cannot be told.
 */
static bool is_common(const struct page *p)
{
	uint32_t flags = READ_ONCE(p->flags);

	return READ_ONCE(p->slots) > 1 || flags & PG_BUSY || (flags & PG_SWAPCACHE && slot_count(p->swp));
}

/* The page of e, which stands in a last-level table, if it is an anonymous one that others have, or that is busy. */
static struct page *common_page(pte_t e)
{
	struct page *p;

	if (likely((e.v & (PTE_P | PTE_SPECIAL)) == PTE_P))	/* what most are, taken out of the switch */
		p = entry_page(e);
	else
		p = pte_is_none(e) ? NULL : entry_slot_page(e, 1);
	return p && p->kind == PAGE_ANON && is_common(p) ? p : NULL;
}

/* The first such page in [va, end) of the cursor's table, with a reference, and the cursor on it; NULL: none. */
static struct page *find_common(struct cursor *c, vaddr_t end)
{
	unsigned n;

	if (c->level > 1 || (!READ_ONCE(c->table->kin_next) && !c->as->huge))
		return NULL;
	n = (span_end(c->va, 2, end) - c->va) >> PAGE_SHIFT;
	for (unsigned i = 0; i < n; i++) {
		struct page *p = common_page(pte_read(&c->slot[i]));

		if (p) {
			page_get(p);
			c->slot += i;
			c->va += (vaddr_t)i << PAGE_SHIFT;
			return p;
		}
	}
	return NULL;
}

/*
 * The entry at va gets `copy`, of the content of p, in the place of p, if it names it still, p is not busy, and others
 * have it too.
 */
static bool replace_common(struct aspace *as, vaddr_t va, struct page *p, struct page *copy,
			   struct gather *g)
{
	struct cursor c;
	bool is;

	cursor_find(&c, as, va, 1);
	is = c.level == 1 && entry_names(cursor_get(&c), p) && !(READ_ONCE(p->flags) & PG_BUSY);
	if (is && pte_kind(cursor_get(&c), 1) == PTE_MIGRATING)
		is = cursor_arrive(&c);
	is = is && is_common(p);
	if (is)
		cursor_replace_frame(&c, copy, g);
	cursor_close(&c);
	return is;
}

/* Until p, referenced, is not busy any more: how it was found says nothing then. True: it was busy. */
static bool wait_common(struct page *p, struct gather *g)
{
	if (!(READ_ONCE(p->flags) & PG_BUSY))
		return false;
	gather_flush(g);
	page_wait_busy(p);
	return true;
}

/* [old, old + len) is to move to another index: its pages become its own. 0 or -ENOMEM. */
static int own_pages(struct aspace *as, vaddr_t old, size_t len, struct gather *g)
{
	vaddr_t va = old, end = old + len;
	struct page *p, *copy;
	struct cursor c;

	while (va < end) {
		cursor_find(&c, as, va, 1);
		p = find_common(&c, end);
		cursor_close(&c);
		if (!p) {
			va = span_end(va, MAX(c.level, 2u), end);
			continue;
		}
		va = c.va;
		if (wait_common(p, g)) {
			page_put(p);
			continue;
		}
		copy = page_alloc(0, PAGE_ANON, 0);
		if (copy)
			copy_page(page_to_virt(copy), page_to_virt(p));
		if (gather_full(g))
			gather_flush(g);
		if (copy && !replace_common(as, va, p, copy, g))
			page_put(copy);
		page_put(p);
		if (!copy)
			return -ENOMEM;
		yield_flushed(g);
	}
	return 0;
}

/* ---- steps ---- */

/* Stands on va's entry at `level` without holding its lock. False: there is no such table. */
static bool find_unlocked(struct cursor *c, struct aspace *as, vaddr_t va, unsigned level)
{
	cursor_find(c, as, va, level);
	cursor_close(c);
	return c->level == level;
}

/* [old, old + len), which lies in one span, as is its new place. 0 or -ENOMEM. */
static int move_part(struct aspace *as, vaddr_t old, vaddr_t new, size_t len, struct gather *g)
{
	struct cursor src, dst;

	if (!find_unlocked(&src, as, old, 1)) {
		assert(pte_is_none(cursor_get(&src)));
		return 0;
	}
	if (cursor_open(&dst, as, new, 1))
		return -ENOMEM;
	cursor_close(&dst);
	lock_two(src.table, dst.table);
	if (unlikely(src.table->dead || dst.table->dead)) {	/* a truncate was here */
		unlock_two(src.table, dst.table);
		return move_part(as, old, new, len, g);
	}
	move_entries(src.table, src.slot, dst.table, dst.slot, len >> PAGE_SHIFT);
	gather_range(g, old, len);
	unlock_two(src.table, dst.table);
	return 0;
}

/* Unhooks the table under src, hooks it in under dst, which is none. Both upper tables locked. */
static void move_table(struct cursor *src, struct cursor *dst, pte_t e)
{
	struct page *t = pfn_to_page(pte_pfn(e));

	spin_lock(&t->lock);
	pte_xchg(src->slot, pte_none());
	t->base = dst->va;
	t->owner_slot = dst->slot;
	pte_write_new(dst->slot, e);
	spin_unlock(&t->lock);
}

/* The same for a huge leaf. The last A and D come along. */
static void move_leaf(struct cursor *src, struct cursor *dst)
{
	pte_t e = pte_xchg(src->slot, pte_none());
	struct page *p = entry_slot_page(e, 2);

	pte_write_new(dst->slot, e);
	if (!p)
		return;
	table_count(src->table, p, -1);
	table_count(dst->table, p, 1);
	leaf_moved(e, src->slot, dst->slot);
}

/* The entry under src, a table or a huge leaf, to dst, which is none. Both tables locked. */
static void move_entry(struct cursor *src, struct cursor *dst, pte_t e)
{
	if (pte_kind(e, 2) == PTE_TABLE)
		move_table(src, dst, e);
	else
		move_leaf(src, dst);
	table_entries_gone(src->table, 1);
	table_entry_added(dst->table, slot_index(dst->slot));
}

/* Is there a leaf of 1 GB at va? */
static bool is_giant(struct aspace *as, vaddr_t va)
{
	struct cursor c;

	return find_unlocked(&c, as, va, 3) && pte_kind(cursor_get(&c), 3) != PTE_TABLE && !pte_is_none(cursor_get(&c));
}

/*
 * What stands in old's entry of that level, a table of leaves or a huge leaf. 0 or -ENOMEM; -ENOENT: there is no table of
 * that level.
 */
static int move_span(struct aspace *as, vaddr_t old, vaddr_t new, unsigned level, struct gather *g)
{
	struct cursor src, dst;
	bool barred;
	pte_t e;

	if (!find_unlocked(&src, as, old, level))
		return -ENOENT;
	if (cursor_open(&dst, as, new, level))
		return -ENOMEM;
	cursor_close(&dst);
	if (READ_ONCE(src.table->companion) && companion_prepare(dst.table))
		return -ENOMEM;
	lock_two(src.table, dst.table);
	e = cursor_get(&src);
	barred = !pte_is_none(e) && !pte_is_none(cursor_get(&dst));
	if (unlikely(src.table->dead || dst.table->dead || barred)) {
		unlock_two(src.table, dst.table);
		if (barred)		/* by an empty table */
			table_reap(as, new, level - 1, g);
		return move_span(as, old, new, level, g);
	}
	if (!pte_is_none(e)) {
		move_entry(&src, &dst, e);
		gather_leaves(g, old, LEVEL_SIZE(level), pte_kind(e, level) == PTE_TABLE ? 1 : level);
	}
	unlock_two(src.table, dst.table);
	return 0;
}

/* One step: at most to the end of old's or new's span. How far it went, in *step. */
static int move_step(struct aspace *as, vaddr_t old, vaddr_t new, size_t len, size_t *step,
		     struct gather *g)
{
	int err;

	if (!IS_ALIGNED(old | new, SPAN) || len < SPAN) {
		*step = MIN(len, MIN(SPAN - (old & (SPAN - 1)), SPAN - (new & (SPAN - 1))));
		return move_part(as, old, new, *step, g);
	}
	*step = SPAN;
	err = move_span(as, old, new, 2, g);
	if (likely(err != -ENOENT) || !is_giant(as, old))
		return err == -ENOENT ? 0 : err;
	*step = GIANT_SIZE;
	return move_span(as, old, new, 3, g);
}

static int move_all(struct aspace *as, vaddr_t old, vaddr_t new, size_t len, struct gather *g)
{
	size_t done = 0, step;
	int err = 0;

	while (done < len && !err) {
		err = move_step(as, old + done, new + done, len - done, &step, g);
		if (!err)
			done += step;
		yield_flushed(g);
	}
	if (err && done && move_all(as, new, old, done, g))
		panic("what was moved could not be moved back: 0x%lx", old);
	return err;
}

int pt_move(struct aspace *as, vaddr_t old, vaddr_t new, size_t len, struct gather *g)
{
	int err = 0;

	assert(old + len <= new || new + len <= old);
	if (!IS_ALIGNED(old ^ new, SPAN))
		err = pt_split_range(as, old, old + len);
	if (!err && !IS_ALIGNED(old ^ new, SPAN))
		err = own_pages(as, old, len, g);
	return err ? err : move_all(as, old, new, len, g);
}
