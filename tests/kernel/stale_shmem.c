/*
 * Huge pages of shared memory among the operations of stale.c: what truncate, a hole and reclaim take out as a whole, and what
 * a collapse makes.
 */
#include <mm/alloc/block.h>
#include <mm/alloc/busy.h>
#include <mm/pt/rmap.h>
#include <tests/kernel/staletest.h>

static unsigned was;

static void huge_leaf(void)
{
	unsigned level;

	was = thp.shmem;
	thp.shmem = SHMEM_ALWAYS;
	shmem_mode_changed(SHMEM_ALWAYS);
	shm = shm_create(HUGE_SIZE);
	EXPECT(shm);
	EXPECT(mt_map(SPAN, SPAN, RW, MAP_SHARED, shm, 0));
	fill(AT);
	pt_lookup(mm_aspace(mt_mm), mt_va(AT), &level);
	EXPECT_EQ(level, 2);
}

static void put_leaf(void)
{
	object_put(shm);
	thp.shmem = was;
}

/* The end is before the page, in the same 2 MB. */
static void truncate_leaf(void)
{
	EXPECT_EQ(object_truncate(shm, PAGE_SIZE), 0);
}

static void punch_leaf(void)
{
	EXPECT_EQ(object_punch(shm, AT % SPAN * PAGE_SIZE, PAGE_SIZE), 0);
}

/* An entry that is none takes nothing away when it is unmapped. */
static void reclaim_leaf(void)
{
	struct page *p = object_cached(shm, AT % SPAN);
	struct reclaim_gather r;

	EXPECT(p && page_trylock(p));
	reclaim_gather_init(&r);
	EXPECT(object_unmap_page(p, &r));
	reclaim_gather_flush(&r);
	page_unlock(p);
	page_put(p);
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(AT), PAGE_SIZE), 0);
}

KTEST(stale_truncate, huge_leaf)
{
	run(&(struct operation){ .prepare = huge_leaf, .run = truncate_leaf, .undo = put_leaf, .after = REFUSED });
}

KTEST(stale_truncate, hole_in_huge_leaf)
{
	run(&(struct operation){ .prepare = huge_leaf, .run = punch_leaf, .undo = put_leaf, .after = 0 });
}

KTEST(stale_reclaim, huge_leaf)
{
	run(&(struct operation){ .prepare = huge_leaf, .run = reclaim_leaf, .undo = put_leaf, .after = REFUSED });
}

/* ---- small pages become a block ---- */

static void small_page(void)
{
	was = thp.shmem;
	thp.shmem = SHMEM_NEVER;
	shm = shm_create(HUGE_SIZE);
	EXPECT(shm);
	EXPECT(mt_map(SPAN, SPAN, RW, MAP_SHARED, shm, 0));
	fill(AT);
}

/* The content is in the block then, and changes there: who knows the page still reads what was. */
static void collapse_and_change(void)
{
	struct page *p;
	uint64_t *word;

	EXPECT_EQ(mm_madvise(mt_mm, mt_va(SPAN), HUGE_SIZE, 25 /* MADV_COLLAPSE */), 0);
	p = object_cached(shm, AT % SPAN);
	EXPECT(p && object_is_block(block_head(p)));
	word = page_to_virt(p);
	EXPECT_EQ(word[0], before);
	for (unsigned i = 0; i < TOUCHERS; i++)
		word[i] = before + 1;
	page_put(p);
}

KTEST(stale_collapse, shared_memory)
{
	run(&(struct operation){ .prepare = small_page, .run = collapse_and_change, .undo = put_leaf, .after = 1001 });
}
