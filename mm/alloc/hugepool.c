/*
 * Pools of explicit huge pages; see hugepool.h.
 *
 * A free page of a pool has no reference and is on the pool's list by its link. `wanted` is how large the pool
 * is meant to be; it has more pages than that only as long as they are in use or promised.
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

struct hugepool {
	unsigned order;
	const char *name;		/* as in hugepagesz= */
	uint64_t asked;			/* hugepages=, while booting */
	uint64_t wanted, pages, free, reserved;
	struct page_list list;		/* the free ones */
};

static struct hugepool pools[HUGEPOOLS] = {
	[HUGEPOOL_2M] = { .order = ORDER_HUGE, .name = "2M",
			  .list = TAILQ_HEAD_INITIALIZER(pools[HUGEPOOL_2M].list) },
	[HUGEPOOL_1G] = { .order = ORDER_GIANT, .name = "1G",
			  .list = TAILQ_HEAD_INITIALIZER(pools[HUGEPOOL_1G].list) },
};
static struct spinlock hugepool_lock = SPINLOCK_INIT(RANK_LISTS);

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
		hugepool_resize(pool, pool->asked, page_alloc);
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
		.surplus = surplus(pool),
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

/* One page more, if the pool lacks any. False: it does not, or there is no memory. */
static bool grow(struct hugepool *pool,
		 struct page *(*alloc)(unsigned order, enum page_kind kind, unsigned flags))
{
	struct page *p;

	if (READ_ONCE(pool->pages) >= READ_ONCE(pool->wanted))
		return false;
	p = alloc(pool->order, PAGE_HUGETLB, 0);
	if (!p)
		return false;
	spin_lock(&hugepool_lock);
	pool->pages++;
	put_in(pool, p);
	spin_unlock(&hugepool_lock);
	return true;
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

void hugepool_resize(struct hugepool *pool, uint64_t n,
		     struct page *(*alloc)(unsigned order, enum page_kind kind, unsigned flags))
{
	WRITE_ONCE(pool->wanted, n);
	while (grow(pool, alloc) || shrink(pool))
		resched_point();
	spin_lock(&hugepool_lock);
	if (pool->wanted > pool->pages)
		pool->wanted = pool->pages;	/* no more than could be had */
	spin_unlock(&hugepool_lock);
}

/* ---- use ---- */

bool hugepool_reserve(struct hugepool *pool, uint64_t n)
{
	bool done;

	spin_lock(&hugepool_lock);
	done = n <= pool->free - pool->reserved;
	if (done)
		pool->reserved += n;
	spin_unlock(&hugepool_lock);
	return done;
}

void hugepool_unreserve(struct hugepool *pool, uint64_t n)
{
	spin_lock(&hugepool_lock);
	assert(pool->reserved >= n);
	pool->reserved -= n;
	spin_unlock(&hugepool_lock);
	while (shrink(pool))
		resched_point();
}

struct page *hugepool_take(struct hugepool *pool, bool reserved)
{
	struct page *p = NULL;

	spin_lock(&hugepool_lock);
	assert(!reserved || pool->reserved);
	if (reserved || pool->free > pool->reserved) {
		p = take_out(pool);
		pool->reserved -= reserved;
	}
	spin_unlock(&hugepool_lock);
	if (!p)
		return NULL;
	assert(p->kind == PAGE_HUGETLB && p->order == pool->order && !p->refs && !p->slots);
	page_make(p, pool->order, PAGE_HUGETLB);
	return p;
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
