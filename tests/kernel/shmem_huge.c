/*
 * Huge pages of shared memory: a fault makes a block of the object and maps it by one leaf, where that is wanted and
 * fits; what reclaim and migration do with it.
 */
#include <mm/reclaim/migrate.h>
#include <tests/kernel/forktest.h>
#include <tests/kernel/shmemtest.h>
#include <tests/kernel/swapdisk.h>

static uint64_t event(enum vm_event e)
{
	return vm_event_sum(e);
}

/* ---- faults ---- */

KTEST(shmem_huge, first_touch_makes_a_block)
{
	uint64_t allocs = event(THP_FILE_ALLOC), mapped = event(THP_FILE_MAPPED);
	struct object *o;

	sh_begin(SHMEM_ALWAYS);
	o = sh_map(AT, 2 * N);
	EXPECT_EQ(mt_read(AT + 7), 0);
	EXPECT(is_huge(AT) && !is_huge(AT + N));
	EXPECT_EQ(o->npages, N);
	EXPECT_EQ(mt_figures().shmem, N);
	EXPECT_EQ(mt_figures().minflt, 1);
	EXPECT_EQ(mt_write(AT + 7, 1), 0);		/* a shared leaf can be written to at once */
	EXPECT_EQ(mt_figures().minflt, 1);
	EXPECT_EQ(event(THP_FILE_ALLOC), allocs + 1);
	EXPECT_EQ(event(THP_FILE_MAPPED), mapped + 1);
	EXPECT_EQ(mt_write(AT + N + 3, 2), 0);
	EXPECT(is_huge(AT + N) && ft_sound());
	object_put(o);
	sh_end();
}

/* Other mappings, of other address spaces, too, map the block that is there; a private one by 4 KB. */
KTEST(shmem_huge, one_block_for_all)
{
	struct mm *parent, *child;
	struct object *o;

	sh_begin(SHMEM_ALWAYS);
	parent = mt_mm;
	o = sh_fill(AT);
	EXPECT(mt_map(4 * N, N, RW, MAP_SHARED, o, 0) && mt_map(5 * N, N, RW, MAP_PRIVATE, o, 0));
	EXPECT(huge_holds(4 * N, 0, N) && is_huge(4 * N));
	EXPECT(huge_holds(5 * N, 0, N) && !is_huge(5 * N));
	EXPECT_EQ(mt_write(5 * N + 3, 1), 0);
	EXPECT_EQ(mt_write(4 * N + 4, 1), 0);
	EXPECT_EQ(mt_read(AT + 3), 1003);
	EXPECT_EQ(mt_read(AT + 4), 1);
	EXPECT_EQ(mt_read(5 * N + 4), 1);
	child = ft_fork(parent);
	ft_in(child);
	EXPECT(!is_huge(AT));
	EXPECT_EQ(mt_write(AT + 9, 9), 0);
	EXPECT(is_huge(AT) && sh_head(AT)->leaves == 3 && ft_sound());
	ft_in(parent);
	mm_put(child);
	EXPECT_EQ(mt_read(4 * N + 9), 9);
	EXPECT_EQ(sh_head(AT)->leaves, 2);
	EXPECT(ft_sound());
	object_put(o);
	sh_end();
}

/* What fails on the way is done by 4 KB, or not at all; nothing is left over. */
KTEST(shmem_huge, no_memory)
{
	uint64_t fallbacks = event(THP_FILE_FALLBACK);
	struct object *o;

	sh_begin(SHMEM_ALWAYS);
	for (unsigned nth = 1; nth < 30; nth++) {
		o = sh_map(AT, N);
		page_fail_objects = nth > 4;
		page_fail_nth = nth;
		mt_write(AT + 5, 5);
		page_fail_nth = 0;
		page_fail_objects = false;
		EXPECT_EQ(mt_write(AT + 5, 6), 0);
		EXPECT_EQ(mt_write(AT + 6, 7), 0);
		EXPECT_EQ(mt_read(AT + 5), 6);
		EXPECT(ft_sound());
		object_put(o);
	}
	EXPECT(event(THP_FILE_FALLBACK) > fallbacks);
	sh_end();
}

static bool gets_huge(struct object *o, uint64_t pgoff, int type, unsigned at)
{
	EXPECT(mt_map(at, N, RW, type, o, pgoff));
	EXPECT_EQ(mt_write(at + 1, 1), 0);
	return is_huge(at);
}

KTEST(shmem_huge, where_it_is_wanted)
{
	static const struct { unsigned mode; bool plain, asked; } modes[] = {
		{ SHMEM_ALWAYS, true, true }, { SHMEM_WITHIN_SIZE, true, true },
		{ SHMEM_ADVISE, false, true }, { SHMEM_NEVER, false, false },
		{ SHMEM_DENY, false, false }, { SHMEM_FORCE, true, true },
	};
	struct object *o;

	for (unsigned i = 0; i < ARRAY_SIZE(modes); i++) {
		sh_begin(modes[i].mode);
		o = sh_map(AT, 2 * N);
		EXPECT_EQ(mt_write(AT, 1), 0);
		EXPECT_EQ(is_huge(AT), modes[i].plain);
		EXPECT_EQ(mm_madvise(mt_mm, mt_va(AT + N), HUGE_SIZE, MADV_HUGEPAGE), 0);
		EXPECT_EQ(mt_write(AT + N, 1), 0);
		EXPECT_EQ(is_huge(AT + N), modes[i].asked);
		EXPECT_EQ(mm_madvise(mt_mm, mt_va(AT), 2 * HUGE_SIZE, MADV_NOHUGEPAGE), 0);
		EXPECT_EQ(object_truncate(o, 0), 0);
		EXPECT_EQ(object_truncate(o, 2 * HUGE_SIZE), 0);
		EXPECT_EQ(mt_write(AT, 1), 0);
		EXPECT(!is_huge(AT));
		object_put(o);
		sh_end();
	}
}

/* The word of a file system stands over the system's, but for the last two. */
KTEST(shmem_huge, objects_with_a_word_of_their_own)
{
	static const struct { unsigned mode, own; bool huge; } cases[] = {
		{ SHMEM_ALWAYS, SHMEM_NEVER, false }, { SHMEM_NEVER, SHMEM_ALWAYS, true },
		{ SHMEM_DENY, SHMEM_ALWAYS, false }, { SHMEM_FORCE, SHMEM_NEVER, true },
		{ SHMEM_ALWAYS, SHMEM_ADVISE, false },
	};
	struct object_room room = { .max = N };
	struct object *o;

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		sh_begin(cases[i].mode);
		o = shm_create(HUGE_SIZE);
		EXPECT(o);
		o->room = &room;
		room.huge = 1 + cases[i].own;
		shmem_mode_changed(cases[i].own);
		EXPECT_EQ(gets_huge(o, 0, MAP_SHARED, AT), cases[i].huge);
		EXPECT_EQ(mm_munmap(mt_mm, mt_va(AT), HUGE_SIZE), 0);
		object_put(o);
		sh_end();
	}
}

KTEST(shmem_huge, where_it_fits)
{
	struct object *o, *short_one;
	struct object_room room = { .max = N - 1, .huge = 1 + SHMEM_ALWAYS };

	sh_begin(SHMEM_ALWAYS);
	o = shm_create(4 * HUGE_SIZE);
	short_one = shm_create(HUGE_SIZE - PAGE_SIZE);
	EXPECT(o && short_one);
	EXPECT(!gets_huge(o, 1, MAP_SHARED, AT));		/* an odd place */
	EXPECT(!gets_huge(o, N, MAP_PRIVATE, AT));
	EXPECT(!gets_huge(o, 0, MAP_SHARED, AT));		/* a page is there already: the odd one's */
	EXPECT(gets_huge(o, 2 * N, MAP_SHARED, AT));
	EXPECT(!gets_huge(short_one, 0, MAP_SHARED, AT));	/* not all of it is before the end */
	EXPECT(mt_map(AT, N - 1, RW, MAP_SHARED, o, 3 * N));
	EXPECT_EQ(mt_write(AT, 1), 0);
	EXPECT(!is_huge(AT));
	object_put(short_one);
	short_one = shm_create(HUGE_SIZE);
	short_one->room = &room;
	EXPECT(!gets_huge(short_one, 0, MAP_SHARED, AT) && room.used == 1);
	room.max = N;
	EXPECT_EQ(object_truncate(short_one, 0), 0);
	EXPECT_EQ(object_truncate(short_one, HUGE_SIZE), 0);
	EXPECT(gets_huge(short_one, 0, MAP_SHARED, AT) && room.used == N);
	EXPECT_EQ(mm_munmap(mt_mm, mt_va(AT), HUGE_SIZE), 0);
	object_put(short_one);
	EXPECT_EQ(room.used, 0);
	object_put(o);
	sh_end();
}

/* ---- whole ones ---- */

KTEST(shmem_huge, moved_as_a_whole)
{
	struct object *o;
	long to;

	sh_begin(SHMEM_ALWAYS);
	o = sh_fill(AT);
	to = mm_mremap(mt_mm, mt_va(AT), HUGE_SIZE, HUGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, mt_va(4 * N));
	EXPECT_EQ(to, (long)mt_va(4 * N));
	EXPECT(is_huge(4 * N) && huge_holds(4 * N, 0, N) && ft_sound());
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(4 * N), HUGE_SIZE, PROT_READ), 0);
	EXPECT(is_huge(4 * N) && mt_write(4 * N, 1) == -EFAULT);
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(4 * N), HUGE_SIZE, PROT_NONE), 0);
	EXPECT(mt_read(4 * N) == ~0ul && ft_sound());
	EXPECT_EQ(mm_mprotect(mt_mm, mt_va(4 * N), HUGE_SIZE, RW), 0);
	EXPECT(!mt_write(4 * N + 1, 1) && mt_read(4 * N) == 1000 && is_huge(4 * N));
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(4 * N), HUGE_SIZE, MADV_DONTNEED), 0);
	EXPECT_EQ(ft_upper(mt_mm, 4 * N).v, 0);
	EXPECT(huge_holds(4 * N, 2, N) && is_huge(4 * N) && ft_sound());	/* the same block again */
	object_put(o);
	sh_end();
}

/* By descriptor and by mapping the same bytes are seen; a hole of 2 MB can be filled by a block again. */
KTEST(shmem_huge, read_write_punch)
{
	struct object *o;
	uint64_t word;

	sh_begin(SHMEM_ALWAYS);
	o = sh_fill(AT);
	for (unsigned i = 0; i < N; i++)
		EXPECT(object_read_kernel(o, i * PAGE_SIZE, &word, 8) == 8 && word == 1000 + i);
	EXPECT_EQ(object_punch(o, 0, HUGE_SIZE), 0);
	EXPECT_EQ(o->npages, 0);
	EXPECT_EQ(ft_upper(mt_mm, AT).v, 0);
	EXPECT(mt_read(AT + 4) == 0 && is_huge(AT) && ft_sound());
	object_put(o);
	sh_end();
}

/* ---- reclaim ---- */

/* All of it goes to swap, page by page, and comes back by pages. */
KTEST(shmem_huge, paged_out_and_back)
{
	struct object *o;

	begin(&fast_ops);
	sh_begin(SHMEM_ALWAYS);
	o = sh_fill(AT);
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(AT), HUGE_SIZE, MADV_PAGEOUT), 0);
	EXPECT_EQ(o->nswapped, N);
	EXPECT(ft_sound());
	EXPECT(huge_holds(AT, 0, N) && !is_huge(AT));
	EXPECT_EQ(o->nswapped, 0);
	EXPECT(ft_sound());
	object_put(o);
	sh_end();
	end();
}

/* One leaf was used: so were all of its pages. A locked one stays. */
KTEST(shmem_huge, used_or_locked)
{
	struct object *o;
	struct page *head, *p;

	begin(&fast_ops);
	sh_begin(SHMEM_ALWAYS);
	o = sh_fill(AT);
	head = sh_head(AT);
	EXPECT_EQ(object_clear_young(&head[3]), 1);
	EXPECT_EQ(object_clear_young(&head[4]), 0);
	EXPECT(!(head[3].flags & PG_REFERENCED) && head[4].flags & PG_REFERENCED &&
	       head[N - 1].flags & PG_REFERENCED);
	EXPECT_EQ(mm_mlock(mt_mm, mt_va(AT), HUGE_SIZE, false), 0);
	p = object_cached(o, 9);
	EXPECT_EQ(reclaim_pages(&p, 1), 0);
	EXPECT(is_huge(AT) && ft_sound());
	EXPECT_EQ(mm_munlock(mt_mm, mt_va(AT), HUGE_SIZE), 0);
	p = object_cached(o, 9);
	EXPECT_EQ(reclaim_pages(&p, 1), 1);
	EXPECT(!is_huge(AT) && huge_holds(AT, 0, N) && ft_sound());
	object_put(o);
	sh_end();
	end();
}

#define MANY		40u		/* more leaves of one block than reclaim takes at once */

KTEST(shmem_huge, more_leaves_than_reclaim_takes_at_once)
{
	static struct mm *child[MANY];
	struct mm *parent;
	struct object *o;
	unsigned freed = 0, tries = 0;

	begin(&fast_ops);
	sh_begin(SHMEM_ALWAYS);
	parent = mt_mm;
	o = sh_fill(AT);
	for (unsigned i = 0; i < MANY; i++) {
		child[i] = mm_fork(parent);
		EXPECT(child[i]);
		ft_in(child[i]);
		EXPECT_EQ(mt_read(AT + i), 1000 + i);
	}
	ft_in(parent);
	EXPECT_EQ(sh_head(AT)->leaves, MANY + 1);
	while (!freed && tries++ < 10) {
		struct page *p = object_cached(o, 77);

		freed = reclaim_pages(&p, 1);
	}
	EXPECT(freed == 1 && tries > 1 && ft_sound());
	for (unsigned i = 0; i < MANY; i++) {
		ft_in(child[i]);
		EXPECT_EQ(mt_read(AT + 77), 1077);
		ft_in(parent);
		mm_put(child[i]);
	}
	object_put(o);
	sh_end();
	end();
}

/* What a huge leaf maps gets no other frame. */
KTEST(shmem_huge, not_moved)
{
	struct page *from, *to = page_alloc(0, PAGE_KERNEL, 0);
	struct object *o;
	unsigned moved;

	sh_begin(SHMEM_ALWAYS);
	o = sh_fill(AT);
	from = object_cached(o, 5);
	EXPECT(from && to);
	EXPECT_EQ(migrate_pages(&from, &to, 1, &moved), 1);
	EXPECT_EQ(moved, 0);
	EXPECT(is_huge(AT) && ft_sound());
	EXPECT_EQ(mm_madvise(mt_mm, mt_va(AT), HUGE_SIZE, MADV_DONTNEED), 0);
	from = object_cached(o, 5);
	EXPECT_EQ(migrate_pages(&from, &to, 1, &moved), 0);
	EXPECT_EQ(moved, 1);
	EXPECT(huge_holds(AT, 0, N) && !is_huge(AT) && ft_sound());
	object_put(o);
	sh_end();
}
