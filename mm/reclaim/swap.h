/*
 * Swap: pages to and from the devices of swapon(2).
 *
 * The way out, by shrink.c: slot_alloc (the page enters the cache of a slot), rmap_unmap,
 * one flush, swap_write of what is PG_DIRTY, slot_uncache of what nobody
 * has mapped again. The way in, by a fault: swap_page_now or swap_page, then the entry is mapped
 * under its table's lock if it still names the slot and the page still caches it.
 */
#ifndef MM_RECLAIM_SWAP_H
#define MM_RECLAIM_SWAP_H

#include <mm/alloc/slots.h>
#include <mm/reclaim/store.h>

#define SWAP_AHEAD_MAX	8u		/* pages that one fault reads at most */

/* p, as for swap_write, to its slot on the device and nowhere else: 0 or -EIO. May sleep. */
int __must_check swap_write_through(struct page *p);
/*
 * Writes n (<= STORE_BATCH) pages to their slots, where zswap does not keep them, neighbours as one transfer: each busy, PG_SWAPCACHE,
 * unmapped and flushed. failed[i]: it could not be written: its slot is marked bad, it stays PG_DIRTY
 * in the cache until its entries have been faulted back. May sleep.
 */
void swap_write(struct page *const *pages, unsigned n, bool *failed);
/*
 * The page of slot s, up to date, with a reference: from the cache, or read in together with those of
 * ahead[0 .. n) (n < SWAP_AHEAD_MAX) that are not cached, its neighbours. *major is set if it was
 * read. 0, -ENOMEM, -EIO, -ENOENT: s is no longer in use. May sleep; nothing locked.
 */
int __must_check swap_page(swp_t s, const swp_t *ahead, unsigned n, struct page **out, bool *major);
/*
 * The same for who cannot sleep: the page busy for the caller as well, who has seen an entry that names s. Besides: -EAGAIN: it
 * takes swap_page. Spinlocks of tables may not be held: it may read 4 KB.
 */
int __must_check swap_page_now(swp_t s, struct page **out, bool *major);
/* Does p, referenced by the caller, hold the content of slot s, and is in its cache? */
static inline bool swap_is_of(const struct page *p, swp_t s)
{
	return (READ_ONCE(p->flags) & (PG_SWAPCACHE | PG_UPTODATE)) == (PG_SWAPCACHE | PG_UPTODATE) &&
	       p->swp.v == s.v;
}
/* Pages that are on their way to a device at the moment. */
extern uint64_t swap_writeback;

/* swapon(2): store is what the file is a device of. priority -1: below all others so far. 0 or Linux's -errno. May sleep. */
int __must_check swap_on(struct store *store, int priority);
/*
 * swapoff(2): brings everything back (mm/vm/swapoff.c). 0; -EINVAL: it is no swap area; -ENOMEM: there is no room
 * for what it holds; -EINTR. Where it fails the area goes on. May sleep.
 */
int __must_check swap_off(struct store *store);
/* Every device, in the order of priority: nonzero stops. */
struct swap_info { const char *name; uint64_t size, used; int priority; };	/* bytes */
int swap_for_each(int (*fn)(const struct swap_info *i, void *arg), void *arg);

/* ---- areas, for swapoff.c ---- */

/* store's device number, which gives out no slots from now on, or -EINVAL, -EBUSY (somebody is at it). May sleep. */
int __must_check swap_area_stop(struct store *store);
/* It goes on; or it is gone, since no slot of it is in use. */
void swap_area_resume(unsigned device);
void swap_area_end(unsigned device);
/* Takes pages that no entry names out of its slots. The first slot still in use; 0: none. */
uint64_t swap_area_trim(unsigned device);
/* The page of slot s back to its place in o: what object_swap_in is. */
struct object;
int swap_object_in(struct object *o, uint64_t index, swp_t s, bool *major);
/* By device number; changed by swapon and swapoff alone. */
extern struct store *swap_stores[SLOT_AREAS];
/* The device of a slot that is in use. */
static inline struct store *swap_store(swp_t s) { return READ_ONCE(swap_stores[swp_device(s)]); }

#endif
