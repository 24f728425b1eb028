/*
 * Huge pages of shared memory come and go while threads on the other CPUs read and write them: the boot CPU takes leaves
 * and pages out in all ways there are, and no word that was written is lost.
 *
 * Each racer has a word of its own in each page, and writes it again and again. The first two blocks of the object keep what is
 * written: of the one only leaves go, of the other pages go to swap, too. In the last two whatever can be done is
 * done, and a word there counts only for as long as it is seen.
 */
#include <tests/kernel/racers.h>
#include <tests/kernel/shmemtest.h>
#include <tests/kernel/swapdisk.h>

#define FIXED		(2 * N)		/* pages */
#define ALL		(4 * N)
#define SIZE		(ALL * PAGE_SIZE)
#define LIVES		6u		/* objects, one after the other: what was swapped is no block again */
#define ROUNDS		250u

static uint64_t seed;
static struct object *shm;
static uint64_t words[RACERS][FIXED];	/* what each last wrote to its own words of these pages */
static unsigned collapses, collapsed;	/* tried; done */

static void step(struct racer *r)
{
	unsigned page = (unsigned)(random_next(&r->seed) % ALL);

	if (page < FIXED)
		racer_rewrite(r, AT + page, &words[r->id][page]);
	else
		racer_touch(r, AT + page);
}

static unsigned below(unsigned n)
{
	return (unsigned)(random_next(&seed) % n);
}

/* One or some pages, or a whole block, of those from `first` on. */
static void some(unsigned first, unsigned *page, unsigned *n)
{
	static const unsigned sizes[] = { 1, 20, 300, N };

	*n = sizes[below(ARRAY_SIZE(sizes))];
	*page = *n == N ? first + N * below((ALL - first) / N) : first + below(ALL - first - *n);
}

static void map_all(void)
{
	EXPECT(mt_map(AT, ALL, RW, MAP_SHARED, shm, 0));
}

/* A child maps what there is, too, and ends. */
static void have_a_child(void)
{
	struct mm *parent = mt_mm, *child = mm_fork(parent);

	EXPECT(child);
	thread_set_aspace(mm_aspace(child));
	for (unsigned i = 0; i < ALL; i += N / 2) {
		uint64_t v;

		if (get_user_u64(&v, UP(mt_va(AT + i))))
			continue;
	}
	thread_set_aspace(mm_aspace(parent));
	mm_put(child);
}

/* Of the second block, or behind it. */
static void swap_some(void)
{
	unsigned first = N + below(ALL - N - 8);
	struct page *page[8];
	unsigned n = 0;

	for (unsigned i = 0; i < 8; i++) {
		page[n] = object_cached(shm, first + i);
		n += page[n] != NULL;
	}
	reclaim_pages(page, n);
}

static void look_at_use(void)
{
	struct page *p = object_cached(shm, below(ALL));

	if (!p)
		return;
	if (page_trylock(p)) {
		object_clear_young(p);
		page_unlock(p);
	}
	page_put(p);
}

static int advise(unsigned page, unsigned n, int advice)
{
	return mm_madvise(mt_mm, mt_va(AT + page), n * PAGE_SIZE, advice);
}

/* Of any block, whether it is one or not; what is in use just now stays as it is. */
static void try_collapse(unsigned block)
{
	uint64_t made = vm_event_sum(THP_COLLAPSE_ALLOC);
	int err = collapse(AT + block * N);

	EXPECT(!err || err == -EAGAIN || err == -EINVAL || err == -ENOMEM);
	collapses += vm_event_sum(THP_COLLAPSE_ALLOC) != made;
	collapsed += vm_event_sum(THP_COLLAPSE_ALLOC) != made && !err;
}

static void disturb(void)
{
	unsigned page, n;

	some(FIXED, &page, &n);
	switch (below(13)) {
	case 0:
		EXPECT_EQ(object_punch(shm, page * PAGE_SIZE, n * PAGE_SIZE), 0);
		break;
	case 1:
		EXPECT_EQ(object_truncate(shm, page * PAGE_SIZE + below(PAGE_SIZE)), 0);
		EXPECT_EQ(object_truncate(shm, SIZE), 0);
		break;
	case 2:
		EXPECT_EQ(mm_mprotect(mt_mm, mt_va(AT + page), n * PAGE_SIZE, below(2) ? PROT_READ : PROT_NONE), 0);
		EXPECT_EQ(mm_mprotect(mt_mm, mt_va(AT + page), n * PAGE_SIZE, RW), 0);
		break;
	case 3:
		EXPECT_EQ(mm_munmap(mt_mm, mt_va(AT + page), n * PAGE_SIZE), 0);
		EXPECT(mt_map(AT + page, n, RW, MAP_SHARED, shm, page));
		break;
	case 4:
		EXPECT_EQ(mm_mlock(mt_mm, mt_va(AT + page), n * PAGE_SIZE, false), 0);
		EXPECT_EQ(mm_munlock(mt_mm, mt_va(AT + page), n * PAGE_SIZE), 0);
		break;
	case 5:
		have_a_child();
		break;
	case 6:
		swap_some();
		break;
	case 7:
		look_at_use();
		break;
	case 8:
		some(0, &page, &n);
		EXPECT_EQ(advise(page, n, MADV_DONTNEED), 0);
		break;
	case 9:				/* another block comes */
		page = FIXED + N * below(2);
		EXPECT_EQ(mm_munmap(mt_mm, mt_va(AT + page), HUGE_SIZE), 0);
		EXPECT_EQ(object_punch(shm, page * PAGE_SIZE, HUGE_SIZE), 0);
		EXPECT(mt_map(AT + page, N, RW, MAP_SHARED, shm, page));
		break;
	case 10:
	case 11:
		try_collapse(below(ALL / N));
		break;
	default:			/* the leaf of the first block goes and comes */
		EXPECT_EQ(advise(0, N, MADV_DONTNEED), 0);
		break;
	}
}

static void live(void)
{
	shm = shm_create(SIZE);
	EXPECT(shm);
	map_all();
	for (unsigned i = 0; i < ALL; i++)
		EXPECT_EQ(mt_write(AT + i, i), 0);
	EXPECT(is_huge(AT) && is_huge(AT + 3 * N));
	memset(words, 0, sizeof(words));
	racers_start(step, 177);
	for (unsigned i = 0; i < ROUNDS; i++) {
		disturb();
		resched_point();
	}
	racers_end(0);
	for (unsigned i = 0; i < FIXED; i++)
		EXPECT_EQ(mt_read(AT + i), i);
	EXPECT(ft_sound());
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(AT), SIZE), 0);
	object_put(shm);
}

KTEST(shmem_race, leaves_and_pages_come_and_go)
{
	uint64_t mapped = vm_event_sum(THP_FILE_MAPPED), blocks = vm_event_sum(THP_FILE_ALLOC);

	if (arch_ncpus == 1) {
		ktest_skip("one CPU");
		return;
	}
	begin(&fast_ops);
	sh_begin(SHMEM_ALWAYS);
	seed = 4711;
	for (unsigned i = 0; i < LIVES && !ktest_failed(); i++)
		live();
	mapped = vm_event_sum(THP_FILE_MAPPED) - mapped;
	blocks = vm_event_sum(THP_FILE_ALLOC) - blocks;
	ktest_note("%lu blocks, %lu leaves; of %u collapses %u", blocks, mapped, collapses, collapsed);
	EXPECT(blocks > 8 * LIVES && mapped > 3 * blocks && collapsed > collapses / 2 && collapses > 4 * LIVES);
	sh_end();
	end();
}

/* ---- an object that is cut short while its first page is looked for ---- */

#define SHORTS		150u

/* Page 0 is always there, whoever else has what is behind it; every other racer has a page of that busy now and then. */
static void look_or_hold(struct racer *r)
{
	struct page *p = r->id & 1 ? object_cached(shm, 300) : NULL;
	uint64_t got;

	if (p && page_trylock(p)) {
		cpu_relax();
		page_unlock(p);
	}
	if (p)
		page_put(p);
	if (r->id & 1)
		return;
	r->wrong += get_user_u64(&got, UP(mt_va(AT))) != 0;
	r->writes++;
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(AT), HUGE_SIZE, MADV_DONTNEED), 0);
}

KTEST(shmem_race, what_is_left_of_a_block_is_found)
{
	if (arch_ncpus < 3) {
		ktest_skip("fewer than three CPUs");
		return;
	}
	sh_begin(SHMEM_ALWAYS);
	shm = sh_map(AT, N);
	racers_start(look_or_hold, 0);
	for (unsigned i = 0; i < SHORTS; i++) {
		EXPECT_EQ(object_truncate(shm, 8), 0);
		EXPECT_EQ(object_truncate(shm, HUGE_SIZE), 0);
		EXPECT_EQ(object_punch(shm, 0, HUGE_SIZE), 0);	/* another block comes */
		racers_go_on(2);
	}
	racers_stop();
	for (unsigned i = 0; i < nracers; i++)
		EXPECT_EQ(racers[i].wrong, 0);
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(AT), HUGE_SIZE), 0);
	object_put(shm);
	sh_end();
}
