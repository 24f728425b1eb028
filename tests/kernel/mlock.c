/*
 * mlock, slot by slot: which entries are locked, what their pages count, what
 * fork, mremap, mprotect and copies make of it; and who may lock how much.
 */
#include <tests/kernel/mmtest.h>

#define ANON	(MAP_PRIVATE | MAP_ANONYMOUS)

static bool locked(unsigned page) { return mt_entry(page).v & PTE_LOCKED; }

static void end(void)
{
	EXPECT(mt_sound());
	mt_end();
}

KTEST(mlock, sets_and_clears)
{
	mt_begin();
	EXPECT(mt_anon(0, 8, RW));
	EXPECT_EQ(mt_write(2, 1), 0);		/* there before; the others come by mlock */
	EXPECT_EQ(mm_mlock(mt_mm, mt_va(1), 4 * PAGE_SIZE, false), 0);
	for (unsigned i = 0; i < 8; i++) {
		EXPECT_EQ(mt_kind(i), i >= 1 && i < 5 ? PTE_PRESENT : PTE_NONE);
		EXPECT_EQ(locked(i), i >= 1 && i < 5);
	}
	EXPECT_EQ(mt_page(2)->nlocked, 1);
	EXPECT_EQ(mt_figures().locked, 4);
	EXPECT(mt_sound());
	EXPECT_EQ(mm_munlock(mt_mm, mt_va(2), PAGE_SIZE), 0);
	EXPECT(!locked(2) && locked(3));
	EXPECT_EQ(mt_page(2)->nlocked, 0);
	EXPECT_EQ(mt_figures().locked, 3);
	mm_munlockall(mt_mm);
	EXPECT(!locked(1) && !locked(3));
	EXPECT_EQ(mt_figures().locked, 0);
	EXPECT_EQ(mt_mm->nvmas, 1);
	end();
}

KTEST(mlock, on_fault)
{
	mt_begin();
	EXPECT(mt_anon(0, 2, RW));
	EXPECT_EQ(mm_mlock(mt_mm, mt_va(0), 2 * PAGE_SIZE, true), 0);
	EXPECT_EQ(mt_kind(0), PTE_NONE);
	EXPECT_EQ(mt_read(1), 0);
	EXPECT(!locked(1));			/* the zero page is nobody's */
	EXPECT(mt_sound());
	EXPECT_EQ(mt_write(0, 1), 0);
	EXPECT_EQ(mt_write(1, 1), 0);
	EXPECT(locked(0) && locked(1));
	end();
}

/* Rights go and come, also all of them: the lock stays. */
KTEST(mlock, mprotect_keeps_it)
{
	mt_begin();
	EXPECT(mt_anon(0, 2, RW));
	EXPECT_EQ(mm_mlock(mt_mm, mt_va(0), 2 * PAGE_SIZE, false), 0);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(0), PAGE_SIZE, PROT_NONE), 0);
	EXPECT_EQ(mt_kind(0), PTE_NOACCESS);
	EXPECT(locked(0));
	EXPECT(mt_sound());
	EXPECT_EQ(mm_munlock(mt_mm, mt_va(0), PAGE_SIZE), 0);
	EXPECT(!locked(0));
	EXPECT_EQ(mm_mlock(mt_mm, mt_va(0), PAGE_SIZE, false), -ENOMEM); /* cannot be filled in */
	EXPECT(locked(0));
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(0), PAGE_SIZE, RW), 0);
	EXPECT(locked(0));
	end();
}

/* The child's memory is not locked; the copy that the parent writes to is. */
KTEST(mlock, fork_and_copies)
{
	struct page *p;
	struct mm *child;

	mt_begin();
	EXPECT(mt_anon(0, 100, RW));
	EXPECT_EQ(mm_mlock(mt_mm, mt_va(0), 100 * PAGE_SIZE, false), 0);
	p = mt_page(50);
	child = mm_fork(mt_mm);
	EXPECT(child);
	EXPECT_EQ(p->slots, 2);
	EXPECT_EQ(p->nlocked, 1);
	EXPECT_EQ(child->locked_pages, 0);
	EXPECT(mt_sound());
	EXPECT_EQ(mt_write(50, 1), 0);
	EXPECT(mt_page(50) != p && locked(50));
	EXPECT_EQ(mt_page(50)->nlocked, 1);
	EXPECT_EQ(p->nlocked, 0);
	EXPECT(mt_sound());
	mm_put(child);
	end();
}

/* A table that a fork shares is left before its entries are locked. */
KTEST(mlock, leaves_shared_tables)
{
	struct mm *child;

	mt_begin();
	EXPECT(mt_anon(0, 512, RW));
	for (unsigned i = 0; i < 512; i++)
		EXPECT_EQ(mt_write(i, i), 0);
	child = mm_fork(mt_mm);
	EXPECT(child);
	EXPECT(virt_to_page(mt_slot(0))->shared);
	EXPECT_EQ(mm_mlock(mt_mm, mt_va(10), PAGE_SIZE, true), 0);
	EXPECT(!virt_to_page(mt_slot(0))->shared);
	EXPECT(locked(10) && !locked(11));
	EXPECT_EQ(mt_page(10)->nlocked, 1);
	EXPECT_EQ(mt_page(10)->slots, 2);
	EXPECT(mt_sound());
	mm_put(child);
	end();
}

KTEST(mlock, mremap_carries_it)
{
	long to;

	mt_begin();
	EXPECT(mt_anon(0, 4, RW));
	EXPECT_EQ(mm_mlock(mt_mm, mt_va(0), 4 * PAGE_SIZE, false), 0);
	to = mm_mremap(mt_mm, mt_va(0), 4 * PAGE_SIZE, 6 * PAGE_SIZE,
		       MREMAP_MAYMOVE | MREMAP_FIXED, mt_va(100));
	EXPECT_EQ(to, (long)mt_va(100));
	EXPECT(locked(100) && locked(103) && locked(105));	/* what is new is filled in */
	EXPECT_EQ(mt_figures().locked, 6);
	EXPECT(mt_sound());
	to = mm_mremap(mt_mm, mt_va(100), 6 * PAGE_SIZE, 6 * PAGE_SIZE,
		       MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
	EXPECT(to > 0);
	EXPECT_EQ(mt_figures().locked, 6);		/* the lock went along */
	EXPECT_EQ(mt_write(100, 1), 0);
	EXPECT(!locked(100));
	end();
}

/* Shared memory: one page, and each mapping locks for itself. */
KTEST(mlock, page_of_two_mappings)
{
	struct object *o = shm_create(PAGE_SIZE);

	mt_begin();
	EXPECT(mt_map(0, 1, RW, MAP_SHARED, o, 0));
	EXPECT(mt_map(8, 1, RW, MAP_SHARED, o, 0));
	EXPECT_EQ(mm_mlock(mt_mm, mt_va(0), PAGE_SIZE, false), 0);
	EXPECT_EQ(mm_mlock(mt_mm, mt_va(8), PAGE_SIZE, false), 0);
	EXPECT_EQ(mt_page(0)->nlocked, 2);
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(0), PAGE_SIZE), 0);
	EXPECT_EQ(mt_page(8)->nlocked, 1);
	EXPECT(mt_sound());
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(8), PAGE_SIZE, MADV_DONTNEED), -EINVAL);
	EXPECT_EQ(mm_munlock(mt_mm, mt_va(8), PAGE_SIZE), 0);
	EXPECT_EQ(mt_page(8)->nlocked, 0);
	end();
	object_put(o);
}

/* RLIMIT_MEMLOCK, of somebody whom it binds. */
KTEST(mlock, limit)
{
	vaddr_t brk;

	mt_begin();
	EXPECT(mt_anon(0, 8, RW));
	mt_mm->limits.privileged = false;
	mt_mm->limits.memlock = 4 * PAGE_SIZE;
	EXPECT_EQ(mm_mlock(mt_mm, mt_va(0), 5 * PAGE_SIZE, false), -ENOMEM);
	EXPECT_EQ(mm_mlock(mt_mm, mt_va(0), 3 * PAGE_SIZE, false), 0);
	EXPECT_EQ(mm_mlock(mt_mm, mt_va(1), 3 * PAGE_SIZE, false), 0);	/* one page more */
	EXPECT_EQ(mm_mlock(mt_mm, mt_va(4), PAGE_SIZE, false), -ENOMEM);
	EXPECT_EQ(mm_mlockall(mt_mm, MCL_CURRENT), -ENOMEM);
	EXPECT_EQ(mm_mmap(mt_mm, 0, PAGE_SIZE, RW, ANON | MAP_LOCKED, NULL, 0), -EAGAIN);
	EXPECT_EQ(mm_mremap(mt_mm, mt_va(0), 4 * PAGE_SIZE, 5 * PAGE_SIZE, MREMAP_MAYMOVE, 0),
		  -EAGAIN);
	mm_set_brk(mt_mm, 0x40000000);
	brk = mm_brk(mt_mm, 0);
	EXPECT_EQ(mm_mlockall(mt_mm, MCL_FUTURE), 0);
	EXPECT_EQ(mm_mmap(mt_mm, 0, PAGE_SIZE, RW, ANON, NULL, 0), -EAGAIN);
	EXPECT_EQ(mm_brk(mt_mm, brk + PAGE_SIZE), brk);
	mm_munlockall(mt_mm);
	EXPECT_EQ(mm_brk(mt_mm, brk + PAGE_SIZE), brk + PAGE_SIZE);
	mt_mm->limits.memlock = 0;
	EXPECT_EQ(mm_mlock(mt_mm, mt_va(0), PAGE_SIZE, false), -EPERM);
	EXPECT_EQ(mm_mlockall(mt_mm, MCL_FUTURE), -EPERM);
	EXPECT_EQ(mm_mmap(mt_mm, 0, PAGE_SIZE, RW, ANON | MAP_LOCKED, NULL, 0), -EPERM);
	EXPECT_EQ(mm_munlock(mt_mm, mt_va(0), PAGE_SIZE), 0);
	end();
}
