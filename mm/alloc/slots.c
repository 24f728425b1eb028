/*
 * The slot map: one word of 8 bytes for each page of a swap device.
 *
 *	count	bit 31: bad, not to be given out; below: entries that name the slot
 *	cache	0: nothing; even: the page in the cache, its frame number * 2;
 *		odd: a shadow, its number * 2 + 1
 *
 * 512 words, one page of them, are a cluster: 2 MB of the device, which a CPU
 * has for itself when it gives slots out, one after the other, so that what is
 * evicted together lies together. It takes a cluster that is free as a whole where
 * there is one, of the area with the highest priority; areas of equal
 * priority take turns.
 *
 * Locks: a cluster's (RANK_SLOT_MAP) guards its words, and `swp` and
 * PG_SWAPCACHE of the pages that they name. areas_lock (the same rank; never
 * both) guards the order of the areas and which cluster each CPU has.
 * An area's arrays go only after a grace period: who looks at a slot that may be
 * out of use does not sleep in between.
 */
#include <mm/alloc/slots.h>
#include <lib/assert.h>
#include <lib/format.h>
#include <lib/string.h>

#include <asm-generic/errno-base.h>

#define CLUSTER_SHIFT	9
#define CLUSTER		(1u << CLUSTER_SHIFT)
#define BAD		(1u << 31)

struct slot {
	uint32_t count;
	uint32_t cache;
};

struct cluster {
	struct spinlock lock;
	uint16_t used;			/* in use or bad, or behind the end; lock */
	uint8_t taken;			/* some CPU gives out of it: a preference; areas_lock */
	struct slot *slot;		/* const */
};

struct area {
	uint64_t n;			/* slots; 0: there is no such area */
	unsigned order;			/* of the block with the clusters */
	uint64_t nclusters;		/* removed, and not freed so far */
	struct cluster *cluster;
	int priority;
	bool open;			/* gives slots out; areas_lock to change */
	uint64_t hint;			/* cluster after the last one taken; areas_lock */
	uint64_t good, used;		/* slots that can be given out, and those in use; atomic */
} __attribute__((aligned(64)));

/* Where a CPU gives out; areas_lock to change, and only the CPU itself but when the area goes. */
struct here {
	struct area *area;
	struct cluster *cluster;
	uint32_t next;
};

static struct area areas[SLOT_AREAS];
static struct spinlock areas_lock = SPINLOCK_INIT(RANK_SLOT_MAP);
static unsigned char by_priority[SLOT_AREAS];	/* the open areas; areas_lock */
static unsigned nopen;
static unsigned turn;
static struct here here[MAX_CPUS];

unsigned slots_on;
bool slots_tight;

static uint64_t clusters(const struct area *a)
{
	return (a->n + CLUSTER - 1) >> CLUSTER_SHIFT;
}

/* ---- words ---- */

static inline uint32_t entries(const struct slot *w)
{
	return w->count & ~BAD;
}

static inline struct page *page_of(const struct slot *w)
{
	return w->cache && !(w->cache & 1) ? pfn_to_page(pfn(w->cache >> 1)) : NULL;
}

static inline bool in_use(const struct slot *w)
{
	return entries(w) || page_of(w);
}

/* The cluster of s and its word; NULL: there is no such slot. */
static __always_inline_ struct cluster *slot_place(swp_t s, struct slot **w)
{
	uint64_t offset = swp_offset(s);
	struct cluster *c;
	struct area *a;

	if (unlikely(s.v >> SWP_DEVICE_SHIFT >= SLOT_AREAS))
		return NULL;
	a = &areas[swp_device(s)];
	if (unlikely(offset >= __atomic_load_n(&a->n, __ATOMIC_ACQUIRE)))
		return NULL;
	c = &a->cluster[offset >> CLUSTER_SHIFT];
	*w = &c->slot[offset & (CLUSTER - 1)];
	return c;
}

/* The same, locked. */
static __always_inline_ struct cluster *slot_find(swp_t s, struct slot **w)
{
	struct cluster *c = slot_place(s, w);

	if (likely(c))
		spin_lock(&c->lock);
	return c;
}

/* The same of one that the caller knows to be in use. */
static __always_inline_ struct cluster *slot_lock(swp_t s, struct slot **w)
{
	struct cluster *c = slot_find(s, w);

	if (unlikely(!c || !in_use(*w)))
		panic("swap slot %u:0x%lx is not in use", swp_device(s), swp_offset(s));
	return c;
}

/* w, in use until now, is not any more. Lock held. */
static void slot_freed(swp_t s, struct cluster *c, struct slot *w)
{
	struct area *a = &areas[swp_device(s)];

	w->cache = 0;
	__atomic_fetch_sub(&a->used, 1, __ATOMIC_RELAXED);
	if (unlikely(w->count & BAD))
		__atomic_fetch_sub(&a->good, 1, __ATOMIC_RELAXED);
	else
		c->used--;
}

static void page_enter(struct page *p, swp_t s, struct slot *w, uint32_t flags)
{
	debug_assert(p->flags & PG_BUSY && !(p->flags & PG_SWAPCACHE) && !p->owner);
	w->cache = (uint32_t)(page_to_pfn(p).v << 1);
	p->swp = s;
	page_get(p);
	__atomic_fetch_or(&p->flags, PG_SWAPCACHE | flags, __ATOMIC_RELEASE);
}

/* The cache's reference is the caller's then. */
static void page_leave(struct page *p, struct slot *w)
{
	w->cache = 0;
	__atomic_fetch_and(&p->flags, ~(PG_SWAPCACHE | PG_DIRTY | PG_AHEAD), __ATOMIC_RELEASE);
	p->owner = NULL;
}

/* ---- giving out ---- */

static bool take_here(struct here *h, struct page *p, swp_t *out)
{
	struct cluster *c = h->cluster;
	struct area *a = h->area;

	if (!READ_ONCE(a->open))
		return false;
	spin_lock(&c->lock);
	while (h->next < CLUSTER && (in_use(&c->slot[h->next]) || c->slot[h->next].count & BAD))
		h->next++;
	if (h->next < CLUSTER) {
		struct slot *w = &c->slot[h->next];

		*out = swp((unsigned)(a - areas),
			   ((uint64_t)(c - a->cluster) << CLUSTER_SHIFT) + h->next++);
		c->used++;
		w->count = !p;
		w->cache = 0;
		if (p)
			page_enter(p, *out, w, PG_DIRTY | PG_UPTODATE);
		__atomic_fetch_add(&a->used, 1, __ATOMIC_RELAXED);
		spin_unlock(&c->lock);
		return true;
	}
	spin_unlock(&c->lock);
	return false;
}

/* A cluster of a: free as a whole, or nobody's with something free, or any such. areas_lock held. */
static struct cluster *find_cluster(struct area *a)
{
	uint64_t n = clusters(a), at = a->hint < n ? a->hint : 0;
	struct cluster *best = NULL;

	if (READ_ONCE(a->used) >= READ_ONCE(a->good))
		return NULL;
	for (uint64_t i = 0; i < n; i++, at = at + 1 < n ? at + 1 : 0) {
		struct cluster *c = &a->cluster[at];
		unsigned used = READ_ONCE(c->used);

		if (used == CLUSTER)
			continue;
		if (!best || (!c->taken && (best->taken || !used)))
			best = c;
		if (!used && !c->taken)
			break;
	}
	if (best)
		a->hint = (uint64_t)(best - a->cluster) + 1;
	return best;
}

/* How many areas from by_priority[i] on have its priority. */
static unsigned equals(unsigned i)
{
	unsigned n = 1;

	while (i + n < nopen && areas[by_priority[i + n]].priority == areas[by_priority[i]].priority)
		n++;
	return n;
}

/* Of the open areas; without the lock: while one comes or goes, about right. */
static void sum(uint64_t *total, uint64_t *used)
{
	*total = *used = 0;
	for (unsigned i = 0; i < READ_ONCE(nopen); i++) {
		const struct area *a = &areas[READ_ONCE(by_priority[i])];

		*total += READ_ONCE(a->good);
		*used += READ_ONCE(a->used);
	}
}

/* Another cluster for this CPU; false: nothing is free. */
static bool next_cluster(struct here *h)
{
	struct cluster *c = NULL;
	struct area *a = NULL;

	uint64_t total, used;

	sum(&total, &used);
	WRITE_ONCE(slots_tight, used * 2 > total);
	spin_lock(&areas_lock);
	if (h->cluster)
		h->cluster->taken = 0;
	for (unsigned i = 0, n; i < nopen && !c; i += n) {
		n = equals(i);
		turn++;
		for (unsigned k = 0; k < n && !c; k++) {
			a = &areas[by_priority[i + (turn + k) % n]];
			c = find_cluster(a);
		}
	}
	if (c)
		c->taken = 1;
	*h = (struct here){ c ? a : NULL, c, 0 };
	spin_unlock(&areas_lock);
	return c;
}

static bool give_out(struct page *p, swp_t *out)
{
	struct here *h = &here[this_cpu()->id];

	if (!slots_on)
		return false;
	while (!h->cluster || !take_here(h, p, out))
		if (!next_cluster(h))
			return false;
	return true;
}

bool slot_alloc(struct page *p, swp_t *out)
{
	return give_out(p, out);
}

bool slot_new(swp_t *out)
{
	return give_out(NULL, out);
}

/* ---- counts ---- */

void slot_get(swp_t s)
{
	struct slot *w;
	struct cluster *c = slot_lock(s, &w);

	w->count++;
	spin_unlock(&c->lock);
}

/* No entry names the slot: it goes, and its page, if only the cache has that; the reference is the caller's. */
static struct page *drop_unused(swp_t s, struct cluster *c, struct slot *w)
{
	struct page *p = page_of(w);

	if (p && READ_ONCE(p->refs) != 1)
		return NULL;
	if (p)
		page_leave(p, w);
	slot_freed(s, c, w);
	return p;
}

void slot_put(swp_t s)
{
	struct slot *w;
	struct cluster *c = slot_lock(s, &w);
	struct page *p = NULL;

	assert(entries(w) > 0);
	w->count--;
	if (!entries(w))
		p = drop_unused(s, c, w);
	spin_unlock(&c->lock);
	if (p)
		page_put(p);
}

uint32_t slot_count(swp_t s)
{
	struct slot *w;
	struct cluster *c = slot_find(s, &w);
	uint32_t n = 0;

	if (c) {
		n = entries(w);
		spin_unlock(&c->lock);
	}
	return n;
}

/* ---- the cache ---- */

struct page *slot_cached(swp_t s)
{
	struct slot *w;
	struct cluster *c = slot_place(s, &w);
	struct page *p;

	/* what is there a moment later, slot_cache will see */
	if (!c || !(READ_ONCE(w->cache) && !(READ_ONCE(w->cache) & 1)))
		return NULL;
	spin_lock(&c->lock);
	p = page_of(w);
	if (p)
		page_get(p);
	spin_unlock(&c->lock);
	return p;
}

int slot_cache(swp_t s, struct page *p, uint32_t *shadow)
{
	struct slot *w;
	struct cluster *c = slot_find(s, &w);
	int err = 0;

	if (!c)
		return -ENOENT;
	if (page_of(w)) {
		err = -EEXIST;
	} else if (!entries(w)) {
		err = -ENOENT;
	} else {
		*shadow = w->cache >> 1;
		page_enter(p, s, w, 0);
	}
	spin_unlock(&c->lock);
	return err;
}

void slot_cache_new(swp_t s, struct page *p)
{
	struct slot *w;
	struct cluster *c = slot_lock(s, &w);

	assert(!page_of(w));
	page_enter(p, s, w, PG_DIRTY | PG_UPTODATE);
	spin_unlock(&c->lock);
}

bool slot_uncache(struct page *p, uint32_t shadow)
{
	swp_t s = p->swp;
	struct slot *w;
	struct cluster *c = slot_lock(s, &w);
	bool named = entries(w), goes;

	assert(page_of(w) == p && p->flags & PG_BUSY);
	goes = !named || !(p->flags & PG_UPTODATE) ||
	       (READ_ONCE(p->refs) == 2 && !(p->flags & PG_DIRTY));
	if (goes) {
		page_leave(p, w);
		if (named)
			w->cache = shadow ? shadow << 1 | 1 : 0;
		else
			slot_freed(s, c, w);
	}
	spin_unlock(&c->lock);
	if (goes)
		page_put(p);
	return goes;
}

/*
 * Two references, the cache's and that of the entry which the caller has locked: nobody else
 * is looking at the page, and none can find it by its slot, whose lock is held.
 */
bool slot_own(struct page *p)
{
	swp_t s = p->swp;
	struct slot *w;
	struct cluster *c = slot_find(s, &w);
	bool own;

	if (!c)
		return false;
	own = page_of(w) == p && !entries(w) && READ_ONCE(p->refs) == 2 && READ_ONCE(p->slots) == 1;
	if (own) {
		debug_assert(!(p->flags & PG_BUSY));
		page_leave(p, w);
		slot_freed(s, c, w);
		__atomic_fetch_sub(&p->refs, 1, __ATOMIC_RELAXED);
	}
	spin_unlock(&c->lock);
	return own;
}

void slot_forsaken(swp_t s)
{
	struct slot *w;
	struct cluster *c = slot_find(s, &w);
	struct page *p = NULL;

	if (!c)
		return;
	if (page_of(w) && !entries(w))
		p = drop_unused(s, c, w);
	spin_unlock(&c->lock);
	if (p)
		page_put(p);
}

/* ---- bad slots, figures ---- */

void slot_mark_bad(swp_t s)
{
	struct slot *w;
	struct cluster *c = slot_find(s, &w);

	if (!c)
		return;
	if (!(w->count & BAD)) {
		w->count |= BAD;
		if (!in_use(w)) {
			c->used++;
			__atomic_fetch_sub(&areas[swp_device(s)].good, 1, __ATOMIC_RELAXED);
		}
	}
	spin_unlock(&c->lock);
}

bool slot_is_bad(swp_t s)
{
	struct slot *w;
	struct cluster *c = slot_find(s, &w);
	bool bad = c && w->count & BAD;

	if (c)
		spin_unlock(&c->lock);
	return bad;
}

uint64_t slots_total(void)
{
	uint64_t total, used;

	sum(&total, &used);
	return total;
}

uint64_t slots_free(void)
{
	uint64_t total, used;

	sum(&total, &used);
	return total - MIN(total, used);
}


/* ---- areas ---- */

static unsigned order_of(size_t bytes)
{
	unsigned o = 0;

	while (o <= ORDER_MAX && PAGE_SIZE << o < bytes)
		o++;
	return o;
}

static void free_clusters(struct area *a, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		page_free(virt_to_page(a->cluster[i].slot), 0);
	page_free(virt_to_page(a->cluster), a->order);
	a->cluster = NULL;
}

static int make_clusters(struct area *a, uint64_t n)
{
	uint64_t nclusters = (n + CLUSTER - 1) >> CLUSTER_SHIFT;
	struct page *p;

	_Static_assert(CLUSTER * sizeof(struct slot) == PAGE_SIZE, "a page of words");
	a->order = order_of(nclusters * sizeof(struct cluster));
	p = a->order <= ORDER_MAX ? page_alloc(a->order, PAGE_KERNEL, ALLOC_ZERO) : NULL;
	if (!p)
		return -ENOMEM;
	a->cluster = page_to_virt(p);
	for (uint64_t i = 0; i < nclusters; i++) {
		p = page_alloc(0, PAGE_KERNEL, ALLOC_ZERO);
		if (!p) {
			free_clusters(a, i);
			return -ENOMEM;
		}
		spin_init(&a->cluster[i].lock, RANK_SLOT_MAP);
		a->cluster[i].slot = page_to_virt(p);
	}
	return 0;
}

int slot_area_add(uint64_t n, int priority)
{
	unsigned device = 0;
	struct area *a;
	int err;

	assert(n > 1 && n <= 1ull << SWP_DEVICE_SHIFT);
	while (device < SLOT_AREAS && areas[device].cluster)
		device++;
	if (device == SLOT_AREAS)
		return -EPERM;
	a = &areas[device];
	err = make_clusters(a, n);
	if (err)
		return err;
	a->priority = priority;
	a->hint = 0;
	a->good = n;
	a->used = 0;
	__atomic_store_n(&a->n, n, __ATOMIC_RELEASE);
	slot_mark_bad(swp(device, 0));
	for (uint64_t i = n; i & (CLUSTER - 1); i++) {	/* behind the end */
		struct cluster *c = &a->cluster[i >> CLUSTER_SHIFT];

		c->slot[i & (CLUSTER - 1)].count = BAD;
		c->used++;
	}
	slots_on++;
	return (int)device;
}

void slot_area_start(unsigned device)
{
	unsigned i;

	spin_lock(&areas_lock);
	assert(!areas[device].open);
	for (i = nopen++; i && areas[by_priority[i - 1]].priority < areas[device].priority; i--)
		by_priority[i] = by_priority[i - 1];
	by_priority[i] = (unsigned char)device;
	WRITE_ONCE(areas[device].open, true);
	spin_unlock(&areas_lock);
}

void slot_area_stop(unsigned device)
{
	unsigned i = 0;

	spin_lock(&areas_lock);
	WRITE_ONCE(areas[device].open, false);
	while (i < nopen && by_priority[i] != device)
		i++;
	assert(i < nopen);
	for (nopen--; i < nopen; i++)
		by_priority[i] = by_priority[i + 1];
	spin_unlock(&areas_lock);
}

void slot_area_remove(unsigned device)
{
	struct area *a = &areas[device];
	uint64_t n = clusters(a);

	assert(!a->open && a->used == 0);
	spin_lock(&areas_lock);
	for (unsigned i = 0; i < MAX_CPUS; i++)
		if (here[i].area == a)
			here[i] = (struct here){ NULL, NULL, 0 };
	spin_unlock(&areas_lock);
	slots_on--;
	WRITE_ONCE(a->n, 0);
	a->nclusters = n;
}

void slot_area_free(unsigned device)
{
	struct area *a = &areas[device];

	assert(!a->n && a->cluster);
	free_clusters(a, a->nclusters);
}

uint64_t slot_area_next(unsigned device, uint64_t from)
{
	const struct area *a = &areas[device];

	for (uint64_t i = MAX(from, 1ul); i < a->n; i++) {
		struct cluster *c = &a->cluster[i >> CLUSTER_SHIFT];
		bool used;

		spin_lock(&c->lock);
		used = in_use(&c->slot[i & (CLUSTER - 1)]);
		spin_unlock(&c->lock);
		if (used)
			return i;
	}
	return 0;
}

void slot_area_figures(unsigned device, struct slot_figures *f)
{
	const struct area *a = &areas[device];

	*f = (struct slot_figures){ READ_ONCE(a->good), READ_ONCE(a->used), a->priority };
}

/* ---- mm_verify ---- */

static struct slot *at_rest(swp_t s)
{
	struct area *a;

	if (s.v >> SWP_DEVICE_SHIFT >= SLOT_AREAS)
		return NULL;
	a = &areas[swp_device(s)];
	return swp_offset(s) && swp_offset(s) < a->n ?
	       &a->cluster[swp_offset(s) >> CLUSTER_SHIFT].slot[swp_offset(s) & (CLUSTER - 1)] : NULL;
}

bool slot_tally(swp_t s)
{
	struct slot *w = at_rest(s);

	if (!w || !entries(w))
		return false;
	w->count--;
	return true;
}

void slot_restore(swp_t s)
{
	struct slot *w = at_rest(s);

	if (w)
		w->count++;
}

bool slot_caches(swp_t s, const struct page *p)
{
	const struct slot *w = at_rest(s);

	return w && page_of(w) == p;
}

static char why[120];

static const char *verify_slot(swp_t s, const struct slot *w)
{
	const struct page *p = page_of(w);
	const char *what = NULL;

	if (entries(w))
		what = "is named by fewer entries than it counts";
	else if (p && !pfn_valid(page_to_pfn(p)))
		what = "is cached by what is no frame of RAM";
	else if (p && (!(p->flags & PG_SWAPCACHE) || p->swp.v != s.v))
		what = "is cached by a page that does not know it";
	if (what)
		snprintf(why, sizeof(why), "swap slot %u:0x%lx %s", swp_device(s), swp_offset(s), what);
	return what ? why : NULL;
}

const char *slots_verify(void)
{
	for (unsigned d = 0; d < SLOT_AREAS; d++)
		for (uint64_t i = 1; i < areas[d].n; i++) {
			const char *bad = verify_slot(swp(d, i), at_rest(swp(d, i)));

			if (bad)
				return bad;
		}
	return NULL;
}
