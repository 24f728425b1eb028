/*
 * Checks the frame allocator against itself: every frame of RAM is looked at
 * once, block by block, and what is found must agree with the free lists, the
 * per-CPU stacks and the counts. With all other CPUs at rest.
 */
#include <mm/alloc/differ.h>
#include <mm/alloc/internal.h>
#include <lib/string.h>
#include <mm/alloc/limit.h>

static uint64_t charges[LIMITS_MAX];	/* frames of each limit; zone.lock */

struct found {
	uint64_t blocks[PAGE_MOBILITIES][ORDER_MAX + 1]; /* free ones */
	uint64_t percpu;
};

static const char *check_list(enum page_mobility type, unsigned order)
{
	uint64_t n = 0, counted = zone.nfree[type][order];
	struct page *p;

	TAILQ_FOREACH(p, &zone.list[type][order], link) {
		if (pageblock_type(p) != type)
			return differ("frame 0x%lx of order %u is on the free list of type %u, its pageblock has type %u",
				      page_to_pfn(p).v, order, type, pageblock_type(p));
		if (p->kind != PAGE_FREE || p->order != order)
			return differ("frame 0x%lx on the free list of order %u is %s of order %u",
				      page_to_pfn(p).v, order, page_kind_name(p->kind), p->order);
		if (++n > counted)
			break;
	}
	if (n != counted)
		return differ("free list of order %u: %lu blocks or more, counted %lu", order, n,
			      counted);
	if ((zone.orders[type] >> order & 1) != (n != 0))
		return differ("free list of order %u: %lu blocks, but its bit is wrong", order, n);
	if (n && type == PAGES_UNMOVABLE && order >= PAGEBLOCK_ORDER)
		return differ("a free block of order %u is unmovable", order);
	return NULL;
}

static const char *check_lists(void)
{
	const char *bad = NULL;

	for (unsigned i = 0; i < PAGE_MOBILITIES * (ORDER_MAX + 1) && !bad; i++)
		bad = check_list(i % PAGE_MOBILITIES, i / PAGE_MOBILITIES);
	return bad;
}

static const char *check_stack(unsigned cpu, enum page_mobility type)
{
	const struct pcp *pcp = &pcps[cpu][type];

	if (pcp->count > PCP_MAX)
		return differ("CPU %u: %lu frames on its stack", cpu, pcp->count);
	for (uint64_t i = 0; i < pcp->count; i++)
		if (pcp->page[i]->kind != PAGE_PERCPU)
			return differ("frame 0x%lx on the stack of CPU %u is %s",
				      page_to_pfn(pcp->page[i]).v, cpu,
				      page_kind_name(pcp->page[i]->kind));
	return NULL;
}

static const char *check_stacks(void)
{
	const char *bad = NULL;

	for (unsigned i = 0; i < PAGE_MOBILITIES * arch_ncpus && !bad; i++)
		bad = check_stack(i / PAGE_MOBILITIES, i % PAGE_MOBILITIES);
	return bad;
}

/* A block, free or in use: aligned, all of it RAM, nothing but tails behind the head. */
static const char *check_block(const struct page *p, uint64_t limit)
{
	uint64_t n = page_to_pfn(p).v, size = 1ul << p->order;

	if (p->order > ORDER_MAX || !IS_ALIGNED(n, size) || n + size > limit)
		return differ("frame 0x%lx (%s) cannot be of order %u", n, page_kind_name(p->kind),
			      p->order);
	for (uint64_t i = 1; i < size; i++)
		if (p[i].kind != PAGE_TAIL)
			return differ("frame 0x%lx inside of the block 0x%lx (%s, order %u) is %s",
				      n + i, n, page_kind_name(p->kind), p->order,
				      page_kind_name(p[i].kind));
	return NULL;
}

static const char *check_buddy(const struct page *p)
{
	uint64_t b = page_to_pfn(p).v ^ 1ul << p->order;

	if (p->order < ORDER_MAX && pfn_valid(pfn(b)) && pfn_to_page(pfn(b))->kind == PAGE_FREE &&
	    pfn_to_page(pfn(b))->order == p->order)
		return differ("buddies 0x%lx and 0x%lx of order %u are both free",
			      page_to_pfn(p).v, b, p->order);
	return NULL;
}

/* The block or frame at n; its size comes off by *size. */
static const char *check_frame(uint64_t n, uint64_t limit, struct found *f, uint64_t *size)
{
	const struct page *p = pfn_to_page(pfn(n));
	const char *bad;

	*size = 1;
	switch (p->kind) {
	case PAGE_HOLE:
		return NULL;
	case PAGE_PERCPU:
		f->percpu++;
		return NULL;
	case PAGE_TAIL:
		return differ("frame 0x%lx is a tail without a head", n);
	case PAGE_FREE:
		bad = check_block(p, limit);
		if (bad)
			return bad;
		f->blocks[pageblock_type(p)][p->order]++;
		*size = 1ul << p->order;
		return check_buddy(p);
	case PAGE_KERNEL: case PAGE_SLAB: case PAGE_TABLE: case PAGE_ANON: case PAGE_FILE:
	case PAGE_HUGETLB:
		*size = 1ul << MIN(p->order, (uint8_t)ORDER_MAX);
		charges[p->limit_id % LIMITS_MAX] += *size;
		return check_block(p, limit);
	default:
		return differ("frame 0x%lx is of no kind (%u)", n, p->kind);
	}
}

static const char *check_frames(struct found *f)
{
	const char *bad = NULL;
	uint64_t size;

	for (unsigned i = 0; i < early_ram.n; i++) {
		uint64_t end = early_ram.r[i].end >> PAGE_SHIFT;

		for (uint64_t n = early_ram.r[i].start >> PAGE_SHIFT; n < end && !bad; n += size)
			bad = check_frame(n, end, f, &size);
	}
	return bad;
}

static const char *check_counts(const struct found *f)
{
	uint64_t sum = 0;

	for (unsigned k = 0; k < PAGE_MOBILITIES * (ORDER_MAX + 1); k++) {
		unsigned type = k % PAGE_MOBILITIES, i = k / PAGE_MOBILITIES;

		if (f->blocks[type][i] != zone.nfree[type][i])
			return differ("%lu free blocks of order %u, %lu on the list",
				      f->blocks[type][i], i, zone.nfree[type][i]);
		sum += zone.nfree[type][i] << i;
	}
	if (sum != zone.free)
		return differ("%lu frames on the free lists, counted %lu", sum, zone.free);
	if (sum + f->percpu != page_free_count())
		return differ("%lu frames are per-CPU free, counted %lu", f->percpu,
			      page_free_count() - sum);
	return NULL;
}

static const char *check_limits(void)
{
	uint16_t id;

	if (limit_verify(charges, &id))
		return NULL;
	return differ("memory limit %u: counts %lu frames, %lu were found of its own and not all others within",
		      id, limit_of(id)->used, charges[id]);
}

const char *page_verify(void)
{
	struct found f = { 0 };
	const char *bad;

	spin_lock(&zone.lock);
	memset(charges, 0, sizeof(charges));
	bad = check_lists();
	if (!bad)
		bad = check_stacks();
	if (!bad)
		bad = check_frames(&f);
	if (!bad)
		bad = check_counts(&f);
	if (!bad)
		bad = check_limits();
	spin_unlock(&zone.lock);
	return bad;
}
