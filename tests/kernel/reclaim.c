/*
 * Reclaim: what goes out and what stays, by MADV_PAGEOUT, by direct reclaim, and whatever else the
 * loop meets. The law of the lists is mm_verify's,
 * which runs after each test.
 */
#include <tests/kernel/swapdisk.h>
#include <mm/alloc/lists.h>
#include <mm/vm/map.h>

#define N		64u		/* pages of a test's memory */

static void memory_begin(void)
{
	begin(&fast_ops);
	mt_begin();
}

static void memory_end(void)
{
	mt_end();
	end();
}

static void fill(uint64_t seed)
{
	for (unsigned i = 0; i < N; i++)
		EXPECT_EQ(mt_write(i, seed + i), 0);
}

static void check(uint64_t seed)
{
	for (unsigned i = 0; i < N; i++)
		EXPECT_EQ(mt_read(i), seed + i);
}

static uint64_t in_swap(void)
{
	return mt_figures().swap;
}

static int pageout(void)
{
	return mm_madvise(mt_mm, MT_BASE, N * PAGE_SIZE, MADV_PAGEOUT);
}

KTEST(reclaim, paged_out_and_back)
{
	memory_begin();
	EXPECT(mt_anon(0, N, RW));
	fill(1);
	EXPECT_EQ(pageout(), 0);
	EXPECT_EQ(in_swap(), N);
	check(1);
	EXPECT_EQ(in_swap(), 0);
	memory_end();
}

/* What comes back and is only read is the same as in its slot: it goes again without being written. */
KTEST(reclaim, clean_pages_are_not_written_twice)
{
	uint64_t written;

	memory_begin();
	EXPECT(mt_anon(0, N, RW));
	fill(7);
	EXPECT_EQ(pageout(), 0);
	check(7);
	written = vm_event_sum(PSWPOUT);
	EXPECT_EQ(pageout(), 0);
	EXPECT_EQ(in_swap(), N);
	EXPECT_EQ(vm_event_sum(PSWPOUT), written);
	fill(9);
	EXPECT_EQ(pageout(), 0);
	EXPECT_EQ(vm_event_sum(PSWPOUT), written + N);
	check(9);
	memory_end();
}

KTEST(reclaim, locked_pages_stay)
{
	memory_begin();
	EXPECT(mt_anon(0, N, RW));
	fill(3);
	EXPECT_EQ(mm_mlock(mt_mm, MT_BASE, N * PAGE_SIZE / 2, false), 0);
	EXPECT_EQ(pageout(), -EINVAL);
	EXPECT_EQ(mm_madvise(mt_mm, MT_BASE + N * PAGE_SIZE / 2, N * PAGE_SIZE / 2, MADV_PAGEOUT), 0);
	EXPECT_EQ(in_swap(), N / 2);
	for (unsigned i = 0; i < 8; i++)
		reclaim_direct(N);
	EXPECT(in_swap() <= N / 2);
	EXPECT_EQ(mm_munlock(mt_mm, MT_BASE, N * PAGE_SIZE), 0);
	EXPECT_EQ(pageout(), 0);
	EXPECT_EQ(in_swap(), N);
	check(3);
	memory_end();
}

/* The policy sees that page i is in use: it has noted something about it. */
static void seen_used(unsigned i)
{
	struct page *p = mt_page(i);
	const bool used = true;
	bool go;

	lists_take_off(&p, 1);
	lists_judge(&p, &used, &go, 1);
	if (go)				/* it has not */
		lists_putback(&p, 1);
}

/* Reclaim finds them locked and lets them go; unlocked they are back, but have never been away. */
KTEST(reclaim, unlocked_pages_do_not_come_back)
{
	struct lists_figures before, after;

	memory_begin();
	EXPECT(mt_anon(0, N, RW));
	fill(3);
	reclaim_direct(0);		/* there are lists from now on */
	for (unsigned i = 0; i < N; i++)
		seen_used(i);
	EXPECT_EQ(mm_mlock(mt_mm, MT_BASE, N * PAGE_SIZE, false), 0);
	reclaim_direct(N);
	EXPECT_EQ(in_swap(), 0);
	lists_figures(&before);
	EXPECT_EQ(mm_munlock(mt_mm, MT_BASE, N * PAGE_SIZE), 0);
	lists_drain();
	lists_figures(&after);
	EXPECT_EQ(after.listed[0], before.listed[0] + N);
	EXPECT_EQ(after.refault[0], before.refault[0]);
	check(3);
	memory_end();
}

/* One page of a filled memory is kept by somebody, until he lets go. */
static void all_but_one(void (*keep)(struct page *), void (*let_go)(struct page *))
{
	struct page *p;

	memory_begin();
	EXPECT(mt_anon(0, N, RW));
	fill(5);
	p = mt_page(0);
	keep(p);
	EXPECT_EQ(pageout(), 0);
	EXPECT_EQ(in_swap(), N - 1);
	let_go(p);
	EXPECT_EQ(pageout(), 0);
	EXPECT_EQ(in_swap(), N);
	check(5);
	memory_end();
}

static void make_busy(struct page *p)
{
	EXPECT(page_trylock(p));
}

/* Whoever holds a page by a reference that nothing explains keeps it in memory. */
KTEST(reclaim, held_pages_stay)
{
	all_but_one(page_get, page_put);
}

KTEST(reclaim, busy_pages_are_passed_over)
{
	all_but_one(make_busy, page_unlock);
}

KTEST(reclaim, willneed_reads_what_is_in_swap)
{
	uint64_t in;

	memory_begin();
	EXPECT(mt_anon(0, N, RW));
	fill(2);
	EXPECT_EQ(pageout(), 0);
	in = vm_event_sum(PSWPIN);
	EXPECT_EQ(mm_madvise(mt_mm, MT_BASE, N * PAGE_SIZE, MADV_WILLNEED), 0);
	EXPECT_EQ(vm_event_sum(PSWPIN), in + N);
	check(2);
	EXPECT_EQ(vm_event_sum(PSWPIN), in + N);
	memory_end();
}

KTEST(reclaim, willneed_ends_where_programs_end)
{
	memory_begin();
	EXPECT(mt_anon(0, N, RW));
	fill(2);
	EXPECT_EQ(pageout(), 0);
	EXPECT_EQ(mm_madvise(mt_mm, MT_BASE, mm_user_end() - MT_BASE + 2 * PAGE_SIZE, MADV_WILLNEED), -ENOMEM);
	EXPECT_EQ(mm_madvise(mt_mm, -2 * PAGE_SIZE, PAGE_SIZE, MADV_WILLNEED), -ENOMEM);
	check(2);
	memory_end();
}

KTEST(reclaim, shared_memory_goes_to_swap)
{
	struct object *o;

	memory_begin();
	o = shm_create(N * PAGE_SIZE);
	EXPECT(o);
	EXPECT(mt_map(0, N, RW, MAP_SHARED, o, 0));
	fill(4);
	EXPECT_EQ(pageout(), 0);
	EXPECT_EQ(o->nswapped, N);
	EXPECT_EQ(o->npages, 0);
	check(4);
	EXPECT_EQ(o->nswapped, 0);
	object_put(o);
	memory_end();
}

/* Direct reclaim finds every page that is there, a file's and memory, used or not. */
KTEST(reclaim, all_pages_are_found)
{
	struct mt_file f;

	memory_begin();
	mt_file_init(&f, N * PAGE_SIZE);
	EXPECT(mt_anon(0, N, RW));
	EXPECT(mt_map(N, N, PROT_READ, MAP_PRIVATE, &f.obj, 0));
	fill(6);
	for (unsigned i = 0; i < N; i++)
		EXPECT_EQ(mt_read(N + i), i + 1);
	EXPECT_EQ(f.obj.npages, N);
	for (unsigned i = 0; i < 64 && (in_swap() < N || f.obj.npages); i++)
		if (!reclaim_direct(N))
			break;
	EXPECT_EQ(in_swap(), N);
	EXPECT_EQ(f.obj.npages, 0);
	check(6);
	for (unsigned i = 0; i < N; i++)
		EXPECT_EQ(mt_read(N + i), i + 1);
	EXPECT_EQ(mm_munmap(mt_mm, MT_BASE + N * PAGE_SIZE, N * PAGE_SIZE), 0);
	object_put(&f.obj);
	memory_end();
}

/* A thread's injected failure is no shortage: nothing is reclaimed for it. */
KTEST(reclaim, only_a_shortage_is_worth_another_try)
{
	unsigned tries = 0;

	current_thread()->starved = false;
	EXPECT(!reclaim_retry(&tries));
	page_fail_nth = 1;
	EXPECT(!page_alloc(0, PAGE_KERNEL, 0));
	EXPECT(!reclaim_retry(&tries));
}

/* ---- shadows ---- */

static void refaults(uint64_t n[2])
{
	struct lists_figures f;

	lists_drain();
	lists_figures(&f);
	n[0] = f.refault[0];
	n[1] = f.refault[1];
}

static void read_all(void)
{
	for (unsigned i = 0; i < N; i++)
		EXPECT_EQ(mt_read(i), i + 1);
}

/* A file's pages leave shadows, and are known when they come back; shadows go with the file. */
KTEST(reclaim, pages_of_files_that_come_back_are_known)
{
	uint64_t before[2], after[2];
	struct mt_file f;

	memory_begin();
	mt_file_init(&f, N * PAGE_SIZE);
	EXPECT(mt_map(0, N, PROT_READ, MAP_PRIVATE, &f.obj, 0));
	read_all();
	reclaim_lists();
	refaults(before);
	EXPECT_EQ(pageout(), 0);
	EXPECT_EQ(f.obj.npages, 0);
	EXPECT_EQ(f.obj.nshadows, N);
	read_all();
	EXPECT_EQ(f.obj.nshadows, 0);
	refaults(after);
	EXPECT_EQ(after[0], before[0]);
	EXPECT_EQ(after[1], before[1] + N);
	EXPECT_EQ(pageout(), 0);
	EXPECT_EQ(mm_munmap(mt_mm, MT_BASE, N * PAGE_SIZE), 0);
	object_put(&f.obj);
	memory_end();
}

KTEST(reclaim, pages_of_memory_objects_that_come_back_are_known)
{
	uint64_t before[2], after[2];
	struct object *o;

	memory_begin();
	o = shm_create(N * PAGE_SIZE);
	EXPECT(o);
	EXPECT(mt_map(0, N, RW, MAP_SHARED, o, 0));
	fill(1);
	reclaim_lists();
	refaults(before);
	EXPECT_EQ(pageout(), 0);
	check(1);
	refaults(after);
	EXPECT_EQ(after[0], before[0] + N);
	EXPECT_EQ(after[1], before[1]);
	object_put(o);
	memory_end();
}

/* Those that tell nothing any more go when there are too many. */
KTEST(reclaim, there_are_not_too_many_shadows)
{
	struct mt_file f;

	memory_begin();
	mt_file_init(&f, N * PAGE_SIZE);
	EXPECT(mt_map(0, N, PROT_READ, MAP_PRIVATE, &f.obj, 0));
	read_all();
	EXPECT_EQ(pageout(), 0);
	objects_trim_shadows(N);
	EXPECT_EQ(f.obj.nshadows, N);
	objects_trim_shadows(N - 2);
	EXPECT(f.obj.nshadows >= N / 2 - 1 && f.obj.nshadows <= N / 2);
	EXPECT_EQ(mm_munmap(mt_mm, MT_BASE, N * PAGE_SIZE), 0);
	object_put(&f.obj);
	memory_end();
}
