/*
 * Inside mm/pt/: what a table's struct page says about its entries, kept
 * exact at every unlock.
 *
 *	used		entries that are not none. Of a user's root: of its lower
 *			half only, the kernel's half is everybody's
 *	first, last	all used entries lie within; first > last when there is none
 *	anon, file, shmem, swap  entries by what they name: frames of PAGE_ANON,
 *			of PAGE_FILE without and with PG_SHMEM, swap slots. An entry
 *			of an upper table counts as one, whatever its size
 *
 * Entries that name a frame without a slot (PTE_SPECIAL set: zero page,
 * device, the kernel's direct map) are used but not counted by sort.
 */
#ifndef MM_PT_TABLE_H
#define MM_PT_TABLE_H

#include <mm/pt/pt.h>

#define PROT_RWX	(PROT_R | PROT_W | PROT_X)
/* pte_leaf of p; without any right: unreachable, as for memory that comes back, or is moved, unasked. */
static __always_inline_ pte_t page_leaf(const struct page *p, unsigned level, unsigned prot)
{
	pte_t e = pte_leaf(page_to_pfn(p), level, prot);

	return prot & PROT_RWX ? e : pte_noaccess(e);
}

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

/* n entries more, which lie in [first, end). */
static inline void table_entries_added(struct page *t, unsigned first, unsigned end, unsigned n)
{
	t->used += n;
	if (first < t->first)
		t->first = first;
	if (end - 1 > t->last)
		t->last = end - 1;
}

static inline void table_entry_added(struct page *t, unsigned i)
{
	table_entries_added(t, i, i + 1, 1);
}

static inline void table_entries_gone(struct page *t, unsigned n)
{
	t->used -= n;
	if (t->used == 0) {
		t->first = PT_ENTRIES;
		t->last = 0;
	}
}

/* The first entry from i on, below end, that is not none; end. Tables are sparse: eight at a time. */
static inline unsigned table_next(const pte_t *tab, unsigned i, unsigned end)
{
	const pte_t *e = &tab[i];

	for (; i + 8 <= end; i += 8, e += 8)
		if (e[0].v | e[1].v | e[2].v | e[3].v | e[4].v | e[5].v | e[6].v | e[7].v)
			break;
	while (i < end && pte_is_none(pte_read(&tab[i])))
		i++;
	return i;
}

/* Counts d entries more (or fewer) that name p. */
static inline void table_count(struct page *t, const struct page *p, int d)
{
	if (likely(p->kind == PAGE_ANON))
		t->anon += d;
	else if (p->kind == PAGE_FILE)
		*(p->flags & PG_SHMEM ? &t->shmem : &t->file) += d;
}

/* The page whose slot e is: of a leaf, noaccess or migrating entry; NULL: it has none. */
static inline struct page *entry_page(pte_t e)
{
	return e.v & PTE_SPECIAL ? NULL : pfn_to_page(pte_pfn(e));
}

/* One locked slot of p fewer. The last one puts it back where reclaim looks. */
void page_unlock_slot(struct page *p) __cold_;

/*
 * slot, p's anchor, does not name p any more, and was not its last: another one
 * becomes the anchor. Its table is locked, or dead.
 */
void anchor_left(struct page *p, pte_t *slot);

/*
 * Puts down that e, which names p, has just been taken out of *slot, in t; the
 * reference is the caller's.
 */
static inline void slot_drop(struct page *t, struct page *p, pte_t *slot, pte_t e)
{
	debug_assert(p->slots > 0);
	table_count(t, p, -1);
	if (unlikely(e.v & PTE_LOCKED))
		page_unlock_slot(p);
	if (p->kind == PAGE_FILE && pte_dirty(e))
		__atomic_fetch_or(&p->flags, PG_DIRTY, __ATOMIC_RELAXED);
	if (__atomic_fetch_sub(&p->slots, 1, __ATOMIC_ACQ_REL) > 1 && READ_ONCE(p->slot) == slot)
		anchor_left(p, slot);
}

/* ---- huge leaves (huge.c) ---- */

/* cursor_map and cursor_replace above level 1. */
void leaf_map(struct cursor *c, struct page *head, unsigned prot);
void leaf_replace(struct cursor *c, struct page *head, unsigned prot, struct gather *g);
/* slot_drop for a huge leaf. */
void leaf_drop(struct page *t, struct page *head, pte_t *slot, pte_t e);
/*
 * The huge entry to stand in *twin, beside *slot: its block has a slot and a reference more,
 * W is gone. Both tables are locked, and have companions.
 */
pte_t leaf_twin(pte_t *slot, pte_t *twin);
/* The huge entry e has moved from src to dst, in other tables, both locked; dst's has a companion if src's has. */
void leaf_moved(pte_t e, pte_t *src, pte_t *dst);
/* What is wrong with the anonymous block that *slot, a huge leaf, names; NULL: nothing. At rest. */
const char *leaf_verify(const struct page *head, const pte_t *slot);
/* The leaf behind slot in the list of a locked block, the first one behind NULL; NULL: no more. */
pte_t *leaf_next(const struct page *head, const pte_t *slot);
/* cursor_split for *slot in `upper`, of level 2, own and locked; what becomes stale is noted by the caller. */
void leaf_split(struct page *upper, pte_t *slot, struct page *t);
/* Takes the accessed bit from *slot if it names p. True: it was there. No lock needed. */
bool take_young(pte_t *slot, const struct page *p);
/* Does *slot name p, as written to? Likewise. */
bool look_dirty(pte_t *slot, const struct page *p);
/* How many huge leaves name the block, which is locked. */
unsigned leaf_count(const struct page *head);
/* e's block has a locked slot more, or fewer. */
void leaf_lock(pte_t e, bool lock);

/* Gives the reference of a slot of p back, after the flush: a swap cache that nobody needs goes along. */
void page_forsake(struct page *p);
static inline void page_put_slot(struct page *p)
{
	if (unlikely(READ_ONCE(p->flags) & PG_SWAPCACHE))
		page_forsake(p);
	else
		page_put(p);
}

/* Where the entry of `level` that translates va ends; at most end. */
static inline vaddr_t span_end(vaddr_t va, unsigned level, vaddr_t end)
{
	return MIN(end, (va & -LEVEL_SIZE(level)) + LEVEL_SIZE(level));
}

/* gather_page for who knows that there is room. */
static inline void gather_add(struct gather *g, struct page *p)
{
	assert(g->npages < GATHER_PAGES);
	g->page[g->npages++] = p;
}

/* A frame for a table, all none (ALLOC_ZERO) or of undefined content (0); NULL: no memory. */
struct page *table_alloc(unsigned flags);
/* Makes p, a frame of zeros, a table: what its struct page says of it. owner_slot stays NULL. */
void table_init(struct page *p, struct aspace *as, unsigned level, vaddr_t base);
/* Of a table that nobody can reach: never linked, or its grace period is over. */
void table_free(struct page *t);
/* Of a dead one, which no CPU knows any more: after a grace period. */
void table_free_later(struct page *t);

/* t, without entries, goes from *slot of `upper`, and as a dead one to g. Both tables locked. */
void table_unlink(struct aspace *as, struct page *upper, pte_t *slot, struct page *t,
		  struct gather *g);
/*
 * The table of va at `level` was seen empty: unlinks it if it still is, and
 * then the one above if that became empty, and so on below the root. No lock
 * held. The kernel's tables go away only below its PDPTs.
 */
void table_reap(struct aspace *as, vaddr_t va, unsigned level, struct gather *g);

/*
 * Empties the locked last-level table under the cursor, which nobody shares,
 * from the cursor on to `end`. Returns where to go on: sooner than at the end
 * of what lies in this table if g is full.
 */
vaddr_t zap_leaves(struct cursor *c, vaddr_t end, struct gather *g);
/* *up, which points to the shared table t of va, is made none. t locked, and its upper table. */
void leave_table(pte_t *up, struct page *t, vaddr_t va, struct gather *g);

/*
 * cursor_find at level 1 for who looks for what there is: false, and nothing
 * locked, if it saw that [va, end) is empty and no empty table is in the way.
 */
bool __must_check cursor_find_used(struct cursor *c, struct aspace *as, vaddr_t va, vaddr_t end);

/* The page whose slot the leaf or not present entry e is; NULL: none. */
struct page *entry_slot_page(pte_t e, unsigned level);
/* Is e an entry whose page is p? */
static inline bool entry_names(pte_t e, const struct page *p)
{
	unsigned np = e.v & PTE_NP_MASK;

	return pte_pfn(e).v == page_to_pfn(p).v && !(e.v & PTE_SPECIAL) &&
	       (pte_present(e) || np == PTE_NP_NOACCESS || np == PTE_NP_MIGRATE);
}
/*
 * Takes e, which is no longer in *slot, out of t's counts (not of `used`);
 * returns the page whose reference it held, now the caller's, or NULL.
 */
struct page *entry_take(struct page *t, unsigned level, pte_t *slot, pte_t e);
/*
 * Takes e, which is no longer in *slot, out of t's counts (not of `used`)
 * and gives the reference of what it named to g, which has room.
 */
void entry_drop(struct page *t, unsigned level, pte_t *slot, pte_t e, struct gather *g);
/* New rights for the entry in *slot. True: a right went, the translation must be flushed. */
bool __must_check entry_protect(pte_t *slot, unsigned level, unsigned prot);

/* ---- families of last-level tables (family.c; the theory: rmap.h) ---- */


extern struct spinlock kin_lock;	/* RANK_PAGE_RMAP: the rings */

/* The neighbours of t in its ring; t itself if it is alone. kin_lock held. */
static inline struct page *kin_next(const struct page *t)
{
	return t->kin_next ? pfn_to_page(pfn(t->kin_next)) : (struct page *)t;
}
static inline struct page *kin_prev(const struct page *t)
{
	return t->kin_prev ? pfn_to_page(pfn(t->kin_prev)) : (struct page *)t;
}

/*
 * `to` gets entries of `from`, at the same indices: they are of one family from now
 * on. Both are locked, or nobody knows `to`.
 */
void kin_join(struct page *from, struct page *to);
/* t has no entries any more, and gets none: it is locked and dead, or nobody can lock it. */
void kin_leave_ring(struct page *t);
static inline void kin_leave(struct page *t)
{
	if (t->level == 1 && unlikely(READ_ONCE(t->kin_next)))
		kin_leave_ring(t);
}
#define RMAP_TABLES	32u
/*
 * Up to RMAP_TABLES tables whose entry *i names p, a page with slots, in no order (rmap.c); `migrating`:
 * only by a migrating entry, and of a table that is not dead.
 */
unsigned rmap_tables(const struct page *p, bool migrating, struct page **out, unsigned *i);
/*
 * How many entries of t's family at index i name p. At rest, for verification; ~0: the
 * ring of the family is broken.
 */
unsigned kin_count(const struct page *t, unsigned i, const struct page *p);
/* What is wrong with t's place in its ring; NULL: nothing. At rest. */
const char *kin_verify(const struct page *t);

/* ---- shared tables (share.c, fork.c) ---- */

#define COMPANION_ORDER	1

struct slot_link {
	pte_t *next, *prev;
};

/* A companion for an upper table, if it has none. No spinlock held. 0 or -ENOMEM. */
int __must_check companion_prepare(struct page *upper);
/*
 * Chains of slots of tables that have companions: *first is the first, and if
 * it is the only one (not `linked`), its link means nothing.
 */
void chain_add(pte_t *first, pte_t *slot, bool linked);
/* True: there are several left. */
bool chain_remove(pte_t **first, pte_t *slot);
void chain_replace(pte_t **first, pte_t *slot, pte_t *by);
struct slot_link *link_of(const pte_t *slot);
/*
 * One owner more for t, a table of leaves, whose upper tables have companions. t
 * and slot's table locked; slot will point to t, and like the others' without W.
 */
void owner_add(struct page *t, pte_t *slot);
/* Notes that slot does not point to t any more: it leaves after the flush. Both tables locked. */
void gather_owner(struct gather *g, struct page *t, pte_t *slot);
/* After the flush: takes slot off t's owners; the last one takes t along. No lock held. */
void owner_leave(struct page *t, pte_t *slot);
struct reclaim_gather;
/* Entry i of t, locked, is stale for all of its owners. */
void table_note(const struct page *t, unsigned i, struct reclaim_gather *r);
/* What is wrong with the owners of the shared table t, of which slot must be one; NULL: nothing. */
const char *owner_verify(const struct page *t, const pte_t *slot);

/*
 * Makes va's table of that level (1 or 2), if there is one, as's own: copied if it has
 * other owners. No spinlock held. 0 or -ENOMEM.
 */
int __must_check table_own(struct aspace *as, vaddr_t va, unsigned level);
/* Fills `to`, empty and unseen, with twins of the entries of `from`, shared and locked; of its level, with a companion. */
void table_copy_whole(struct page *from, struct page *to);
/* True if t has entries in [start, end). */
static inline bool table_meets(const struct page *t, vaddr_t base, vaddr_t start, vaddr_t end)
{
	unsigned shift = LEVEL_SHIFT(t->level);

	return base + ((t->last + 1ul) << shift) > start && base + ((vaddr_t)t->first << shift) < end;
}
/* True if all of t's entries lie in [start, end). */
static inline bool table_within(const struct page *t, vaddr_t base, vaddr_t start, vaddr_t end)
{
	unsigned shift = LEVEL_SHIFT(t->level);

	return base + ((vaddr_t)t->first << shift) >= start &&
	       base + ((t->last + 1ul) << shift) <= end;
}

#endif
