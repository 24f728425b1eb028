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
#include <mm/pt/rmap.h>
#include <mm/pt/table.h>

struct slot_link {
	pte_t *next, *prev;
};
_Static_assert(PT_ENTRIES * sizeof(struct slot_link) == PAGE_SIZE << COMPANION_ORDER,
	       "a companion has a link for each entry");

static struct slot_link *link_of(const pte_t *slot)
{
	struct slot_link *links = page_to_virt(virt_to_page(slot)->companion);

	return &links[slot_index(slot)];
}

int companion_prepare(struct page *upper)
{
	if (!upper->companion)
		upper->companion = page_alloc(COMPANION_ORDER, PAGE_KERNEL, 0);
	return upper->companion ? 0 : -ENOMEM;
}

void owner_add(struct page *t, pte_t *slot)
{
	struct slot_link *first = link_of(t->owner_slot), *new = link_of(slot);

	if (!t->shared) {
		*first = (struct slot_link){ NULL, NULL };
		t->shared = 1;
	}
	*new = (struct slot_link){ .next = first->next, .prev = t->owner_slot };
	if (new->next)
		link_of(new->next)->prev = slot;
	first->next = slot;
}

/*
 * An upper table that has died still is in the list, until the flush; it does not know its
 * address any more. (It is dead first, and then loses it.)
 */
static void note_owner(const pte_t *slot, unsigned i, struct reclaim_gather *r)
{
	const struct page *upper = virt_to_page(slot);
	vaddr_t base = READ_ONCE(upper->base);

	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (unlikely(upper->dead))
		reclaim_gather_range(r, upper->as, 0, KERNEL_HALF);
	else
		reclaim_gather_range(r, upper->as, base + slot_index(slot) * LEVEL_SIZE(2) +
				     i * PAGE_SIZE, PAGE_SIZE);
}

void table_note(const struct page *t, unsigned i, struct reclaim_gather *r)
{
	if (likely(!t->shared)) {
		reclaim_gather_range(r, t->as, t->base + i * PAGE_SIZE, PAGE_SIZE);
		return;
	}
	for (const pte_t *s = t->owner_slot; s; s = link_of(s)->next)
		note_owner(s, i, r);
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
		if (pte_kind(*s, 2) != PTE_TABLE || pte_pfn(*s).v != page_to_pfn(t).v)
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
	struct slot_link *l = link_of(slot);

	if (l->next)
		link_of(l->next)->prev = l->prev;
	if (l->prev) {
		link_of(l->prev)->next = l->next;
	} else {
		const struct page *upper = virt_to_page(l->next);

		t->owner_slot = l->next;
		t->as = upper->as;
		t->base = upper->base + slot_index(l->next) * LEVEL_SIZE(2);
	}
	t->shared = link_of(t->owner_slot)->next != NULL;
}

/*
 * Nobody points to t any more, and no CPU knows it: what it maps goes, then itself.
 * Until then its family looks at its entries without a lock.
 */
static void table_abandon(struct page *t)
{
	pte_t *tab = table_entries(t);

	for (unsigned i = t->first; i <= t->last; i++) {
		struct page *p = entry_take(t, 1, &tab[i], pte_xchg(&tab[i], pte_none()));

		if (p)
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

/* The upper entry under the cursor gets a copy of its shared table t, in n. Both tables locked. */
static void copy_shared(struct cursor *up, struct page *t, struct page *n, struct gather *g)
{
	table_init(n, up->as, 1, up->va);
	n->owner_slot = up->slot;
	table_copy_whole(t, n);
	kin_join(t, n);
	pte_xchg(up->slot, pte_table(page_to_pfn(n), true));
	gather_owner(g, t, up->slot);
}

/* One look at va's table. 0: it is as's own now; -EAGAIN: *spare is needed for a copy. */
static int own_step(struct aspace *as, vaddr_t va, struct page **spare, struct gather *g)
{
	struct cursor up;
	struct page *t;
	pte_t e;
	int err = 0;

	cursor_find(&up, as, va, 2);
	e = cursor_get(&up);
	if (pte_kind(e, up.level) == PTE_TABLE && !pte_writable(e)) {
		t = pfn_to_page(pte_pfn(e));
		spin_lock(&t->lock);
		if (!t->shared) {
			__atomic_fetch_or(&up.slot->v, PTE_W, __ATOMIC_RELAXED);
		} else if (*spare) {
			copy_shared(&up, t, *spare, g);
			*spare = NULL;
		} else {
			err = -EAGAIN;
		}
		spin_unlock(&t->lock);
	}
	cursor_close(&up);
	return err;
}

int table_own(struct aspace *as, vaddr_t va)
{
	struct page *spare = NULL;
	struct gather g;

	gather_init_for(&g, as, FLUSH_UNSHARE);
	while (own_step(as, va, &spare, &g)) {
		spare = table_alloc(0);
		if (!spare)
			return -ENOMEM;
	}
	if (spare)
		table_free(spare);
	gather_finish(&g);
	return 0;
}

/* Makes va's table own if it has entries in [start, end), and `all` or others too. *next: go on. */
static int own_one(struct aspace *as, vaddr_t va, vaddr_t start, vaddr_t end, bool all,
		   vaddr_t *next)
{
	const struct page *t;
	struct cursor up;
	pte_t e;

	cursor_find(&up, as, va, 2);
	e = cursor_get(&up);
	cursor_close(&up);
	*next = span_end(va, up.level, end);
	if (up.level != 2 || pte_kind(e, 2) != PTE_TABLE || pte_writable(e))
		return 0;
	t = pfn_to_page(pte_pfn(e));
	if (!table_meets(t, up.va, start, end) || (!all && table_within(t, up.va, start, end)))
		return 0;
	return table_own(as, va);
}

int pt_own_range(struct aspace *as, vaddr_t start, vaddr_t end)
{
	vaddr_t va = start;
	int err = 0;

	while (va < end && !err)
		err = own_one(as, va, start, end, true, &va);
	return err;
}

int pt_own_edges(struct aspace *as, vaddr_t start, vaddr_t end)
{
	vaddr_t next;
	int err = own_one(as, start, start, end, false, &next);

	if (!err && next < end)
		err = own_one(as, end - 1, start, end, false, &next);
	return err;
}
