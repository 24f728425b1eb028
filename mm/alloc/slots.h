/*
 * Swap slots as mechanism: how many entries name each slot, and which frame
 * holds the same content (the swap cache). All of it lies in arrays made at
 * swapon, so that nothing is allocated when memory is short.
 *
 * A slot is in use while its count or its cache is not zero. Count: entries of
 * page tables (an entry of a shared table is one) and of objects' indexes.
 * Cache: a page with PG_SWAPCACHE whose `swp` names the slot, and one reference
 * of the cache. A page is clean against its slot as long as it is there: a
 * fault that gives W takes it out first (if the count is 0), or copies.
 */
#ifndef MM_ALLOC_SLOTS_H
#define MM_ALLOC_SLOTS_H

#include <arch/pte.h>
#include <mm/alloc/page.h>

/*
 * A free slot, count 0, for p, busy, in whose cache it is from now on (with a
 * reference). False: no swap, or all of it is in use.
 */
bool __must_check slot_alloc(struct page *p, swp_t *out);
/* One entry more (fewer) that names s. The last one frees the slot, if it has no cache either. Table lock held or not. */
void slot_get(swp_t s);
void slot_put(swp_t s);
uint32_t slot_count(swp_t s);
/* The page that caches s, with a reference for the caller, or NULL. */
struct page *slot_cached(swp_t s);

#endif
