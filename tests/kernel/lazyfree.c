/*
 * MADV_FREE: what was given up goes without being swapped, what was written since stays. With
 * no swap at all: MADV_PAGEOUT takes nothing else then.
 */
#include <tests/kernel/mmtest.h>
#include <mm/alloc/busy.h>
#include <mm/alloc/stat.h>
#include <mm/pt/rmap.h>
#include <mm/reclaim/reclaim.h>

#define N	64u

static void fill(uint64_t seed)
{
	for (unsigned i = 0; i < N; i++)
		EXPECT_EQ(mt_write(i, seed + i), 0);
}

static void begin(void)
{
	mt_begin();
	EXPECT(mt_anon(0, N, RW));
	fill(100);
}

static int advise(int advice)
{
	return mm_madvise(mt_mm, MT_BASE, N * PAGE_SIZE, advice);
}

KTEST(lazyfree, what_nobody_writes_goes)
{
	uint64_t freed = vm_event_sum(PGLAZYFREED), given = vm_event_sum(PGLAZYFREE);

	begin();
	EXPECT_EQ(advise(MADV_PAGEOUT), 0);
	EXPECT_EQ(mt_figures().anon, N);
	EXPECT_EQ(advise(MADV_FREE), 0);
	EXPECT_EQ(vm_event_sum(PGLAZYFREE), given + N);
	for (unsigned i = 0; i < N; i++)
		EXPECT_EQ(mt_read(i), 100 + i);
	EXPECT_EQ(advise(MADV_PAGEOUT), 0);
	EXPECT_EQ(vm_event_sum(PGLAZYFREED), freed + N);
	EXPECT_EQ(mt_figures().anon, 0);
	for (unsigned i = 0; i < N; i++)
		EXPECT_EQ(mt_read(i), 0);
	mt_end();
}

KTEST(lazyfree, what_is_written_stays)
{
	begin();
	EXPECT_EQ(advise(MADV_FREE), 0);
	for (unsigned i = 0; i < N; i += 2)
		EXPECT_EQ(mt_write(i, 7 + i), 0);
	for (unsigned i = 0; i < 2; i++)
		EXPECT_EQ(advise(MADV_PAGEOUT), 0);
	EXPECT_EQ(mt_figures().anon, N / 2);
	for (unsigned i = 0; i < N; i++)
		EXPECT_EQ(mt_read(i), i % 2 ? 0 : 7 + i);
	EXPECT_EQ(advise(MADV_FREE), 0);	/* once more */
	EXPECT_EQ(advise(MADV_PAGEOUT), 0);
	EXPECT_EQ(mt_figures().anon, 0);
	mt_end();
}

/* The kernel's own writes count: by ring 3's address and by the direct map. */
KTEST(lazyfree, what_the_kernel_writes_stays)
{
	uint64_t word = 9;

	begin();
	EXPECT_EQ(advise(MADV_FREE), 0);
	EXPECT(mm_remote_write(mt_mm, mt_va(3), &word, sizeof(word)));
	EXPECT_EQ(advise(MADV_PAGEOUT), 0);
	EXPECT_EQ(mt_figures().anon, 1);
	EXPECT_EQ(mt_read(3), 9);
	mt_end();
}

/* p, busy and referenced, in the middle of being discarded. */
static struct page *hide(unsigned page)
{
	struct page *p = mt_page(page);
	struct reclaim_gather r;

	page_get(p);
	EXPECT(page_trylock(p));
	reclaim_gather_init(&r);
	EXPECT(rmap_hide(p, &r));
	reclaim_gather_flush(&r);
	EXPECT_EQ(pte_kind(mt_entry(page), 1), PTE_NOACCESS);
	return p;
}

static void let_go(struct page *p)
{
	page_unlock(p);
	page_put(p);
}

KTEST(lazyfree, who_comes_in_between_finds_the_page)
{
	struct page *p;

	begin();
	EXPECT_EQ(advise(MADV_FREE), 0);
	p = hide(1);
	EXPECT_EQ(mt_read(1), 101);
	EXPECT(!rmap_discard(p));
	let_go(p);
	EXPECT_EQ(mt_read(1), 101);
	p = hide(2);
	EXPECT_EQ(mt_write(2, 5), 0);
	(void)!rmap_discard(p);
	let_go(p);
	EXPECT_EQ(mt_read(2), 5);
	p = hide(3);
	EXPECT(rmap_discard(p));
	EXPECT_EQ(p->refs, 1);
	let_go(p);
	EXPECT_EQ(mt_read(3), 0);
	mt_end();
}

/* One that is left hidden is legal (mm_verify looks), and comes back. */
KTEST(lazyfree, a_hidden_page_comes_back)
{
	begin();
	EXPECT_EQ(advise(MADV_FREE), 0);
	let_go(hide(4));
	EXPECT_EQ(mt_read(4), 104);
	let_go(hide(5));
	EXPECT_EQ(mm_mprotect(mt_mm, MT_BASE, N * PAGE_SIZE, PROT_NONE), 0);
	EXPECT_EQ(mm_mprotect(mt_mm, MT_BASE, N * PAGE_SIZE, RW), 0);
	EXPECT_EQ(mt_write(5, 6), 0);
	EXPECT_EQ(mt_read(5), 6);
	mt_end();
}

KTEST(lazyfree, what_a_fork_shares_is_left_alone)
{
	struct mm *child;

	begin();
	child = mm_fork(mt_mm);
	EXPECT(child);
	EXPECT_EQ(advise(MADV_FREE), 0);
	EXPECT_EQ(advise(MADV_PAGEOUT), 0);
	for (unsigned i = 0; i < N; i++)
		EXPECT_EQ(mt_read(i), 100 + i);
	mm_put(child);
	mt_end();
}

/* Given up first, then shared by a fork: it goes for both, whether by one entry or two. */
KTEST(lazyfree, what_was_given_up_before_a_fork_goes)
{
	struct mm *child;
	struct page *p;
	uint64_t word;

	begin();
	EXPECT_EQ(advise(MADV_FREE), 0);
	child = mm_fork(mt_mm);
	EXPECT(child);
	p = hide(8);
	EXPECT(rmap_discard(p));
	let_go(p);
	EXPECT_EQ(mt_write(0, 1), 0);		/* the parent has a table of its own now */
	p = hide(9);
	EXPECT_EQ(p->slots, 2);
	EXPECT(rmap_discard(p));
	let_go(p);
	for (unsigned i = 8; i < 10; i++) {
		EXPECT_EQ(mt_read(i), 0);
		EXPECT_EQ(mm_peek(child, mt_va(i), &word, sizeof(word)), 0);
	}
	mm_put(child);
	mt_end();
}
