// sources: tests/host/fake.c tests/host/fake_ram.c lib/lock.c mm/alloc/early.c mm/alloc/rangeset.c
// sources: mm/alloc/buddy.c mm/alloc/pageblock.c mm/alloc/percpu.c mm/alloc/page.c mm/alloc/hugepool.c mm/alloc/limit.c mm/alloc/lists.c mm/alloc/slots.c mm/alloc/slot_kept.c mm/alloc/slot_area.c mm/alloc/zpool.c mm/alloc/junk.c mm/alloc/verify.c
/*
 * Movable and unmovable frames lie apart (mm/alloc/pageblock.h): random ones of both for as long as there is room, and
 * where every other frame is somebody's.
 */
#include <tests/host/fake.h>
#include <tests/host/tap.h>
#include <mm/alloc/internal.h>
#include <string.h>

static enum page_mobility sort_of(const struct page *p) { return kind_mobility(p->kind); }

/* In use, with at least one frame that is not of its type. */
static unsigned mixed_pageblocks(void)
{
	unsigned mixed = 0;

	for (uint64_t b = 0; b < early_ram_end() >> PAGE_SHIFT; b += PAGEBLOCK_FRAMES) {
		bool found[PAGE_MOBILITIES] = { false };

		for (uint64_t f = b; f < b + PAGEBLOCK_FRAMES; f++) {
			struct page *p = pfn_to_page(pfn(f));

			if (pfn_valid(pfn(f)) && p->kind >= PAGE_KERNEL)
				found[sort_of(p)] = true;
		}
		mixed += found[PAGES_MOVABLE] && found[PAGES_UNMOVABLE];
	}
	return mixed;
}

/* As long as there is room they never meet; what is free as a whole is movable again. */
static void kinds_apart(void)
{
	static struct page *at[2][4096];
	struct alloc_stats before, s;

	fake_set_cpus(2);
	fake_boot_size(64ul << 20);
	page_stats(&before);
	for (unsigned i = 0; i < 60000; i++) {
		unsigned sort = (unsigned)tap_below(2), k = (unsigned)tap_below(4096);
		struct page **p = &at[sort][k];

		if (i % 16 == 0)
			fake_on_cpu((unsigned)tap_below(2));
		if (*p)
			page_free(*p, 0);
		*p = *p ? NULL : page_alloc(0, sort ? PAGE_ANON : PAGE_TABLE, 0);
		CHECK(!*p || sort_of(*p) == pageblock_type(*p));
	}
	CHECK_EQ(mixed_pageblocks(), 0);
	CHECK(!page_verify());
	page_stats(&s);
	CHECK(s.pageblocks[PAGES_UNMOVABLE] >= 4 && s.pageblocks[PAGES_MOVABLE] >= 4);
	for (unsigned i = 0; i < 2 * 4096; i++)
		if (at[i / 4096][i % 4096])
			page_free(at[i / 4096][i % 4096], 0);
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		fake_on_cpu(cpu);
		page_drain();
	}
	page_stats(&s);
	CHECK(!memcmp(s.pageblocks, before.pageblocks, sizeof(s.pageblocks)));
}

/* Every other frame is somebody's: what cannot be moved lies in as few pageblocks as can be. */
static void pageblocks_taken_over(void)
{
	const unsigned n = 1024;
	struct page *p, *last = NULL;
	unsigned before;

	fake_set_cpus(1);
	fake_boot_size(64ul << 20);
	zone.min = 0;
	while ((p = page_alloc(0, PAGE_ANON, 0)))
		p->owner = (struct object *)last, last = p;
	for (; last; last = p) {
		p = (struct page *)last->owner;
		if (page_to_pfn(last).v % 2)
			page_free(last, 0);
	}
	page_drain();
	before = mixed_pageblocks();	/* those that were never whole */
	for (unsigned i = 0; i < n; i++)
		CHECK(page_alloc(0, PAGE_TABLE, 0));
	CHECK(mixed_pageblocks() <= before + n / (PAGEBLOCK_FRAMES / 2) + 1);
	CHECK(!page_verify());
}

int main(void)
{
	TAP_RUN(kinds_apart);
	TAP_RUN(pageblocks_taken_over);
	return tap_done();
}
