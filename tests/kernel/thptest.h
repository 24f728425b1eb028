/* What the suites on transparent huge pages share. */
#ifndef TESTS_KERNEL_THPTEST_H
#define TESTS_KERNEL_THPTEST_H

#include <tests/kernel/hugetest.h>

static inline void map_huge(unsigned page)
{
	EXPECT(mt_anon(page, N, RW));
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(page), HUGE_SIZE, MADV_HUGEPAGE), 0);
}

#endif
