/*
 * zswap: pages of several kinds go out and come back, from the pool where they fit and from the device
 * where not; that it is the pool is shown by a device that fails, and by changing what the pool has.
 * Bounds, shortage, clean pages, turning off, swapoff.
 */
#include <tests/kernel/swapdisk.h>
#include <mm/alloc/zpool.h>

#define N	96u			/* pages of a test */
#define WORDS	(PAGE_SIZE / 8)

static bool was_on;
static uint64_t out_before, in_before;

static void begin_zswap(const struct store_ops *ops)
{
	was_on = zswap_on;
	begin(ops);
	EXPECT_EQ(zswap_set(true), 0);
	mt_begin();
	EXPECT(mt_anon(0, N, RW));
	out_before = vm_event_sum(ZSWPOUT);
	in_before = vm_event_sum(ZSWPIN);
}

static struct zswap_figures figures(void)
{
	struct zswap_figures f;

	zswap_figures(&f);
	return f;
}

static void end_zswap(void)
{
	mt_end();
	EXPECT_EQ(figures().stored, 0);
	EXPECT_EQ(figures().pool, 0);
	end();
	EXPECT_EQ(zswap_set(was_on), 0);
}

static uint64_t packed(void) { return vm_event_sum(ZSWPOUT) - out_before; }
static uint64_t unpacked(void) { return vm_event_sum(ZSWPIN) - in_before; }

/* ---- content: page i is of kind i % 4 ---- */

enum { FILLED, NUMBERS, HALF, NOISE };

static uint64_t noise(unsigned i, unsigned j)
{
	uint64_t x = (i * WORDS + j + 1) * 0x9e3779b97f4a7c15ul;

	return (x ^ x >> 29) * 0xbf58476d1ce4e5b9ul;
}

static uint64_t word_of(unsigned i, unsigned j)
{
	switch (i % 4) {
	case FILLED:
		return i % 8 ? noise(i, 0) : 0;
	case NUMBERS:
		return i * WORDS + j;
	case HALF:
		return j < WORDS / 2 ? noise(i, j) : i;
	default:
		return noise(i, j);
	}
}

static void write_page(unsigned i)
{
	uint64_t *w;

	EXPECT_EQ(mt_write(i, word_of(i, 0)), 0);
	w = page_to_virt(mt_page(i));
	for (unsigned j = 0; j < WORDS; j++)
		w[j] = word_of(i, j);
}

static bool is_right(unsigned i)
{
	const uint64_t *w;

	if (mt_read(i) != word_of(i, 0))
		return false;
	w = page_to_virt(mt_page(i));
	for (unsigned j = 0; j < WORDS; j++)
		if (w[j] != word_of(i, j))
			return false;
	return true;
}

static void write_all(void)
{
	for (unsigned i = 0; i < N; i++)
		write_page(i);
}

static void all_out(void)
{
	for (unsigned i = 0; i < N; i++)
		EXPECT(out(i));
}

static void all_right(void)
{
	for (unsigned i = 0; i < N; i++)
		EXPECT(is_right(i));
}

/* ---- through the pool ---- */

static void in_and_out(const struct store_ops *ops)
{
	begin_zswap(ops);
	write_all();
	all_out();
	EXPECT_EQ(packed(), N / 4 * 3);
	EXPECT_EQ(writes, N / 4);			/* noise */
	EXPECT_EQ(figures().stored, N / 4 * 3);
	EXPECT_EQ(figures().filled, N / 4);
	EXPECT(figures().pool > N / 4 / 2 && figures().pool < N / 4 + 16);
	EXPECT_EQ(used(), N);
	EXPECT(sound());
	fail_reads = true;
	for (unsigned i = 0; i < N; i++)
		EXPECT_EQ(is_right(i), i % 4 != NOISE);
	fail_reads = false;
	EXPECT_EQ(unpacked(), N / 4 * 3);
	all_right();
	EXPECT(sound());
	for (unsigned i = 0; i < N; i++)
		if (i % 4 != NOISE)
			EXPECT(out(i));
	EXPECT_EQ(packed(), N / 4 * 3);			/* clean: not packed again */
	write_all();
	EXPECT_EQ(used(), 0);
	EXPECT_EQ(figures().stored, 0);
	EXPECT_EQ(figures().pool, 0);
	end_zswap();
}

KTEST(zswap, fast_device) { in_and_out(&fast_ops); }
KTEST(zswap, slow_device) { in_and_out(&slow_ops); }

static uint8_t room[ZPOOL_OBJECT_MAX];

/* One byte of what is kept for page i becomes another. */
static void tamper(unsigned i)
{
	uint64_t word;
	uint8_t *at;
	unsigned n;

	EXPECT_EQ(slot_kept(pte_swp(mt_entry(i)), &word), SLOT_PACKED);
	at = (uint8_t *)(uintptr_t)zpool_look(word, room, &n);
	EXPECT(n > PAGE_SIZE / 2 && at != room);
	at[1000] ^= 0x55;				/* among the literals of the first half */
}

KTEST(zswap, content_is_the_pools)
{
	unsigned differ = 0;
	const uint64_t *w;

	begin_zswap(&fast_ops);
	write_page(HALF);
	EXPECT(out(HALF));
	tamper(HALF);
	EXPECT_EQ(mt_read(HALF), word_of(HALF, 0));
	w = page_to_virt(mt_page(HALF));
	for (unsigned j = 0; j < WORDS; j++)
		differ += w[j] != word_of(HALF, j);
	EXPECT_EQ(differ, 1);
	EXPECT_EQ(reads + writes, 0);
	end_zswap();
}

/* ---- forks, swapoff, turning off ---- */

KTEST(zswap, forked)
{
	struct mm *parent, *child;

	begin_zswap(&fast_ops);
	write_all();
	all_out();
	parent = mt_mm;
	child = mm_fork(parent);
	EXPECT(child);
	thread_set_aspace(mm_aspace(child));
	mt_mm = child;
	all_right();
	for (unsigned i = 0; i < N; i += 3)
		EXPECT_EQ(mt_write(i, 5), 0);
	thread_set_aspace(mm_aspace(parent));
	mt_mm = parent;
	mm_put(child);
	EXPECT(sound());
	all_right();
	end_zswap();
}

KTEST(zswap, swapoff)
{
	begin_zswap(&slow_ops);
	write_all();
	all_out();
	EXPECT_EQ(mt_read(FILLED), word_of(FILLED, 0));
	EXPECT_EQ(swap_off(&store), 0);
	EXPECT_EQ(mt_figures().swap, 0);
	EXPECT_EQ(figures().stored, 0);
	all_right();
	make_header();
	EXPECT_EQ(swap_on(&store, 32000), 0);
	end_zswap();
}

KTEST(zswap, turned_off)
{
	begin_zswap(&fast_ops);
	write_all();
	all_out();
	EXPECT_EQ(zswap_set(false), 0);
	EXPECT(zswap_used);
	all_right();
	EXPECT_EQ(unpacked(), N / 4 * 3);
	write_all();
	writes = 0;
	all_out();
	EXPECT_EQ(writes, N);
	all_right();
	EXPECT_EQ(zswap_set(false), 0);
	EXPECT(!zswap_used);
	end_zswap();
}

/* ---- bounds and shortage ---- */

KTEST(zswap, written_back)
{
	uint64_t back = figures().written_back;

	begin_zswap(&slow_ops);
	write_all();
	for (unsigned i = 0; i < N / 2; i++)
		EXPECT(out(i));
	EXPECT_EQ(mt_read(NUMBERS), word_of(NUMBERS, 0));	/* in the cache, too */
	zpool_bound(zpool_pages());
	for (unsigned i = N / 2; i < N; i++)
		EXPECT(out(i));
	back = figures().written_back - back;
	EXPECT(back >= N / 8);
	EXPECT_EQ(writes + packed() - back, N);		/* each is kept or was written */
	EXPECT(figures().full > 0);
	EXPECT_EQ(used(), N);
	EXPECT(sound());
	all_right();
	end_zswap();
}

/* What cannot be written back stays kept, and so does the page that wanted its room. */
KTEST(zswap, failing_device)
{
	unsigned stay = 0;

	begin_zswap(&fast_ops);
	write_all();
	for (unsigned i = 0; i < N / 2; i++)
		EXPECT(out(i));
	zpool_bound(zpool_pages());
	fail_writes = true;
	for (unsigned i = N / 2; i < N; i++)
		stay += !out(i);
	EXPECT(stay > N / 8);
	EXPECT(sound());
	fail_reads = true;
	for (unsigned i = 0; i < N; i++)
		EXPECT_EQ(is_right(i), i >= N / 2 || i % 4 != NOISE);
	fail_reads = fail_writes = false;
	all_right();
	end_zswap();
}

KTEST(zswap, no_memory)
{
	uint64_t before = figures().no_memory;

	begin_zswap(&fast_ops);
	write_all();
	page_fail_thread = current_thread();
	for (unsigned i = 0; i < N; i++) {
		page_fail_nth = 1 + i / 4 % 3;	/* for the pool, or for the words */
		EXPECT(out(i));
	}
	page_fail_thread = NULL;
	page_fail_nth = 0;
	EXPECT(figures().no_memory - before >= 3);
	EXPECT_EQ(used(), N);
	EXPECT(sound());
	all_right();
	end_zswap();
}

/* ---- mm_verify ---- */

KTEST(zswap, verify_counts_objects)
{
	uint64_t object;
	char why[200];

	begin_zswap(&fast_ops);
	write_all();
	all_out();
	EXPECT_EQ(zpool_add(room, 100, 12345, &object), 0);
	EXPECT_EQ(mm_verify(why, sizeof(why)), 1);
	EXPECT(!strcmp(why, "swap: the pool has objects that are no slot's"));
	zpool_drop(object);
	EXPECT(sound());
	end_zswap();
}
