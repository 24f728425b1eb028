/*
 * Promised memory: who is charged and gives back how much, what the modes of
 * overcommit refuse; and the limits of an address space.
 */
#include <tests/kernel/mmtest.h>
#include <mm/alloc/slots.h>
#include <mm/vm/vma.h>

#define ANON	(MAP_PRIVATE | MAP_ANONYMOUS)

static uint64_t before;

static void begin(void)
{
	before = commit_total();
	mt_begin();
}

static void end(void)
{
	EXPECT(mt_sound());
	mt_end();
	EXPECT_EQ(commit_total(), before);
}

#define EXPECT_PROMISED(n)	EXPECT_EQ(commit_total() - before, n)

static long anon(size_t len, int prot, int flags)
{
	return mm_mmap(mt_mm, 0, len, prot, ANON | flags, NULL, 0);
}

KTEST(accounting, mappings)
{
	begin();
	EXPECT(mt_anon(0, 10, RW));
	EXPECT_PROMISED(10);
	EXPECT(mt_anon(20, 10, PROT_READ));
	EXPECT_PROMISED(10);
	EXPECT(mt_map(40, 10, RW, ANON | MAP_NORESERVE, NULL, 0));
	EXPECT_PROMISED(10);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(22), 2 * PAGE_SIZE, RW), 0);
	EXPECT_PROMISED(12);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(22), 2 * PAGE_SIZE, PROT_READ), 0);
	EXPECT_PROMISED(12);			/* what was written may be there */
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(5), 18 * PAGE_SIZE), 0);
	EXPECT_PROMISED(6);
	EXPECT(mt_anon(0, 2, PROT_READ));	/* over what was promised */
	EXPECT_PROMISED(4);
	EXPECT(mt_sound());
	end();
}

KTEST(accounting, heap_stack_and_moves)
{
	vaddr_t brk, top;

	begin();
	mm_set_brk(mt_mm, 0x40000000);
	brk = mm_brk(mt_mm, 0);
	EXPECT_EQ(mm_brk(mt_mm, brk + 5 * PAGE_SIZE), brk + 5 * PAGE_SIZE);
	EXPECT_PROMISED(5);
	EXPECT_EQ(mm_brk(mt_mm, brk + PAGE_SIZE), brk + PAGE_SIZE);
	EXPECT_PROMISED(1);
	top = (vaddr_t)mm_map_stack(mt_mm);
	EXPECT_PROMISED(34);
	EXPECT_EQ(put_user_u64(1, UP(top - 50 * PAGE_SIZE)), 0);
	EXPECT_PROMISED(51);
	EXPECT(mt_anon(0, 4, RW));
	EXPECT_EQ(mm_mremap(mt_mm, mt_va(0), 4 * PAGE_SIZE, 8 * PAGE_SIZE, 0, 0), (long)mt_va(0));
	EXPECT_PROMISED(59);
	EXPECT_EQ(mm_mremap(mt_mm, mt_va(0), 8 * PAGE_SIZE, 9 * PAGE_SIZE,
			    MREMAP_MAYMOVE | MREMAP_FIXED, mt_va(64)), (long)mt_va(64));
	EXPECT_PROMISED(60);
	EXPECT(mm_mremap(mt_mm, mt_va(64), 9 * PAGE_SIZE, 9 * PAGE_SIZE,
			 MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0) > 0);
	EXPECT_PROMISED(69);
	EXPECT_EQ(mm_mremap(mt_mm, mt_va(64), 9 * PAGE_SIZE, PAGE_SIZE, 0, 0), (long)mt_va(64));
	EXPECT_PROMISED(61);
	end();
}

/* An object is charged for as a whole when it is made, or page by page. */
KTEST(accounting, shared_memory)
{
	struct object *o;

	begin();
	EXPECT(mt_map(0, 10, RW, MAP_SHARED | MAP_ANONYMOUS, NULL, 0));
	EXPECT_PROMISED(10);
	EXPECT_EQ(mt_write(0, 1), 0);
	EXPECT_PROMISED(10);
	EXPECT(mt_map(20, 10, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, NULL, 0));
	EXPECT_PROMISED(10);
	EXPECT_EQ(mt_write(20, 1), 0);
	EXPECT_PROMISED(11);
	o = shm_create(4 * PAGE_SIZE);		/* as a memfd has it */
	EXPECT(mt_map(40, 4, RW, MAP_SHARED, o, 0));
	EXPECT_PROMISED(11);
	EXPECT_EQ(mt_write(40, 1), 0);
	EXPECT_EQ(mt_write(41, 1), 0);
	EXPECT_PROMISED(13);
	EXPECT_EQ(object_truncate(o, PAGE_SIZE), 0);
	EXPECT_PROMISED(12);
	EXPECT(mt_sound());
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(0), 5 * PAGE_SIZE), 0);
	EXPECT_PROMISED(12);			/* the object is there as long as it is mapped */
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(5), 5 * PAGE_SIZE), 0);
	EXPECT_PROMISED(2);
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(20), 30 * PAGE_SIZE), 0);
	object_put(o);
	EXPECT_PROMISED(0);
	end();
}

KTEST(accounting, fork_promises_again)
{
	struct mm *child;

	begin();
	EXPECT(mt_anon(0, 10, RW));
	EXPECT(mt_anon(20, 10, RW));
	EXPECT(mt_map(40, 10, RW, MAP_SHARED | MAP_ANONYMOUS, NULL, 0));
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(20), 10 * PAGE_SIZE, MADV_DONTFORK), 0);
	EXPECT_PROMISED(30);
	child = mm_fork(mt_mm);
	EXPECT(child);
	EXPECT_PROMISED(40);
	EXPECT(mt_sound());
	mm_put(child);
	EXPECT_PROMISED(30);
	end();
}

KTEST(accounting, mode_guess_and_always)
{
	const uint64_t all = (page_total_count() + slots_total()) * PAGE_SIZE;
	long at;

	begin();
	EXPECT_EQ(anon(all + PAGE_SIZE, RW, 0), -ENOMEM);
	EXPECT(anon(all + PAGE_SIZE, RW, MAP_NORESERVE) > 0);
	EXPECT(anon(all + PAGE_SIZE, PROT_READ, 0) > 0);
	EXPECT(anon(all, RW, 0) > 0);
	at = anon(all, RW, 0);			/* each by itself fits */
	EXPECT(at > 0);
	EXPECT_PROMISED(2 * all / PAGE_SIZE);
	vm_overcommit_memory = OVERCOMMIT_ALWAYS;
	EXPECT(anon(100 * all, RW, 0) > 0);
	vm_overcommit_memory = OVERCOMMIT_GUESS;
	end();
}

/* Mode 2: no more than the limit, NORESERVE or not; who fails has promised nothing. */
KTEST(accounting, mode_never)
{
	const uint64_t kbytes = vm_overcommit_kbytes, user = vm_user_reserve_kbytes, swap = slots_total();
	struct mm *child;
	uint64_t left;

	begin();
	if (swap)				/* what swap adds to the limit is promised beforehand */
		EXPECT(anon(swap * PAGE_SIZE, RW, 0) > 0);
	before += swap;
	EXPECT(mt_anon(0, 1, RW));
	vm_overcommit_memory = OVERCOMMIT_NEVER;
	vm_user_reserve_kbytes = 0;
	vm_overcommit_kbytes = (commit_total() - swap + 100) * 4;
	EXPECT_EQ(commit_limit(), commit_total() + 100);
	left = 99;				/* the limit itself is not reached */
	EXPECT_EQ(anon((left + 1) * PAGE_SIZE, RW, MAP_NORESERVE), -ENOMEM);
	EXPECT_PROMISED(1);
	EXPECT(mt_map(8, 60, RW, ANON | MAP_NORESERVE, NULL, 0));
	EXPECT_PROMISED(61);
	child = mm_fork(mt_mm);			/* 61 more do not fit */
	EXPECT(!child);
	EXPECT_PROMISED(61);
	EXPECT(mt_anon(200, 50, PROT_READ));
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(200), 50 * PAGE_SIZE, RW), -ENOMEM);
	EXPECT_EQ(mm_mremap(mt_mm, mt_va(8), 60 * PAGE_SIZE, 100 * PAGE_SIZE, 0, 0), -ENOMEM);
	EXPECT_EQ(mm_mremap(mt_mm, mt_va(8), 60 * PAGE_SIZE, 99 * PAGE_SIZE, 0, 0),
		  (long)mt_va(8));
	EXPECT_PROMISED(100);
	EXPECT(!mt_map(400, 1, RW, MAP_SHARED | MAP_ANONYMOUS, NULL, 0));
	EXPECT(mt_sound());
	vm_overcommit_kbytes = kbytes;
	vm_user_reserve_kbytes = user;
	vm_overcommit_memory = OVERCOMMIT_GUESS;
	before -= swap;
	end();
}

/* RLIMIT_AS and RLIMIT_DATA. */
KTEST(accounting, limits)
{
	begin();
	EXPECT(mt_anon(0, 4, RW));
	mt_mm->limits.as = 10 * PAGE_SIZE + 100;
	EXPECT_EQ(anon(7 * PAGE_SIZE, PROT_NONE, 0), -ENOMEM);
	EXPECT(mt_map(0, 10, RW, ANON, NULL, 0));	/* what it replaces counts for it */
	EXPECT_EQ(mt_figures().size_pages, 10);
	EXPECT_EQ(mm_mremap(mt_mm, mt_va(0), 10 * PAGE_SIZE, 11 * PAGE_SIZE, 0, 0), -ENOMEM);
	mt_mm->limits.as = ~0ul;
	mt_mm->limits.data = 12 * PAGE_SIZE;
	EXPECT_EQ(mt_mm->data_pages, 10);
	EXPECT_EQ(anon(3 * PAGE_SIZE, RW, 0), -ENOMEM);
	EXPECT(mt_anon(20, 3, PROT_READ));
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(20), 3 * PAGE_SIZE, RW), -ENOMEM);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(20), 2 * PAGE_SIZE, RW), 0);
	EXPECT(mt_map(40, 3, RW, MAP_SHARED | MAP_ANONYMOUS, NULL, 0));
	end();
}

/* The heap is held to RLIMIT_DATA by its place; going back is held to it, too. */
KTEST(accounting, limit_of_the_heap)
{
	vaddr_t brk;

	begin();
	mm_set_brk(mt_mm, 0x40000000);
	brk = mm_brk(mt_mm, 0);
	mt_mm->limits.data = 8 * PAGE_SIZE;
	EXPECT_EQ(mm_brk(mt_mm, brk + 8 * PAGE_SIZE + 1), brk);
	EXPECT_EQ(mm_brk(mt_mm, brk + 8 * PAGE_SIZE), brk + 8 * PAGE_SIZE);
	mt_mm->limits.data = PAGE_SIZE;
	EXPECT_EQ(mm_brk(mt_mm, brk + 2 * PAGE_SIZE), brk + 8 * PAGE_SIZE);
	EXPECT_EQ(mm_brk(mt_mm, brk), brk);
	end();
}

/* 100,000 mappings: all found, the tree no deeper than its law allows, gaps found. */
KTEST(accounting, many_mappings)
{
	const uint64_t max = vm_max_map_count, many = 100000;
	unsigned depth, deepest = 0;
	long at;

	begin();
	vm_max_map_count = many;
	for (unsigned i = 0; i < many; i++)
		if (!mt_map(2 * i, 1, PROT_READ, ANON, NULL, 0))
			break;
	EXPECT_EQ(mt_mm->nvmas, many);
	EXPECT(mt_map(2 * many, 1, PROT_READ, ANON, NULL, 0));
	EXPECT_EQ(anon(PAGE_SIZE, PROT_READ, 0), -ENOMEM);	/* one too many, as on Linux */
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(2 * many), PAGE_SIZE), 0);
	for (unsigned i = 0; i < many; i += 99) {
		struct vma *v = vma_find(mt_mm, mt_va(2 * i));

		EXPECT_EQ(v->start, mt_va(2 * i));
		for (depth = 0; v; v = RB_PARENT(v, node))
			depth++;
		deepest = MAX(deepest, depth);
	}
	EXPECT(deepest <= 34);			/* 2 log2(100,001) */
	at = mm_mmap(mt_mm, 0, PAGE_SIZE, PROT_READ, ANON, NULL, 0);
	EXPECT_EQ(at, (long)(mt_mm->mmap_top - PAGE_SIZE));
	EXPECT(!vma_verify(mt_mm));
	vm_max_map_count = max;
	end();
}
