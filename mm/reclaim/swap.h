/*
 * Swap: pages to and from the devices of swapon(2).
 *
 * The way out, by shrink.c: slot_alloc (the page enters the cache of a slot), rmap_unmap,
 * one flush, swap_write of what is not clean against its slot, slot_uncache of what nobody
 * has mapped again. The way in, by a fault: swap_page, then the entry is mapped
 * under its table's lock if it still names the slot and the page still caches it.
 */
#ifndef MM_RECLAIM_SWAP_H
#define MM_RECLAIM_SWAP_H

#include <mm/alloc/slots.h>
#include <mm/reclaim/store.h>

/*
 * Writes n (<= STORE_BATCH) pages to their slots, neighbours as one transfer: each busy, PG_SWAPCACHE,
 * unmapped and flushed. failed[i]: it could not be written, and must stay (its slot is
 * marked bad). May sleep.
 */
void swap_write(struct page *const *pages, unsigned n, bool *failed);
/*
 * The page of slot s, up to date, with a reference: from the cache, or read in with a few of
 * its neighbours of the same VMA ([first, last] around s that are worth it; *major set). 0, -ENOMEM, -EIO,
 * -ENOENT: s is no longer in use. May sleep; nothing locked.
 */
int __must_check swap_page(swp_t s, struct page **out, bool *major);

/* swapon(2), swapoff(2): store is what the file is a device of. 0 or Linux's -errno. May sleep. */
int __must_check swap_on(struct store *store, int priority);
int __must_check swap_off(struct store *store);
/* Every device, in the order of priority: nonzero stops. */
struct swap_info { const char *name; uint64_t size, used; int priority; };	/* bytes */
int swap_for_each(int (*fn)(const struct swap_info *i, void *arg), void *arg);

#endif
