/*
 * Slots one by one: how many entries name each, the page that caches it, whether
 * it can be used. The words: slot_map.h; who gives slots out: slot_area.c.
 *
 * A slot is free again as soon as no entry names it and no page is its cache;
 * that is found out by whoever takes the last one away, under the cluster's lock.
 */
#include <mm/alloc/differ.h>
#include <mm/alloc/slot_map.h>

#include <asm-generic/errno-base.h>

/* slot_find of one that the caller knows to be in use. */
static __always_inline_ struct cluster *slot_lock(swp_t s, struct slot **w)
{
	struct cluster *c = slot_find(s, w);

	if (unlikely(!c || !in_use(*w)))
		panic("swap slot %u:0x%lx is not in use", swp_device(s), swp_offset(s));
	return c;
}

/* The rest of slot_freed for those that are bad or kept. */
static __attribute__((noinline)) void odd_freed(swp_t s, struct cluster *c, struct slot *w)
{
	if (w->count & KEPT)
		slot_unkeep_locked(s, c, w);
	if (w->count & BAD)
		__atomic_fetch_sub(&areas[swp_device(s)].good, 1, __ATOMIC_RELAXED);
	else
		c->used--;
}

/* w, in use until now, is not any more. Lock held. */
static __always_inline_ void slot_freed(swp_t s, struct cluster *c, struct slot *w)
{
	w->cache = 0;
	__atomic_fetch_sub(&areas[swp_device(s)].used, 1, __ATOMIC_RELAXED);
	if (likely(!(w->count & (BAD | KEPT))))
		c->used--;
	else
		odd_freed(s, c, w);
}

/* The cache's reference is the caller's then. */
static void page_leave(struct page *p, struct slot *w)
{
	w->cache = 0;
	__atomic_fetch_and(&p->flags, ~(PG_SWAPCACHE | PG_DIRTY | PG_AHEAD), __ATOMIC_RELEASE);
	p->owner = NULL;
}

/* ---- counts ---- */

void slot_get(swp_t s)
{
	struct slot *w;
	struct cluster *c = slot_lock(s, &w);

	w->count++;
	spin_unlock(&c->lock);
}

/*
 * Unlocks c. A slot that was in use when the caller locked it and that no entry names (any more)
 * goes before that, and its page with it, unless somebody but the cache has the page.
 */
static void slot_unlock(swp_t s, struct cluster *c, struct slot *w, bool was_used)
{
	struct page *p = page_of(w);
	bool goes = was_used && !entries(w) && (!p || READ_ONCE(p->refs) == 1);

	if (goes && p)
		page_leave(p, w);
	if (goes)
		slot_freed(s, c, w);
	spin_unlock(&c->lock);
	if (goes && p)
		page_put(p);
}

void slot_put(swp_t s)
{
	struct slot *w;
	struct cluster *c = slot_lock(s, &w);

	assert(entries(w) > 0);
	w->count--;
	slot_unlock(s, c, w, true);
}

void slot_forsaken(swp_t s)
{
	struct slot *w;
	struct cluster *c = slot_find(s, &w);

	if (c)
		slot_unlock(s, c, w, in_use(w));
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

static __attribute__((noinline)) struct page *get_page_of(struct cluster *c, const struct slot *w)
{
	struct page *p;

	spin_lock(&c->lock);
	p = page_of(w);
	if (p)
		page_get(p);
	spin_unlock(&c->lock);
	return p;
}

/* Mostly there is none, without a look under the lock: what is there a moment later, slot_cache will see. */
struct page *slot_cached(swp_t s)
{
	struct slot *w;
	struct cluster *c = slot_place(s, &w);
	uint32_t cache = c ? READ_ONCE(w->cache) : 0;

	return cache && !(cache & 1) ? get_page_of(c, w) : NULL;
}

int slot_cache(swp_t s, struct page *p, uint32_t *shadow)
{
	struct slot *w;
	struct cluster *c = slot_place(s, &w);
	int err = 0;

	if (!c)
		return -ENOENT;
	spin_lock(&c->lock);
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

bool slot_cache_move(struct page *p, struct page *n)
{
	swp_t s = p->swp;
	struct slot *w;
	struct cluster *c = slot_lock(s, &w);
	bool goes = READ_ONCE(p->refs) == 2;

	assert(page_of(w) == p && p->flags & PG_BUSY && !p->slots);
	if (goes) {
		page_enter(n, s, w, p->flags & (PG_DIRTY | PG_UPTODATE | PG_AHEAD));
		__atomic_fetch_and(&p->flags, ~(PG_SWAPCACHE | PG_DIRTY | PG_AHEAD), __ATOMIC_RELEASE);
		p->owner = NULL;
	}
	spin_unlock(&c->lock);
	if (goes)
		page_put(p);
	return goes;
}

/* ---- bad slots ---- */

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

static const char *verify_slot(swp_t s, const struct slot *w, uint64_t found[SLOT_KEPT])
{
	const struct page *p = page_of(w);
	const char *what = NULL;

	if (entries(w))
		what = "is named by fewer entries than it counts";
	else if (p && !pfn_valid(page_to_pfn(p)))
		what = "is cached by what is no frame of RAM";
	else if (p && (!(p->flags & PG_SWAPCACHE) || p->swp.v != s.v))
		what = "is cached by a page that does not know it";
	else if (!slot_verify_kept(s, w, found))
		what = "is kept by what is no object of the pool, or not its own";
	return what ? differ("swap slot %u:0x%lx %s", swp_device(s), swp_offset(s), what) : NULL;
}

const char *slots_verify(void)
{
	uint64_t found[SLOT_KEPT] = { 0 };

	for (unsigned d = 0; d < SLOT_AREAS; d++)
		for (uint64_t i = 1; i < areas[d].n; i++) {
			const char *bad = verify_slot(swp(d, i), at_rest(swp(d, i)), found);

			if (bad)
				return bad;
		}
	return slots_verify_kept(found);
}
