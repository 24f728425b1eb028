/* What the suites on huge pages, anonymous and shared ones, share: where they are, and numbers in them. */
#ifndef TESTS_KERNEL_HUGETEST_H
#define TESTS_KERNEL_HUGETEST_H

#include <tests/kernel/forktest.h>

#define N		512u		/* pages of a huge one */
#define AT		N		/* where the tests' is, by pages from MT_BASE */
#define COLLAPSE	25		/* MADV_COLLAPSE */

static inline bool is_huge(unsigned page)
{
	return pte_kind(ft_upper(mt_mm, page), 2) == PTE_HUGE;
}

static inline int collapse(unsigned page)
{
	return mm_madvise(mt_mm, mt_va(page), HUGE_SIZE, COLLAPSE);
}

/* Page i of the one at `page` gets 1000 + i. */
static inline void huge_number(unsigned page)
{
	for (unsigned i = 0; i < N; i++)
		EXPECT_EQ(mt_write(page + i, 1000 + i), 0);
}

/* Pages [from, to) of that hold it still. */
static inline bool huge_holds(unsigned page, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		if (mt_read(page + i) != 1000 + i) {
			ktest_note("page %u holds %lu", i, mt_read(page + i));
			return false;
		}
	return true;
}

#endif
