/*
 * The buddy allocator: free memory as blocks of 2^order frames, aligned to
 * their size.
 *
 * A block's buddy is the other half of the block twice its size that both lie
 * in: frame number XOR 2^order. Invariants: a free block is on the list of its
 * order and its head says so (PAGE_FREE, order); every other frame of a block,
 * free or allocated, is PAGE_TAIL; two free buddies never stand side by side.
 * A split makes one head, a merge unmakes one: nothing walks over frames.
 *
 * Under the zone's lock PAGE_FREE comes and goes only here, so that looking at
 * a neighbour's kind is safe whoever owns it. Its struct page may not exist,
 * though: struct pages are mapped in pages of 64 (a group), where there is
 * RAM, so inside a group one may look without asking (a frame without RAM is
 * PAGE_HOLE), and further away only after pfn_valid.
 *
 * Knuth, TAOCP vol. 1, 2.5; Knowlton 1965.
 */
#include <mm/alloc/internal.h>
#include <lib/assert.h>

#define GROUP_ORDER	6	/* struct pages on one page: 4096 / 64 */

struct zone zone = { .lock = SPINLOCK_INIT(RANK_ZONE) };

static void list_insert(struct page *p, unsigned order)
{
	p->kind = PAGE_FREE;
	p->order = (uint8_t)order;
	TAILQ_INSERT_HEAD(&zone.list[order], p, link);
	zone.nfree[order]++;
	zone.orders |= 1u << order;
}

static void list_remove(struct page *p, unsigned order)
{
	TAILQ_REMOVE(&zone.list[order], p, link);
	if (--zone.nfree[order] == 0)
		zone.orders &= ~(1u << order);
}

/* The block of that order at frame n if it is free, else NULL. */
static struct page *free_block(uint64_t n, unsigned order)
{
	struct page *p = pfn_to_page(pfn(n));

	if (order >= GROUP_ORDER && !pfn_valid(pfn(n)))
		return NULL;
	return p->kind == PAGE_FREE && p->order == order ? p : NULL;
}

/*
 * Takes a block off the lists, the smallest that is large enough, and puts back
 * what is too much of it. It is free no more when the lock is given up, or a
 * neighbour would merge with it.
 */
static struct page *take(unsigned order)
{
	uint32_t fitting = zone.orders >> order << order;
	unsigned from;
	struct page *p;

	if (!fitting)
		return NULL;
	from = (unsigned)__builtin_ctz(fitting);
	p = TAILQ_FIRST(&zone.list[from]);
	list_remove(p, from);
	while (from > order) {
		from--;
		list_insert(p + (1ul << from), from);
	}
	zone.free -= 1ul << order;
	p->kind = PAGE_PERCPU;
	p->order = (uint8_t)order;
	return p;
}

/* Puts a block on the lists, joined with its free buddies. */
static void put(struct page *p, unsigned order)
{
	zone.free += 1ul << order;
	for (; order < ORDER_MAX; order++) {
		struct page *b = free_block(page_to_pfn(p).v ^ 1ul << order, order);

		if (!b)
			break;
		list_remove(b, order);
		MAX(p, b)->kind = PAGE_TAIL;
		p = MIN(p, b);
	}
	list_insert(p, order);
}

/* How many of n frames may be taken now. */
static unsigned allowed(unsigned n, bool reserve)
{
	if (zone.free >= zone.min + n)
		return n;
	if (reserve)
		return zone.free ? 1 : 0;
	return zone.free > zone.min ? (unsigned)(zone.free - zone.min) : 0;
}

struct page *buddy_alloc(unsigned order, bool reserve)
{
	struct page *p = NULL;

	assert(order <= ORDER_MAX);
	spin_lock(&zone.lock);
	if (reserve || zone.free >= zone.min + (1ul << order))
		p = take(order);
	spin_unlock(&zone.lock);
	return p;
}

void buddy_free(struct page *p, unsigned order)
{
	assert(order <= ORDER_MAX && IS_ALIGNED(page_to_pfn(p).v, 1ul << order));
	spin_lock(&zone.lock);
	put(p, order);
	spin_unlock(&zone.lock);
}

/* A block falls into single frames. */
static unsigned scatter(struct page *p, unsigned order, struct page **out)
{
	unsigned n = 1u << order;

	for (unsigned i = 0; i < n; i++) {
		p[i].kind = PAGE_PERCPU;
		p[i].order = 0;
		out[n - 1 - i] = &p[i];
	}
	return n;
}

unsigned buddy_alloc_batch(struct page **out, unsigned n, bool reserve)
{
	unsigned got = 0;

	spin_lock(&zone.lock);
	n = allowed(n, reserve);
	while (got < n && zone.orders) {
		unsigned whole = 31 - (unsigned)__builtin_clz(n - got);
		unsigned order = MIN(whole, (unsigned)__builtin_ctz(zone.orders));

		got += scatter(take(order), order, out + got);
	}
	spin_unlock(&zone.lock);
	return got;
}

/* Frees n frames that lie side by side, as the largest blocks that they make. */
static void put_run(struct page *p, unsigned n)
{
	while (n) {
		unsigned order = 31 - (unsigned)__builtin_clz(n);
		uint64_t start = page_to_pfn(p).v;

		if (start)
			order = MIN(order, (unsigned)__builtin_ctzl(start));
		for (unsigned i = 1; i < 1u << order; i++)
			p[i].kind = PAGE_TAIL;
		put(p, order);
		p += 1u << order;
		n -= 1u << order;
	}
}

/* Frames freed in the order of their addresses, or against it, merge before they get there. */
void buddy_free_batch(struct page *const *in, unsigned n)
{
	unsigned i = 0, end;

	spin_lock(&zone.lock);
	while (i < n) {
		for (end = i + 1; end < n && in[end] == in[end - 1] + 1; end++)
			;
		if (end == i + 1)
			for (; end < n && in[end] == in[end - 1] - 1; end++)
				;
		put_run(MIN(in[i], in[end - 1]), end - i);
		i = end;
	}
	spin_unlock(&zone.lock);
}

void buddy_init(void)
{
	zone = (struct zone){ .lock = SPINLOCK_INIT(RANK_ZONE) };
	for (unsigned i = 0; i <= ORDER_MAX; i++)
		TAILQ_INIT(&zone.list[i]);
}

/* Of zeroed struct pages: one store for each, by eights. */
static void make_tails(struct page *p, uint64_t n)
{
	struct page *end = p + n;

	for (; end - p >= 8; p += 8) {
		p[0].kind = PAGE_TAIL;
		p[1].kind = PAGE_TAIL;
		p[2].kind = PAGE_TAIL;
		p[3].kind = PAGE_TAIL;
		p[4].kind = PAGE_TAIL;
		p[5].kind = PAGE_TAIL;
		p[6].kind = PAGE_TAIL;
		p[7].kind = PAGE_TAIL;
	}
	for (; p < end; p++)
		p->kind = PAGE_TAIL;
}

void buddy_add(pfn_t start, pfn_t end)
{
	make_tails(pfn_to_page(start), end.v - start.v);
	zone.total += end.v - start.v;
	for (uint64_t n = start.v; n < end.v; ) {
		unsigned fits = 63 - (unsigned)__builtin_clzl(end.v - n);
		unsigned order = MIN(fits, (unsigned)ORDER_MAX);

		if (n)
			order = MIN(order, (unsigned)__builtin_ctzl(n));
		put(pfn_to_page(pfn(n)), order);
		n += 1ul << order;
	}
}
