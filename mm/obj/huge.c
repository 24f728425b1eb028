/*
 * Objects of explicit huge pages; see huge.h.
 *
 * What is promised stands in an index of marks, by the number of the huge page in the object:
 *
 *	PROMISED	one reserved page of the pool is for it
 *	TAKEN		that page was taken, and is nowhere so far
 *	LOST		the owner has the page for itself; who shared it is to get none in its place
 *	none		nothing of that
 *
 * A promise that was taken becomes nothing when the page has found its place, and a promise again if it has not:
 * a fault that somebody else was quicker than must not cost a promise.
 *
 * Locks: o->lock for both indices and the accounts; the pool's own inside of it. The locks by which one thread at a
 * time makes a page (RANK_HUGE, sleeping) are a few for all objects.
 */
#include <mm/obj/huge.h>
#include <kernel/core/thread.h>
#include <lib/assert.h>
#include <lib/string.h>
#include <mm/alloc/slab.h>

#include <bsd/sys/queue.h>
#include <linux/errno.h>

#define HUGE_LOCKS	16u

static char marks[3];
#define PROMISED	((void *)&marks[0])
#define TAKEN		((void *)&marks[1])
#define LOST		((void *)&marks[2])

struct huge {
	struct object o;
	struct hugepool *pool;		/* const */
	struct object *file;		/* account: whose pages it shows, referenced; else NULL; const */
	LIST_HEAD(, huge) accounts;	/* of it; lock */
	LIST_ENTRY(huge) account_link;	/* the file's lock */
	struct radix marks;		/* lock */
	void *user;			/* const */
	void (*gone)(void *user);
};

static struct mutex huge_locks[HUGE_LOCKS];

static struct huge *huge_of(const struct object *o)
{
	assert(o->ops->huge);
	return container_of((struct object *)o, struct huge, o);
}

struct hugepool *huge_pool(const struct object *o)
{
	return huge_of(o)->pool;
}

unsigned huge_order(const struct object *o)
{
	return hugepool_order(huge_of(o)->pool);
}

void *huge_user(const struct object *o)
{
	return huge_of(o)->user;
}

struct object *huge_file(struct object *o)
{
	struct object *file = huge_of(o)->file;

	return file ? file : o;
}

/* Huge page number of a page index. */
static uint64_t number(const struct huge *h, uint64_t index)
{
	return index >> hugepool_order(h->pool);
}

bool huge_reaches(struct object *o, uint64_t index)
{
	struct huge *h = huge_of(huge_file(o));

	return number(h, index) < number(h, READ_ONCE(h->o.size) >> PAGE_SHIFT);
}

/* ---- their life ---- */

/* The marks of pages n to before stop go, but for LOST, which is for ever, or `all`. */
static void drop_marks(struct huge *h, uint64_t n, uint64_t stop, bool all)
{
	uint64_t promised = 0;
	void *mark;

	spin_lock(&h->o.lock);
	for (; (mark = radix_next(&h->marks, &n)) != NULL && n < stop; n++) {
		promised += mark == PROMISED;
		if (mark != LOST || all)
			radix_remove(&h->marks, n);
	}
	spin_unlock(&h->o.lock);
	if (promised)
		hugepool_unreserve(h->pool, promised);
}

static void huge_release(struct object *o)
{
	struct huge *h = huge_of(o);
	void (*gone)(void *user) = h->gone;
	void *user = h->user;

	drop_marks(h, 0, UINT64_MAX, true);
	if (h->file) {
		spin_lock(&h->file->lock);
		LIST_REMOVE(h, account_link);
		spin_unlock(&h->file->lock);
		object_put(h->file);
	}
	kfree(h);
	if (gone)
		gone(user);
}

static const struct object_ops huge_ops = {
	.release = huge_release,
	.memory = true,
	.huge = true,
};

struct object *huge_create(struct hugepool *pool, uint64_t size, void *user, void (*gone)(void *user))
{
	struct huge *h = kzalloc(sizeof(*h));

	if (!h)
		return NULL;
	object_init(&h->o, &huge_ops, size);
	h->o.writable = true;
	h->pool = pool;
	LIST_INIT(&h->accounts);
	h->user = user;
	h->gone = gone;
	return &h->o;
}

struct object *huge_create_account(struct object *file)
{
	struct object *o = huge_create(huge_pool(file), 0, NULL, NULL);

	if (!o)
		return NULL;
	object_get(file);
	huge_of(o)->file = file;
	spin_lock(&file->lock);
	LIST_INSERT_HEAD(&huge_of(file)->accounts, huge_of(o), account_link);
	spin_unlock(&file->lock);
	return o;
}

/* ---- promises ---- */

/* Page n is neither there nor has it a mark. o->lock held. */
static bool lacks(const struct huge *h, uint64_t n)
{
	return !radix_get(&h->marks, n) && !radix_get(&h->o.pages, n << hugepool_order(h->pool));
}

/* Pages n to before stop that are to be promised; no matter how many, if more than the pool can ever have. */
static uint64_t count_lacking(struct huge *h, uint64_t n, uint64_t stop)
{
	const uint64_t most = hugepool_most(h->pool);
	uint64_t lacking = 0;

	spin_lock(&h->o.lock);
	for (; n < stop && lacking <= most; n++)
		lacking += lacks(h, n);
	spin_unlock(&h->o.lock);
	return lacking;
}

/*
 * The pool promises first. Without memory the marks made here stay, kept by the object: which of them others made
 * meanwhile cannot be told.
 */
int huge_reserve(struct object *o, uint64_t first, uint64_t end, bool more)
{
	struct huge *h = huge_of(o);
	uint64_t n = number(h, first), stop = number(h, end), lacking = count_lacking(h, n, stop), used = 0;
	int err = 0;

	if (!hugepool_reserve(h->pool, lacking, more))
		return -ENOMEM;
	for (; n < stop && used < lacking && !err; n++) {
		spin_lock(&o->lock);
		if (lacks(h, n)) {
			err = radix_insert(&h->marks, n, PROMISED);
			used += !err;
		}
		spin_unlock(&o->lock);
	}
	if (used < lacking)
		hugepool_unreserve(h->pool, lacking - used);
	return err;
}

/* The account after a, or the first, with a reference; a's goes. One without references is on its way out. */
static struct huge *next_account(struct huge *h, struct huge *a)
{
	struct huge *next;

	spin_lock(&h->o.lock);
	next = a ? LIST_NEXT(a, account_link) : LIST_FIRST(&h->accounts);
	while (next && !ref_tryget(&next->o.refs))
		next = LIST_NEXT(next, account_link);
	spin_unlock(&h->o.lock);
	if (a)
		object_put(&a->o);
	return next;
}

/* What was taken out of private mappings is promised to those again whose it was, if the pool can. */
static void promise_again(struct object *o, uint64_t first, uint64_t last)
{
	for (uint64_t end; first <= last && object_next_promised(o, &first, last, &end); first = end)
		(void)!huge_reserve(o, first, end, false);
}

void huge_zap(struct object *o, uint64_t first, uint64_t last)
{
	struct huge *h = huge_of(o);

	object_zap(o, first, last);
	for (struct huge *a = next_account(h, NULL); a; a = next_account(h, a)) {
		object_zap(&a->o, first, last);
		promise_again(&a->o, first, last);
	}
}

void huge_unreserve(struct object *o, uint64_t first, uint64_t end)
{
	struct huge *h = huge_of(o);

	drop_marks(h, number(h, first), number(h, end), false);
}

uint64_t huge_promised(const struct object *o)
{
	const struct huge *h = huge_of(o);
	uint64_t promised = 0;
	void *mark;

	for (uint64_t n = 0; (mark = radix_next(&h->marks, &n)) != NULL; n++)
		promised += mark == PROMISED;
	return promised;
}

int huge_lose(struct object *o, uint64_t index)
{
	struct huge *h = huge_of(o);
	int err = 0;

	spin_lock(&o->lock);
	if (!radix_get(&h->marks, number(h, index)))
		err = radix_insert(&h->marks, number(h, index), LOST);
	spin_unlock(&o->lock);
	return err;
}

bool huge_lost(struct object *o, uint64_t index)
{
	struct huge *h = huge_of(o);
	bool lost;

	spin_lock(&o->lock);
	lost = radix_get(&h->marks, number(h, index)) == LOST;
	spin_unlock(&o->lock);
	return lost;
}

/* ---- pages ---- */

struct page *huge_take(struct object *o, uint64_t index, bool ours, bool *promised)
{
	struct huge *h = huge_of(o);

	spin_lock(&o->lock);
	*promised = ours && radix_get(&h->marks, number(h, index)) == PROMISED;
	if (*promised)
		radix_replace(&h->marks, number(h, index), TAKEN);
	spin_unlock(&o->lock);
	return hugepool_take(h->pool, *promised);
}

/* The mark goes with the mapping, or what was cut off, if that goes meanwhile. */
void huge_took(struct object *o, uint64_t index, struct page *unused)
{
	struct huge *h = huge_of(o);
	uint64_t n = number(h, index);
	bool taken;

	spin_lock(&o->lock);
	taken = radix_get(&h->marks, n) == TAKEN;
	if (taken && unused) {
		hugepool_restore(unused);
		radix_replace(&h->marks, n, PROMISED);
	} else if (taken) {
		radix_remove(&h->marks, n);
	}
	spin_unlock(&o->lock);
	if (unused && !taken)
		page_put(unused);
}

struct page *huge_get(struct object *o, uint64_t index)
{
	struct object *file = huge_file(o);
	struct page *p;

	spin_lock(&file->lock);
	p = radix_get(&file->pages, index);
	if (p)
		page_get(p);
	spin_unlock(&file->lock);
	return p;
}

void huge_fill(struct page *p, struct page *from)
{
	char *to = page_to_virt(p);

	for (uint64_t off = 0; off < PAGE_SIZE << p->order; off += PAGE_SIZE) {
		if (from)
			copy_page(to + off, (char *)page_to_virt(from) + off);
		else
			clear_page(to + off);
		if (off % HUGE_SIZE == 0)
			resched_point();
	}
}

/* p, filled, becomes the page of o at index, where there is none. 0, -ENOMEM, -ENXIO. */
static int insert(struct object *o, uint64_t index, bool beyond, struct page *p)
{
	int err = -ENXIO;

	spin_lock(&o->lock);
	if (beyond || huge_reaches(o, index))
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

int huge_make(struct object *o, uint64_t index, bool beyond, struct page **out)
{
	bool promised;
	int err;

	*out = NULL;
	if (!beyond && !huge_reaches(o, index))
		return -ENXIO;
	*out = huge_get(o, index);
	if (*out)
		return 0;
	*out = huge_take(o, index, true, &promised);
	if (!*out)
		return -ENOSPC;
	huge_fill(*out, NULL);
	err = insert(o, index, beyond, *out);
	if (promised)
		huge_took(o, index, err ? *out : NULL);
	else if (err)
		page_put(*out);
	if (err)
		*out = NULL;
	return err;
}

void huge_boot(void)
{
	for (unsigned i = 0; i < HUGE_LOCKS; i++)
		mutex_init(&huge_locks[i], RANK_HUGE);
}

struct mutex *huge_lock(const struct object *o, uint64_t index)
{
	uint64_t key = (uintptr_t)huge_file((struct object *)o) / sizeof(struct huge) + (index >> ORDER_HUGE);

	return &huge_locks[key % HUGE_LOCKS];
}
