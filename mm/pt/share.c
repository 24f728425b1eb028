/*
 * Shared tables: who owns a table of leaves, and how an owner leaves it.
 *
 * After a fork parent and child point to the same last-level tables, each by
 * an upper entry without W. The owners of a table are the upper slots that
 * point to it: owner_slot is the first, and if there are more (`shared`), all
 * are linked through the companions of the upper tables that they lie in: two
 * frames beside an upper table, one link for each of its entries, made when a
 * table below it is shared for the first time. An upper table is never
 * shared, so a slot says whose it is and which addresses it translates.
 *
 *	- An upper entry has W only if its table has one owner. (Without W it
 *	  may have one, too: the others have left.)
 *	- A shared table changes only in what all owners agree on: W of a
 *	  private leaf goes when somebody takes a copy. All else is done by an
 *	  owner that has made the table its own: by a copy, or, as the last one,
 *	  by giving its upper entry W again, which needs no flush.
 *	- An owner leaves the list only after the flush that makes its CPUs
 *	  forget the upper entry (gather_owner, owner_leave): until then a table
 *	  that looks free to the others might still be walked from there. In
 *	  between its link lies in a slot that is none, or that points to an
 *	  unshared table, which needs no link. Sharing needs mm.lock for writing
 *	  and no fault under way, and who left flushes before giving up mm.lock,
 *	  or the lock by which a fault is under way: so the link is free
 *	  when it is needed again. An upper table that dies in between keeps its
 *	  companion for a grace period, and nobody sleeps before that flush.
 *
 * Locks: the list and `shared` by the table's lock; W of an upper entry by the
 * upper table's and the table's.
 *
 * On-demand-fork (EuroSys 2021) shares tables like this; SDM vol. 3A 4.10.2
 * on what of an upper entry a CPU may keep.
 */
#include <asm-generic/errno-base.h>
#include <lib/string.h>
#include <mm/alloc/block.h>
#include <mm/pt/huge.h>
#include <mm/pt/rmap.h>
#include <mm/pt/table.h>

_Static_assert(PT_ENTRIES * sizeof(struct slot_link) == PAGE_SIZE << COMPANION_ORDER,
	       "a companion has a link for each entry");

struct slot_link *link_of(const pte_t *slot)
{
	struct slot_link *links = page_to_virt(virt_to_page(slot)->companion);

	return &links[slot_index(slot)];
}

/* The owners of a shared table of leaves may all come here for it at once. */
int companion_prepare(struct page *upper)
{
	struct page *none = NULL, *new;

	if (READ_ONCE(upper->companion))
		return 0;
	new = page_alloc(COMPANION_ORDER, PAGE_KERNEL, 0);
	if (!new)
		return -ENOMEM;
	if (!__atomic_compare_exchange_n(&upper->companion, &none, new, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_RELAXED))
		page_free(new, COMPANION_ORDER);
	return 0;
}

/* ---- chains of slots ---- */

void chain_add(pte_t *at, pte_t *slot, bool linked)
{
	struct slot_link *first = link_of(at), *new = link_of(slot);

	if (!linked)
		*first = (struct slot_link){ NULL, NULL };
	*new = (struct slot_link){ .next = first->next, .prev = at };
	if (new->next)
		link_of(new->next)->prev = slot;
	first->next = slot;
}

bool chain_remove(pte_t **first, pte_t *slot)
{
	struct slot_link *l = link_of(slot);

	if (l->next)
		link_of(l->next)->prev = l->prev;
	if (l->prev)
		link_of(l->prev)->next = l->next;
	else
		*first = l->next;
	return link_of(*first)->next;
}

void chain_replace(pte_t **first, pte_t *slot, pte_t *by)
{
	struct slot_link *l = link_of(slot);

	*link_of(by) = *l;
	if (l->next)
		link_of(l->next)->prev = by;
	if (l->prev)
		link_of(l->prev)->next = by;
	else
		*first = by;
}

/* ---- owners ---- */

void owner_add(struct page *t, pte_t *slot)
{
	chain_add(t->owner_slot, slot, t->shared);
	t->shared = 1;
}

/*
 * An upper table that has died still is in the list, until the flush; it does not know its
 * address any more. (It is dead first, and then loses it.)
 */
static void note_owner(const pte_t *slot, unsigned level, unsigned i, struct reclaim_gather *r)
{
	const struct page *upper = virt_to_page(slot);
	vaddr_t base = READ_ONCE(upper->base);

	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (unlikely(upper->dead))
		reclaim_gather_range(r, upper->as, 0, KERNEL_HALF);
	else
		reclaim_gather_range(r, upper->as, base + slot_index(slot) * LEVEL_SIZE(level + 1) +
				     i * LEVEL_SIZE(level), LEVEL_SIZE(level));
}

void table_note(const struct page *t, unsigned i, struct reclaim_gather *r)
{
	if (likely(!t->shared)) {
		reclaim_gather_range(r, t->as, t->base + i * LEVEL_SIZE(t->level),
				     LEVEL_SIZE(t->level));
		return;
	}
	for (const pte_t *s = t->owner_slot; s; s = link_of(s)->next)
		note_owner(s, t->level, i, r);
}

unsigned pt_table_owners(const struct page *t)
{
	unsigned n = 0;

	for (const pte_t *s = t->owner_slot; s; s = link_of(s)->next)
		n++;
	return n;
}

const char *owner_verify(const struct page *t, const pte_t *slot)
{
	const pte_t *prev = NULL;
	bool found = false;

	for (const pte_t *s = t->owner_slot; s; prev = s, s = link_of(s)->next) {
		if (pte_kind(*s, t->level + 1u) != PTE_TABLE || pte_pfn(*s).v != page_to_pfn(t).v)
			return "an owner that points elsewhere";
		if (pte_writable(*s))
			return "an owner that may write";
		if (link_of(s)->prev != prev)
			return "owners linked wrongly";
		found |= s == slot;
	}
	if (!prev || prev == t->owner_slot)
		return "one owner only";
	return found ? NULL : "not all of its owners";
}

/* slot leaves the list, which has others. */
static void owner_unlink(struct page *t, pte_t *slot)
{
	pte_t *first = t->owner_slot;
	const struct page *upper;

	t->shared = chain_remove(&first, slot);
	if (first == t->owner_slot)
		return;
	upper = virt_to_page(first);
	t->owner_slot = first;
	t->as = upper->as;
	t->base = upper->base + slot_index(first) * LEVEL_SIZE(t->level + 1u);
}

/*
 * Nobody points to t any more, and no CPU knows it: what it maps goes, then itself.
 * Until then its family looks at its entries without a lock.
 */
static void table_abandon(struct page *t)
{
	pte_t *tab = table_entries(t);

	for (unsigned i = t->first; i <= t->last; i++) {
		struct page *p = entry_take(t, t->level, &tab[i], pte_xchg(&tab[i], pte_none()));

		if (p && t->level > 1)
			block_put(p);
		else if (p)
			page_put_slot(p);
	}
	table_entries_gone(t, t->used);
	kin_leave(t);
	table_free_later(t);
}

void owner_leave(struct page *t, pte_t *slot)
{
	bool last;

	spin_lock(&t->lock);
	last = !t->shared;
	if (last)
		t->dead = 1;
	else
		owner_unlink(t, slot);
	spin_unlock(&t->lock);
	if (last)
		table_abandon(t);
}

/* ---- making a table one's own ---- */

/* What a copy needs: a table, and if it is of huge leaves a companion for it, and one that the source has. */
struct spare {
	struct page *table, *companion;
};

/* The upper entry under the cursor gets a copy of its shared table t. Both tables locked. */
static void copy_shared(struct cursor *up, struct page *t, struct spare *s, struct gather *g)
{
	struct page *n = s->table;

	table_init(n, up->as, t->level, up->va);
	n->owner_slot = up->slot;
	if (t->level > 1)
		n->companion = s->companion;
	table_copy_whole(t, n);
	if (t->level == 1)
		kin_join(t, n);
	pte_xchg(up->slot, pte_table(page_to_pfn(n), true));
	gather_owner(g, t, up->slot);
	*s = (struct spare){ 0 };
}

static bool has_all(const struct spare *s, const struct page *t)
{
	return s->table && (t->level == 1 || (s->companion && t->companion));
}

/* One look at va's table. 0: it is as's own now; -EAGAIN: spares for a copy of *table are needed. */
static int own_step(struct aspace *as, vaddr_t va, unsigned level, struct spare *s,
		    struct page **table, struct gather *g)
{
	struct cursor up;
	struct page *t;
	pte_t e;
	int err = 0;

	cursor_find(&up, as, va, level + 1);
	e = cursor_get(&up);
	if (up.level == level + 1 && pte_kind(e, up.level) == PTE_TABLE && !pte_writable(e)) {
		t = *table = pfn_to_page(pte_pfn(e));
		spin_lock(&t->lock);
		if (!t->shared)
			__atomic_fetch_or(&up.slot->v, PTE_W, __ATOMIC_RELAXED);
		else if (has_all(s, t))
			copy_shared(&up, t, s, g);
		else
			err = -EAGAIN;
		spin_unlock(&t->lock);
	}
	cursor_close(&up);
	return err;
}

/* t, not locked, stays a table until a grace period is over. */
static int get_spares(struct spare *s, struct page *t, unsigned level)
{
	if (!s->table)
		s->table = table_alloc(0);
	if (level > 1 && !s->companion)
		s->companion = page_alloc(COMPANION_ORDER, PAGE_KERNEL, 0);
	if (!s->table || (level > 1 && (!s->companion || companion_prepare(t))))
		return -ENOMEM;
	return 0;
}

int table_own(struct aspace *as, vaddr_t va, unsigned level)
{
	struct spare s = { 0 };
	struct page *t = NULL;
	struct gather g;
	int err = 0;

	gather_init_for(&g, as, FLUSH_UNSHARE);
	while (!err && own_step(as, va, level, &s, &t, &g))
		err = get_spares(&s, t, level);
	if (s.table)
		page_free(s.table, 0);
	if (s.companion)
		page_free(s.companion, COMPANION_ORDER);
	gather_finish(&g);
	return err;
}

/* The table of va that may have other owners: its last-level one, or one of huge leaves; NULL. */
static const struct page *find_shared(struct aspace *as, vaddr_t va, vaddr_t end, vaddr_t *next)
{
	const struct page *t = NULL;
	struct cursor up;
	pte_t e;

	cursor_find(&up, as, va, 2);
	e = cursor_get(&up);
	if (up.level == 2 && up.table->shared)
		t = up.table;
	else if (up.level == 2 && pte_kind(e, 2) == PTE_TABLE && !pte_writable(e))
		t = pfn_to_page(pte_pfn(e));
	cursor_close(&up);
	*next = span_end(va, t ? t->level + 1u : up.level, end);
	return t;
}

/* Makes va's table own if it has entries in [start, end), and `all` or others too. *next: go on. */
static int own_one(struct aspace *as, vaddr_t va, vaddr_t start, vaddr_t end, bool all,
		   vaddr_t *next)
{
	const struct page *t = find_shared(as, va, end, next);
	vaddr_t base;

	if (!t)
		return 0;
	base = va & -LEVEL_SIZE(t->level + 1u);
	if (!table_meets(t, base, start, end) || (!all && table_within(t, base, start, end)))
		return 0;
	return table_own(as, va, t->level);
}

int pt_own_range(struct aspace *as, vaddr_t start, vaddr_t end)
{
	vaddr_t va = start;
	int err = 0;

	while (as->shares && va < end && !err)
		err = own_one(as, va, start, end, true, &va);
	return err ? err : pt_split_edges(as, start, end);
}

int pt_own_edges(struct aspace *as, vaddr_t start, vaddr_t end)
{
	vaddr_t next = end;
	int err = as->shares ? own_one(as, start, start, end, false, &next) : 0;

	if (!err && next < end)
		err = own_one(as, end - 1, start, end, false, &next);
	return err ? err : pt_split_edges(as, start, end);
}
