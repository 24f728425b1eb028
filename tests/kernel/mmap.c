/*
 * mmap, munmap, mprotect, madvise, brk: what they answer (Linux's errno
 * values), where they map, what they leave behind.
 */
#include <tests/kernel/mmtest.h>
#include <mm/vm/vma.h>

#define ANON	(MAP_PRIVATE | MAP_ANONYMOUS)

static struct mt_file file;

static void begin(void)
{
	mt_begin();
	mt_file_init(&file, 16 * PAGE_SIZE);
}

static void end(void)
{
	mt_end();
	object_put(&file.obj);
}

static long anon_at(vaddr_t addr, size_t len, int flags)
{
	return mm_mmap(mt_mm, addr, len, RW, ANON | flags, NULL, 0);
}

/* ---- errno values ---- */

KTEST(mmap, errors)
{
	static const struct {
		vaddr_t addr;
		size_t len;
		int prot, flags;
		bool of_file;
		uint64_t pgoff;
		long want;
	} row[] = {
		{ 0, 0, RW, ANON, false, 0, -EINVAL },
		{ 0, ~0ul, RW, ANON, false, 0, -ENOMEM },
		{ 0, 1ul << 62, PROT_READ, ANON, false, 0, -ENOMEM },
		{ 0, USER_END_5, PROT_NONE, ANON, false, 0, -ENOMEM },
		{ MT_BASE + 1, PAGE_SIZE, RW, ANON | MAP_FIXED, false, 0, -EINVAL },
		{ MT_BASE + 1, PAGE_SIZE, RW, ANON | MAP_FIXED_NOREPLACE, false, 0, -EINVAL },
		{ USER_END_5, PAGE_SIZE, RW, ANON | MAP_FIXED, false, 0, -ENOMEM },
		{ KERNEL_HALF, PAGE_SIZE, RW, ANON | MAP_FIXED, false, 0, -ENOMEM },
		{ 0, PAGE_SIZE, RW, ANON | MAP_FIXED, false, 0, -EPERM },
		{ USER_MIN - PAGE_SIZE, PAGE_SIZE, RW, ANON | MAP_FIXED, false, 0, -EPERM },
		{ MT_BASE, PAGE_SIZE, RW, ANON | MAP_FIXED_NOREPLACE, false, 0, -EEXIST },
		{ MT_BASE - PAGE_SIZE, 3 * PAGE_SIZE, RW, ANON | MAP_FIXED_NOREPLACE, false, 0,
		  -EEXIST },
		{ 0, PAGE_SIZE, RW, MAP_ANONYMOUS, false, 0, -EINVAL },
		{ 0, PAGE_SIZE, RW, MAP_ANONYMOUS | MAP_SHARED_VALIDATE, false, 0, -EINVAL },
		{ 0, PAGE_SIZE, RW, MAP_ANONYMOUS | MAP_SHARED | MAP_GROWSDOWN, false, 0, -EINVAL },
		{ 0, PAGE_SIZE, RW, MAP_PRIVATE | MAP_GROWSDOWN, true, 0, -EINVAL },
		{ 0, PAGE_SIZE, RW, 0, true, 0, -EINVAL },
		{ 0, PAGE_SIZE, RW, MAP_SHARED, true, 0, -EACCES },
		{ 0, 2 * PAGE_SIZE, RW, MAP_PRIVATE, true, ~0ul, -EOVERFLOW },
		{ 0, 2 * PAGE_SIZE, RW, ANON | MAP_HUGETLB, false, 0, -ENOMEM },
	};
	uint64_t before;

	begin();
	EXPECT(mt_anon(0, 1, RW));
	before = mt_mm->size_pages;
	for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
		long got = mm_mmap(mt_mm, row[i].addr, row[i].len, row[i].prot, row[i].flags,
				   row[i].of_file ? &file.obj : NULL, row[i].pgoff);

		if (got != row[i].want)
			ktest_fail(__FILE__, __LINE__, "row %u: %ld, expected %ld", i, got,
				   row[i].want);
	}
	EXPECT_EQ(mt_mm->size_pages, before);
	EXPECT_EQ(file.obj.refs, 1);
	end();
}

KTEST(mmap, munmap_errors)
{
	begin();
	EXPECT_EQ(mm_munmap(mt_mm, MT_BASE, 0), -EINVAL);
	EXPECT_EQ(mm_munmap(mt_mm, MT_BASE + 1, PAGE_SIZE), -EINVAL);
	EXPECT_EQ(mm_munmap(mt_mm, MT_BASE, ~0ul), -EINVAL);
	EXPECT_EQ(mm_munmap(mt_mm, KERNEL_HALF, PAGE_SIZE), -EINVAL);
	EXPECT_EQ(mm_munmap(mt_mm, MT_BASE, PAGE_SIZE), 0);	/* nothing there */
	end();
}

KTEST(mmap, mprotect_errors)
{
	begin();
	EXPECT(mt_anon(0, 2, RW));
	EXPECT(mt_anon(3, 1, RW));
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(0) + 1, PAGE_SIZE, PROT_READ), -EINVAL);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(0), PAGE_SIZE, 0x40), -EINVAL);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(0), PAGE_SIZE, PROT_GROWSUP | PROT_GROWSDOWN), -EINVAL);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(0), PAGE_SIZE, PROT_READ | PROT_GROWSDOWN), -EINVAL);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(0), 0, PROT_READ), 0);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(0), ~0ul, PROT_READ), -ENOMEM);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(2), PAGE_SIZE, PROT_READ), -ENOMEM);
	EXPECT_EQ(mt_mm->nvmas, 2);
	/* a hole: what comes before it has its new rights */
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(1), 3 * PAGE_SIZE, PROT_READ), -ENOMEM);
	EXPECT_EQ(mt_write(0, 1), 0);
	EXPECT_EQ(mt_write(1, 1), -EFAULT);
	EXPECT_EQ(mt_write(3, 1), 0);
	end();
}

KTEST(mmap, madvise_errors)
{
	begin();
	EXPECT(mt_anon(0, 2, RW));
	EXPECT(mt_anon(3, 1, RW));
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(0), PAGE_SIZE, 999), -EINVAL);
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(0), PAGE_SIZE, MADV_NOHUGEPAGE), 0);
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(0) + 1, PAGE_SIZE, MADV_DONTNEED), -EINVAL);
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(0), ~0ul, MADV_DONTNEED), -EINVAL);
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(0), 0, MADV_DONTNEED), 0);
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(0), 2 * PAGE_SIZE, MADV_WILLNEED), 0);
	EXPECT_EQ(mt_write(0, 1), 0);
	EXPECT_EQ(mt_write(3, 1), 0);
	/* a hole: ENOMEM, and the rest is done */
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(0), 4 * PAGE_SIZE, MADV_DONTNEED), -ENOMEM);
	EXPECT_EQ(mt_read(0), 0);
	EXPECT_EQ(mt_read(3), 0);
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(5), PAGE_SIZE, MADV_NORMAL), -ENOMEM);
	end();
}

KTEST(mmap, overcommit)
{
	uint64_t all = page_total_count() << PAGE_SHIFT;
	struct mm_figures f;

	begin();
	EXPECT_EQ(anon_at(0, all + PAGE_SIZE, 0), -ENOMEM);
	EXPECT_EQ(mm_mmap(mt_mm, 0, all + PAGE_SIZE, RW, MAP_SHARED | MAP_ANONYMOUS, NULL, 0),
		  -ENOMEM);
	for (unsigned i = 0; i < 8; i++)		/* each alone would fit */
		EXPECT(anon_at(0, all / 2, 0) > 0);
	EXPECT(anon_at(0, 2 * all, MAP_NORESERVE) > 0);
	EXPECT(mm_mmap(mt_mm, MT_BASE, 2 * all, PROT_READ, ANON | MAP_FIXED, NULL, 0) > 0);
	EXPECT_EQ(mm_mprotect(mt_mm, MT_BASE, 2 * all, RW), -ENOMEM);
	EXPECT_EQ(mm_mprotect(mt_mm, MT_BASE, all / 2, RW), 0);
	f = mt_figures();
	EXPECT_EQ(f.table_bytes, 0);			/* promises cost nothing */
	EXPECT_EQ(f.anon, 0);
	end();
}

/* ---- places ---- */

KTEST(mmap, top_down)
{
	long a, b, c;

	begin();
	a = anon_at(0, 2 * PAGE_SIZE, 0);
	EXPECT_EQ(a, (long)(mt_mm->mmap_top - 2 * PAGE_SIZE));
	b = mm_mmap(mt_mm, 0, PAGE_SIZE, PROT_READ, ANON, NULL, 0);
	EXPECT_EQ(b, a - (long)PAGE_SIZE);
	c = mm_mmap(mt_mm, 0, PAGE_SIZE, RW, ANON, NULL, 0);
	EXPECT_EQ(c, b - (long)PAGE_SIZE);
	EXPECT_EQ(mm_munmap(mt_mm, (vaddr_t)b, PAGE_SIZE), 0);
	EXPECT_EQ(anon_at(0, 2 * PAGE_SIZE, 0), c - 2 * (long)PAGE_SIZE);
	EXPECT_EQ(anon_at(0, PAGE_SIZE, 0), b);		/* the highest hole that fits */
	EXPECT_EQ(mt_mm->nvmas, 1);			/* all of it joined */
	end();
}

KTEST(mmap, hints)
{
	begin();
	EXPECT_EQ(anon_at(MT_BASE + 123, PAGE_SIZE, 0), (long)MT_BASE);
	EXPECT_EQ(anon_at(MT_BASE, PAGE_SIZE, 0), (long)(mt_mm->mmap_top - PAGE_SIZE));	/* taken */
	EXPECT_EQ(anon_at(MT_BASE - PAGE_SIZE, 2 * PAGE_SIZE, 0),
		  (long)(mt_mm->mmap_top - 3 * PAGE_SIZE));
	/* page 0: no hint */
	EXPECT_EQ(anon_at(5, PAGE_SIZE, 0), (long)(mt_mm->mmap_top - 4 * PAGE_SIZE));
	EXPECT_EQ(anon_at(PAGE_SIZE, PAGE_SIZE, 0), (long)USER_MIN);
	EXPECT_EQ(anon_at(USER_END_4 - PAGE_SIZE, PAGE_SIZE, 0), (long)(USER_END_4 - PAGE_SIZE));
	EXPECT((vaddr_t)anon_at(KERNEL_HALF, PAGE_SIZE, 0) < USER_END_5);
	end();
}

KTEST(mmap, low_2gb)
{
	begin();
	EXPECT_EQ(anon_at(0, PAGE_SIZE, MAP_32BIT), 0x40000000);
	EXPECT_EQ(anon_at(0, PAGE_SIZE, MAP_32BIT), 0x40001000);
	EXPECT_EQ(anon_at(0x50000000, PAGE_SIZE, MAP_32BIT), 0x50000000);
	EXPECT_EQ(anon_at(0, 1ul << 30, MAP_32BIT | MAP_NORESERVE), -ENOMEM);
	EXPECT_EQ(mm_munmap(mt_mm, 0x40000000, 0x20000000), 0);
	EXPECT_EQ(anon_at(0, 1ul << 30, MAP_32BIT | MAP_NORESERVE), 0x40000000);
	EXPECT_EQ(anon_at(0, PAGE_SIZE, MAP_32BIT), -ENOMEM);
	end();
}

/* Addresses above 47 bits only for who asks for them. */
KTEST(mmap, five_levels)
{
	const vaddr_t high = 1ul << 50;

	if (arch_levels != 5) {
		ktest_skip("four levels of page tables");
		return;
	}
	begin();
	EXPECT((vaddr_t)anon_at(0, PAGE_SIZE, 0) < USER_END_4);
	EXPECT_EQ(anon_at(high, PAGE_SIZE, 0), (long)high);
	EXPECT_EQ(put_user_u64(1, UP(high)), 0);
	EXPECT((vaddr_t)anon_at(high, PAGE_SIZE, 0) > USER_END_4);
	EXPECT_EQ(anon_at(high + HUGE_SIZE, PAGE_SIZE, MAP_FIXED), (long)(high + HUGE_SIZE));
	EXPECT_EQ(anon_at(USER_END_5 - PAGE_SIZE, PAGE_SIZE, MAP_FIXED),
		  (long)(USER_END_5 - PAGE_SIZE));
	EXPECT((vaddr_t)anon_at(USER_END_4, PAGE_SIZE, 0) < USER_END_4);
	end();
}

KTEST(mmap, fixed_replaces)
{
	begin();
	EXPECT(mt_anon(0, 5, RW));
	for (unsigned i = 0; i < 5; i++)
		EXPECT_EQ(mt_write(i, 100 + i), 0);
	EXPECT(mt_map(1, 3, PROT_READ, MAP_PRIVATE, &file.obj, 7));
	EXPECT_EQ(mt_mm->nvmas, 3);
	EXPECT_EQ(mt_read(0), 100);
	EXPECT_EQ(mt_read(1), 8);
	EXPECT_EQ(mt_read(3), 10);
	EXPECT_EQ(mt_read(4), 104);
	EXPECT_EQ(mt_mm->size_pages, 5);
	EXPECT(mt_anon(1, 3, RW));
	EXPECT_EQ(mt_mm->nvmas, 1);
	EXPECT_EQ(mt_read(2), 0);
	EXPECT_EQ(file.obj.refs, 1);
	end();
}

/* ---- parts and wholes ---- */

KTEST(mmap, munmap_parts)
{
	begin();
	EXPECT(mt_anon(0, 10, RW));
	for (unsigned i = 0; i < 10; i++)
		EXPECT_EQ(mt_write(i, i + 1), 0);
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(4), 2 * PAGE_SIZE), 0);
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(0), PAGE_SIZE), 0);
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(9), 1), 0);		/* whole pages */
	EXPECT_EQ(mt_mm->nvmas, 2);
	EXPECT_EQ(mt_mm->size_pages, 6);
	EXPECT_EQ(mt_figures().anon, 6);
	for (unsigned i = 0; i < 10; i++)
		EXPECT_EQ(mt_read(i), i == 0 || i == 4 || i == 5 || i == 9 ? ~0ul : i + 1);
	EXPECT_EQ(mm_munmap(mt_mm, 0, USER_END_4), 0);
	EXPECT_EQ(mt_mm->nvmas, 0);
	EXPECT_EQ(mt_figures().table_bytes, 0);
	end();
}

KTEST(mmap, mprotect_splits_and_joins)
{
	begin();
	EXPECT(mt_anon(0, 9, RW));
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(3), 3 * PAGE_SIZE, PROT_READ), 0);
	EXPECT_EQ(mt_mm->nvmas, 3);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(2), 5 * PAGE_SIZE, PROT_NONE), 0);
	EXPECT_EQ(mt_mm->nvmas, 3);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(0), 9 * PAGE_SIZE, RW), 0);
	EXPECT_EQ(mt_mm->nvmas, 1);
	EXPECT(mt_map(20, 6, PROT_READ, MAP_PRIVATE, &file.obj, 0));
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(22), PAGE_SIZE, RW), 0);
	EXPECT_EQ(file.obj.refs, 4);
	/* As on Linux what was written to once stays promised, and so is not like its neighbours. */
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(22), PAGE_SIZE, PROT_READ), 0);
	EXPECT_EQ(file.obj.refs, 4);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(20), 6 * PAGE_SIZE, RW), 0);
	EXPECT_EQ(file.obj.refs, 2);
	EXPECT(mt_map(20, 6, PROT_READ, MAP_PRIVATE, &file.obj, 0));
	EXPECT_EQ(file.obj.refs, 2);
	EXPECT(mt_map(26, 2, PROT_READ, MAP_PRIVATE, &file.obj, 6));	/* runs on */
	EXPECT_EQ(file.obj.refs, 2);
	EXPECT(mt_map(28, 2, PROT_READ, MAP_PRIVATE, &file.obj, 6));	/* does not */
	EXPECT_EQ(file.obj.refs, 3);
	EXPECT_EQ(mt_read(28), 7);
	end();
}

/* W is gone from the TLB when the call returns, and so is a page that lost everything. */
KTEST(mmap, mprotect_takes_rights_at_once)
{
	begin();
	EXPECT(mt_anon(0, 3, RW));
	for (unsigned i = 0; i < 3; i++)
		EXPECT_EQ(mt_write(i, 1), 0);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(0), PAGE_SIZE, PROT_READ), 0);
	EXPECT_EQ(mt_write(0, 2), -EFAULT);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(1), PAGE_SIZE, PROT_NONE), 0);
	EXPECT_EQ(mt_read(1), ~0ul);
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(2), PAGE_SIZE, MADV_DONTNEED), 0);
	EXPECT_EQ(mt_read(2), 0);
	EXPECT_EQ(mt_read(0), 1);
	end();
}

KTEST(mmap, populate)
{
	begin();
	EXPECT(mt_map(0, 20, RW, ANON | MAP_POPULATE, NULL, 0));
	EXPECT_EQ(mt_figures().anon, 20);
	EXPECT(mt_map(32, 16, PROT_READ, MAP_PRIVATE | MAP_POPULATE, &file.obj, 0));
	EXPECT_EQ(mt_figures().file, 16);
	EXPECT_EQ(mt_read(47), 16);
	EXPECT(mt_map(60, 4, PROT_NONE, ANON | MAP_POPULATE, NULL, 0));
	/* runs past the end */
	EXPECT(mt_map(70, 20, PROT_READ, MAP_PRIVATE | MAP_POPULATE, &file.obj, 8));
	EXPECT_EQ(mt_figures().anon, 20);
	EXPECT(mt_anon(100, 4, RW));
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(100), 4 * PAGE_SIZE, MADV_POPULATE_READ), 0);
	EXPECT_EQ(mt_kind(103), PTE_SPECIAL_LEAF);
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(100), 4 * PAGE_SIZE, MADV_POPULATE_WRITE), 0);
	EXPECT_EQ(mt_kind(103), PTE_PRESENT);
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(100), 5 * PAGE_SIZE, MADV_POPULATE_WRITE), -ENOMEM);
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(60), PAGE_SIZE, MADV_POPULATE_READ), -EINVAL);
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(78), PAGE_SIZE, MADV_POPULATE_READ), -EFAULT);
	end();
}

/* ---- heap ---- */

KTEST(mmap, brk)
{
	vaddr_t start;

	begin();
	EXPECT_EQ(mm_brk(mt_mm, 0), 0);
	mm_set_brk(mt_mm, MT_BASE + 5);
	start = mm_brk(mt_mm, 0);
	EXPECT(start > MT_BASE && start <= MT_BASE + PAGE_SIZE + (32ul << 20));
	EXPECT(IS_ALIGNED(start, PAGE_SIZE));
	EXPECT_EQ(mm_brk(mt_mm, start + 10), start + 10);
	EXPECT_EQ(mt_mm->size_pages, 1);
	EXPECT_EQ(mm_brk(mt_mm, start + PAGE_SIZE), start + PAGE_SIZE);
	EXPECT_EQ(mt_mm->size_pages, 1);
	EXPECT_EQ(mm_brk(mt_mm, start + 5 * PAGE_SIZE), start + 5 * PAGE_SIZE);
	EXPECT_EQ(put_user_u64(9, UP(start + 4 * PAGE_SIZE)), 0);
	EXPECT_EQ(mt_mm->nvmas, 1);
	EXPECT_EQ(mm_brk(mt_mm, start - 1), start + 5 * PAGE_SIZE);
	EXPECT_EQ(mm_brk(mt_mm, ~0ul), start + 5 * PAGE_SIZE);
	EXPECT_EQ(anon_at(start + 10 * PAGE_SIZE, PAGE_SIZE, MAP_FIXED),
		  (long)(start + 10 * PAGE_SIZE));
	/* a page stays free */
	EXPECT_EQ(mm_brk(mt_mm, start + 10 * PAGE_SIZE), start + 5 * PAGE_SIZE);
	EXPECT_EQ(mm_brk(mt_mm, start + 9 * PAGE_SIZE), start + 9 * PAGE_SIZE);
	EXPECT_EQ(mm_brk(mt_mm, start + 1), start + 1);
	EXPECT_EQ(mm_brk(mt_mm, start + 5 * PAGE_SIZE), start + 5 * PAGE_SIZE);
	EXPECT_EQ(mt_figures().anon, 0);		/* what was given up is gone */
	end();
}
