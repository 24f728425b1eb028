/*
 * What a CPU has cached of a translation is gone after the gather's flush.
 * Every test reads (so that the translation is cached), changes the entry,
 * flushes, and reads again. How often the old translation was still there
 * before the flush is noted: without that the tests would show nothing.
 *
 * In QEMU the large-page rule makes one invlpg of the kernel's half drop all
 * of it; `map4k` avoids that.
 */
#include <arch/uaccess.h>
#include <kernel/core/grace.h>
#include <kernel/core/thread.h>
#include <lib/ktest.h>
#include <linux/errno.h>
#include <mm/pt/pt.h>

#define RW	(PROT_R | PROT_W | PROT_U)
#define VA	0x7000000000ul
#define MANY	64u

static struct aspace as;
static struct gather g;

static void begin(void)
{
	EXPECT_EQ(aspace_init(&as), 0);
	thread_set_aspace(&as);
	gather_init(&g, &as);
}

static void end(void)
{
	pt_zap(&as, 0, VA + GIANT_SIZE, &g);
	gather_finish(&g);
	thread_set_aspace(NULL);
	aspace_destroy(&as);
	grace_wait();
}

/* A page whose first word is n. */
static struct page *page_with(uint64_t n)
{
	struct page *p = page_alloc(0, PAGE_ANON, ALLOC_ZERO);

	*(uint64_t *)page_to_virt(p) = n;
	return p;
}

static void open(struct cursor *c, vaddr_t va)
{
	EXPECT_EQ(cursor_open(c, &as, va, 1), 0);
}

static void map(vaddr_t va, uint64_t n)
{
	struct cursor c;

	open(&c, va);
	cursor_map(&c, page_with(n), RW);
	cursor_close(&c);
}

/* The first word of the page at va; 0: it faults. */
static uint64_t look(vaddr_t va)
{
	uint64_t v;

	return get_user_u64(&v, (uint64_t __user *)va) ? 0 : v;
}

static void replace(vaddr_t va, uint64_t n)
{
	struct page *p = page_with(n);
	struct cursor c;

	open(&c, va);
	cursor_replace(&c, p, RW, &g);
	cursor_close(&c);
}

KTEST(tlb, replaced_page)
{
	unsigned stale = 0;

	begin();
	map(VA, 1);
	for (unsigned i = 1; i <= 50; i++) {
		EXPECT_EQ(look(VA), i);
		replace(VA, i + 1);
		stale += look(VA) == i;
		gather_flush(&g);
		EXPECT_EQ(look(VA), i + 1);
	}
	ktest_note("the old page was still seen before the flush in %u of 50", stale);
	end();
}

/* More than are flushed one by one. */
KTEST(tlb, many_replaced_pages)
{
	unsigned stale = 0;

	begin();
	for (unsigned i = 0; i < MANY; i++)
		map(VA + i * PAGE_SIZE, i + 1);
	for (unsigned i = 0; i < MANY; i++)
		EXPECT_EQ(look(VA + i * PAGE_SIZE), i + 1);
	for (unsigned i = 0; i < MANY; i++) {
		replace(VA + i * PAGE_SIZE, i + 1000);
		stale += look(VA + i * PAGE_SIZE) == i + 1;
	}
	gather_flush(&g);
	for (unsigned i = 0; i < MANY; i++)
		EXPECT_EQ(look(VA + i * PAGE_SIZE), i + 1000);
	ktest_note("the old page was still seen before the flush in %u of %u", stale, MANY);
	end();
}

KTEST(tlb, unmapped_page)
{
	unsigned stale = 0;

	begin();
	for (unsigned i = 1; i <= 50; i++) {
		map(VA, i);
		EXPECT_EQ(look(VA), i);
		pt_zap(&as, VA, VA + PAGE_SIZE, &g);
		stale += look(VA) == i;
		gather_flush(&g);
		EXPECT_EQ(look(VA), 0);
	}
	ktest_note("the page was still seen before the flush in %u of 50", stale);
	end();
}

/* W goes, all rights go, and come back. */
KTEST(tlb, lost_rights)
{
	uint64_t __user *at = (uint64_t __user *)VA;

	begin();
	map(VA, 5);
	for (unsigned i = 0; i < 20; i++) {
		struct cursor c;

		EXPECT_EQ(put_user_u64(6, at), 0);
		pt_protect(&as, VA, VA + PAGE_SIZE, PROT_R, &g);
		gather_flush(&g);
		EXPECT_EQ(put_user_u64(7, at), -EFAULT);
		EXPECT_EQ(look(VA), 6);
		pt_protect(&as, VA, VA + PAGE_SIZE, 0, &g);
		gather_flush(&g);
		EXPECT_EQ(look(VA), 0);
		open(&c, VA);
		cursor_protect(&c, RW, &g);
		cursor_close(&c);
		EXPECT_EQ(look(VA), 6);
	}
	gather_flush(&g);
	end();
}

/* A whole PT goes and another takes its place: what led to the first is forgotten. */
KTEST(tlb, replaced_table)
{
	begin();
	for (unsigned i = 1; i <= 20; i++) {
		map(VA, i);
		map(VA + PAGE_SIZE, 100 + i);
		EXPECT_EQ(look(VA), i);
		pt_zap(&as, VA, VA + 2 * PAGE_SIZE, &g);
		gather_flush(&g);
		map(VA + HUGE_SIZE, 7);
		EXPECT_EQ(look(VA + PAGE_SIZE), 0);
		EXPECT_EQ(look(VA), 0);
		pt_zap(&as, VA, VA + 2 * HUGE_SIZE, &g);
		gather_flush(&g);
	}
	end();
}

/* An address space that was left and entered again shows its own pages. */
KTEST(tlb, two_spaces)
{
	static struct aspace other;
	struct cursor c;

	begin();
	map(VA, 1);
	EXPECT_EQ(aspace_init(&other), 0);
	EXPECT_EQ(cursor_open(&c, &other, VA, 1), 0);
	cursor_map(&c, page_with(2), RW);
	cursor_close(&c);
	for (unsigned i = 0; i < 20; i++) {
		EXPECT_EQ(look(VA), 1);
		thread_set_aspace(&other);
		EXPECT_EQ(look(VA), 2);
		thread_set_aspace(&as);
	}
	replace(VA, 3);
	thread_set_aspace(&other);	/* nobody has `as` loaded: nothing to flush */
	gather_flush(&g);
	thread_set_aspace(&as);
	EXPECT_EQ(look(VA), 3);
	gather_init(&g, &other);
	pt_zap(&other, VA, VA + PAGE_SIZE, &g);
	gather_finish(&g);
	aspace_destroy(&other);
	gather_init(&g, &as);
	end();
}

/*
 * With PCIDs a CPU may come back to the translations that it left: so much so that
 * one that changed meanwhile is seen as it was, as long as the generation hides
 * it. When it says so, it is gone, and nobody was asked to flush. (A CPU is free
 * to forget: Bochs does at every load of CR3. tests/host/tlb.c has one that does not.)
 */
KTEST(tlb, kept_over_switches)
{
	unsigned kept = 0, slot;

	if (!arch_features.pcid) {
		ktest_skip("no PCID");
		return;
	}
	begin();
	map(VA, 1);
	slot = this_cpu()->slots.current;
	EXPECT(slot < TLB_SLOTS);
	for (unsigned i = 1; i <= 20; i++) {
		uint64_t generation;

		EXPECT_EQ(look(VA), i);
		generation = as.generation;
		thread_set_aspace(NULL);
		replace(VA, i + 1);
		as.generation = generation;
		thread_set_aspace(&as);
		EXPECT_EQ(this_cpu()->slots.current, slot);
		kept += look(VA) == i;
		thread_set_aspace(NULL);
		as.generation = generation + 1;
		thread_set_aspace(&as);
		EXPECT_EQ(look(VA), i + 1);
		gather_flush(&g);
	}
	ktest_note("%u of 20 translations were there after a switch", kept);
	end();
}

/* More address spaces than a CPU keeps, each with a page of its own at one address, come and go. */
KTEST(tlb, many_spaces)
{
	static struct aspace many[TLB_SLOTS + 2];
	struct cursor c;

	for (unsigned i = 0; i < 5 * ARRAY_SIZE(many); i++) {
		struct aspace *a = &many[i % ARRAY_SIZE(many)];

		if (i >= ARRAY_SIZE(many)) {
			gather_init(&g, a);
			pt_zap(a, VA, VA + PAGE_SIZE, &g);
			gather_finish(&g);
			aspace_destroy(a);
		}
		EXPECT_EQ(aspace_init(a), 0);
		EXPECT_EQ(cursor_open(&c, a, VA, 1), 0);
		cursor_map(&c, page_with(i + 1), RW);
		cursor_close(&c);
		for (unsigned k = 0; k <= MIN(i, (unsigned)ARRAY_SIZE(many) - 1); k++) {
			thread_set_aspace(&many[(i - k) % ARRAY_SIZE(many)]);
			EXPECT_EQ(look(VA), i - k + 1);
		}
		thread_set_aspace(NULL);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(many); i++) {
		gather_init(&g, &many[i]);
		pt_zap(&many[i], VA, VA + PAGE_SIZE, &g);
		gather_finish(&g);
		aspace_destroy(&many[i]);
	}
	grace_wait();
}

/* The kernel's own range: global entries. */
KTEST(tlb, kernel_range)
{
	const vaddr_t va = KMAP_END - GIANT_SIZE;
	unsigned stale = 0;

	for (unsigned i = 1; i <= 20; i++) {
		struct page *p = page_alloc(0, PAGE_KERNEL, ALLOC_ZERO);
		struct cursor c;

		*(uint64_t *)page_to_virt(p) = i;
		gather_init(&g, &kernel_aspace);
		EXPECT_EQ(cursor_open(&c, &kernel_aspace, va, 1), 0);
		cursor_map(&c, p, PROT_R | PROT_W | PROT_G);
		cursor_close(&c);
		EXPECT_EQ(READ_ONCE(*(uint64_t *)va), i);
		p = page_alloc(0, PAGE_KERNEL, ALLOC_ZERO);
		*(uint64_t *)page_to_virt(p) = 100 + i;
		EXPECT_EQ(cursor_open(&c, &kernel_aspace, va, 1), 0);
		cursor_replace(&c, p, PROT_R | PROT_W | PROT_G, &g);
		cursor_close(&c);
		stale += READ_ONCE(*(uint64_t *)va) == i;
		gather_flush(&g);
		EXPECT_EQ(READ_ONCE(*(uint64_t *)va), 100 + i);
		pt_zap(&kernel_aspace, va, va + PAGE_SIZE, &g);
		gather_finish(&g);
	}
	grace_wait();
	ktest_note("the old page was still seen before the flush in %u of 20", stale);
}
