/*
 * The life of a table, and what each kind of entry means when it goes or
 * changes its rights. The two switches here are total: a kind that is added
 * must be given its case before anything compiles.
 *
 * A table is born in cursor_open, as a child of the entry it fills, and dies
 * in table_reap when its last entry is gone (or in pt_end): under the upper table's lock and
 * its own it is marked dead and its upper entry cleared; the gather flushes;
 * a grace period lets the walks that still stand before its lock find the
 * mark; then its frame is free.
 */
#include <mm/alloc/slots.h>
#include <mm/pt/table.h>

struct page *table_alloc(unsigned flags)
{
	struct page *t = page_alloc(0, PAGE_TABLE, flags);

	if (t)
		t->companion = NULL;	/* and no kin */
	return t;
}

void table_init(struct page *p, struct aspace *as, unsigned level, vaddr_t base)
{
	spin_init(&p->lock, level == 1 ? RANK_TABLE : level == 2 ? RANK_UPPER_TABLE : RANK_TOP_TABLE);
	p->kind = PAGE_TABLE;
	p->level = level;
	p->dead = p->shared = 0;
	p->used = 0;
	p->first = PT_ENTRIES;
	p->last = 0;
	p->anon = p->file = p->shmem = p->swap = 0;
	p->base = base;
	p->owner_slot = NULL;
	p->companion = NULL;
	p->as = as;
}

void table_free(struct page *t)
{
	if (t->level > 1 && t->companion)
		page_free(t->companion, COMPANION_ORDER);
	assert(t->level > 1 || !t->kin_next);
	t->refs = 1;		/* the fields of the page view: the lock was there */
	t->slots = 0;
	page_free(t, 0);
}

static void table_grace_over(struct grace_head *h)
{
	table_free(container_of(h, struct page, dead_link));
}

void table_free_later(struct page *t)
{
	grace_call(&t->dead_link, table_grace_over);
}

void table_unlink(struct aspace *as, struct page *upper, pte_t *slot, struct page *t,
		  struct gather *g)
{
	assert(!t->used && t->level == upper->level - 1 && t->owner_slot == slot && !t->shared);
	assert(!t->anon && !t->file && !t->shmem && !t->swap);
	t->dead = 1;
	kin_leave(t);
	pte_xchg(slot, pte_none());
	table_entries_gone(upper, 1);
	__atomic_fetch_sub(&as->table_bytes, PAGE_SIZE, __ATOMIC_RELAXED);
	gather_table(g, t);
}

/* One step of table_reap: t's upper table is locked under `up`. True: it became empty too. */
static bool reap_one(struct cursor *up, struct gather *g, bool *busy)
{
	pte_t e = cursor_get(up);
	struct page *t;

	*busy = false;
	if (pte_kind(e, up->level) != PTE_TABLE)
		return false;
	t = pfn_to_page(pte_pfn(e));
	*busy = !spin_trylock(&t->lock);
	if (*busy)
		return false;
	if (t->used == 0)
		table_unlink(up->as, up->table, up->slot, t, g);
	spin_unlock(&t->lock);
	return up->table->used == 0;
}

void table_reap(struct aspace *as, vaddr_t va, unsigned level, struct gather *g)
{
	unsigned top = as->kernel ? 3 : arch_levels;
	struct cursor up;
	bool empty, busy;

	while (level < top) {
		cursor_find(&up, as, va, level + 1);
		if (up.level != level + 1) {	/* somebody else was here */
			cursor_close(&up);
			return;
		}
		empty = reap_one(&up, g, &busy);
		cursor_close(&up);
		if (busy)
			cpu_relax();
		else if (empty)
			level++;
		else
			return;
	}
}

struct page *entry_slot_page(pte_t e, unsigned level)
{
	switch (pte_kind(e, level)) {
	case PTE_PRESENT:
	case PTE_NOACCESS:
	case PTE_MIGRATING:
	case PTE_HUGE:
		return entry_page(e);
	case PTE_NONE:
	case PTE_SPECIAL_LEAF:
	case PTE_SWAP:
	case PTE_MARKER:
		return NULL;
	case PTE_TABLE:
		break;
	}
	panic("table entry %lx treated like a leaf", e.v);
}

struct page *entry_take(struct page *t, unsigned level, pte_t *slot, pte_t e)
{
	struct page *p = entry_slot_page(e, level);

	if (p && unlikely(level > 1)) {
		leaf_drop(t, p, slot, e);
	} else if (p) {
		slot_drop(t, p, slot, e);
	} else if (pte_kind(e, level) == PTE_SWAP) {
		t->swap--;
		slot_put(pte_swp(e));
	}
	return p;
}

void page_forsake(struct page *p)
{
	swp_t s = p->swp;
	bool anon = p->kind == PAGE_ANON;

	page_put(p);
	if (anon)
		slot_forsaken(s);
}

void entry_drop(struct page *t, unsigned level, pte_t *slot, pte_t e, struct gather *g)
{
	struct page *p;

	/* PTE_PRESENT, taken out of the switch */
	if (likely((e.v & (PTE_P | PTE_SPECIAL | PTE_PS)) == PTE_P)) {
		p = pfn_to_page(pte_pfn(e));
		slot_drop(t, p, slot, e);
		gather_add(g, p);
		return;
	}
	p = entry_take(t, level, slot, e);
	if (p && level > 1)
		gather_block(g, p);
	else if (p)
		gather_add(g, p);
}

static bool right_lost(pte_t old, pte_t new)
{
	return (pte_writable(old) && !pte_writable(new)) || (pte_exec(old) && !pte_exec(new)) ||
	       (pte_user(old) && !pte_user(new)) || !pte_present(new);
}

static pte_t with_rights(pte_t e, unsigned prot)
{
	return prot & PROT_RWX ? pte_with_prot(e, prot) : pte_noaccess(e);
}

/* A present leaf: the CPUs may set A and D in it at any time. */
static bool leaf_protect(pte_t *slot, pte_t old, unsigned prot)
{
	pte_t new;

	do {
		new = with_rights(old, prot);
		if (new.v == old.v)
			return false;
	} while (!pte_cmpxchg(slot, &old, new));
	return right_lost(old, new);
}

bool entry_protect(pte_t *slot, unsigned level, unsigned prot)
{
	pte_t e = pte_read(slot);

	switch (pte_kind(e, level)) {
	case PTE_SPECIAL_LEAF:
		debug_assert(!(prot & PROT_W) || pte_pfn(e).v != zero_pfn.v);
		return leaf_protect(slot, e, prot);
	case PTE_PRESENT:
	case PTE_HUGE:
		return leaf_protect(slot, e, prot);
	case PTE_NOACCESS:
		if (prot & PROT_RWX)
			pte_write_new(slot, pte_with_prot(e, prot));
		return false;
	case PTE_MIGRATING:
		pte_write_new(slot, pte_migrating(with_rights(pte_migrated(e), prot), pte_pfn(e)));
		return false;
	case PTE_NONE:		/* these say nothing of rights: the fault that */
	case PTE_SWAP:		/* brings the page back takes those of its VMA */
	case PTE_MARKER:
		return false;
	case PTE_TABLE:
		break;
	}
	panic("rights of a table entry %lx at level %u changed", e.v, level);
}
