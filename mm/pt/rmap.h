/*
 * The reverse map: from a page to every entry that maps it.
 *
 * An anonymous page knows one of its slots (page->slot, its anchor). All others lie
 * at the same index of tables that are copies of the anchor's table, or it of them:
 * its family. Tables of a family are linked in a ring (struct page: kin_next,
 * kin_prev, frame numbers; 0: alone). A table joins the ring of the one it
 * is copied from before it gets entries, and leaves it when it dies. So a copied entry
 * costs nothing, and an entry that goes costs a look at whether it was the anchor.
 *
 *	- Who takes the anchor out while slots are left makes another one the anchor,
 *	  which he finds on the ring. (Take the entry out, then look at page->slot;
 *	  write page->slot, then look at the entry again: one of two sees the other.)
 *	- An entry that moves to another index (mremap between places that differ
 *	  below 2 MB) must be its page's only slot: a page that relatives have too is copied.
 *	- Entries that name one swap slot lie like the slots of one page: from them, and from nothing
 *	  else, slots of the page in its cache arise. One that has moved to another index while it
 *	  had relatives is a stray (pte_swap_is_stray): it gets a copy of the page.
 *
 * A page of an object is found by the object's mappings (mm/obj/mapping.c), and has
 * no anchor.
 *
 * Locks: the rings by kin_lock, RANK_PAGE_RMAP: inside of table locks. Walkers
 * take no table's lock under it: they collect candidates, and since a dead table is
 * a table until a grace period is over, look again under each table's lock. The page is busy:
 * a page in the swap cache that has no slot gets one only by who has it busy, so whoever has seen
 * that a busy page has slots can rely on its anchor's table until he sleeps.
 */
#ifndef MM_PT_RMAP_H
#define MM_PT_RMAP_H

#include <mm/pt/pt.h>

/*
 * Takes the accessed bits of all entries of p, anonymous, away; returns how many had it. Nothing is
 * flushed: a CPU that still knows it sets it again later. p is referenced by the
 * caller, and busy. Does not sleep.
 */
unsigned rmap_clear_young(struct page *p);

/* The same for a whole block that huge leaves map: was one of them used? It is referenced by the caller. */
bool __must_check rmap_block_young(struct page *head);
/* Has one of them been written to, as far as their entries say? */
bool __must_check rmap_block_dirty(struct page *head);

#define RECLAIM_ASPACES	16
#define RECLAIM_BLOCKS	16
/* What unmapped pages make stale, over several address spaces, which are pinned until the flush. */
struct reclaim_gather {
	unsigned n;
	enum flush_kind kind;
	bool all;			/* more than there is room for: every CPU forgets all of any user's */
	unsigned cpu;			/* that flushes */
	struct stale s[RECLAIM_ASPACES];
	unsigned nblocks;
	struct page *block[RECLAIM_BLOCKS]; /* a reference of each to drop after the flush (block.h) */
};
void reclaim_gather_init_for(struct reclaim_gather *r, enum flush_kind kind);
static inline void reclaim_gather_init(struct reclaim_gather *r)
{
	reclaim_gather_init_for(r, FLUSH_RECLAIM);
}
/* [va, va + size) of as lost its frame. A table of as, in which it lies, is locked. */
void reclaim_gather_range(struct reclaim_gather *r, struct aspace *as, vaddr_t va, size_t size);
/* All CPUs forget what was unmapped: before a page is written or freed. No spinlock held, interrupts on. */
void reclaim_gather_flush(struct reclaim_gather *r);

/*
 * Every entry of p, anonymous, busy and referenced by the caller, becomes a
 * swap entry that names s (slot_get for each). Dirty bits go to
 * PG_DIRTY. The slots' references are dropped here: the caller's own keeps p.
 * True: none is left; false: some slot is locked (mlock), and all is as
 * before or partly unmapped, which is right as well. No spinlock held; does not sleep. r takes any number of pages.
 */
bool __must_check rmap_unmap(struct page *p, swp_t s, struct reclaim_gather *r);

/*
 * Pages that MADV_FREE gave up go in two steps: rmap_hide makes the entries of p noaccess, which a fault makes
 * again what they were; after the flush of r rmap_discard makes none those that still are so. In between p
 * is what is there: nobody sees another page while some CPU still knows p. So a noaccess entry in
 * a mapping with rights is legal, of a page with PG_LAZYFREE. Rules as for rmap_unmap. False: p stays: it
 * was written, is locked, or used again; some entries may be noaccess, or none, which is right as well.
 */
bool __must_check rmap_hide(struct page *p, struct reclaim_gather *r);
bool __must_check rmap_discard(struct page *p);
/* Has p, given up, been written since? As rmap_clear_young. */
bool rmap_is_dirty(struct page *p);

/*
 * Every huge leaf of the block, referenced by the caller, becomes a table (huge.h). False: no memory for
 * one, or it lies in a shared table; others may have become tables. As rmap_unmap.
 */
bool __must_check rmap_split(struct page *head, struct reclaim_gather *r);

/*
 * A huge leaf of the block that stands in the way of rmap_split, since its table is shared: where one
 * of its owners has it, who is pinned (aspace_pin). False: there is none.
 */
bool __must_check rmap_shared_leaf(struct page *head, struct aspace **as, vaddr_t *va);

/*
 * Of pages of objects, for who walks their mappings: p at va of as, if it is mapped there. The
 * same rules; the entry becomes none. A huge leaf goes as a whole: the other pages are not busy, and so are held by r until
 * its flush. False: it is locked, or r is full and must be flushed first.
 */
bool __must_check rmap_unmap_at(struct aspace *as, vaddr_t va, struct page *p,
				struct reclaim_gather *r);
/* A huge leaf has been used: then so have been all of its pages, and the others get PG_REFERENCED. */
bool rmap_clear_young_at(struct aspace *as, vaddr_t va, struct page *p);

/* ---- pages that get another frame (migrate.c has the theory) ---- */

/*
 * Every entry of `from`, anonymous, names `to` from now on, as a migrating one; or, if it has arrived (`to` has
 * the content), as what it was before. Both busy and referenced by the caller, of one kind. No spinlock held; does not sleep.
 */
void rmap_move(struct page *from, struct page *to, bool arrived, struct reclaim_gather *r);
/* The content of p, anonymous, busy, is there: its entries become what they were, but for those that are just on their way. */
void rmap_arrive(struct page *p);
/* The same of pages of objects, for who walks their mappings: the entry at va of as, if it names `from`. */
void rmap_move_at(struct aspace *as, vaddr_t va, struct page *from, struct page *to, bool arrived,
		  struct reclaim_gather *r);

#endif
