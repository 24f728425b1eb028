/* What the suites on transparent huge pages share. */
#ifndef TESTS_KERNEL_THPTEST_H
#define TESTS_KERNEL_THPTEST_H

#include <tests/kernel/forktest.h>

#define N		512u		/* pages of a huge one */
#define AT		N		/* where the tests' is, by pages from MT_BASE */
#define COLLAPSE	25		/* MADV_COLLAPSE */

static inline bool is_huge(unsigned page)
{
	return pte_kind(ft_upper(mt_mm, page), 2) == PTE_HUGE;
}

static inline void map_huge(unsigned page)
{
	EXPECT(mt_anon(page, N, RW));
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(page), HUGE_SIZE, MADV_HUGEPAGE), 0);
}

static inline int collapse(unsigned page)
{
	return mm_madvise(mt_mm, mt_va(page), HUGE_SIZE, COLLAPSE);
}

#endif
