/*
 * Pools of explicit huge pages; see hugepool.h.
 *
 * A free page of a pool has no reference and is on the pool's list by its link. `wanted` is how large the pool
 * is meant to be; it has more pages than that, surplus ones, only as long as they are in use or promised.
 *
 * Locks: hugepool_lock, RANK_LISTS: all fields of all pools. The allocator is not called under it.
 */
#include <mm/alloc/hugepool.h>
#include <mm/alloc/internal.h>
#include <kernel/core/thread.h>
#include <lib/assert.h>
#include <lib/format.h>
#include <lib/log.h>
#include <lib/option.h>
#include <lib/string.h>

#include <linux/errno.h>

struct hugepool {
	unsigned order;
	const char *name;		/* as in hugepagesz= */
	uint64_t asked;			/* hugepages=, while booting */
	uint64_t wanted, pages, free, reserved;
	uint64_t overcommit;		/* surplus pages that may be made */
	uint64_t coming;		/* that are just being made */
	struct page_list list;		/* the free ones */
};

static struct hugepool pools[HUGEPOOLS] = {
	[HUGEPOOL_2M] = { .order = ORDER_HUGE, .name = "2M",
			  .list = TAILQ_HEAD_INITIALIZER(pools[HUGEPOOL_2M].list) },
	[HUGEPOOL_1G] = { .order = ORDER_GIANT, .name = "1G",
			  .list = TAILQ_HEAD_INITIALIZER(pools[HUGEPOOL_1G].list) },
};
static struct spinlock hugepool_lock = SPINLOCK_INIT(RANK_LISTS);
struct page *(*hugepool_source)(unsigned order, enum page_kind kind, unsigned flags) = page_alloc;

/* ---- options ---- */

static struct hugepool *named = &pools[HUGEPOOL_2M];	/* by the last hugepagesz= */

static bool take_size(const char *value)
{
	for (unsigned i = 0; i < HUGEPOOLS; i++)
		if (!strcmp(value, pools[i].name)) {
			named = &pools[i];
			return true;
		}
	return false;
}

static bool take_number(const char *value)
{
	return parse_u64(value, &named->asked) == 0;
}

option_call(hugepagesz, take_size, "2M|1G", "which size the next hugepages= is about");
option_call(hugepages, take_number, "NUMBER", "so many huge pages are set aside at boot");

void hugepool_boot(void)
{
	for (unsigned i = HUGEPOOLS; i--;) {	/* the large ones while there is room for them */
		struct hugepool *pool = &pools[i];

		if (!pool->asked)
			continue;
		hugepool_resize(pool, pool->asked);
		if (pool->pages < pool->asked)
			log_warn("hugepages: %lu pages of %s are there, not %lu: no memory in one piece",
				 pool->pages, pool->name, pool->asked);
		else
			log_info("hugepages: %lu pages of %s", pool->pages, pool->name);
	}
}

/* ---- figures ---- */

struct hugepool *hugepool_of(unsigned shift)
{
	for (unsigned i = 0; i < HUGEPOOLS; i++)
		if (!shift || pools[i].order + PAGE_SHIFT == shift)
			return &pools[i];
	return NULL;
}

struct hugepool *hugepool_nth(unsigned i)
{
	return i < HUGEPOOLS ? &pools[i] : NULL;
}

unsigned hugepool_order(const struct hugepool *pool)
{
	return pool->order;
}

static uint64_t surplus(const struct hugepool *pool)
{
	return pool->pages > pool->wanted ? pool->pages - pool->wanted : 0;
}

void hugepool_figures(const struct hugepool *pool, struct hugepool_figures *f)
{
	spin_lock(&hugepool_lock);
	*f = (struct hugepool_figures){
		.pages = pool->pages, .free = pool->free, .reserved = pool->reserved,
		.surplus = surplus(pool), .overcommit = pool->overcommit,
	};
	spin_unlock(&hugepool_lock);
}

/* ---- size ---- */

/* hugepool_lock held. */
static void put_in(struct hugepool *pool, struct page *p)
{
	p->refs = 0;
	TAILQ_INSERT_HEAD(&pool->list, p, link);
	pool->free++;
}

static struct page *take_out(struct hugepool *pool)
{
	struct page *p = TAILQ_FIRST(&pool->list);

	TAILQ_REMOVE(&pool->list, p, link);
	pool->free--;
	return p;
}

/* Out of the pool for good. Not under the lock. */
static void to_buddy(struct page *p)
{
	p->kind = PAGE_KERNEL;
	page_free(p, p->order);
}

/* One page more, which may have been counted as coming. False: no memory. */
static bool add_page(struct hugepool *pool, bool coming)
{
	struct page *p = hugepool_source(pool->order, PAGE_HUGETLB, 0);

	spin_lock(&hugepool_lock);
	pool->coming -= coming;
	if (p) {
		pool->pages++;
		put_in(pool, p);
	}
	spin_unlock(&hugepool_lock);
	return p;
}

/* False: the pool lacks none, or there is no memory. */
static bool grow(struct hugepool *pool)
{
	return READ_ONCE(pool->pages) < READ_ONCE(pool->wanted) && add_page(pool, false);
}

/* How many surplus pages may still be made. hugepool_lock held. */
static uint64_t may_make(const struct hugepool *pool)
{
	uint64_t there = surplus(pool) + pool->coming;

	return pool->overcommit > there ? pool->overcommit - there : 0;
}

/* One page fewer, if there are too many and one is free. */
static bool shrink(struct hugepool *pool)
{
	struct page *p = NULL;

	spin_lock(&hugepool_lock);
	if (surplus(pool) && pool->free > pool->reserved) {
		p = take_out(pool);
		pool->pages--;
	}
	spin_unlock(&hugepool_lock);
	if (p)
		to_buddy(p);
	return p;
}

static void shrink_all(struct hugepool *pool)
{
	while (shrink(pool))
		resched_point();
}

void hugepool_resize(struct hugepool *pool, uint64_t n)
{
	WRITE_ONCE(pool->wanted, n);
	while (grow(pool))
		resched_point();
	shrink_all(pool);
	spin_lock(&hugepool_lock);
	if (pool->wanted > pool->pages)
		pool->wanted = pool->pages;	/* no more than could be had */
	spin_unlock(&hugepool_lock);
}

int hugepool_set_overcommit(struct hugepool *pool, uint64_t n)
{
	if (pool->order == ORDER_GIANT)
		return -EINVAL;
	WRITE_ONCE(pool->overcommit, n);
	return 0;
}

uint64_t hugepool_most(const struct hugepool *pool)
{
	return READ_ONCE(pool->pages) + MIN(READ_ONCE(pool->overcommit), page_total_count() >> pool->order);
}

/* ---- use ---- */

/* n are wanted, more than are free and not promised: may one be made? It is counted then. Lock held. */
static bool may_grow(struct hugepool *pool, uint64_t n)
{
	bool may = n - (pool->free - pool->reserved) <= may_make(pool);

	pool->coming += may;
	return may;
}

bool hugepool_reserve(struct hugepool *pool, uint64_t n, bool more)
{
	bool done, grows = false;

	do {
		spin_lock(&hugepool_lock);
		done = n <= pool->free - pool->reserved;
		if (done)
			pool->reserved += n;
		else
			grows = more && may_grow(pool, n);
		spin_unlock(&hugepool_lock);
	} while (!done && grows && add_page(pool, true));
	if (!done)
		shrink_all(pool);	/* what was made in vain */
	return done;
}

void hugepool_unreserve(struct hugepool *pool, uint64_t n)
{
	spin_lock(&hugepool_lock);
	assert(pool->reserved >= n);
	pool->reserved -= n;
	spin_unlock(&hugepool_lock);
	shrink_all(pool);
}

struct page *hugepool_take(struct hugepool *pool, bool reserved)
{
	struct page *p = NULL;
	bool grows = false;

	do {
		spin_lock(&hugepool_lock);
		assert(!reserved || pool->reserved);
		if (reserved || pool->free > pool->reserved) {
			p = take_out(pool);
			pool->reserved -= reserved;
		} else {
			grows = may_grow(pool, 1);
		}
		spin_unlock(&hugepool_lock);
	} while (!p && grows && add_page(pool, true));
	if (!p)
		return NULL;
	assert(p->kind == PAGE_HUGETLB && p->order == pool->order && !p->refs && !p->slots);
	page_make(p, pool->order, PAGE_HUGETLB);
	return p;
}

void hugepool_restore(struct page *p)
{
	struct hugepool *pool = hugepool_of(p->order + PAGE_SHIFT);

	assert(p->refs == 1 && !p->slots);
	spin_lock(&hugepool_lock);
	put_in(pool, p);
	pool->reserved++;
	spin_unlock(&hugepool_lock);
}

void hugepool_give(struct page *p)
{
	struct hugepool *pool = hugepool_of(p->order + PAGE_SHIFT);
	bool stays;

	spin_lock(&hugepool_lock);
	stays = !surplus(pool);
	if (stays)
		put_in(pool, p);
	else
		pool->pages--;
	spin_unlock(&hugepool_lock);
	if (!stays)
		to_buddy(p);
}

/* ---- verification ---- */

const char *hugepool_verify(void)
{
	for (unsigned i = 0; i < HUGEPOOLS; i++) {
		const struct hugepool *pool = &pools[i];
		const struct page *p;
		uint64_t n = 0;

		TAILQ_FOREACH(p, &pool->list, link) {
			if (p->kind != PAGE_HUGETLB || p->order != pool->order || p->refs || p->slots)
				return "a free huge page that is none, or in use";
			if (++n > pool->free)
				break;
		}
		if (n != pool->free || pool->reserved > pool->free || pool->free > pool->pages)
			return "the counts of a pool of huge pages are wrong";
	}
	return NULL;
}
