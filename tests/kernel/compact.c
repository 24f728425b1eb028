/*
 * Compaction: memory of which every other frame is somebody's becomes blocks that huge pages fit
 * in, and nobody's content is lost.
 */
#include <tests/kernel/forktest.h>
#include <mm/reclaim/compact.h>

#define SPAN	512u

static uint64_t huge_frames(void)
{
	struct alloc_stats s;
	uint64_t n = 0;

	page_stats(&s);
	for (unsigned type = 0; type < PAGE_MOBILITIES; type++)
		for (unsigned i = ORDER_HUGE; i <= ORDER_MAX; i++)
			n += s.free_blocks[type][i] << i;
	return n;
}

/* What is free in blocks too small, of all that is free: in per mille. */
static unsigned scattered(void)
{
	uint64_t all = page_free_count();

	return (unsigned)((all - MIN(all, huge_frames())) * 1000 / all);
}

/* n pages of memory, all written, of which every other one is given back. */
static void scatter(unsigned n)
{
	EXPECT(mt_anon(0, n, RW));
	for (unsigned i = 0; i < n; i++)
		EXPECT_EQ(mt_write(i, 1000 + i), 0);
	for (unsigned i = 0; i < n; i += 2)
		EXPECT_EQ(mm_madvise(mt_mm, mt_va(i), PAGE_SIZE, MADV_DONTNEED), 0);
}

static void expect_all(unsigned n)
{
	unsigned wrong = 0;

	for (unsigned i = 1; i < n; i += 2)
		wrong += mt_read(i) != 1000 + i;
	EXPECT_EQ(wrong, 0);
}

/* All of memory but for what reclaim would begin at. */
static unsigned all_pages(void)
{
	return (unsigned)ALIGN_DOWN(page_buddy_count() - 2 * page_high_mark(), SPAN);
}

KTEST(compact, every_other_page)
{
	unsigned n, before;
	uint64_t moved = vm_event_sum(PGMIGRATE_SUCCESS);

	mt_begin();
	n = all_pages();
	scatter(n);
	before = scattered();
	compact_memory();
	ktest_note("%u pages, %lu moved; free memory in small blocks: %u of 1000 before, %u then", n,
		   vm_event_sum(PGMIGRATE_SUCCESS) - moved, before, scattered());
	EXPECT(before > 500);
	EXPECT(scattered() <= 200);
	expect_all(n);
	EXPECT(ft_sound());
	mt_end();
}

/* Blocks one after the other, as faults want them. */
KTEST(compact, on_demand)
{
	struct page *last = NULL, *p;
	uint64_t free, got = 0;
	unsigned n;

	mt_begin();
	n = all_pages();
	scatter(n);
	while ((p = page_alloc(ORDER_HUGE, PAGE_ANON, 0)) || compact_direct(ORDER_HUGE)) {
		if (!p)
			continue;
		p->owner = (struct object *)last;
		last = p;
		got += SPAN;
	}
	free = page_free_count() + got;
	ktest_note("%lu of %lu free frames in huge blocks", got, free);
	EXPECT(got * 10 >= free * 7);		/* the last are left to the watermarks */
	while ((p = last)) {
		last = (struct page *)p->owner;
		page_free(p, ORDER_HUGE);
	}
	expect_all(n);
	EXPECT(ft_sound());
	mt_end();
}
