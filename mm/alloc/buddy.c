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

static unsigned highest(uint32_t bits)
{
	return 31 - (unsigned)__builtin_clz(bits);
}

static void list_insert(struct page *p, unsigned order)
{
	enum page_mobility type = pageblock_type(p);

	p->kind = PAGE_FREE;
	p->order = (uint8_t)order;
	TAILQ_INSERT_HEAD(&zone.list[type][order], p, link);
	zone.nfree[type][order]++;
	zone.orders[type] |= 1u << order;
}

static void list_remove(struct page *p, unsigned order)
{
	enum page_mobility type = pageblock_type(p);

	TAILQ_REMOVE(&zone.list[type][order], p, link);
	if (--zone.nfree[type][order] == 0)
		zone.orders[type] &= ~(1u << order);
}

/* The block of that order at frame n if it is free, else NULL. */
static struct page *free_block(uint64_t n, unsigned order)
{
	struct page *p = pfn_to_page(pfn(n));

	if (order >= GROUP_ORDER && !pfn_valid(pfn(n)))
		return NULL;
	return p->kind == PAGE_FREE && p->order == order ? p : NULL;
}

/* The smallest block on the lists of that type that is large enough, cut down to that order; on no list. */
static struct page *cut(unsigned order, enum page_mobility type)
{
	uint32_t fitting = zone.orders[type] >> order << order;
	unsigned from;
	struct page *p;

	if (!fitting)
		return NULL;
	from = (unsigned)__builtin_ctz(fitting);
	p = TAILQ_FIRST(&zone.list[type][from]);
	list_remove(p, from);
	while (from > order) {
		from--;
		list_insert(p + (1ul << from), from);
	}
	p->order = (uint8_t)order;
	return p;
}

/* ---- types of pageblocks (pageblock.h) ---- */

/* Is at least half of the pageblock free, or in use for what cannot be moved? */
static bool is_half_ours(const struct page *block)
{
	unsigned movable = 0;

	for (uint64_t i = 0; i < PAGEBLOCK_FRAMES; i++)
		movable += block[i].kind >= PAGE_ANON;
	return movable <= PAGEBLOCK_FRAMES / 2;
}

/* The pageblock becomes unmovable, and what is free in it. */
static void take_over(struct page *block)
{
	struct page *end = block + PAGEBLOCK_FRAMES, *p;

	for (p = block; p < end; p++)
		if (p->kind == PAGE_FREE)
			list_remove(p, p->order);
	pageblock_set(block, PAGEBLOCK_ORDER, PAGES_UNMOVABLE);
	for (p = block; p < end; p++)
		if (p->kind == PAGE_FREE)
			list_insert(p, p->order);
}

/* An unmovable block where unmovable pageblocks have none. */
static struct page *cut_movable(unsigned order)
{
	unsigned whole = MAX(order, (unsigned)PAGEBLOCK_ORDER);
	struct page *p = cut(whole, PAGES_MOVABLE);

	if (p) {
		pageblock_set(p, whole, PAGES_UNMOVABLE);
		if (order < whole)
			list_insert(p, whole);
		return order < whole ? cut(order, PAGES_UNMOVABLE) : p;
	}
	if (!(zone.orders[PAGES_MOVABLE] >> order))
		return NULL;
	p = TAILQ_FIRST(&zone.list[PAGES_MOVABLE][highest(zone.orders[PAGES_MOVABLE])]);
	p = pfn_to_page(pfn(ALIGN_DOWN(page_to_pfn(p).v, PAGEBLOCK_FRAMES)));
	if (!is_half_ours(p))
		return cut(order, PAGES_MOVABLE);
	take_over(p);
	return cut(order, PAGES_UNMOVABLE);
}

/*
 * Takes a block off the lists. It is free no more when the lock is given up, or a
 * neighbour would merge with it.
 */
static struct page *take(unsigned order, enum page_mobility type)
{
	struct page *p = cut(order, type);

	if (unlikely(!p))
		p = type == PAGES_MOVABLE ? cut(order, PAGES_UNMOVABLE) : cut_movable(order);
	if (!p)
		return NULL;
	zone.free -= 1ul << order;
	p->kind = PAGE_PERCPU;
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
	if (order >= PAGEBLOCK_ORDER)
		pageblock_set(p, order, PAGES_MOVABLE);
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

struct page *buddy_alloc(unsigned order, enum page_mobility type, bool reserve)
{
	struct page *p = NULL;

	assert(order <= ORDER_MAX);
	spin_lock(&zone.lock);
	if (reserve || zone.free >= zone.min + (1ul << order))
		p = take(order, type);
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

/* Which order to take for n frames: small blocks of the type's own first; of the other as much as there is. */
static unsigned batch_order(unsigned n, enum page_mobility type)
{
	unsigned whole = highest(n);

	return MIN(whole, zone.orders[type] ? (unsigned)__builtin_ctz(zone.orders[type]) :
					      highest(zone.orders[!type]));
}

unsigned buddy_alloc_batch(struct page **out, unsigned n, enum page_mobility type, bool reserve)
{
	unsigned got = 0;

	spin_lock(&zone.lock);
	n = allowed(n, reserve);
	while (got < n && (zone.orders[type] | zone.orders[!type])) {
		unsigned order = batch_order(n - got, type);

		got += scatter(take(order, type), order, out + got);
	}
	spin_unlock(&zone.lock);
	return got;
}

unsigned buddy_take_from(struct page *block, struct page **out, unsigned n)
{
	unsigned got = 0;

	spin_lock(&zone.lock);
	for (struct page *p = block; p < block + PAGEBLOCK_FRAMES; p++) {
		unsigned order = p->order;

		if (p->kind != PAGE_FREE || order >= PAGEBLOCK_ORDER || 1u << order > n - got)
			continue;
		list_remove(p, order);
		zone.free -= 1ul << order;
		got += scatter(p, order, out + got);
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
	for (unsigned i = 0; i <= ORDER_MAX; i++) {
		TAILQ_INIT(&zone.list[PAGES_UNMOVABLE][i]);
		TAILQ_INIT(&zone.list[PAGES_MOVABLE][i]);
	}
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
