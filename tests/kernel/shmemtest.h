/* What the suites on huge pages of shared memory share: objects of 2 MB, with numbers in their pages. */
#ifndef TESTS_KERNEL_SHMEMTEST_H
#define TESTS_KERNEL_SHMEMTEST_H

#include <tests/kernel/forktest.h>

#define N		512u		/* pages of a huge one */
#define AT		N		/* where the tests' is, by pages from MT_BASE */

static unsigned sh_was;

static inline void sh_begin(unsigned mode)
{
	sh_was = thp.shmem;
	thp.shmem = mode;
	shmem_mode_changed(mode);
	mt_begin();
}

static inline void sh_end(void)
{
	mt_end();
	EXPECT(ft_sound());
	thp.shmem = sh_was;
}

static inline bool sh_is_huge(unsigned page)
{
	return pte_kind(ft_upper(mt_mm, page), 2) == PTE_HUGE;
}

/* The first page of the block that a huge leaf maps. */
static inline struct page *sh_head(unsigned page)
{
	return pfn_to_page(pte_pfn(ft_upper(mt_mm, page)));
}

/* A new object of n pages, shared at `page`; the caller's reference. */
static __attribute__((unused)) struct object *sh_map(unsigned page, unsigned n)
{
	struct object *o = shm_create(n * PAGE_SIZE);

	EXPECT(o && mt_map(page, n, RW, MAP_SHARED, o, 0));
	return o;
}

/* The same of one block, of which page i holds 1000 + i. */
static __attribute__((unused)) struct object *sh_fill(unsigned page)
{
	struct object *o = sh_map(page, N);

	for (unsigned i = 0; i < N; i++)
		EXPECT_EQ(mt_write(page + i, 1000 + i), 0);
	return o;
}

/* Pages [from, to) of that at `page` hold it still. */
static inline bool sh_holds(unsigned page, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		if (mt_read(page + i) != 1000 + i) {
			ktest_note("page %u holds %lu", i, mt_read(page + i));
			return false;
		}
	return true;
}

#endif
