/* What the suites on huge pages of shared memory share: objects of 2 MB, with numbers in their pages. */
#ifndef TESTS_KERNEL_SHMEMTEST_H
#define TESTS_KERNEL_SHMEMTEST_H

#include <tests/kernel/hugetest.h>

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

/* The same of one block, numbered. */
static __attribute__((unused)) struct object *sh_fill(unsigned page)
{
	struct object *o = sh_map(page, N);

	huge_number(page);
	return o;
}

#endif
