/*
 * Collapse: the pages of a last-level table become one block, mapped by a huge leaf.
 *
 *	hold	every page of the table becomes busy, by a try: reclaim, which alone changes such
 *		entries without mm.lock, passes it over. Whoever else has a page (a reference
 *		that no slot or cache explains) makes the collapse fail: nothing has changed so far
 *	unhook	the entry of 2 MB is none, the table dead; a flush: no CPU knows the table or its leaves
 *		any more, so nobody writes. Only now
 *	copy	the pages to the block, zeros where there are none
 *	hook	the block's leaf into the entry
 *	leave	the table's entries give their pages up; it goes after a grace period
 *
 * Between unhook and hook the upper table counts the entry though it is none: so the table is not taken
 * for empty. Nobody sleeps meanwhile, so nobody verifies, and the dead table stays.
 *
 * Locks: mm.lock for writing and the VMA marked by the caller: no fault is there, and no walk that would see the gap. The
 * upper table's, inside of it the table's; none during the flush and the copy.
 */
#include <arch/page.h>
#include <asm-generic/errno-base.h>
#include <mm/alloc/busy.h>
#include <mm/pt/huge.h>
#include <mm/pt/table.h>

/* ---- hold ---- */

/* Does nobody have p but its slots and its swap cache? */
static bool is_explained(const struct page *p)
{
	bool cached = READ_ONCE(p->flags) & PG_SWAPCACHE;

	return READ_ONCE(p->refs) == READ_ONCE(p->slots) + cached;
}

static int hold_entry(pte_t e)
{
	struct page *p;

	switch (pte_kind(e, 1)) {
	case PTE_NONE:
	case PTE_SPECIAL_LEAF:
		return 0;
	case PTE_PRESENT:
	case PTE_NOACCESS:
		break;
	default:
		return -EINVAL;
	}
	p = entry_page(e);
	if (!p)
		return 0;
	if (!page_trylock(p))
		return -EAGAIN;
	if (is_explained(p))
		return 0;
	page_unlock(p);
	return -EAGAIN;
}

static void release(const pte_t *tab, unsigned end)
{
	for (unsigned i = 0; i < end; i++) {
		struct page *p = entry_slot_page(pte_read(&tab[i]), 1);

		if (p)
			page_unlock(p);
	}
}

/* All pages of t, locked, or none. */
static int hold(const struct page *t)
{
	const pte_t *tab = table_entries(t);
	int err = 0;

	for (unsigned i = 0; i < PT_ENTRIES && !err; i++) {
		err = hold_entry(pte_read(&tab[i]));
		if (err)
			release(tab, i);
	}
	return err;
}

/* ---- unhook, copy, hook, leave ---- */

/* The table under up, at level 2, is out of the tree, its pages held. NULL: *err says why not. */
static struct page *unhook(struct cursor *up, struct gather *g, int *err)
{
	pte_t e = cursor_get(up);
	struct page *t = pfn_to_page(pte_pfn(e));

	if (!pte_writable(e)) {			/* others may have it too */
		*err = -EBUSY;
		return NULL;
	}
	spin_lock(&t->lock);
	*err = t->shared ? -EBUSY : hold(t);
	if (!*err) {
		t->dead = 1;
		pte_xchg(up->slot, pte_none());
		__atomic_fetch_sub(&up->as->table_bytes, PAGE_SIZE, __ATOMIC_RELAXED);
		gather_range(g, up->va, HUGE_SIZE);
		gather_table(g, t);
	}
	spin_unlock(&t->lock);
	return *err ? NULL : t;
}

static void copy_pages(const struct page *t, struct page *head)
{
	const pte_t *tab = table_entries(t);
	char *to = page_to_virt(head);

	for (unsigned i = 0; i < PT_ENTRIES; i++, to += PAGE_SIZE) {
		struct page *p = entry_slot_page(pte_read(&tab[i]), 1);

		if (p)
			copy_page(to, page_to_virt(p));
		else
			clear_page(to);
	}
}

static void hook(struct cursor *up, struct page *head, unsigned prot)
{
	spin_lock(&up->table->lock);
	table_entries_gone(up->table, 1);	/* the table's, which unhook left counted */
	cursor_map(up, head, prot);
	spin_unlock(&up->table->lock);
}

static void leave(struct page *t)
{
	pte_t *tab = table_entries(t);

	for (unsigned i = t->first; i <= t->last; i++) {
		struct page *p = entry_take(t, 1, &tab[i], pte_xchg(&tab[i], pte_none()));

		if (!p)
			continue;
		page_unlock(p);
		page_put_slot(p);
	}
	table_entries_gone(t, t->used);
	kin_leave(t);
}

int pt_collapse(struct aspace *as, vaddr_t va, struct page *head, unsigned prot)
{
	struct page *t = NULL;
	struct cursor up;
	struct gather g;
	enum pte_kind k;
	int err;

	gather_init_for(&g, as, FLUSH_COLLAPSE);
	cursor_find(&up, as, va, 2);
	k = pte_kind(cursor_get(&up), up.level);
	if (up.level == 2 && k == PTE_TABLE)
		t = unhook(&up, &g, &err);
	else
		err = k == PTE_NONE ? -EINVAL : -EEXIST;
	cursor_close(&up);
	if (!t)
		return err;
	gather_finish(&g);
	copy_pages(t, head);
	hook(&up, head, prot);
	leave(t);
	return 0;
}
