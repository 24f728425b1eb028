/*
 * Pages get other frames while threads on the other CPUs read and write them, and the boot CPU forks,
 * protects, unmaps and moves the memory they lie in: no word that was written is lost.
 *
 * Each racer has a word of its own in each page, and writes it again and again. The first pages stay what and where
 * they are; the others may be protected or elsewhere just then.
 */
#include <tests/kernel/forktest.h>
#include <tests/kernel/racers.h>
#include <mm/reclaim/migrate.h>

#define PAGES		48u
#define FIXED		32u
#define ROUNDS		1200u
#define FAR		4096u

static uint64_t seed;
static uint64_t words[RACERS][FIXED];	/* what each last wrote to its own words of these pages */

static void step(struct racer *r)
{
	unsigned page = (unsigned)(random_next(&r->seed) % PAGES);

	if (page < FIXED)
		racer_rewrite(r, page, &words[r->id][page]);
	else
		racer_touch(r, page);
}

/* Up to a batch of the pages that are there. Returns how many were moved. */
static unsigned move_some(void)
{
	struct page *from[MIGRATE_BATCH], *to[MIGRATE_BATCH];
	unsigned n = 0, moved, left;

	for (unsigned i = 0; i < 8; i++) {
		unsigned page = (unsigned)(random_next(&seed) % PAGES);
		struct cursor c;
		pte_t e;

		to[n] = page_alloc(0, PAGE_KERNEL, 0);
		EXPECT(to[n]);
		cursor_find(&c, mm_aspace(mt_mm), mt_va(page), 1);
		e = cursor_get(&c);
		from[n] = c.level == 1 && pte_kind(e, 1) == PTE_PRESENT ? pfn_to_page(pte_pfn(e)) : NULL;
		if (from[n])
			page_get(from[n]);
		cursor_close(&c);
		if (from[n])
			n++;
		else
			page_free(to[n], 0);
	}
	left = migrate_pages(from, to, n, &moved);
	while (left--)
		page_free(to[--n], 0);
	return moved;
}

static int protect(unsigned page, int prot)
{
	return mm_mprotect(mt_mm, mt_va(page), PAGE_SIZE, prot);
}

/* Something else, to pages from FIXED on, or to all by a fork. */
static void disturb(void)
{
	unsigned page = FIXED + (unsigned)(random_next(&seed) % (PAGES - FIXED));
	struct mm *child;

	switch (random_next(&seed) % 8) {
	case 0:
		child = mm_fork(mt_mm);
		EXPECT(child);
		move_some();
		mm_put(child);
		break;
	case 1:
		EXPECT_EQ(protect(page, PROT_READ), 0);
		move_some();
		EXPECT_EQ(protect(page, RW), 0);
		break;
	case 2:
		EXPECT_EQ(protect(page, PROT_NONE), 0);
		move_some();
		EXPECT_EQ(protect(page, RW), 0);
		break;
	case 3:
		EXPECT(mt_anon(page, 1, RW));
		break;
	case 4:
		EXPECT(mm_mremap(mt_mm, mt_va(page), PAGE_SIZE, PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
				 mt_va(FAR + 1)) > 0);
		EXPECT(mm_mremap(mt_mm, mt_va(FAR + 1), PAGE_SIZE, PAGE_SIZE,
				 MREMAP_MAYMOVE | MREMAP_FIXED, mt_va(page)) > 0);
		break;
	default:
		break;
	}
}

static void race(bool shared)
{
	unsigned moved = 0;

	if (arch_ncpus == 1) {
		ktest_skip("one CPU");
		return;
	}
	seed = 12345 + shared;
	mt_begin();
	if (shared) {
		struct object *o = shm_create(PAGES * PAGE_SIZE);

		EXPECT(o && mt_map(0, PAGES, RW, MAP_SHARED | MAP_ANONYMOUS, o, 0));
		object_put(o);
	} else {
		EXPECT(mt_anon(0, PAGES, RW));
	}
	for (unsigned i = 0; i < PAGES; i++)
		EXPECT_EQ(mt_write(i, i), 0);
	memset(words, 0, sizeof(words));
	racers_start(step, 77);
	for (unsigned i = 0; i < ROUNDS; i++) {
		moved += move_some();
		disturb();
		resched_point();
	}
	racers_end(0);
	for (unsigned i = 0; i < nracers; i++)
		ktest_note("racer %u: %lu writes", i, racers[i].writes);
	ktest_note("%u pages moved", moved);
	EXPECT(moved > ROUNDS);
	for (unsigned i = 0; i < FIXED; i++)
		EXPECT_EQ(mt_read(i), i);
	EXPECT(ft_sound());
	mt_end();
}

KTEST(migrate_race, anonymous)
{
	race(false);
}

KTEST(migrate_race, shared)
{
	race(true);
}
