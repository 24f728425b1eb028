/*
 * The slot map: one word of 8 bytes for each page of a swap device; shared by slots.c and slot_area.c.
 *
 *	count	bit 31: bad, not to be given out; 30, 29: how its content is kept in memory
 *		(enum slot_kept); below: entries that name the slot
 *	cache	0: nothing; even: the page in the cache, its frame number * 2;
 *		odd: a shadow, its number * 2 + 1
 *
 * 512 words, one page of them, are a cluster: 2 MB of the device.
 *
 * Locks: a cluster's (RANK_SLOT_MAP) guards its words, and `swp` and
 * PG_SWAPCACHE of the pages that they name. An area's arrays go only after a
 * grace period: who looks at a slot that may be out of use does not sleep in between.
 */
#ifndef MM_ALLOC_SLOT_MAP_H
#define MM_ALLOC_SLOT_MAP_H

#include <mm/alloc/slots.h>
#include <lib/assert.h>

#define CLUSTER_SHIFT	9
#define CLUSTER		(1u << CLUSTER_SHIFT)
#define BAD		(1u << 31)
#define KEPT_SHIFT	29
#define KEPT		(3u << KEPT_SHIFT)

struct slot {
	uint32_t count;
	uint32_t cache;
};

struct cluster {
	struct spinlock lock;
	uint16_t used;			/* in use or bad, or behind the end; lock */
	uint8_t taken;			/* some CPU gives out of it: a preference; areas_lock */
	struct slot *slot;		/* const */
	uint64_t *kept;			/* a word for each slot with KEPT; NULL: none so far; lock */
};

struct area {
	uint64_t n;			/* slots; 0: there is no such area */
	unsigned order;			/* of the block with the clusters */
	uint64_t nclusters;		/* removed, and not freed so far */
	struct cluster *cluster;
	int priority;
	bool open;			/* gives slots out; areas_lock to change */
	uint64_t hint;			/* cluster after the last one taken; areas_lock */
	uint64_t good, used;		/* that can be given out, and in use; atomic */
} __attribute__((aligned(64)));

extern struct area areas[SLOT_AREAS];

static inline uint32_t entries(const struct slot *w)
{
	return w->count & ~(BAD | KEPT);
}

static inline struct page *page_of(const struct slot *w)
{
	return w->cache && !(w->cache & 1) ? pfn_to_page(pfn(w->cache >> 1)) : NULL;
}

static inline bool in_use(const struct slot *w)
{
	return entries(w) || page_of(w);
}

/* The cluster of s, which some entry named, and its word; NULL: there is no such slot any more. */
static __always_inline_ struct cluster *slot_place(swp_t s, struct slot **w)
{
	uint64_t offset = swp_offset(s);
	struct area *a = &areas[swp_device(s)];
	struct cluster *c;

	if (unlikely(offset >= __atomic_load_n(&a->n, __ATOMIC_ACQUIRE)))
		return NULL;
	c = &a->cluster[offset >> CLUSTER_SHIFT];
	*w = &c->slot[offset & (CLUSTER - 1)];
	return c;
}

/* The same, locked, of any s: a page's `swp` that is read while it leaves the cache may be another thing. */
static __always_inline_ struct cluster *slot_find(swp_t s, struct slot **w)
{
	struct cluster *c = likely(s.v >> SWP_DEVICE_SHIFT < SLOT_AREAS) ? slot_place(s, w) : NULL;

	if (likely(c))
		spin_lock(&c->lock);
	return c;
}

/* p, busy, is the page that caches s from now on; the cache has a reference of its own. Lock held. */
static inline void page_enter(struct page *p, swp_t s, struct slot *w, uint32_t flags)
{
	debug_assert(p->flags & PG_BUSY && !(p->flags & PG_SWAPCACHE) && !p->owner);
	w->cache = (uint32_t)(page_to_pfn(p).v << 1);
	p->swp = s;
	page_get(p);
	__atomic_fetch_or(&p->flags, PG_SWAPCACHE | flags, __ATOMIC_RELEASE);
}

/* slot_kept.c: what is kept for w goes. Lock held. */
void slot_unkeep_locked(swp_t s, struct cluster *c, struct slot *w);
/* At rest: is what is kept for w there, and its own? It is counted in found. */
bool slot_verify_kept(swp_t s, const struct slot *w, uint64_t found[SLOT_KEPT]);
/* All of it found: NULL, or a text. */
const char *slots_verify_kept(const uint64_t found[SLOT_KEPT]);

#endif
