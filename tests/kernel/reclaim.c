/*
 * Reclaim: what goes out and what stays, by MADV_PAGEOUT, by direct reclaim, and whatever else the
 * loop meets. The device is an array in memory. The law of the lists is mm_verify's,
 * which runs after each test.
 */
#include <tests/kernel/mmtest.h>
#include <mm/alloc/busy.h>
#include <mm/alloc/lists.h>
#include <mm/reclaim/swap.h>
#include <mm/reclaim/swap_header.h>

#define PAGES		1024u		/* of the device */
#define ORDER		10
#define N		64u		/* pages of a test's memory */

static struct page *disk;

static char *at(uint64_t i)
{
	return (char *)page_to_virt(disk) + i * PAGE_SIZE;
}

static int disk_read(struct store *s, uint64_t first, struct page *const *pages, unsigned n)
{
	(void)s;
	for (unsigned i = 0; i < n; i++)
		copy_page(page_to_virt(pages[i]), at(first + i));
	return 0;
}

static int disk_write(struct store *s, uint64_t first, struct page *const *pages, unsigned n)
{
	(void)s;
	for (unsigned i = 0; i < n; i++)
		copy_page(at(first + i), page_to_virt(pages[i]));
	return 0;
}

static const struct store_ops ops = { .read = disk_read, .write = disk_write, .memory = true };
static struct store store = { .ops = &ops, .name = "test", .npages = PAGES };

static void begin(void)
{
	struct swap_header *h;

	disk = page_alloc(ORDER, PAGE_KERNEL, 0);
	EXPECT(disk);
	h = page_to_virt(disk);
	memset(h, 0, sizeof(*h));
	h->version = SWAP_VERSION;
	h->last_page = PAGES - 1;
	memcpy(h->magic, SWAP_MAGIC, sizeof(h->magic));
	EXPECT_EQ(swap_on(&store, 32000), 0);
	mt_begin();
}

static void end(void)
{
	mt_end();
	EXPECT_EQ(swap_off(&store), 0);
	page_free(disk, ORDER);
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
	begin();
	EXPECT(mt_anon(0, N, RW));
	fill(1);
	EXPECT_EQ(pageout(), 0);
	EXPECT_EQ(in_swap(), N);
	check(1);
	EXPECT_EQ(in_swap(), 0);
	end();
}

/* What comes back and is only read is the same as in its slot: it goes again without being written. */
KTEST(reclaim, clean_pages_are_not_written_twice)
{
	uint64_t written;

	begin();
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
	end();
}

KTEST(reclaim, locked_pages_stay)
{
	begin();
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
	end();
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

	begin();
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
	end();
}

/* One page of a filled memory is kept by somebody, until he lets go. */
static void all_but_one(void (*keep)(struct page *), void (*let_go)(struct page *))
{
	struct page *p;

	begin();
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
	end();
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

	begin();
	EXPECT(mt_anon(0, N, RW));
	fill(2);
	EXPECT_EQ(pageout(), 0);
	in = vm_event_sum(PSWPIN);
	EXPECT_EQ(mm_madvise(mt_mm, MT_BASE, N * PAGE_SIZE, MADV_WILLNEED), 0);
	EXPECT_EQ(vm_event_sum(PSWPIN), in + N);
	check(2);
	EXPECT_EQ(vm_event_sum(PSWPIN), in + N);
	end();
}

KTEST(reclaim, shared_memory_goes_to_swap)
{
	struct object *o;

	begin();
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
	end();
}

/* Direct reclaim finds every page that is there, a file's and memory, used or not. */
KTEST(reclaim, all_pages_are_found)
{
	struct mt_file f;

	begin();
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
	end();
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

	begin();
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
	end();
}

KTEST(reclaim, pages_of_memory_objects_that_come_back_are_known)
{
	uint64_t before[2], after[2];
	struct object *o;

	begin();
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
	end();
}

/* Those that tell nothing any more go when there are too many. */
KTEST(reclaim, there_are_not_too_many_shadows)
{
	struct mt_file f;

	begin();
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
	end();
}
