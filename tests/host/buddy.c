// sources: tests/host/fake.c tests/host/fake_ram.c lib/lock.c mm/alloc/early.c mm/alloc/rangeset.c
// sources: mm/alloc/buddy.c mm/alloc/pageblock.c mm/alloc/percpu.c mm/alloc/page.c mm/alloc/hugepool.c mm/alloc/limit.c mm/alloc/lists.c mm/alloc/slots.c mm/alloc/slot_kept.c mm/alloc/slot_area.c mm/alloc/zpool.c mm/alloc/junk.c mm/alloc/verify.c
/*
 * The frame allocator against a model that knows the owner of each frame:
 * random allocations of all orders on several CPUs over memory with holes,
 * every frame marked with its owner's number; failures that must be true;
 * misuse that must panic.
 */
#include <tests/host/fake.h>
#include <tests/host/tap.h>
#define sched_yield kernel_sched_yield	/* <pthread.h> has one of its own */
#include <kernel/core/wait.h>
#undef sched_yield
#include <mm/alloc/internal.h>
#include <pthread.h>
#include <string.h>

#define CPUS		4
#define SPAN		(48ul << 20)
#define FRAMES		(SPAN >> PAGE_SHIFT)
#define BLOCKS_MAX	4096

struct block { struct page *page; unsigned order; enum page_kind kind; };
static struct block block[BLOCKS_MAX];
static unsigned nblocks;
static unsigned owner[FRAMES];		/* 1 + index of its block; 0: free; -1: never given */

/* Memory with an odd start, holes between, none of it as large as its highest order would be. */
static void boot_with_holes(void)
{
	static struct bootinfo bi;

	memset(&bi, 0, sizeof(bi));
	bi.loader = "holes";
	fake_range(&bi, 0, 0x9fc00, BOOT_RAM);
	fake_range(&bi, 0x100000, 0x923000, BOOT_RAM);
	fake_range(&bi, 0x925000, 0x9fe000, BOOT_RAM);
	fake_range(&bi, 0x9fe000, 0x9ff000, BOOT_ACPI);
	fake_range(&bi, 0xbff000, 0x1c01000, BOOT_RAM);
	fake_range(&bi, 0x1d00000, 0x1d10000, BOOT_RESERVED);
	fake_range(&bi, 0x2000000, SPAN, BOOT_RAM);
	fake_set_cpus(CPUS);
	fake_boot(&bi);
	zone.min = 0;			/* so that every free frame can be had */
	for (uint64_t f = 0; f < FRAMES; f++)
		owner[f] = ~0u;
	for (unsigned i = 0; i < early_left.n; i++)
		for (uint64_t f = early_left.r[i].start >> 12; f < early_left.r[i].end >> 12; f++)
			owner[f] = 0;
	nblocks = 0;
}

static uint64_t model_free(void)
{
	uint64_t n = 0;

	for (uint64_t f = 0; f < FRAMES; f++)
		n += owner[f] == 0;
	return n;
}

/* True if there is a free block of that order for who merges perfectly. */
static bool model_has(unsigned order)
{
	uint64_t size = 1ul << order, f, i;

	for (f = 0; f + size <= FRAMES; f += size) {
		for (i = 0; i < size && owner[f + i] == 0; i++)
			;
		if (i == size)
			return true;
	}
	return false;
}

static void drain_all(void)
{
	for (unsigned i = 0; i < CPUS; i++) {
		fake_on_cpu(i);
		page_drain();
	}
}

/* ---- random operations ---- */

static uint64_t stamp(uint64_t f) { return owner[f] * 0x100000001ul ^ f << 20; }

static uint64_t *word(uint64_t f, unsigned i)
{
	return (uint64_t *)phys_to_virt(pfn_to_paddr(pfn(f))) + i;
}

static void take_block(struct page *p, unsigned order, enum page_kind kind, bool zeroed)
{
	uint64_t n = page_to_pfn(p).v;

	CHECK(n + (1ul << order) <= FRAMES && IS_ALIGNED(n, 1ul << order));
	CHECK(p->kind == kind && p->order == order && p->refs == 1 && !p->slots && !p->flags);
	CHECK(!p->slot && !p->owner && !p->index && !p->policy && !p->nlocked && !p->limit_id);
	block[nblocks++] = (struct block){ p, order, kind };
	for (uint64_t f = n; f < n + (1ul << order); f++) {
		CHECK_EQ(owner[f], 0);
		CHECK(f == n || pfn_to_page(pfn(f))->kind == PAGE_TAIL);
		owner[f] = nblocks;
		if (zeroed)
			CHECK(!*word(f, 0) && !memcmp(word(f, 0), word(f, 1), PAGE_SIZE - 8));
		*word(f, 0) = *word(f, 511) = stamp(f);
	}
}

static void give_block(unsigned i)
{
	struct block b = block[i];
	uint64_t n = page_to_pfn(b.page).v;

	for (uint64_t f = n; f < n + (1ul << b.order); f++) {
		CHECK(owner[f] == i + 1 && *word(f, 0) == stamp(f) && *word(f, 511) == stamp(f));
		owner[f] = 0;
	}
	nblocks--;
	if (i != nblocks) {			/* the last one gets the number */
		block[i] = block[nblocks];
		n = page_to_pfn(block[i].page).v;
		for (uint64_t f = n; f < n + (1ul << block[i].order); f++) {
			owner[f] = i + 1;
			*word(f, 0) = *word(f, 511) = stamp(f);
		}
	}
	b.page->slot = (pte_t *)word(n, 0);		/* what owners leave behind */
	b.page->owner = (struct object *)word(n, 0);
	b.page->index = b.page->policy = b.page->nlocked = 77;
	b.page->flags = PG_DIRTY;
	if (tap_below(2))
		page_free(b.page, b.order);
	else
		page_put(b.page);
}

static void random_alloc(void)
{
	unsigned order = (unsigned)tap_below(tap_below(8) ? 2 : 13);
	enum page_kind kind = PAGE_KERNEL + (enum page_kind)tap_below(PAGE_FILE - PAGE_KERNEL + 1);
	unsigned flags = tap_below(4) ? 0 : ALLOC_ZERO;
	struct page *p = page_alloc(order, kind, flags);

	if (!p) {
		drain_all();
		p = page_alloc(order, kind, flags);
	}
	if (p)
		take_block(p, order, kind, flags);
	else
		CHECK(!model_has(order));
}

static void random_operations(void)
{
	struct alloc_stats before, after;
	uint64_t all;

	boot_with_holes();
	all = model_free();
	page_stats(&before);
	for (unsigned i = 0; i < 60000 && tap_fails < 20; i++) {
		/* waves of more and of less */
		bool grow = tap_below(100) < (i / 4096 % 2 ? 45 : 60) && nblocks < BLOCKS_MAX;

		if (i % 16 == 0)
			fake_on_cpu((unsigned)tap_below(CPUS));
		if (grow)
			random_alloc();
		else if (nblocks)
			give_block((unsigned)tap_below(nblocks));
		if (i % 1024 == 0) {
			CHECK_EQ(page_free_count(), model_free());
			CHECK(!page_verify());
		}
	}
	while (nblocks)
		give_block(nblocks - 1);
	CHECK_EQ(page_free_count(), all);
	drain_all();
	page_stats(&after);
	CHECK(!memcmp(before.free_blocks, after.free_blocks, sizeof(before.free_blocks)));
	CHECK_EQ(after.allocs, after.frees);
	CHECK(after.allocs > 10000 && after.pcp_refills && after.pcp_drains);
	CHECK(!page_verify());
}

/* ---- exhaustion ---- */

static void exhaustion(void)
{
	struct alloc_stats before, after;
	struct page *p;
	uint64_t n = 0;

	boot_with_holes();
	page_stats(&before);
	fake_on_cpu(0);
	while ((p = page_alloc(0, PAGE_ANON, 0)))
		owner[page_to_pfn(p).v] = 1 + (unsigned)n++;
	CHECK_EQ(n, page_total_count());
	CHECK_EQ(page_free_count(), 0);
	CHECK(!model_free());
	CHECK(!page_alloc(0, PAGE_KERNEL, ALLOC_RESERVE) && !page_alloc(3, PAGE_KERNEL, 0));
	page_stats(&after);
	CHECK_EQ(after.fails - before.fails, 3);
	for (uint64_t f = 0; f < FRAMES; f++)
		if (owner[f] != ~0u)
			page_free(pfn_to_page(pfn(f)), 0);
	drain_all();
	page_stats(&after);
	CHECK(!memcmp(before.free_blocks, after.free_blocks, sizeof(before.free_blocks)));
	CHECK(!page_verify());
}

/* Below min only the reserve's users get memory, one frame at a time. */
static void reserve(void)
{
	struct page *p;
	uint64_t n = 0;

	fake_set_cpus(2);
	fake_boot_size(64ul << 20);
	CHECK(zone.min >= 16 && zone.min < zone.low && zone.low < zone.high);
	CHECK(zone.high < zone.total / 4);
	while ((p = page_alloc(0, PAGE_ANON, 0)))
		n++;
	CHECK_EQ(n, zone.total - zone.min);
	CHECK(!page_alloc(1, PAGE_ANON, 0));
	p = page_alloc(0, PAGE_ANON, ALLOC_RESERVE);
	CHECK(p && zone.free == zone.min - 1);
	page_free(p, 0);
	CHECK_EQ(pcps[0][PAGES_MOVABLE].count, 1);
	for (n = 0; page_alloc(0, PAGE_ANON, ALLOC_RESERVE); n++)
		;
	CHECK_EQ(n, zone.min);
	CHECK_EQ(page_free_count(), 0);
}

static unsigned wakes;

void waitq_wake_all(struct waitq *q)		/* instead of the fake machine's */
{
	CHECK(q == page_low_wait && spin_is_locked(&q->lock));
	wakes++;
}

/* Whoever reclaims is woken below low, not above, and with no zone lock held. */
static void reclaim_is_woken(void)
{
	struct waitq q;

	fake_set_cpus(1);
	fake_boot_size(64ul << 20);
	waitq_init(&q);
	page_low_wait = &q;
	wakes = 0;
	while (zone.free >= zone.low + 2 * PCP_BATCH)
		CHECK(page_alloc(0, PAGE_ANON, 0));
	CHECK_EQ(wakes, 0);
	while (zone.free >= zone.low)
		CHECK(page_alloc(0, PAGE_ANON, 0));
	CHECK_EQ(wakes, 1);
	CHECK(page_alloc(3, PAGE_ANON, 0));
	CHECK_EQ(wakes, 2);
	page_low_wait = NULL;
}

/* A block of order n that single frames on this CPU's stack would complete. */
static void stack_completes_block(void)
{
	struct page *p[16];

	fake_set_cpus(1);
	fake_boot_size(64ul << 20);
	zone.min = 0;
	p[0] = page_alloc(4, PAGE_KERNEL, 0);
	while (page_alloc(4, PAGE_KERNEL, 0))
		;
	page_drain();
	while (page_alloc(0, PAGE_KERNEL, 0))
		;
	CHECK(p[0]);
	page_free(p[0], 4);
	for (unsigned i = 0; i < 16; i++) {
		p[i] = page_alloc(0, PAGE_KERNEL, 0);
		CHECK(p[i]);
	}
	CHECK(!page_alloc(0, PAGE_KERNEL, 0));
	for (unsigned i = 0; i < 16; i++)
		page_free(p[i], 0);
	CHECK_EQ(zone.free, 0);
	CHECK(page_alloc(4, PAGE_KERNEL, 0));
}

static void nth_fails(void)
{
	struct page *p;

	fake_boot_size(64ul << 20);
	page_fail_nth = 3;
	CHECK(page_alloc(0, PAGE_KERNEL, 0) && page_alloc(5, PAGE_KERNEL, 0));
	CHECK_EQ(page_fail_nth, 1);
	CHECK(!page_alloc(0, PAGE_KERNEL, ALLOC_RESERVE));
	CHECK_EQ(page_fail_nth, 0);
	p = page_alloc(0, PAGE_KERNEL, 0);
	CHECK(p);
	page_fail_nth = 1;
	CHECK(!page_alloc(9, PAGE_KERNEL, 0) && page_alloc(9, PAGE_KERNEL, 0));
	page_fail_nth = 0;
}

/* ---- large blocks ---- */

static void giant_blocks(void)
{
	struct page *p, *q;

	fake_set_cpus(1);
	fake_boot_size(5ul << 30);
	p = page_alloc(ORDER_GIANT, PAGE_ANON, 0);
	q = page_alloc(ORDER_GIANT, PAGE_ANON, 0);
	CHECK(p && q && p != q);
	CHECK(!(page_to_phys(p).v & (GIANT_SIZE - 1)) && !(page_to_phys(q).v & (GIANT_SIZE - 1)));
	CHECK_EQ(p[(1 << 18) - 1].kind, PAGE_TAIL);
	CHECK(!page_verify());
	page_put(p);
	page_free(q, ORDER_GIANT);
	CHECK(!page_verify());
	EXPECT_PANIC("order <= ORDER_MAX", (void)page_alloc(ORDER_GIANT + 1, PAGE_ANON, 0));
}

/* ---- misuse ---- */

static void misuse(void)
{
	struct page *p, *b;

	fake_set_cpus(1);
	fake_boot_size(64ul << 20);
	p = page_alloc(0, PAGE_ANON, 0);
	b = page_alloc(4, PAGE_KERNEL, 0);
	EXPECT_PANIC("freed twice", page_free(p, 0); page_free(p, 0));
	EXPECT_PANIC("freed twice", page_free(p, 0); page_drain(); page_free(p, 0));
	EXPECT_PANIC("freed twice", page_free(b, 4); page_free(b, 4));
	EXPECT_PANIC("is tail", page_free(b + 3, 0));
	EXPECT_PANIC("as order 3 is kernel of order 4", page_free(b, 3));
	EXPECT_PANIC("as order 0 is kernel of order 4", page_free(b, 0));
	EXPECT_PANIC("is hole", page_free(pfn_to_page(pfn(0x100)), 0));
	EXPECT_PANIC("pfn_valid", page_free(pfn_to_page(pfn(1ul << 23)), 0));
	EXPECT_PANIC("2 references", page_get(p); page_free(p, 0));
	EXPECT_PANIC("1 slots", p->slots = 1; page_free(p, 0));
	EXPECT_PANIC("has no reference", p->refs = 0; page_put(p));
	EXPECT_PANIC("has no reference", page_put(b + 1));
	EXPECT_PANIC("p->flags &", p->flags = PG_BUSY; page_free(p, 0));
	EXPECT_PANIC("kind", (void)page_alloc(0, PAGE_FREE, 0));
	EXPECT_PANIC("irq_depth", this_cpu()->irq_depth = 1; (void)page_alloc(0, PAGE_ANON, 0));
	page_get(p);
	page_put(p);
	CHECK_EQ(p->kind, PAGE_ANON);
	page_put(p);
	CHECK_EQ(p->kind, PAGE_PERCPU);
	page_put(b);
}

static void write_after_free(void)
{
	struct page *p, *b;

	fake_boot_size(64ul << 20);
	p = page_alloc(0, PAGE_ANON, 0);
	b = page_alloc(3, PAGE_ANON, 0);
	page_free(p, 0);
	page_free(b, 3);
	CHECK_EQ(*(uint64_t *)page_to_virt(p), 0x6b6b6b6b6b6b6b6bul);
	CHECK_EQ(((uint64_t *)page_to_virt(b))[8 * 512 - 1], 0x6b6b6b6b6b6b6b6bul);
	EXPECT_PANIC("was written after it was freed: 0x1 at offset 0x18",
		     ((uint64_t *)page_to_virt(p))[3] = 1;
		     (void)page_alloc(0, PAGE_ANON, 0));
	EXPECT_PANIC("at offset 0xff8",
		     *(uint8_t *)(page_to_virt(b) + 8 * PAGE_SIZE - 1) = 0;
		     while (page_alloc(3, PAGE_ANON, ALLOC_ZERO)) ;);
}

/* page_verify finds what is wrong. */
static void verify_finds(void)
{
	struct page *b, *p;

	fake_boot_size(64ul << 20);
	b = page_alloc(4, PAGE_KERNEL, 0);
	do
		p = page_alloc(0, PAGE_KERNEL, 0);
	while (pfn_to_page(pfn(page_to_pfn(p).v ^ 1))->kind == PAGE_FREE);
	CHECK(!page_verify());
	b[5].kind = PAGE_ANON;
	CHECK(page_verify() && strstr(page_verify(), "inside of the block"));
	b[5].kind = PAGE_TAIL;
	b->order = 3;
	CHECK(page_verify() && strstr(page_verify(), "tail without a head"));
	b->order = 4;
	p->kind = PAGE_PERCPU;
	CHECK(page_verify() && strstr(page_verify(), "per-CPU free"));
	p->kind = PAGE_FREE;
	CHECK(page_verify() && strstr(page_verify(), "free blocks of order 0"));
	p->kind = PAGE_KERNEL;
	zone.free++;
	CHECK(page_verify() && strstr(page_verify(), "on the free lists"));
	zone.free--;
	CHECK(!page_verify());
}

/* ---- CPUs at the same time ---- */

static void *thread_ops(void *arg)
{
	unsigned cpu = (unsigned)(uintptr_t)arg, n = 0;
	struct block mine[256];
	uint64_t x = cpu + 1, bad = 0;

	fake_on_cpu(cpu);
	for (unsigned i = 0; i < 40000; i++) {
		x = x * 6364136223846793005ul + 1442695040888963407ul;
		if ((x >> 40 & 3) != 0 && n < 256) {
			unsigned order = x >> 50 & 7 ? 0 : x >> 60 & 7;
			struct page *p = page_alloc(order, PAGE_ANON, 0);

			if (!p)
				continue;
			*(uint64_t *)page_to_virt(p) = (uint64_t)(uintptr_t)p ^ cpu;
			mine[n++] = (struct block){ p, order, PAGE_ANON };
		} else if (n) {
			struct block b = mine[(x >> 33) % n];

			mine[(x >> 33) % n] = mine[n - 1];
			n--;
			bad += *(uint64_t *)page_to_virt(b.page) != ((uintptr_t)b.page ^ cpu);
			page_free(b.page, b.order);
		}
	}
	while (n--)
		page_free(mine[n].page, mine[n].order);
	page_drain();
	return (void *)(uintptr_t)bad;
}

static void cpus_at_once(void)
{
	struct alloc_stats before, after;
	pthread_t t[CPUS];
	void *bad;

	boot_with_holes();
	page_stats(&before);
	for (uintptr_t i = 0; i < CPUS; i++)
		pthread_create(&t[i], NULL, thread_ops, (void *)i);
	for (unsigned i = 0; i < CPUS; i++) {
		pthread_join(t[i], &bad);
		CHECK(!bad);
	}
	page_stats(&after);
	CHECK(!memcmp(before.free_blocks, after.free_blocks, sizeof(before.free_blocks)));
	CHECK_EQ(after.allocs - before.allocs, after.frees - before.frees);
	CHECK(!page_verify());
}

int main(void)
{
	TAP_RUN(random_operations);
	TAP_RUN(exhaustion);
	TAP_RUN(reserve);
	TAP_RUN(reclaim_is_woken);
	TAP_RUN(stack_completes_block);
	TAP_RUN(nth_fails);
	TAP_RUN(giant_blocks);
	TAP_RUN(misuse);
	TAP_RUN(write_after_free);
	TAP_RUN(verify_finds);
	TAP_RUN(cpus_at_once);
	return tap_done();
}
