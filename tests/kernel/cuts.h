/*
 * Cuts of a huge page at AT that holds numbers (huge_number): something is done to one page of it, at each of the 512
 * places, and that page is what was made of it, while every other one keeps its content.
 */
#ifndef TESTS_KERNEL_CUTS_H
#define TESTS_KERNEL_CUTS_H

#include <tests/kernel/hugetest.h>

struct cut {
	const char *name;
	void (*run)(unsigned i);	/* does something to page i */
	bool (*check)(unsigned i);	/* page i is what that made of it */
	bool of_object;			/* what else maps the page is cut as well */
};

/* c has run at page i. */
static inline void cut_look(const struct cut *c, unsigned i)
{
	EXPECT(c->check(i));
	EXPECT(huge_holds(AT, i > 8 ? i - 8 : 0, i) && huge_holds(AT, i + 1, MIN(i + 9, N)));
	if (i % 128 == 0 || i == N - 1)
		EXPECT(huge_holds(AT, 0, i) && huge_holds(AT, i + 1, N) && ft_sound());
	if (ktest_failed())
		ktest_note("%s at page %u", c->name, i);
}

/* ---- what a page is then ---- */

static inline bool nothing_there(unsigned i)
{
	return mt_read(AT + i) == ~0ul;
}

static inline bool same_there(unsigned i)
{
	return mt_read(AT + i) == 1000 + i;
}

static inline bool zeros_there(unsigned i)
{
	return mt_read(AT + i) == 0;
}

/* ---- cuts ---- */

static inline void cut_munmap(unsigned i)
{
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(AT + i), PAGE_SIZE), 0);
}

static inline void cut_protect(unsigned i)
{
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(AT + i), PAGE_SIZE, PROT_READ), 0);
}

static inline bool read_only(unsigned i)
{
	return same_there(i) && mt_write(AT + i, 1) == -EFAULT;
}

static inline void cut_noaccess(unsigned i)
{
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(AT + i), PAGE_SIZE, PROT_NONE), 0);
}

static inline bool no_access(unsigned i)
{
	bool gone = nothing_there(i);

	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(AT + i), PAGE_SIZE, RW), 0);
	return gone && same_there(i);
}

static inline void cut_dontneed(unsigned i)
{
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(AT + i), PAGE_SIZE, MADV_DONTNEED), 0);
}

static inline void cut_mremap(unsigned i)
{
	vaddr_t to = mt_va(3 * N + (i + 1) % N);

	EXPECT_EQ(mm_mremap(mt_mm, mt_va(AT + i), PAGE_SIZE, PAGE_SIZE,
			    MREMAP_MAYMOVE | MREMAP_FIXED, to), (long)to);
}

static inline bool moved_away(unsigned i)
{
	bool ok = nothing_there(i) && mt_read(3 * N + (i + 1) % N) == 1000 + i;

	EXPECT_EQ(mm_munmap(mt_mm, mt_va(3 * N), HUGE_SIZE), 0);
	return ok;
}

static inline void cut_lock(unsigned i)
{
	EXPECT_EQ(mm_mlock(mt_mm, mt_va(AT + i), PAGE_SIZE, false), 0);
}

#endif
