/*
 * Swap slots as mechanism: how many entries name each slot, and which frame
 * holds the same content (the swap cache). All of it lies in arrays made at
 * swapon, so that nothing is allocated when memory is short.
 *
 * A slot is in use while its count or its cache is not zero. Count: entries of
 * page tables (an entry of a shared table is one) and of objects' indexes.
 * Cache: a page with PG_SWAPCACHE whose `swp` names the slot, and one reference
 * of the cache. Such a page is not written by anybody: a fault that gives W takes it out
 * first (slot_own), or copies. With PG_DIRTY the slot on the device does not have its
 * content so far, and the page must not leave the cache while an entry names the slot.
 *
 * Who finds a page by its slot gets a reference, and while he has it the page stays in the cache
 * as long as an entry names the slot: look at the entry again under its table's lock.
 *
 * A slot in use that has no page keeps a shadow: a number of 31 bits, R's, put there when its
 * page left the cache, found again when it comes back.
 */
#ifndef MM_ALLOC_SLOTS_H
#define MM_ALLOC_SLOTS_H

#include <arch/pte.h>
#include <mm/alloc/page.h>

#define SLOT_AREAS	32u		/* devices: 5 bits of a swap entry */
#define SLOT_SHADOW_MAX	0x7fffffffu

extern unsigned slots_on;		/* areas that there are: 0: nothing is swapped */

/*
 * A free slot, count 0, for p, busy, in whose cache it is from now on (with a
 * reference), PG_DIRTY and PG_UPTODATE. False: no swap, or all of it is in use.
 */
bool __must_check slot_alloc(struct page *p, swp_t *out);
/* A free slot with count 1 and no page: for an entry that shall name it (slot_cache brings the page). */
bool __must_check slot_new(swp_t *out);
/*
 * One entry more (fewer) that names s, which is in use. The last one frees the slot, and its page if nobody
 * but the cache has it. Table lock held or not.
 */
void slot_get(swp_t s);
void slot_put(swp_t s);
uint32_t slot_count(swp_t s);

/* The page that caches s, with a reference for the caller, or NULL. s was named by some entry; it may be out of use. */
struct page *slot_cached(swp_t s);
/*
 * p, busy and referenced by the caller, of no object, becomes the cache of s. 0 (*shadow: what was kept there, 0:
 * nothing), -EEXIST (somebody else's is), -ENOENT: no entry names s any more.
 */
int __must_check slot_cache(swp_t s, struct page *p, uint32_t *shadow);
/* The same for the page of a slot_new: PG_DIRTY. */
void slot_cache_new(swp_t s, struct page *p);
/*
 * p, busy and referenced by the caller, leaves the cache, if no entry names its slot (which is
 * free then), or nobody but the caller has p and it is not PG_DIRTY (shadow is kept there), or it has not been
 * read (PG_UPTODATE). False: it stays.
 */
bool __must_check slot_uncache(struct page *p, uint32_t shadow);
/*
 * Is p, with its only slot in a table that the caller has locked, nobody's else? Then it leaves the cache, where
 * it is in one, and may be written.
 */
bool __must_check slot_own(struct page *p);
/* The same of p, mapped there; in no cache, as most are, or in one. */
static inline bool page_is_own(struct page *p)
{
	if (p->kind != PAGE_ANON || READ_ONCE(p->slots) != 1)
		return false;
	if (likely(READ_ONCE(p->refs) == 1))
		return true;
	return READ_ONCE(p->flags) & PG_SWAPCACHE && slot_own(p);
}
/* p, busy, mapped, of a slot that no entry names, leaves the cache. */
static inline void slot_give_up(struct page *p)
{
	bool out = slot_uncache(p, 0);

	(void)out;			/* an entry may name it again: then it stays, which is right as well */
}
/*
 * p, busy, unmapped and referenced by the caller, is replaced in the cache by n, busy, with the same content, if nobody else has
 * p. False: somebody has.
 */
bool __must_check slot_cache_move(struct page *p, struct page *n);
/* p's last mapping may have gone: who took its reference out says so. s: p's slot before that. */
void slot_forsaken(swp_t s);

/* s cannot be written (read): it is not given out any more once it is free. */
void slot_mark_bad(swp_t s);
bool slot_is_bad(swp_t s);
/*
 * More than half of all slots were in use when some CPU last took a cluster: a page that has been read
 * back had better give its slot up.
 */
extern bool slots_tight;
/* Slots of all areas, and how many are not in use. */
uint64_t slots_total(void);
uint64_t slots_free(void);

/* ---- content that is kept in memory, in front of the device (slot_kept.c): mm/reclaim/zswap.c ---- */

enum slot_kept {
	SLOT_ON_DEVICE,
	SLOT_FILLED,		/* with one word all over: that word */
	SLOT_PACKED,		/* an object of the pool (zpool.h), tagged with the slot */
	SLOT_KEPT
};
/*
 * Of the slot of p, busy and its cache, is kept from now on until it is free. An object is the slot's
 * then. False: no memory for the word; nothing has changed.
 */
bool __must_check slot_keep(const struct page *p, enum slot_kept how, uint64_t word);
/* The word. Its object stays as long as the caller has the slot's page, busy. */
enum slot_kept slot_kept(swp_t s, uint64_t *word);
/* The device has it by now: what is kept goes. As slot_keep. */
void slot_unkeep(const struct page *p);
/* Slots that are kept so. */
uint64_t slots_kept(enum slot_kept how);

/* ---- areas: mm/reclaim/swap_area.c ---- */

/* An area of n slots, of which 0 is the device's header; nothing is given out so far. Its number; -ENOMEM, -EPERM (32 are there). */
int __must_check slot_area_add(uint64_t n, int priority);
/* Slots are given out from now on; or not any more (callers of slot_alloc that have begun get through: a grace period). */
void slot_area_start(unsigned device);
void slot_area_stop(unsigned device);
/* Stopped, and none is in use: it is no area any more; and after a grace period its arrays are freed. */
void slot_area_remove(unsigned device);
void slot_area_free(unsigned device);
/* The first slot in use from offset `from` on; 0: there is none. */
uint64_t slot_area_next(unsigned device, uint64_t from);
struct slot_figures { uint64_t total, used; int priority; };
void slot_area_figures(unsigned device, struct slot_figures *f);

/* mm_verify, at rest: an entry names s. True: it is a slot in use, and its count is that much lower until slot_restore. */
bool slot_tally(swp_t s);
void slot_restore(swp_t s);
/* The same: does s name p as its page? */
bool slot_caches(swp_t s, const struct page *p);
/* What does not agree, all entries tallied: 0, or a text (a static buffer). */
const char *slots_verify(void);

#endif
