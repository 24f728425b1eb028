/*
 * Families of last-level tables, and the anchors of anonymous pages (rmap.h
 * has the theory).
 *
 * A ring is linked by frame numbers; a table alone is in none. A table whose
 * neighbour is itself does not exist. Rings are joined, never parted: two
 * tables that are of one family stay so as long as both live.
 *
 * The anchor of a page, page->slot, is a slot that names it, as long as it
 * has slots. It is written by the first who maps the page, by who moves the
 * anchor (mremap), and by who takes it out (anchor_left):
 *
 *	takes y out				makes y the anchor, after x
 *	entry y := none				page->slot: x becomes y
 *	barrier (xchg)				barrier (cmpxchg)
 *	is page->slot y? then anchor_left	does y name the page? else go on from y
 *
 * One of the two sees the other; if both do, one of their cmpxchg fails, and the
 * anchor is the other's care. What is looked for may be between two places
 * for a moment (a move; a copy whose count came first; an entry that is gone, but not
 * yet counted so): as long as there are slots, and the anchor is still the one that
 * left, it is looked for again. Nobody who is in the middle of such
 * a thing waits for anything.
 *
 * Locks: kin_lock, the rings. Whether a table is alone changes to "no" only under
 * its own lock, too.
 */
#include <mm/alloc/block.h>
#include <mm/pt/table.h>
#include <mm/pt/rmap.h>

struct spinlock kin_lock = SPINLOCK_INIT(RANK_PAGE_RMAP);

static uint32_t number(const struct page *t)
{
	return (uint32_t)page_to_pfn(t).v;
}

static void kin_link(struct page *a, struct page *b)
{
	WRITE_ONCE(a->kin_next, number(b));
	WRITE_ONCE(b->kin_prev, number(a));
}

/* Is b in a's ring? Who was copied from a stands behind it, not far. */
static bool is_kin(const struct page *a, const struct page *b)
{
	const struct page *t = b;

	do {
		t = kin_prev(t);
		if (t == a)
			return true;
	} while (t != b);
	return false;
}

/* Ring to ring, or to one who is alone: what was behind either comes behind the other. */
static void kin_unite(struct page *a, struct page *b)
{
	struct page *behind_a = kin_next(a), *behind_b = kin_next(b);

	kin_link(a, behind_b);
	kin_link(b, behind_a);
}

void kin_join(struct page *from, struct page *to)
{
	assert(number(to) && page_to_pfn(to).v == number(to) && from->level == 1 && to->level == 1);
	if (READ_ONCE(from->kin_next) == number(to))
		return;
	spin_lock(&kin_lock);
	if (!from->kin_next || !to->kin_next || !is_kin(from, to))
		kin_unite(from, to);
	spin_unlock(&kin_lock);
}

void kin_leave_ring(struct page *t)
{
	struct page *next, *prev;

	spin_lock(&kin_lock);
	next = kin_next(t);
	prev = kin_prev(t);
	if (next == prev)
		next->kin_next = next->kin_prev = 0;
	else
		kin_link(prev, next);
	t->kin_next = t->kin_prev = 0;
	spin_unlock(&kin_lock);
}

/* ---- anchors ---- */

/*
 * Once round from `home`, whose entry i has left. True: *left, the anchor that
 * must be replaced, is not the anchor any more. kin_lock held.
 */
static bool find_anchor(struct page *p, struct page *home, unsigned i, pte_t **left)
{
	for (struct page *t = kin_next(home); t != home; t = kin_next(t)) {
		pte_t *slot = &table_entries(t)[i];

		if (!entry_names(pte_read(slot), p))
			continue;
		if (!__atomic_compare_exchange_n(&p->slot, left, slot, false, __ATOMIC_SEQ_CST,
						 __ATOMIC_RELAXED))
			return true;
		if (entry_names((pte_t){ __atomic_load_n(&slot->v, __ATOMIC_SEQ_CST) }, p))
			return true;
		*left = slot;
	}
	return false;
}

/* One look for another anchor. True: *slot is not it any more. */
static bool look_for_anchor(struct page *p, struct page *home, pte_t **slot)
{
	unsigned i = slot_index(*slot);
	bool done;

	spin_lock(&kin_lock);
	done = find_anchor(p, home, i, slot);
	spin_unlock(&kin_lock);
	return done;
}

/*
 * The same for a page that huge leaves may name: if all of its slots are theirs it has no anchor. The
 * next one is made by a split, which holds the block's lock, too.
 */
static bool look_in_block(struct page *p, struct page *home, pte_t **slot)
{
	struct page *head = block_head(p);
	bool done;

	block_lock(head);
	done = look_for_anchor(p, home, slot);
	if (!done && READ_ONCE(p->flags) & PG_MIXED && READ_ONCE(p->slots) == leaf_count(head))
		done = __atomic_compare_exchange_n(&p->slot, slot, NULL, false, __ATOMIC_SEQ_CST,
						   __ATOMIC_RELAXED);
	block_unlock(head);
	return done;
}

void anchor_left(struct page *p, pte_t *slot)
{
	struct page *home = virt_to_page(slot);
	bool done;

	do {
		if (unlikely(READ_ONCE(p->flags) & PG_MIXED))
			done = look_in_block(p, home, &slot);
		else
			done = look_for_anchor(p, home, &slot);
	} while (!done && READ_ONCE(p->slot) == slot && READ_ONCE(p->slots));
}

/* ---- verification ---- */

static bool is_member(const struct page *t)
{
	return t->kind == PAGE_TABLE && t->level == 1 && !t->dead;
}

const char *kin_verify(const struct page *t)
{
	if (!t->kin_next != !t->kin_prev)
		return "half in a family";
	if (!t->kin_next)
		return NULL;
	if (!pfn_valid(pfn(t->kin_next)) || !pfn_valid(pfn(t->kin_prev)) ||
	    !is_member(kin_next(t)) || !is_member(kin_prev(t)))
		return "a relative that is no table";
	if (kin_next(t) == t || kin_prev(kin_next(t)) != t || kin_next(kin_prev(t)) != t)
		return "a broken ring of relatives";
	return NULL;
}

unsigned kin_count(const struct page *t, unsigned i, const struct page *p)
{
	const struct page *r = t;
	unsigned n = 0;

	do {
		if (kin_verify(r))
			return ~0u;
		n += entry_names(pte_read(&table_entries(r)[i]), p);
		r = kin_next(r);
	} while (r != t);
	return n;
}
