/*
 * Objects: the index, the cache, reading, and two threads at one page.
 */
#include <tests/kernel/crew.h>
#include <tests/kernel/mmtest.h>
#include <tests/kernel/program.h>	/* random_next */
#include <mm/alloc/busy.h>

static struct mt_file file;

/* ---- the radix tree ---- */

KTEST(object, radix_by_hand)
{
	static int item[4];
	struct radix r = { NULL, 0 };
	uint64_t at = 0;

	EXPECT(!radix_get(&r, 0));
	EXPECT(!radix_remove(&r, 5));
	EXPECT(!radix_next(&r, &at));
	EXPECT_EQ(radix_insert(&r, 0, &item[0]), 0);
	EXPECT_EQ(r.height, 1);
	EXPECT_EQ(radix_insert(&r, 63, &item[1]), 0);
	EXPECT_EQ(r.height, 1);
	EXPECT_EQ(radix_insert(&r, 64, &item[2]), 0);
	EXPECT_EQ(r.height, 2);
	EXPECT_EQ(radix_insert(&r, 1ul << 52, &item[3]), 0);
	EXPECT_EQ(r.height, 9);
	EXPECT(radix_get(&r, 64) == &item[2]);
	EXPECT(!radix_get(&r, 65));
	EXPECT(!radix_get(&r, ~0ul));
	at = 64;
	EXPECT(radix_next(&r, &at) == &item[2] && at == 64);
	at = 65;
	EXPECT(radix_next(&r, &at) == &item[3] && at == 1ul << 52);
	EXPECT(radix_remove(&r, 1ul << 52) == &item[3]);
	EXPECT_EQ(r.height, 2);		/* no higher than it must be */
	EXPECT(radix_remove(&r, 64) == &item[2]);
	EXPECT_EQ(r.height, 1);
	EXPECT(radix_remove(&r, 0) == &item[0]);
	EXPECT(radix_remove(&r, 63) == &item[1]);
	EXPECT(!r.root && r.height == 0);
}

#define INDICES		512u

static uint64_t spread(unsigned i)	/* most near each other, some far, all different */
{
	return i % 4 ? i : (uint64_t)i << (i % 8 ? 12 : 50);
}

KTEST(object, radix_against_a_list)
{
	static bool in[INDICES];
	static char item[INDICES];
	struct radix r = { NULL, 0 };
	uint64_t seed = 12345, at = 0;
	unsigned n = 0, found = 0;

	memset(in, 0, sizeof(in));
	for (unsigned k = 0; k < 20000; k++) {
		unsigned i = random_next(&seed) % INDICES;

		EXPECT(radix_get(&r, spread(i)) == (in[i] ? &item[i] : NULL));
		if (in[i])
			EXPECT(radix_remove(&r, spread(i)) == &item[i]);
		else
			EXPECT_EQ(radix_insert(&r, spread(i), &item[i]), 0);
		in[i] = !in[i];
		n += in[i] ? 1 : -1;
		if (k % 100 == 0)
			EXPECT(!radix_verify(&r));
	}
	for (void *p; (p = radix_next(&r, &at)) != NULL; at++, found++)
		EXPECT(in[(char *)p - item] && spread((unsigned)((char *)p - item)) == at);
	EXPECT_EQ(found, n);
	for (unsigned i = 0; i < INDICES; i++)
		if (in[i])
			EXPECT(radix_remove(&r, spread(i)) == &item[i]);
	EXPECT(!r.root);
}

/* ---- pages ---- */

KTEST(object, page_is_filled_once)
{
	struct page *p, *again;
	bool major = false;

	mt_file_init(&file, 10 * PAGE_SIZE);
	EXPECT(!object_cached(&file.obj, 4));
	EXPECT_EQ(object_page(&file.obj, 4, &p, &major), 0);
	EXPECT(major);
	EXPECT_EQ(*(uint64_t *)page_to_virt(p), 5);
	EXPECT_EQ(p->refs, 2);
	major = false;
	EXPECT_EQ(object_page(&file.obj, 4, &again, &major), 0);
	EXPECT(again == p && !major);
	page_put(again);
	again = object_cached(&file.obj, 4);
	EXPECT(again == p);
	page_put(again);
	EXPECT_EQ(object_drop_clean(&file.obj), 0);	/* we hold it */
	page_put(p);
	EXPECT_EQ(object_drop_clean(&file.obj), 1);
	EXPECT_EQ(file.fills, 1);
	EXPECT_EQ(object_page(&file.obj, 10, &p, NULL), -ENXIO);
	object_put(&file.obj);
}

KTEST(object, failed_fill_leaves_nothing)
{
	struct page *p = NULL;

	mt_file_init(&file, PAGE_SIZE);
	file.error = -EIO;
	EXPECT_EQ(object_page(&file.obj, 0, &p, NULL), -EIO);
	EXPECT(!p);
	EXPECT_EQ(file.obj.npages, 0);
	file.error = 0;
	page_fail_nth = 1;
	EXPECT_EQ(object_page(&file.obj, 0, &p, NULL), -ENOMEM);
	EXPECT_EQ(file.obj.npages, 0);
	EXPECT_EQ(object_page(&file.obj, 0, &p, NULL), 0);
	page_put(p);
	EXPECT(!object_verify(&file.obj));
	object_put(&file.obj);
}

KTEST(object, lock_cached_gives_what_is_there)
{
	struct page *p[8], *q[8];

	mt_file_init(&file, 8 * PAGE_SIZE);
	for (unsigned i = 1; i < 8; i += 3) {	/* 1, 4, 7 */
		EXPECT_EQ(object_page(&file.obj, i, &p[0], NULL), 0);
		page_put(p[0]);
	}
	EXPECT_EQ(object_lock_cached(&file.obj, 0, 8, p), 3);
	for (unsigned i = 0; i < 8; i++)
		EXPECT_EQ(p[i] != NULL, i % 3 == 1);
	EXPECT_EQ(object_lock_cached(&file.obj, 0, 8, q), 0);	/* we have them */
	EXPECT_EQ(object_drop_clean(&file.obj), 0);
	for (unsigned i = 1; i < 8; i += 3) {
		page_unlock(p[i]);
		page_put(p[i]);
	}
	EXPECT_EQ(object_drop_clean(&file.obj), 3);
	object_put(&file.obj);
}

/* ---- reading ---- */

KTEST(object, read_kernel)
{
	static uint8_t buf[3 * PAGE_SIZE];

	mt_file_init(&file, 2 * PAGE_SIZE + 100);
	EXPECT_EQ(object_read_kernel(&file.obj, 0, buf, sizeof(buf)), 2 * PAGE_SIZE + 100);
	EXPECT_EQ(buf[0], 1);
	EXPECT_EQ(buf[PAGE_SIZE], 2);
	EXPECT_EQ(buf[2 * PAGE_SIZE], 3);
	EXPECT_EQ(object_read_kernel(&file.obj, PAGE_SIZE - 4, buf, 8), 8);
	EXPECT_EQ(buf[4], 2);
	EXPECT_EQ(object_read_kernel(&file.obj, 2 * PAGE_SIZE + 99, buf, 8), 1);
	EXPECT_EQ(object_read_kernel(&file.obj, 2 * PAGE_SIZE + 100, buf, 8), 0);
	EXPECT_EQ(object_read_kernel(&file.obj, ~0ul, buf, 8), 0);
	object_put(&file.obj);
}

/* Into user memory: whole, up to where it ends, into a mapping of the very page that is read. */
KTEST(object, read_user)
{
	mt_begin();
	mt_file_init(&file, 4 * PAGE_SIZE);
	EXPECT(mt_anon(0, 2, RW));
	EXPECT_EQ(object_read(&file.obj, 0, UP(mt_va(0)), 2 * PAGE_SIZE), 2 * PAGE_SIZE);
	EXPECT_EQ(mt_read(0), 1);
	EXPECT_EQ(mt_read(1), 2);
	EXPECT_EQ(object_read(&file.obj, 0, UP(mt_va(1)), 2 * PAGE_SIZE), PAGE_SIZE);
	EXPECT_EQ(object_read(&file.obj, 0, UP(mt_va(5)), 8), -EFAULT);
	EXPECT_EQ(object_read(&file.obj, 0, UP(DIRECT_BASE), 8), -EFAULT);
	EXPECT(mt_map(8, 1, RW, MAP_PRIVATE, &file.obj, 2));
	EXPECT_EQ(object_read(&file.obj, 2 * PAGE_SIZE, UP(mt_va(8)), PAGE_SIZE), PAGE_SIZE);
	EXPECT_EQ(mt_read(8), 3);
	mt_end();
	object_put(&file.obj);
}

/* ---- threads ---- */

#define READERS	3

static struct reader {
	struct member m;
	int err;
	struct page *page;
} readers[READERS];
static struct crew crew = CREW_INIT(crew);

static void reader_main(void *arg)
{
	struct reader *r = arg;

	r->page = NULL;
	r->err = object_page(&file.obj, 0, &r->page, NULL);
}

static void run_readers(void)
{
	for (unsigned i = 0; i < READERS; i++)
		crew_start(&crew, &readers[i].m, NULL, reader_main, &readers[i]);
	crew_wait(&crew);
}

/* The fill gives up the CPU half-way: whoever comes meanwhile waits for it, and fills nothing. */
KTEST(object, threads_fill_a_page_once)
{
	mt_file_init(&file, PAGE_SIZE);
	file.slow = true;
	run_readers();
	EXPECT_EQ(file.fills, 1);
	for (unsigned i = 0; i < READERS; i++) {
		EXPECT_EQ(readers[i].err, 0);
		EXPECT(readers[i].page == readers[0].page);
		page_put(readers[i].page);
	}
	EXPECT_EQ(object_drop_clean(&file.obj), 1);
	object_put(&file.obj);
}

/* If it fails, those who waited try for themselves. */
KTEST(object, threads_and_a_failing_fill)
{
	mt_file_init(&file, PAGE_SIZE);
	file.slow = true;
	file.error = -EIO;
	run_readers();
	EXPECT_EQ(file.fills, READERS);
	for (unsigned i = 0; i < READERS; i++)
		EXPECT_EQ(readers[i].err, -EIO);
	EXPECT_EQ(file.obj.npages, 0);
	object_put(&file.obj);
}
