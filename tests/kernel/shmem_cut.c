/*
 * Huge pages of shared memory are cut: whatever cuts a leaf, or takes a page out of the object, leaves every other page its
 * content, at each of the 512 places.
 */
#include <tests/kernel/cuts.h>
#include <tests/kernel/shmemtest.h>
#include <tests/kernel/swapdisk.h>

static struct object *shm;		/* of a block, of which page i holds 1000 + i; mapped at AT, and at TWIN */

#define TWIN		(5 * N)

/* Here; after that it can be made writable again, and is shared still. */
static bool read_only_here(unsigned i)
{
	bool kept = read_only(i);

	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(AT + i), PAGE_SIZE, RW), 0);
	return kept && !mt_write(AT + i, 1) && mt_read(TWIN + i) == 1;
}

static bool only_it_is_locked(unsigned i)
{
	const struct page *head = sh_head(TWIN);

	return same_there(i) && head[i].nlocked == 1 && !head[(i + 1) % N].nlocked;
}

static void cut_unlock(unsigned i)
{
	EXPECT_EQ(mm_mlock(mt_mm, mt_va(AT), HUGE_SIZE, false), 0);
	EXPECT(is_huge(AT) && sh_head(AT)[i].nlocked == 1);
	EXPECT_EQ(mm_munlock(mt_mm, mt_va(AT + i), PAGE_SIZE), 0);
}

static bool only_it_is_not(unsigned i)
{
	const struct page *head = sh_head(TWIN);
	bool ok = same_there(i) && !head[i].nlocked && head[(i + 1) % N].nlocked == 1;

	EXPECT_EQ(mm_munlock(mt_mm, mt_va(AT), HUGE_SIZE), 0);
	return ok;
}

static void cut_punch(unsigned i)
{
	EXPECT_EQ(object_punch(shm, i * PAGE_SIZE, PAGE_SIZE), 0);
	EXPECT_EQ(shm->npages, N - 1);
}

static bool zeros_in_both(unsigned i)
{
	return zeros_there(i) && mt_read(TWIN + i) == 0;
}

static void cut_remove(unsigned i)
{
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(AT + i), PAGE_SIZE, MADV_REMOVE), 0);
}

/* One page goes to swap: reclaim has nothing but it. */
static void cut_swap(unsigned i)
{
	struct page *p = object_cached(shm, i);

	EXPECT(p);
	EXPECT_EQ(reclaim_pages(&p, 1), 1);
	EXPECT_EQ(shm->nswapped, 1);
}

static void at_each_page(const struct cut *c)
{
	for (unsigned i = 0; i < N && !ktest_failed(); i++) {
		shm = sh_fill(AT);
		EXPECT(mt_map(TWIN, N, RW, MAP_SHARED, shm, 0));
		EXPECT(mt_read(TWIN) == 1000 && is_huge(AT) && is_huge(TWIN));
		c->run(i);
		EXPECT(!is_huge(AT) && is_huge(TWIN) != c->of_object);
		EXPECT(c->of_object || mt_read(TWIN + i) == 1000 + i);
		cut_look(c, i);
		if (i % 128 == 0 || i == N - 1)
			EXPECT(huge_holds(TWIN, 0, i) && huge_holds(TWIN, i + 1, N));
		object_put(shm);
	}
}

#define CUT(what, function, checked, of_object) \
	KTEST(shmem_cut, what) \
	{ \
		sh_begin(SHMEM_ALWAYS); \
		at_each_page(&(struct cut){ #what, function, checked, of_object }); \
		sh_end(); \
	}

CUT(munmap, cut_munmap, nothing_there, false)
CUT(mprotect, cut_protect, read_only_here, false)
CUT(noaccess, cut_noaccess, no_access, false)
CUT(dontneed, cut_dontneed, same_there, false)
CUT(mremap, cut_mremap, moved_away, false)
CUT(mlock, cut_lock, only_it_is_locked, false)
CUT(munlock, cut_unlock, only_it_is_not, false)
CUT(punch, cut_punch, zeros_in_both, true)
CUT(remove, cut_remove, zeros_in_both, true)

KTEST(shmem_cut, swap)
{
	begin(&fast_ops);
	sh_begin(SHMEM_ALWAYS);
	at_each_page(&(struct cut){ "swap", cut_swap, same_there, true });
	sh_end();
	end();
}

/* The end of the object at each page of the block. */
KTEST(shmem_cut, truncate)
{
	sh_begin(SHMEM_ALWAYS);
	for (unsigned i = 0; i < N && !ktest_failed(); i++) {
		struct object *o = sh_fill(AT);

		EXPECT_EQ(object_truncate(o, i * PAGE_SIZE + 8), 0);
		EXPECT_EQ(is_huge(AT), i == N - 1);	/* a part of a page is no cut */
		EXPECT_EQ(o->npages, i + 1);
		EXPECT(huge_holds(AT, i > 8 ? i - 8 : 0, i + 1));
		for (unsigned k = i + 1; k < MIN(i + 9, N); k++)
			EXPECT(mt_read(AT + k) == ~0ul && mt_write(AT + k, 1) == -EFAULT);
		EXPECT_EQ(object_truncate(o, HUGE_SIZE), 0);
		EXPECT(mt_read(AT + N - 1) == (i == N - 1 ? 1000 + i : 0));
		if (i % 128 == 0 || i == N - 1)
			EXPECT(huge_holds(AT, 0, i + 1) && ft_sound());
		object_put(o);
	}
	sh_end();
}
