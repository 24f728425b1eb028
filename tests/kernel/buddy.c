/*
 * The frame allocator on the real machine's memory: each order, holes, marks
 * in every frame, the end of memory, failures on demand. Each test leaves the
 * free lists exactly as they were.
 */
#include <arch/layout.h>
#include <arch/machine.h>
#include <lib/ktest.h>
#include <lib/string.h>
#include <mm/alloc/internal.h>

#define BLOCKS	300

static uint64_t seed;

static uint64_t below(uint64_t n)
{
	seed = seed * 6364136223846793005ul + 1442695040888963407ul;
	return (seed >> 33) % n;
}

static void begin(struct alloc_stats *s)
{
	seed = 1;
	page_drain();
	page_stats(s);
}

/* All that was taken is back, and merged as it was. */
static void end(const struct alloc_stats *before)
{
	struct alloc_stats now;
	const char *bad;

	page_drain();
	page_stats(&now);
	EXPECT(!memcmp(now.free_blocks, before->free_blocks, sizeof(now.free_blocks)));
	EXPECT_EQ(now.allocs - before->allocs, now.frees - before->frees);
	bad = page_verify();
	if (bad)
		ktest_fail(__FILE__, __LINE__, "%s", bad);
}

/* A fresh block is what was asked for. */
static void expect_block(const struct page *p, unsigned order, enum page_kind kind)
{
	EXPECT(IS_ALIGNED(page_to_pfn(p).v, 1ul << order));
	EXPECT_EQ(p->kind, kind);
	EXPECT_EQ(p->order, order);
	EXPECT_EQ(p->refs, 1);
	EXPECT_EQ(p->slots, 0);
	EXPECT_EQ(p->flags, 0);
	EXPECT(!p->slot && !p->owner && !p->index && !p->limit_id);
	EXPECT(pfn_valid(page_to_pfn(p + (1ul << order) - 1)));
	if (order)
		EXPECT(p[1].kind == PAGE_TAIL && p[(1ul << order) - 1].kind == PAGE_TAIL);
}

KTEST(buddy, every_order)
{
	struct alloc_stats before;
	unsigned largest = 0;

	begin(&before);
	for (unsigned i = 0; i <= ORDER_MAX; i++)
		if (before.free_blocks[PAGES_MOVABLE][i])
			largest = i;
	EXPECT(largest >= ORDER_HUGE);
	for (unsigned order = 0; order <= ORDER_MAX; order++) {
		struct page *p = page_alloc(order, PAGE_KERNEL, 0);

		EXPECT_EQ(p != NULL, order <= largest);
		if (!p)
			continue;
		expect_block(p, order, PAGE_KERNEL);
		page_free(p, order);
	}
	before.fails = 0;
	end(&before);
}

/* Number of frame f's owner, in its first, some middle, and its last word. */
static void stamp(struct page *p, unsigned order, uint64_t id)
{
	uint64_t *w = page_to_virt(p);

	for (uint64_t f = 0; f < 1ul << order; f++, w += 512)
		w[0] = w[id % 512] = w[511] = id << 32 | f;
}

static bool stamped(struct page *p, unsigned order, uint64_t id)
{
	const uint64_t *w = page_to_virt(p);

	for (uint64_t f = 0; f < 1ul << order; f++, w += 512)
		if (w[0] != (id << 32 | f) || w[id % 512] != w[0] || w[511] != w[0])
			return false;
	return true;
}

KTEST(buddy, nothing_given_twice)
{
	static struct { struct page *p; unsigned order; uint64_t id; } b[BLOCKS];
	struct alloc_stats before;
	uint64_t bad = 0;

	begin(&before);
	for (uint64_t i = 0; i < 20 * BLOCKS; i++) {
		uint64_t k = below(BLOCKS);

		if (b[k].p) {
			bad += !stamped(b[k].p, b[k].order, b[k].id);
			page_free(b[k].p, b[k].order);
			b[k].p = NULL;
			continue;
		}
		b[k].order = (unsigned)below(below(8) ? 2 : 7);
		b[k].id = i;
		b[k].p = page_alloc(b[k].order, PAGE_ANON, 0);
		if (!b[k].p)
			break;
		expect_block(b[k].p, b[k].order, PAGE_ANON);
		stamp(b[k].p, b[k].order, i);
	}
	EXPECT(!page_verify());
	for (uint64_t k = 0; k < BLOCKS; k++)
		if (b[k].p) {
			bad += !stamped(b[k].p, b[k].order, b[k].id);
			page_free(b[k].p, b[k].order);
			b[k].p = NULL;
		}
	EXPECT_EQ(bad, 0);
	end(&before);
}

/* The largest blocks first: few frames are touched, yet not one is left. */
KTEST(buddy, exhaustion_and_recovery)
{
	struct page_list taken = TAILQ_HEAD_INITIALIZER(taken);
	struct alloc_stats before, empty;
	uint64_t frames = 0, all;
	struct page *p;

	begin(&before);
	all = page_free_count();
	for (unsigned order = ORDER_MAX + 1; order-- > 0; )
		while ((p = page_alloc(order, PAGE_KERNEL, ALLOC_RESERVE))) {
			TAILQ_INSERT_HEAD(&taken, p, link);
			frames += 1ul << order;
		}
	EXPECT_EQ(frames, all);
	EXPECT_EQ(page_free_count(), 0);
	EXPECT(!page_alloc(0, PAGE_ANON, 0));
	EXPECT(!page_alloc(0, PAGE_ANON, ALLOC_ZERO | ALLOC_RESERVE));
	EXPECT(!page_alloc(ORDER_HUGE, PAGE_ANON, 0));
	page_stats(&empty);
	EXPECT(empty.fails >= before.fails + 3);
	EXPECT(!page_verify());
	while ((p = TAILQ_FIRST(&taken))) {
		TAILQ_REMOVE(&taken, p, link);
		page_free(p, p->order);
	}
	EXPECT_EQ(page_free_count(), all);
	end(&before);
}

/* The last frames are for those who give memory back. */
KTEST(buddy, reserve_below_min)
{
	struct page_list taken = TAILQ_HEAD_INITIALIZER(taken);
	struct alloc_stats before;
	struct page *p;

	begin(&before);
	EXPECT(zone.min && zone.min < zone.low && zone.low < zone.high);
	for (unsigned order = ORDER_MAX + 1; order-- > 0; )
		while ((p = page_alloc(order, PAGE_KERNEL, 0)))
			TAILQ_INSERT_HEAD(&taken, p, link);
	EXPECT_EQ(page_free_count(), zone.min);
	p = page_alloc(0, PAGE_KERNEL, ALLOC_RESERVE);
	EXPECT(p);
	if (p)
		TAILQ_INSERT_HEAD(&taken, p, link);
	while ((p = TAILQ_FIRST(&taken))) {
		TAILQ_REMOVE(&taken, p, link);
		page_free(p, p->order);
	}
	end(&before);
}

static bool all_zero(const struct page *p, unsigned order)
{
	const uint64_t *w = page_to_virt(p);
	uint64_t sum = 0;

	for (uint64_t i = 0; i < 512ul << order; i++)
		sum |= w[i];
	return !sum;
}

KTEST(buddy, zeroed_is_zero)
{
	struct alloc_stats before;

	begin(&before);
	for (unsigned order = 0; order <= ORDER_HUGE; order++)
		for (unsigned round = 0; round < 2; round++) {
			struct page *p = page_alloc(order, PAGE_ANON, ALLOC_ZERO);

			EXPECT(p);
			if (!p)
				break;
			EXPECT(all_zero(p, order));
			memset(page_to_virt(p), 0xff, PAGE_SIZE << order);
			page_free(p, order);
		}
	end(&before);
}

KTEST(buddy, nth_allocation_fails)
{
	struct alloc_stats before;
	struct page *p[3];

	begin(&before);
	page_fail_nth = 3;
	p[0] = page_alloc(0, PAGE_KERNEL, 0);
	p[1] = page_alloc(4, PAGE_KERNEL, 0);
	EXPECT(p[0] && p[1]);
	EXPECT(!page_alloc(0, PAGE_KERNEL, ALLOC_RESERVE));
	EXPECT_EQ(page_fail_nth, 0);
	p[2] = page_alloc(0, PAGE_KERNEL, 0);
	EXPECT(p[2]);
	page_free(p[0], 0);
	page_free(p[1], 4);
	page_free(p[2], 0);
	end(&before);
}

KTEST(buddy, references)
{
	struct alloc_stats before;
	struct page *p;
	uint64_t n;

	begin(&before);
	n = page_free_count();
	p = page_alloc(3, PAGE_KERNEL, 0);
	page_get(p);
	page_put(p);
	EXPECT_EQ(p->refs, 1);
	EXPECT_EQ(page_free_count(), n - 8);
	page_put(p);
	EXPECT_EQ(page_free_count(), n);
	end(&before);
}

/* What is not ours is never free: image, frame 0, the trampoline's. Any number may be asked for. */
KTEST(buddy, not_ours_to_give)
{
	uint64_t image = (uintptr_t)kernel_start - KERNEL_BASE;
	uint64_t image_end = (uintptr_t)kernel_end - KERNEL_BASE;

	for (uint64_t a = image; a < image_end; a += PAGE_SIZE) {
		const struct page *p = pfn_to_page(paddr_to_pfn(paddr(a)));

		if (p->kind != PAGE_HOLE || p->refs != 1)
			ktest_fail(__FILE__, __LINE__, "frame 0x%lx of the image is %s",
				   a >> PAGE_SHIFT, page_kind_name(p->kind));
	}
	EXPECT_EQ(pfn_to_page(pfn(0))->kind, PAGE_HOLE);
	EXPECT_EQ(pfn_to_page(pfn(AP_TRAMPOLINE >> PAGE_SHIFT))->kind, PAGE_HOLE);
	EXPECT(pfn_valid(pfn(0)) && pfn_valid(pfn(image >> PAGE_SHIFT)));
	EXPECT(pfn_valid(pfn((early_ram_end() >> PAGE_SHIFT) - 1)));
	EXPECT(!pfn_valid(pfn(early_ram_end() >> PAGE_SHIFT)));
	EXPECT(!pfn_valid(pfn(1ul << 52)) && !pfn_valid(pfn(~0ul)) && !pfn_valid(pfn(1ul << 63)));
	EXPECT(page_total_count() << PAGE_SHIFT < early_ram_end());
}
