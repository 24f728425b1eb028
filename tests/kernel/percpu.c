/*
 * The stacks of single frames in front of the buddy: which frame comes next,
 * when the buddy is asked, and that no frame is lost or counted twice between
 * the two.
 */
#include <lib/ktest.h>
#include <mm/alloc/internal.h>

#define MANY	(3 * PCP_MAX)

static struct page *taken[MANY];

static const struct pcp *stack(void)
{
	return this_pcp(PAGES_MOVABLE);
}

static void take(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		taken[i] = page_alloc(0, PAGE_ANON, 0);
		EXPECT(taken[i]);
	}
}

static void give(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		page_free(taken[i], 0);
}

KTEST(percpu, last_freed_is_next)
{
	struct page *p, *q;

	take(2);
	p = taken[0];
	q = taken[1];
	EXPECT(p != q);
	page_free(p, 0);
	page_free(q, 0);
	EXPECT_EQ(p->kind, PAGE_PERCPU);
	EXPECT(page_alloc(0, PAGE_ANON, 0) == q);
	EXPECT(page_alloc(0, PAGE_FILE, 0) == p);
	EXPECT_EQ(p->kind, PAGE_FILE);
	give(2);
}

/* With frames on the stack the buddy is not asked. */
KTEST(percpu, buddy_is_left_alone)
{
	struct alloc_stats before, after;
	uint64_t free;

	page_drain();
	take(1);
	give(1);
	page_stats(&before);
	free = zone.free;
	for (unsigned i = 0; i < 10; i++) {
		take(5);
		give(5);
	}
	page_stats(&after);
	EXPECT_EQ(zone.free, free);
	EXPECT_EQ(after.pcp_refills, before.pcp_refills);
	EXPECT_EQ(after.pcp_drains, before.pcp_drains);
	EXPECT_EQ(after.allocs - before.allocs, 50);
	EXPECT_EQ(after.frees - before.frees, 50);
}

KTEST(percpu, refill_and_drain_in_batches)
{
	struct alloc_stats before, after;
	uint64_t n;

	page_drain();
	EXPECT_EQ(stack()->count, 0);
	n = page_free_count();
	EXPECT_EQ(n, zone.free);
	page_stats(&before);
	take(MANY);
	EXPECT_EQ(page_free_count(), n - MANY);
	EXPECT_EQ(stack()->count, (PCP_BATCH - MANY % PCP_BATCH) % PCP_BATCH);
	page_stats(&after);
	EXPECT_EQ(after.pcp_refills - before.pcp_refills, (MANY + PCP_BATCH - 1) / PCP_BATCH);
	EXPECT_EQ(after.pcp_drains, before.pcp_drains);
	give(MANY);
	page_stats(&after);
	EXPECT_EQ(page_free_count(), n);
	EXPECT(stack()->count <= PCP_MAX && stack()->count > PCP_MAX - PCP_BATCH);
	EXPECT(after.pcp_drains - before.pcp_drains >= (MANY - PCP_MAX) / PCP_BATCH);
	EXPECT(!page_verify());
	page_drain();
	EXPECT_EQ(stack()->count, 0);
	EXPECT_EQ(zone.free, n);
}

/* Frames of one batch come in ascending order: neighbours for who takes many. */
KTEST(percpu, batch_ascends)
{
	unsigned ascending = 0;

	page_drain();
	take(PCP_BATCH);
	for (unsigned i = 1; i < PCP_BATCH; i++)
		ascending += taken[i] == taken[i - 1] + 1;
	EXPECT(ascending >= PCP_BATCH / 2);
	give(PCP_BATCH);
}

/* Debug builds: memory that was freed is junk, and stays so until it is given out. */
KTEST(percpu, freed_is_junk)
{
#ifdef DEBUG
	const uint64_t *w;

	take(1);
	w = page_to_virt(taken[0]);
	((uint64_t *)page_to_virt(taken[0]))[7] = 1;
	give(1);
	EXPECT(taken[0]->flags & PG_JUNK);
	EXPECT_EQ(w[0], 0x6b6b6b6b6b6b6b6bul);
	EXPECT_EQ(w[7], 0x6b6b6b6b6b6b6b6bul);
	EXPECT_EQ(w[511], 0x6b6b6b6b6b6b6b6bul);
	take(1);
	EXPECT_EQ(taken[0]->flags, 0);
	give(1);
#else
	ktest_skip("freed frames are filled in debug builds only");
#endif
}
