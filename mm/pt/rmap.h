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
 *
 * A page of an object is found by the object's mappings (mm/obj/mapping.c).
 *
 * Locks: the rings by kin_lock, RANK_PAGE_RMAP: inside of table locks. Walkers
 * take no table's lock under it: they collect candidates, and since a dead table is
 * a table until a grace period is over, look again under each table's lock.
 */
#ifndef MM_PT_RMAP_H
#define MM_PT_RMAP_H

#include <mm/pt/pt.h>

/*
 * Takes the accessed bits of all entries of p away; returns how many had it. Nothing is
 * flushed: a CPU that still knows it sets it again later. p is referenced by the
 * caller. No lock but the caller's busy bit; does not sleep.
 */
unsigned rmap_clear_young(struct page *p);

/* What a batch of unmapped pages makes stale, over several address spaces. */
#define RECLAIM_GATHER	16
struct reclaim_gather {
	unsigned n;
	struct gather g[RECLAIM_GATHER];	/* each as is pinned until the flush */
};
void reclaim_gather_init(struct reclaim_gather *r);
/*
 * Every entry of p, busy and referenced by the caller, gets away: an anonymous page's becomes a
 * swap entry that names s (slot_get for each), an object's page's none. Dirty bits go to
 * PG_DIRTY. The slots' references are dropped here: the caller's own keeps p.
 * Flushes r by itself where it is full. True: none is left; false: some slot is locked (mlock), and all is as
 * before or partly unmapped, which is right as well. No spinlock held; does not sleep but for the flush.
 */
bool __must_check rmap_unmap(struct page *p, swp_t s, struct reclaim_gather *r);
/* All CPUs forget what was unmapped: before a page is written or freed. No spinlock held, interrupts on. */
void reclaim_gather_flush(struct reclaim_gather *r);

#endif
