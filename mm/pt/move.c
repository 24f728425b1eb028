/*
 * Moving translations to other addresses of the same address space (mremap).
 *
 * Where both addresses are at the same place within a span of 2 MB, and the
 * range covers all entries of a last-level table, the table itself is unhooked
 * here and hooked in there: one entry for 512 pages, and no slot moves.
 * Otherwise entry by entry, both tables locked; the page learns its new slot.
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

/* What the entry that moved from `from` to dst, in `to`, says of its page. */
static void slot_move(struct page *from, struct page *to, pte_t *dst, pte_t e)
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
		if (p->kind == PAGE_ANON && p->slots == 1)
			p->slot = dst;
		return;
	case PTE_SPECIAL_LEAF:
	case PTE_MARKER:
		return;
	case PTE_SWAP:
		from->swap--;
		to->swap++;
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

	n = from->last + 1u > at ? MIN(n, from->last + 1u - at) : 0;	/* what may be used */
	for (; i < n; i++) {
		pte_t e = pte_read(&src[i]);

		if (pte_is_none(e))
			continue;
		e = pte_xchg(&src[i], pte_none());
		assert(pte_is_none(pte_read(&dst[i])));
		/* what most entries are, taken out of slot_move's switch */
		if (likely((e.v & (PTE_P | PTE_SPECIAL)) == PTE_P &&
			   entry_page(e)->kind == PAGE_ANON)) {
			anon++;
			if (likely(entry_page(e)->slots == 1))
				entry_page(e)->slot = &dst[i];
		} else {
			slot_move(from, to, &dst[i], e);
		}
		pte_write_new(&dst[i], e);
		moved++;
	}
	from->anon -= anon;
	to->anon += anon;
	table_entries_gone(from, moved);
	if (moved)
		table_entries_added(to, first, slot_index(dst) + n, moved);
}

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

	if (!find_unlocked(&src, as, old, 1))
		return 0;
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
	table_entries_gone(src->table, 1);
	table_entry_added(dst->table, slot_index(dst->slot));
	t->base = dst->va;
	t->owner_slot = dst->slot;
	pte_write_new(dst->slot, e);
	spin_unlock(&t->lock);
}

/* The whole span of old, a table's worth. 0 or -ENOMEM; -EEXIST: entry by entry. */
static int move_span(struct aspace *as, vaddr_t old, vaddr_t new, struct gather *g)
{
	struct cursor src, dst;
	int err = 0;
	pte_t e;

	if (!find_unlocked(&src, as, old, 2))
		return 0;
	if (cursor_open(&dst, as, new, 2))
		return -ENOMEM;
	cursor_close(&dst);
	lock_two(src.table, dst.table);
	if (unlikely(src.table->dead || dst.table->dead)) {
		unlock_two(src.table, dst.table);
		return move_span(as, old, new, g);
	}
	e = cursor_get(&src);
	if (!pte_is_none(e)) {
		if (pte_is_none(cursor_get(&dst)) && pte_kind(e, 2) == PTE_TABLE) {
			move_table(&src, &dst, e);
			gather_range(g, old, SPAN);
		} else {
			err = -EEXIST;
		}
	}
	unlock_two(src.table, dst.table);
	return err;
}

/* One step: at most to the end of old's or new's span. How far it went, in *step. */
static int move_step(struct aspace *as, vaddr_t old, vaddr_t new, size_t len, size_t *step,
		     struct gather *g)
{
	int err;

	if (IS_ALIGNED(old | new, SPAN) && len >= SPAN) {
		*step = SPAN;
		err = move_span(as, old, new, g);
		if (err != -EEXIST)
			return err;
	}
	*step = MIN(len, MIN(SPAN - (old & (SPAN - 1)), SPAN - (new & (SPAN - 1))));
	return move_part(as, old, new, *step, g);
}

int pt_move(struct aspace *as, vaddr_t old, vaddr_t new, size_t len, struct gather *g)
{
	size_t done = 0, step;
	int err = 0;

	assert(old + len <= new || new + len <= old);
	while (done < len && !err) {
		err = move_step(as, old + done, new + done, len - done, &step, g);
		if (!err)
			done += step;
		resched_point();
	}
	if (err && done && pt_move(as, new, old, done, g))
		panic("what was moved could not be moved back: 0x%lx", old);
	return err;
}
