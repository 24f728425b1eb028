/*
 * The cached pages of objects; the beginning and the end of these, and the list of all: objects.c.
 *
 * A page is in its object's index, with one reference of the cache, from
 * before its content is there until it is dropped. PG_BUSY is its sleeping
 * lock: held by whoever fills it, maps it, or takes it out of the index, so
 * two faults of one page fill it once. PG_UPTODATE is set once, under
 * PG_BUSY. A page whose fill failed is taken out again before PG_BUSY goes,
 * so what is in the index is either up to date or busy.
 *
 * Locks: o->lock (RANK_OBJECT) guards the index; references are handed out
 * under it, so a page whose only reference is the cache's cannot gain one
 * while it is held.
 */
#include <mm/obj/object.h>
#include <lib/assert.h>
#include <mm/alloc/busy.h>
#include <mm/alloc/commit.h>
#include <mm/alloc/lists.h>
#include <mm/obj/swapped.h>

#include <linux/errno.h>

/* ---- the index ---- */

/* Are its pages promised as they come? (Others were promised before, or can be had again.) */
static bool pays_by_page(const struct object *o)
{
	return o->ops->memory && !o->promised && !o->ops->huge;
}

static bool take_room(struct object_room *r, uint64_t n)
{
	uint64_t used = READ_ONCE(r->used);

	while (used + n <= READ_ONCE(r->max))
		if (__atomic_compare_exchange_n(&r->used, &used, used + n, false, __ATOMIC_RELAXED,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

static void give_room(struct object_room *r, uint64_t n)
{
	__atomic_fetch_sub(&r->used, n, __ATOMIC_RELAXED);
}

int object_pay(struct object *o, uint64_t n)
{
	if (o->room && !take_room(o->room, n))
		return -ENOSPC;
	if (!pays_by_page(o) || !commit_charge(n, (struct commit_for){ 0, true }))
		return 0;
	if (o->room)
		give_room(o->room, n);
	return -ENOSPC;
}

void object_unpay(struct object *o, uint64_t n)
{
	if (o->room)
		give_room(o->room, n);
	if (pays_by_page(o))
		commit_release(n);
}

/* Puts p, busy, into the index. o->lock held. */
static int insert_page(struct object *o, uint64_t index, struct page *p)
{
	int err = object_pay(o, 1);

	if (err)
		return err;
	err = object_place(o, index, p);
	if (err) {
		object_unpay(o, 1);
		return err;
	}
	p->owner = o;
	p->index = index;
	p->flags |= PG_BUSY | (o->ops->memory ? PG_SHMEM : 0);
	page_get(p);
	o->npages++;
	lists_new(p);
	return 0;
}

/* p is not in the index any more; the cache's reference is the caller's now. o->lock held. */
static void page_removed(struct object *o, struct page *p)
{
	assert(p->owner == o && o->npages > 0);
	p->owner = NULL;
	o->npages--;
	object_unpay(o, 1);
}

static void remove_page(struct object *o, struct page *p)
{
	struct page *was = radix_remove(&o->pages, p->index);

	assert(was == p);
	page_removed(o, p);
}

/*
 * The page at index with a reference: one that is there, or (*made) a fresh
 * one that the caller, who has it busy, must fill. -EAGAIN: it is in swap, at *s.
 */
static int find_or_make(struct object *o, uint64_t index, bool beyond, struct page **out,
			bool *made, swp_t *s)
{
	struct page *fresh = NULL, *p;
	void *item;
	int err = 0;

	*made = false;
	for (;;) {
		spin_lock(&o->lock);
		p = NULL;
		if (!beyond && !object_reaches(o, index)) {
			err = -ENXIO;	/* even if a write that makes it longer has a page there */
		} else if (unlikely(item_is_swap(item = radix_get(&o->pages, index)))) {
			*s = item_swp(item);
			err = -EAGAIN;
		} else if ((p = item_page(item))) {
			page_get(p);
		} else if (fresh) {
			err = insert_page(o, index, fresh);
			*made = !err;
			p = err ? NULL : fresh;
		}
		spin_unlock(&o->lock);
		if (p || err)
			break;
		fresh = page_alloc(0, PAGE_FILE, 0);
		if (!fresh)
			return -ENOMEM;
	}
	if (fresh && !*made)
		page_put(fresh);
	*out = p;
	return err;
}

/* Fills p, the caller's busy and referenced; gives up PG_BUSY, and on failure the reference. */
static int fill_page(struct object *o, struct page *p)
{
	int err = o->ops->fill(o, p->index, p);

	if (!err) {
		__atomic_fetch_or(&p->flags, PG_UPTODATE, __ATOMIC_RELEASE);
		page_unlock(p);
		return 0;
	}
	spin_lock(&o->lock);
	remove_page(o, p);
	spin_unlock(&o->lock);
	page_unlock(p);
	page_put(p);
	page_put(p);
	return err;
}

static int get_page(struct object *o, uint64_t index, bool beyond, struct page **out, bool *major)
{
	bool made, ignored;
	swp_t s;
	int err;

	for (;;) {
		err = find_or_make(o, index, beyond, out, &made, &s);
		if (unlikely(err == -EAGAIN)) {
			err = object_swap_in(o, index, s, major ? major : &ignored);
			if (!err)
				continue;
		}
		if (err)
			return err;
		if (made) {
			if (major && o->ops->io)
				*major = true;
			err = fill_page(o, *out);
			if (err)
				*out = NULL;
			return err;
		}
		if (likely(page_is_ready(*out)))
			return 0;
		page_wait_busy(*out);
		if (page_is_ready(*out))
			return 0;
		page_put(*out);		/* its fill failed: try it ourselves */
	}
}

int object_page(struct object *o, uint64_t index, struct page **out, bool *major)
{
	return get_page(o, index, false, out, major);
}

int object_page_beyond(struct object *o, uint64_t index, struct page **out)
{
	return get_page(o, index, true, out, NULL);
}

struct page *object_cached(struct object *o, uint64_t index)
{
	struct page *p;

	spin_lock(&o->lock);
	p = item_page(radix_get(&o->pages, index));
	if (p && page_is_ready(p))
		page_get(p);
	else
		p = NULL;
	spin_unlock(&o->lock);
	return p;
}

int object_present(struct object *o, uint64_t index, struct page **out)
{
	bool swapped;

	*out = object_cached(o, index);
	if (*out)
		return 0;
	spin_lock(&o->lock);
	swapped = radix_get(&o->pages, index);	/* a slot, or a page being filled with zeros */
	spin_unlock(&o->lock);
	return swapped ? object_page_beyond(o, index, out) : 0;
}

unsigned object_lock_cached(struct object *o, uint64_t first, unsigned n, struct page **out)
{
	unsigned got = 0;

	assert(n <= 64);
	spin_lock(&o->lock);
	for (unsigned i = 0; i < n; i++) {
		struct page *p = item_page(radix_get(&o->pages, first + i));

		out[i] = NULL;
		if (!p || !page_is_ready(p) || !object_reaches(o, first + i) || !page_trylock(p))
			continue;
		page_get(p);
		out[i] = p;
		got++;
	}
	spin_unlock(&o->lock);
	return got;
}

/* ---- dropping ---- */

/* What is at index, no page, goes. o->lock held. */
static void drop_item(struct object *o, uint64_t index, const void *item)
{
	if (item_is_swap(item))
		object_drop_swap(o, index);
	else
		object_drop_shadow(o, index);
}

/*
 * Takes the first page at or after *index out of the cache, if nobody else
 * has it or `all`, which takes what else is there, too; false: there is none from there on.
 */
static bool drop_next(struct object *o, uint64_t *index, bool all, uint64_t *dropped)
{
	struct page *busy = NULL, *p;
	void *item;

	spin_lock(&o->lock);
	item = radix_next(&o->pages, index);
	p = item_page(item);
	if (unlikely(item && !p)) {
		if (all)
			drop_item(o, *index, item);
		spin_unlock(&o->lock);
	} else if (p && (all || READ_ONCE(p->refs) == 1) && page_trylock(p)) {
		remove_page(o, p);
		spin_unlock(&o->lock);
		page_unlock(p);
		page_put(p);
		(*dropped)++;
	} else {
		if (p && all)		/* reclaim looks at it */
			page_get(busy = p);
		spin_unlock(&o->lock);
	}
	if (busy) {
		page_wait_busy(busy);
		page_put(busy);
	} else {
		++*index;
	}
	return item;
}

void object_drop_all(struct object *o)
{
	uint64_t index = 0, n = 0;

	while (drop_next(o, &index, true, &n))
		resched_point();
}

uint64_t object_drop_clean(struct object *o)
{
	uint64_t index = 0, n = 0;

	if (o->ops->memory)
		return 0;
	while (drop_next(o, &index, false, &n))
		resched_point();
	return n;
}

/* The first page at or after *index, with a reference; what else is there, up to `last`, goes. */
static struct page *next_page(struct object *o, uint64_t *index, uint64_t last)
{
	struct page *p;
	bool other;
	void *item;

	do {
		spin_lock(&o->lock);
		item = radix_next(&o->pages, index);
		p = item_page(item);
		other = item && !p && *index <= last;
		if (unlikely(other))
			drop_item(o, *index, item);
		if (p)
			page_get(p);
		spin_unlock(&o->lock);
		resched_point();
	} while (unlikely(other));
	return p;
}

/* Takes p, referenced, out of the cache. False: it is not there any more, or busy. */
static bool drop_page(struct object *o, struct page *p)
{
	bool ours;

	spin_lock(&o->lock);
	ours = p->owner == o && page_trylock(p);
	if (ours)
		remove_page(o, p);
	spin_unlock(&o->lock);
	if (ours) {
		page_unlock(p);
		page_put(p);		/* the cache's */
	}
	return ours;
}

void object_drop_range(struct object *o, uint64_t first, uint64_t last)
{
	uint64_t index = first;
	struct page *p;

	while (index <= last && (p = next_page(o, &index, last)) != NULL) {
		if (index > last) {
			page_put(p);
			break;
		}
		if (drop_page(o, p))
			index++;
		else
			page_wait_busy(p);	/* another one may be there then */
		page_put(p);
		resched_point();
	}
}

void object_drop_from(struct object *o, uint64_t first)
{
	object_drop_range(o, first, UINT64_MAX);
}

bool object_move(struct page *p, struct page *n)
{
	struct object *o = p->owner;
	bool goes;

	assert(p->flags & PG_BUSY && !p->slots && n->owner == o && n->index == p->index);
	spin_lock(&o->lock);
	goes = READ_ONCE(p->refs) == 2;
	if (goes) {
		copy_page(page_to_virt(n), page_to_virt(p));
		page_get(n);
		radix_replace(&o->pages, p->index, n);
		p->owner = NULL;
	}
	spin_unlock(&o->lock);
	if (goes)
		page_put(p);
	return goes;
}

bool object_evict(struct page *p)
{
	struct object *o = p->owner;
	bool gone;

	spin_lock(&o->lock);
	gone = READ_ONCE(p->refs) == 2;
	if (gone) {
		object_leave_shadow(o, p);
		page_removed(o, p);
	}
	spin_unlock(&o->lock);
	if (gone)
		page_put(p);
	return gone;
}
