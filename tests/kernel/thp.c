/*
 * Transparent huge pages: a fault takes one, and whatever cuts one leaves every page its content and
 * rights, at each of its 512 places; collapse.
 */
#include <kernel/core/grace.h>
#include <kernel/core/wait.h>
#include <mm/pt/leaf.h>
#include <tests/kernel/cuts.h>
#include <tests/kernel/thptest.h>

static void fill_huge(unsigned page)
{
	map_huge(page);
	huge_number(page);
}

static uint64_t event(enum vm_event e)
{
	return vm_event_sum(e);
}

/* ---- faults ---- */

KTEST(thp, first_write_takes_a_block)
{
	uint64_t allocs = event(THP_FAULT_ALLOC);

	mt_begin();
	map_huge(AT);
	EXPECT_EQ(mt_write(AT + 7, 1), 0);
	EXPECT(is_huge(AT));
	EXPECT_EQ(event(THP_FAULT_ALLOC), allocs + 1);
	EXPECT_EQ(mt_figures().anon, N);
	EXPECT_EQ(mt_figures().minflt, 1);
	EXPECT_EQ(mt_read(AT + 7), 1);
	EXPECT_EQ(mt_read(AT + 8), 0);
	mt_end();
}

KTEST(thp, first_read_takes_zeros)
{
	mt_begin();
	map_huge(AT);
	EXPECT_EQ(mt_read(AT + 3), 0);
	EXPECT(is_huge(AT) && ft_upper(mt_mm, AT).v & PTE_SPECIAL);
	EXPECT_EQ(mt_figures().anon, 0);
	EXPECT_EQ(mt_write(AT + 3, 5), 0);
	EXPECT(is_huge(AT) && !(ft_upper(mt_mm, AT).v & PTE_SPECIAL));
	EXPECT_EQ(mt_figures().anon, N);
	EXPECT_EQ(mt_read(AT + 3), 5);
	mt_end();
}

/* Without a block the fault is settled by 4 KB; so is the write to zeros. */
KTEST(thp, no_block)
{
	uint64_t fallbacks = event(THP_FAULT_FALLBACK);

	mt_begin();
	map_huge(AT);
	page_fail_nth = 1;
	EXPECT_EQ(mt_write(AT, 1), 0);
	EXPECT(!is_huge(AT));
	EXPECT_EQ(mt_figures().anon, 1);
	map_huge(2 * N);
	EXPECT_EQ(mt_read(2 * N), 0);
	EXPECT(is_huge(2 * N));
	page_fail_nth = 1;
	EXPECT_EQ(mt_write(2 * N + 1, 2), 0);
	EXPECT(!is_huge(2 * N));
	EXPECT_EQ(mt_read(2 * N), 0);
	EXPECT_EQ(mt_read(2 * N + 1), 2);
	EXPECT_EQ(event(THP_FAULT_FALLBACK), fallbacks + 2);
	mt_end();
}

/* Where one is not wanted, or does not fit. */
KTEST(thp, small_stays_small)
{
	unsigned was = thp.enabled;

	mt_begin();
	EXPECT(mt_anon(AT, N, RW));
	EXPECT_EQ(mt_write(AT, 1), 0);
	EXPECT(!is_huge(AT));
	EXPECT(mt_anon(2 * N + 1, N - 1, RW));
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(2 * N + 1), HUGE_SIZE - PAGE_SIZE, MADV_HUGEPAGE), 0);
	EXPECT_EQ(mt_write(2 * N + 1, 1), 0);
	EXPECT(!is_huge(2 * N));
	thp.enabled = THP_NEVER;
	map_huge(3 * N);
	EXPECT_EQ(mt_write(3 * N, 1), 0);
	EXPECT(!is_huge(3 * N));
	thp.enabled = THP_ALWAYS;
	EXPECT(mt_anon(4 * N, N, RW));
	EXPECT_EQ(mt_write(4 * N, 1), 0);
	EXPECT(is_huge(4 * N));
	EXPECT(mt_anon(5 * N, N, RW));
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(5 * N), HUGE_SIZE, MADV_NOHUGEPAGE), 0);
	EXPECT_EQ(mt_write(5 * N, 1), 0);
	EXPECT(!is_huge(5 * N));
	thp.enabled = was;
	mt_end();
}

/* ---- cuts, at each page ---- */

static struct mm *child;

/* The parent writes page i that the child has, too. */
static void cut_cow(unsigned i)
{
	child = mm_fork(mt_mm);
	EXPECT(child);
	EXPECT_EQ(mt_write(AT + i, 1), 0);
}

static bool child_is_as_before(unsigned i)
{
	struct mm *parent = mt_mm;
	bool ok = mt_read(AT + i) == 1;

	ft_in(child);
	ok = ok && is_huge(AT) && huge_holds(AT, i ? i - 1 : 0, MIN(i + 2, N));
	ft_in(parent);
	mm_put(child);
	return ok;
}

static void at_each_page(const struct cut *c)
{
	for (unsigned i = 0; i < N && !ktest_failed(); i++) {
		fill_huge(AT);
		EXPECT(is_huge(AT));
		c->run(i);
		EXPECT(!is_huge(AT));
		cut_look(c, i);
	}
}

#define CUT(what, function, checked) \
	KTEST(thp_cut, what) \
	{ \
		mt_begin(); \
		at_each_page(&(struct cut){ #what, function, checked, false }); \
		mt_end(); \
	}

CUT(munmap, cut_munmap, nothing_there)
CUT(mprotect, cut_protect, read_only)
CUT(noaccess, cut_noaccess, no_access)
CUT(dontneed, cut_dontneed, zeros_there)
CUT(mremap, cut_mremap, moved_away)
CUT(mlock, cut_lock, same_there)
CUT(cow, cut_cow, child_is_as_before)

/* ---- no memory for the table of a split ---- */

KTEST(thp, a_cut_without_memory)
{
	mt_begin();
	fill_huge(AT);
	page_fail_nth = 1;
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(AT + 9), PAGE_SIZE), -ENOMEM);
	EXPECT(is_huge(AT) && huge_holds(AT, 0, N));
	page_fail_nth = 1;
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(AT + 9), PAGE_SIZE, PROT_READ), -ENOMEM);
	EXPECT(is_huge(AT) && huge_holds(AT, 0, N));
	page_fail_nth = 1;
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(AT + 9), PAGE_SIZE, MADV_DONTNEED), -ENOMEM);
	EXPECT(is_huge(AT) && huge_holds(AT, 0, N) && ft_sound());
	page_fail_nth = 0;
	mt_end();
}

/* ---- collapse ---- */

/* 512 small pages, but for some that are missing. */
static void fill_small(unsigned page, unsigned hole)
{
	EXPECT(mt_anon(page, N, RW));
	for (unsigned i = 0; i < N; i++)
		if (i != hole)
			EXPECT_EQ(mt_write(page + i, 1000 + i), 0);
}

KTEST(thp, collapse_keeps_content)
{
	uint64_t tables;

	mt_begin();
	fill_small(AT, 77);
	tables = mt_figures().table_bytes;
	EXPECT_EQ(collapse(AT), 0);
	EXPECT(is_huge(AT) && huge_holds(AT, 0, 77) && huge_holds(AT, 78, N));
	EXPECT_EQ(mt_read(AT + 77), 0);
	EXPECT_EQ(mt_figures().table_bytes, tables - PAGE_SIZE);
	EXPECT_EQ(mt_write(AT + 77, 7), 0);
	EXPECT_EQ(collapse(AT), 0);
	EXPECT(ft_sound());
	mt_end();
}

/* As Linux 6.18 does. */
KTEST(thp, collapse_of_zeros)
{
	mt_begin();
	EXPECT(mt_anon(AT, N, RW));
	EXPECT_EQ(collapse(AT), -EINVAL);	/* nothing is there */
	EXPECT_EQ(mt_read(AT + 9), 0);
	EXPECT(!is_huge(AT));
	EXPECT_EQ(collapse(AT), 0);
	EXPECT(is_huge(AT) && !(ft_upper(mt_mm, AT).v & PTE_SPECIAL));
	EXPECT_EQ(mt_read(AT + 10), 0);
	EXPECT_EQ(mt_write(AT + 10, 7), 0);
	EXPECT_EQ(mt_figures().anon, N);
	EXPECT(ft_sound());
	mt_end();
}

KTEST(thp, collapse_without_rights)
{
	mt_begin();
	fill_small(AT, 77);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(AT), HUGE_SIZE, PROT_NONE), 0);
	EXPECT_EQ(collapse(AT), 0);
	EXPECT_EQ(pte_kind(ft_upper(mt_mm, AT), 2), PTE_NOACCESS);
	EXPECT(ft_sound());
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(AT), HUGE_SIZE, RW), 0);
	EXPECT(huge_holds(AT, 0, 77) && huge_holds(AT, 78, N) && ft_sound());
	mt_end();
}

KTEST(thp, collapse_after_fork)
{
	struct mm *parent;

	mt_begin();
	parent = mt_mm;
	fill_small(AT, N);
	child = mm_fork(parent);
	EXPECT(child);
	EXPECT_EQ(collapse(AT), 0);
	EXPECT(is_huge(AT) && huge_holds(AT, 0, N) && ft_sound());
	EXPECT_EQ(mt_write(AT, 1), 0);
	ft_in(child);
	EXPECT(!is_huge(AT) && huge_holds(AT, 0, N));
	EXPECT_EQ(collapse(AT), 0);
	EXPECT(is_huge(AT) && huge_holds(AT, 0, N) && ft_sound());
	ft_in(parent);
	mm_put(child);
	mt_end();
}

/* A page that somebody holds is left where it is, and so are the others. */
KTEST(thp, collapse_of_held_pages)
{
	struct page *p;

	mt_begin();
	fill_small(AT, N);
	p = mt_page(AT + 500);
	page_get(p);
	EXPECT_EQ(collapse(AT), -EAGAIN);
	EXPECT(!is_huge(AT) && mt_page(AT + 500) == p && huge_holds(AT, 0, N));
	page_put(p);
	page_fail_nth = 1;
	EXPECT_EQ(collapse(AT), -ENOMEM);
	EXPECT_EQ(collapse(AT), 0);
	EXPECT(huge_holds(AT, 0, N));
	mt_end();
}
