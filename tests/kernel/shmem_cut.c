/*
 * Huge pages of shared memory are cut: whatever cuts a leaf, or takes a page out of the object, leaves every other page its
 * content, at each of the 512 places.
 */
#include <tests/kernel/shmemtest.h>
#include <tests/kernel/swapdisk.h>

static struct object *shm;		/* of a block, of which page i holds 1000 + i; mapped at AT, and at TWIN */

#define TWIN		(5 * N)

struct cut {
	const char *name;
	void (*run)(unsigned i);	/* does something to page i */
	bool (*check)(unsigned i);	/* page i is what that made of it */
	bool of_object;			/* the other mapping is cut as well */
};

static bool nothing_there(unsigned i)
{
	return mt_read(AT + i) == ~0ul && mt_read(TWIN + i) == 1000 + i;
}

static bool same_there(unsigned i)
{
	return mt_read(AT + i) == 1000 + i;
}

static void cut_munmap(unsigned i)
{
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(AT + i), PAGE_SIZE), 0);
}

static void cut_protect(unsigned i)
{
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(AT + i), PAGE_SIZE, PROT_READ), 0);
}

static bool read_only(unsigned i)
{
	bool kept = same_there(i) && mt_write(AT + i, 1) == -EFAULT;

	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(AT + i), PAGE_SIZE, RW), 0);
	return kept && !mt_write(AT + i, 1) && mt_read(TWIN + i) == 1;
}

static void cut_noaccess(unsigned i)
{
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(AT + i), PAGE_SIZE, PROT_NONE), 0);
}

static bool no_access(unsigned i)
{
	bool gone = nothing_there(i);

	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(AT + i), PAGE_SIZE, RW), 0);
	return gone && same_there(i);
}

static void cut_dontneed(unsigned i)
{
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(AT + i), PAGE_SIZE, MADV_DONTNEED), 0);
}

static void cut_mremap(unsigned i)
{
	vaddr_t to = mt_va(3 * N + (i + 1) % N);

	EXPECT_EQ(mm_mremap(mt_mm, mt_va(AT + i), PAGE_SIZE, PAGE_SIZE,
			    MREMAP_MAYMOVE | MREMAP_FIXED, to), (long)to);
}

static bool moved_away(unsigned i)
{
	bool ok = nothing_there(i) && mt_read(3 * N + (i + 1) % N) == 1000 + i;

	EXPECT_EQ(mm_munmap(mt_mm, mt_va(3 * N), HUGE_SIZE), 0);
	return ok;
}

static void cut_lock(unsigned i)
{
	EXPECT_EQ(mm_mlock(mt_mm, mt_va(AT + i), PAGE_SIZE, false), 0);
}

static bool only_it_is_locked(unsigned i)
{
	const struct page *head = sh_head(TWIN);

	return same_there(i) && head[i].nlocked == 1 && !head[(i + 1) % N].nlocked;
}

static void cut_unlock(unsigned i)
{
	EXPECT_EQ(mm_mlock(mt_mm, mt_va(AT), HUGE_SIZE, false), 0);
	EXPECT(sh_is_huge(AT) && sh_head(AT)[i].nlocked == 1);
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

static bool zeros_there(unsigned i)
{
	return mt_read(AT + i) == 0 && mt_read(TWIN + i) == 0;
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
		EXPECT(mt_read(TWIN) == 1000 && sh_is_huge(AT) && sh_is_huge(TWIN));
		c->run(i);
		EXPECT(!sh_is_huge(AT) && sh_is_huge(TWIN) != c->of_object);
		EXPECT(c->check(i));
		EXPECT(sh_holds(AT, i > 8 ? i - 8 : 0, i) && sh_holds(AT, i + 1, MIN(i + 9, N)));
		if (i % 128 == 0 || i == N - 1)
			EXPECT(sh_holds(AT, 0, i) && sh_holds(AT, i + 1, N) && ft_sound() &&
			       sh_holds(TWIN, 0, i) && sh_holds(TWIN, i + 1, N));
		object_put(shm);
		if (ktest_failed())
			ktest_note("%s at page %u", c->name, i);
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
CUT(mprotect, cut_protect, read_only, false)
CUT(noaccess, cut_noaccess, no_access, false)
CUT(dontneed, cut_dontneed, same_there, false)
CUT(mremap, cut_mremap, moved_away, false)
CUT(mlock, cut_lock, only_it_is_locked, false)
CUT(munlock, cut_unlock, only_it_is_not, false)
CUT(punch, cut_punch, zeros_there, true)
CUT(remove, cut_remove, zeros_there, true)

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
		EXPECT_EQ(sh_is_huge(AT), i == N - 1);	/* a part of a page is no cut */
		EXPECT_EQ(o->npages, i + 1);
		EXPECT(sh_holds(AT, i > 8 ? i - 8 : 0, i + 1));
		for (unsigned k = i + 1; k < MIN(i + 9, N); k++)
			EXPECT(mt_read(AT + k) == ~0ul && mt_write(AT + k, 1) == -EFAULT);
		EXPECT_EQ(object_truncate(o, HUGE_SIZE), 0);
		EXPECT(mt_read(AT + N - 1) == (i == N - 1 ? 1000 + i : 0));
		if (i % 128 == 0 || i == N - 1)
			EXPECT(sh_holds(AT, 0, i + 1) && ft_sound());
		object_put(o);
	}
	sh_end();
}
