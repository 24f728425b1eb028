/*
 * Inside mm/pt/: what a table's struct page says about its entries, kept
 * exact at every unlock.
 *
 *	used		entries that are not none. Of a user's root: of its lower
 *			half only, the kernel's half is everybody's
 *	first, last	all used entries lie within; first > last when there is none
 *	anon, file, swap  entries by what they name: frames of PAGE_ANON, of
 *			PAGE_FILE (pages of memory objects carry no mark that would
 *			tell shmem from file: shmem stays 0), swap slots. An entry of
 *			an upper table counts as one, whatever its size
 *
 * Entries that name a frame without a slot (PTE_SPECIAL set: zero page,
 * device, the kernel's direct map) are used but not counted by sort.
 */
#ifndef MM_PT_TABLE_H
#define MM_PT_TABLE_H

#include <mm/pt/pt.h>

#define PROT_RWX	(PROT_R | PROT_W | PROT_X)

static inline unsigned slot_index(const pte_t *slot)
{
	return ((uintptr_t)slot & (PAGE_SIZE - 1)) / sizeof(pte_t);
}

static inline pte_t *table_entries(const struct page *t) { return page_to_virt(t); }

/* The entries of a root that belong to the address space itself. */
static inline unsigned root_first(const struct aspace *as)
{
	return as->kernel ? PT_ENTRIES / 2 : 0;
}

static inline unsigned root_end(const struct aspace *as)
{
	return root_first(as) + PT_ENTRIES / 2;
}

static inline struct page *aspace_root(const struct aspace *as)
{
	return pfn_to_page(paddr_to_pfn(as->root));
}

static inline void table_entry_added(struct page *t, unsigned i)
{
	t->used++;
	if (i < t->first)
		t->first = i;
	if (i > t->last)
		t->last = i;
}

static inline void table_entries_gone(struct page *t, unsigned n)
{
	t->used -= n;
	if (t->used == 0) {
		t->first = PT_ENTRIES;
		t->last = 0;
	}
}

/* Counts d entries more (or fewer) that name p. */
static inline void table_count(struct page *t, const struct page *p, int d)
{
	if (likely(p->kind == PAGE_ANON))
		t->anon += d;
	else if (p->kind == PAGE_FILE)
		t->file += d;
}

/* The page whose slot e is: of a leaf, noaccess or migrating entry; NULL: it has none. */
static inline struct page *entry_page(pte_t e)
{
	return e.v & PTE_SPECIAL ? NULL : pfn_to_page(pte_pfn(e));
}

/* Puts down that the slot e, just taken out of t, is gone; the reference is the caller's. */
static inline void slot_drop(struct page *t, struct page *p, pte_t e)
{
	debug_assert(p->slots > 0);
	table_count(t, p, -1);
	__atomic_fetch_sub(&p->slots, 1, __ATOMIC_RELAXED);
	if (p->kind == PAGE_FILE && pte_dirty(e))
		__atomic_fetch_or(&p->flags, PG_DIRTY, __ATOMIC_RELAXED);
}

/* gather_page for who knows that there is room. */
static inline void gather_add(struct gather *g, struct page *p)
{
	assert(g->npages < GATHER_PAGES);
	g->page[g->npages++] = p;
}

/* A frame for a table, all none; NULL: no memory. */
struct page *table_alloc(void);
/* Makes p, a frame of zeros, a table: what its struct page says of it. owner_slot stays NULL. */
void table_init(struct page *p, struct aspace *as, unsigned level, vaddr_t base);
/* Of a table that nobody can reach: never linked, or its grace period is over. */
void table_free(struct page *t);

/*
 * The table of va at `level` was seen empty: unlinks it if it still is, and
 * then the one above if that became empty, and so on below the root. No lock
 * held. The kernel's tables go away only below its PDPTs.
 */
void table_reap(struct aspace *as, vaddr_t va, unsigned level, struct gather *g);

/*
 * Takes e, which is no longer in its slot, out of t's counts (not of `used`)
 * and gives the reference of what it named to g, which has room.
 */
void entry_drop(struct page *t, unsigned level, pte_t e, struct gather *g);
/* New rights for the entry in *slot. True: a right went, the translation must be flushed. */
bool __must_check entry_protect(pte_t *slot, unsigned level, unsigned prot);

#endif
