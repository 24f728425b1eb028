/*
 * Objects of explicit huge pages; see huge.h.
 *
 * What is promised stands in an index of its own, by the number of the huge page in the object: an item there
 * is one reserved page of the pool. It goes when the page is taken, or the promise is.
 *
 * Locks: o->lock for both indices; the pool's own inside of it. The locks by which one thread at a time makes a page
 * (RANK_HUGE, sleeping) are a few for all objects.
 */
#include <mm/obj/huge.h>
#include <lib/assert.h>
#include <mm/alloc/slab.h>

#include <linux/errno.h>

#define HUGE_LOCKS	16u

struct huge {
	struct object o;
	struct hugepool *pool;		/* const */
	const struct aspace *owner;	/* private: for whose mapping promises are; else NULL. A name, never followed */
	struct radix promised;		/* lock */
	uint64_t npromised;		/* lock */
};

static char promise[1];			/* what stands in the index for one */

static struct mutex huge_locks[HUGE_LOCKS];

static struct huge *huge_of(const struct object *o)
{
	assert(o->ops->huge);
	return container_of((struct object *)o, struct huge, o);
}

unsigned huge_order(const struct object *o)
{
	return hugepool_order(huge_of(o)->pool);
}

bool huge_is_owner(const struct object *o, const struct aspace *as)
{
	return huge_of(o)->owner == as;
}

/* Huge page number of a page index. */
static uint64_t number(const struct huge *h, uint64_t index)
{
	return index >> hugepool_order(h->pool);
}

static void huge_release(struct object *o)
{
	struct huge *h = huge_of(o);

	huge_unreserve(o, 0, UINT64_MAX);
	kfree(h);
}

static const struct object_ops huge_ops = {
	.release = huge_release,
	.memory = true,
	.huge = true,
};

struct object *huge_create(struct hugepool *pool, uint64_t size, const struct aspace *owner)
{
	struct huge *h = kzalloc(sizeof(*h));

	if (!h)
		return NULL;
	object_init(&h->o, &huge_ops, size);
	h->o.writable = true;
	h->pool = pool;
	h->owner = owner;
	return &h->o;
}

/* ---- promises ---- */

/* True: page n of h has a promise now that had none, and is not there. 0, or -ENOMEM. o->lock held. */
static int promise_one(struct huge *h, uint64_t n, bool *made)
{
	int err;

	*made = false;
	if (radix_get(&h->promised, n) || radix_get(&h->o.pages, n << hugepool_order(h->pool)))
		return 0;
	err = radix_insert(&h->promised, n, promise);
	*made = !err;
	h->npromised += *made;
	return err;
}

/*
 * The pool promises as many as could be needed first; what was promised before goes back. Someone else's promises for
 * the same range, made meanwhile, are none of ours: on failure those made here stay as they are, kept by the object,
 * as long as its pool has them.
 */
int huge_reserve(struct object *o, uint64_t first, uint64_t end)
{
	struct huge *h = huge_of(o);
	uint64_t n = number(h, first), stop = number(h, end), most = stop - n, used = 0;
	bool made;
	int err = 0;

	if (!hugepool_reserve(h->pool, most))
		return -ENOMEM;
	for (; n < stop && !err; n++) {
		spin_lock(&o->lock);
		err = promise_one(h, n, &made);
		spin_unlock(&o->lock);
		used += made;
	}
	hugepool_unreserve(h->pool, most - used);
	return err;
}

void huge_unreserve(struct object *o, uint64_t first, uint64_t end)
{
	struct huge *h = huge_of(o);
	uint64_t n = number(h, first), stop = number(h, end), gone = 0;

	spin_lock(&o->lock);
	for (; radix_next(&h->promised, &n) && n < stop; gone++)
		radix_remove(&h->promised, n);
	h->npromised -= gone;
	spin_unlock(&o->lock);
	if (gone)
		hugepool_unreserve(h->pool, gone);
}

/* ---- pages ---- */

struct page *huge_take(struct object *o, uint64_t index, bool ours)
{
	struct huge *h = huge_of(o);
	bool promised;

	spin_lock(&o->lock);
	promised = ours && radix_remove(&h->promised, number(h, index));
	h->npromised -= promised;
	spin_unlock(&o->lock);
	return hugepool_take(h->pool, promised);
}

struct page *huge_get(struct object *o, uint64_t index)
{
	struct page *p;

	spin_lock(&o->lock);
	p = radix_get(&o->pages, index);
	if (p)
		page_get(p);
	spin_unlock(&o->lock);
	return p;
}

int huge_insert(struct object *o, uint64_t index, struct page *p)
{
	int err = -ENXIO;

	spin_lock(&o->lock);
	if (index < o->size >> PAGE_SHIFT)
		err = radix_insert(&o->pages, index, p);
	if (!err) {
		p->owner = o;
		p->index = index;
		p->flags |= PG_UPTODATE;
		page_get(p);
		o->npages++;
	}
	spin_unlock(&o->lock);
	return err;
}

void huge_boot(void)
{
	for (unsigned i = 0; i < HUGE_LOCKS; i++)
		mutex_init(&huge_locks[i], RANK_HUGE);
}

struct mutex *huge_lock(const struct object *o, uint64_t index)
{
	uint64_t key = (uintptr_t)o / sizeof(struct huge) + (index >> ORDER_HUGE);

	return &huge_locks[key % HUGE_LOCKS];
}
