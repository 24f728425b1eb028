/* What the suites on forked address spaces share: a parent with memory, and looks at tables. */
#ifndef TESTS_KERNEL_FORKTEST_H
#define TESTS_KERNEL_FORKTEST_H

#include <tests/kernel/mmtest.h>
#include <mm/pt/table.h>
#include <mm/vm/vma.h>

static struct mm *ft_parent;

/* The test's thread runs in mm from here on. */
static inline void ft_in(struct mm *mm)
{
	mt_mm = mm;
	thread_set_aspace(mm_aspace(mm));
}

static inline bool ft_sound(void) { return mt_sound(); }

/* A parent whose page i, of n, holds 100 + i. */
static inline void ft_begin(unsigned n)
{
	mt_begin();
	ft_parent = mt_mm;
	EXPECT(mt_anon(0, MAX(n, 512), RW));
	for (unsigned i = 0; i < n; i++)
		EXPECT_EQ(mt_write(i, 100 + i), 0);
}

/* The parent is the last one. */
static inline void ft_end(void)
{
	ft_in(ft_parent);
	EXPECT(ft_sound());
	mt_end();
}

static inline struct mm *ft_fork(struct mm *mm)
{
	struct mm *child = mm_fork(mm);

	EXPECT(child);
	EXPECT(ft_sound());
	return child;
}

/* The end of a child; the thread goes on in the parent. */
static inline void ft_put(struct mm *child)
{
	ft_in(ft_parent);
	mm_put(child);
}

static inline pte_t ft_upper(struct mm *mm, unsigned page)
{
	struct cursor c;
	pte_t e;

	cursor_find(&c, mm_aspace(mm), mt_va(page), 2);
	e = cursor_get(&c);
	cursor_close(&c);
	return c.level == 2 ? e : pte_none();
}

/* The last-level table of a page; NULL: there is none. */
static inline struct page *ft_table(struct mm *mm, unsigned page)
{
	pte_t e = ft_upper(mm, page);

	return pte_kind(e, 2) == PTE_TABLE ? pfn_to_page(pte_pfn(e)) : NULL;
}

static inline bool ft_upper_writable(struct mm *mm, unsigned page)
{
	return pte_writable(ft_upper(mm, page));
}

static inline struct mm_figures ft_figures(struct mm *mm)
{
	struct mm_figures f;

	mm_figures(mm, &f);
	return f;
}

/* What mm reads at a page (~0: a fault); the thread is back where it was. */
static inline void ft_expect(struct mm *mm, unsigned page, uint64_t v)
{
	struct mm *was = mt_mm;

	ft_in(mm);
	if (mt_read(page) != v)
		ktest_note("page %u", page);
	EXPECT_EQ(mt_read(page), v);
	ft_in(was);
}

#endif
