// sources: tests/host/fake.c tests/host/fake_ram.c lib/lock.c mm/alloc/early.c mm/alloc/rangeset.c
// sources: mm/alloc/buddy.c mm/alloc/pageblock.c mm/alloc/percpu.c mm/alloc/page.c mm/alloc/hugepool.c mm/alloc/limit.c mm/alloc/lists.c mm/alloc/slots.c mm/alloc/slot_kept.c mm/alloc/slot_area.c mm/alloc/zpool.c mm/alloc/junk.c mm/alloc/verify.c
/*
 * The pool of small objects against a model that keeps a copy of each: random sizes, ages, bounds and
 * shortage; how well it packs; several threads.
 */
#include <tests/host/fake.h>
#include <tests/host/tap.h>
#include <mm/alloc/page.h>
#include <mm/alloc/zpool.h>
#include <asm-generic/errno-base.h>
#include <pthread.h>
#include <string.h>

#define CPUS	4
#define OBJECTS	3000u

struct copy { uint64_t object, tag; unsigned n; unsigned char *bytes; };

static struct copy copies[OBJECTS];
static unsigned char scratch[ZPOOL_OBJECT_MAX];

static uint64_t boot(uint64_t pages)
{
	fake_set_cpus(CPUS);
	fake_boot_size(64ul << 20);
	zpool_init();
	zpool_bound(pages);
	memset(copies, 0, sizeof(copies));
	return page_free_count();
}

static int put(struct copy *c, unsigned n, uint64_t tag)
{
	unsigned char *bytes = malloc(n);
	int err;

	for (unsigned i = 0; i < n; i++)
		bytes[i] = (unsigned char)tap_random();
	err = zpool_add(bytes, n, tag, &c->object);
	if (err)
		free(bytes);
	else
		*c = (struct copy){ c->object, tag, n, bytes };
	return err;
}

static void check(const struct copy *c)
{
	unsigned n = 0;
	const void *at = zpool_look(c->object, scratch, &n);

	CHECK_EQ(n, c->n);
	CHECK(n == c->n && !memcmp(at, c->bytes, n));
	CHECK(zpool_is(c->object, c->tag) && !zpool_is(c->object, c->tag + 1));
}

static void drop(struct copy *c)
{
	check(c);
	zpool_drop(c->object);
	CHECK(!zpool_is(c->object, c->tag));
	free(c->bytes);
	*c = (struct copy){ 0 };
}

static void drop_all(void)
{
	for (unsigned i = 0; i < OBJECTS; i++)
		if (copies[i].object)
			drop(&copies[i]);
	CHECK_EQ(zpool_objects(), 0);
	CHECK_EQ(zpool_pages(), 0);
}

static unsigned size(void)
{
	unsigned most = tap_below(3) ? ZPOOL_OBJECT_MAX : 300;

	return 1 + (unsigned)tap_below(most);
}

/* ---- against the model ---- */

static void random_operations(void)
{
	uint64_t before = boot(~0ul), bytes = 0, n = 0;

	for (unsigned i = 0; i < 60000 && tap_fails < 20; i++) {
		struct copy *c = &copies[tap_below(OBJECTS)];

		if (i % 64 == 0)
			fake_on_cpu((unsigned)tap_below(CPUS));
		if (c->object && tap_below(100) < (i / 8192 % 2 ? 80 : 30)) {
			bytes -= c->n;
			n--;
			drop(c);
		} else if (!c->object) {
			CHECK_EQ(put(c, size(), tap_random() >> 12), 0);
			bytes += c->n;
			n++;
		} else {
			check(c);
		}
		if (i % 4096)
			continue;
		CHECK(!zpool_verify());
		CHECK_EQ(zpool_objects(), n);
		CHECK_EQ(page_free_count(), before - zpool_pages());
		CHECK(zpool_pages() << PAGE_SHIFT >= bytes);
	}
	drop_all();
	CHECK(!zpool_verify());
	CHECK_EQ(page_free_count(), before);
}

static void every_size(void)
{
	uint64_t before = boot(~0ul);

	for (unsigned n = 1; n <= ZPOOL_OBJECT_MAX; n += n < 200 || n > 3000 ? 1 : 7) {
		for (unsigned i = 0; i < 20; i++)
			CHECK_EQ(put(&copies[i], n, i), 0);
		for (unsigned i = 0; i < 20; i++)
			drop(&copies[(i * 7) % 20]);
	}
	CHECK_EQ(page_free_count(), before);
}

/* Filled, and after two thirds have gone at random and others came: bytes of objects against pages. */
static void packing(void)
{
	uint64_t bytes = 0, part;

	boot(~0ul);
	for (unsigned i = 0; i < OBJECTS; i++) {
		CHECK_EQ(put(&copies[i], 200 + (unsigned)tap_below(2800), i), 0);
		bytes += copies[i].n;
	}
	part = bytes * 100 / (zpool_pages() << PAGE_SHIFT);
	printf("# %lu percent of the pool's bytes are objects'\n", part);
	CHECK(part >= 90);
	for (unsigned k = 0; k < 3 * OBJECTS; k++) {
		struct copy *c = &copies[tap_below(OBJECTS)];

		bytes -= c->n;
		drop(c);
		CHECK_EQ(put(c, 200 + (unsigned)tap_below(2800), k), 0);
		bytes += c->n;
	}
	part = bytes * 100 / (zpool_pages() << PAGE_SHIFT);
	printf("# %lu percent after each was replaced three times\n", part);
	CHECK(part >= 80);
	drop_all();
}

/* ---- bounds ---- */

static void bound(void)
{
	uint64_t before = boot(10);
	unsigned n = 0;

	while (!put(&copies[n], 1000, n))
		n++;
	CHECK(zpool_pages() <= 10 && n >= 32);
	CHECK_EQ(put(&copies[n], 1000, n), -ENOSPC);
	drop(&copies[7]);
	CHECK_EQ(put(&copies[7], 1000, 7), 0);
	zpool_bound(0);
	CHECK_EQ(put(&copies[n], 3000, n), -ENOSPC);
	drop_all();
	CHECK_EQ(page_free_count(), before);
}

/* The reserve serves, but half of it stays; each allocation fails once. */
static void shortage(void)
{
	static struct page *taken[16384];
	uint64_t before = boot(~0ul);
	unsigned n = 0, k = 0;

	for (uint64_t fail = 1; fail <= 4; fail++) {
		page_fail_nth = fail;
		CHECK_EQ(put(&copies[0], 1400, 0), -ENOMEM);	/* a block of four */
	}
	page_fail_nth = 0;
	CHECK_EQ(page_free_count(), before);
	while ((taken[n] = page_alloc(0, PAGE_KERNEL, 0)))
		n++;
	while (!put(&copies[k], 3000, k))
		k++;
	CHECK(k > 4);
	CHECK(page_buddy_count() > page_min_mark() / 4 && page_buddy_count() <= page_min_mark() / 2 + 1);
	while (n)
		page_put(taken[--n]);
	drop_all();
	CHECK_EQ(page_free_count(), before);
}

/* Tags of the block that zpool_oldest gives, from `low` on in a row. */
static void expect_oldest(uint64_t low, unsigned n)
{
	uint64_t tag[ZPOOL_PLACES_MAX], all = 0;

	CHECK_EQ(zpool_oldest(tag), n);
	for (unsigned i = 0; i < n; i++)
		if (CHECK(tag[i] >= low && tag[i] < low + n))
			all |= 1ull << (tag[i] - low);
	CHECK_EQ(all, n == 64 ? ~0ull : (1ull << n) - 1);
}

static void oldest(void)
{
	boot(~0ul);
	expect_oldest(0, 0);
	for (unsigned i = 0; i < 8; i++)
		CHECK_EQ(put(&copies[i], 3000, 100 + i), 0);	/* two blocks of four */
	for (unsigned i = 8; i < 8 + 130; i++)
		CHECK_EQ(put(&copies[i], 40, 100 + i), 0);	/* two of 64, and a beginning */
	expect_oldest(100, 4);
	expect_oldest(104, 4);
	for (unsigned i = 8; i < 8 + 64; i++)
		drop(&copies[i]);
	expect_oldest(172, 64);
	expect_oldest(100, 4);				/* each became the youngest */
	drop(&copies[5]);				/* its block is full no longer */
	expect_oldest(172, 64);
	expect_oldest(100, 4);
	CHECK_EQ(put(&copies[5], 3000, 105), 0);
	expect_oldest(172, 64);
	expect_oldest(100, 4);
	expect_oldest(104, 4);
	drop_all();
	expect_oldest(0, 0);
}

/* ---- several at once ---- */

static unsigned wrong;

static void *worker(void *arg)
{
	uint64_t who = (uint64_t)arg, object[200] = { 0 }, x = who * 0x9e3779b97f4a7c15ul | 1;
	unsigned char bytes[ZPOOL_OBJECT_MAX], room[ZPOOL_OBJECT_MAX];

	fake_on_cpu((unsigned)who);
	for (unsigned i = 0; i < 20000; i++) {
		unsigned k, n, got;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		k = x % 200;
		n = 1 + k * 15;
		memset(bytes, (int)(who * 40 + k), n);
		if (!object[k]) {
			if (zpool_add(bytes, n, who << 20 | k, &object[k]))
				__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
			continue;
		}
		if (memcmp(zpool_look(object[k], room, &got), bytes, n) || got != n)
			__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
		zpool_drop(object[k]);
		object[k] = 0;
	}
	for (unsigned k = 0; k < 200; k++)
		if (object[k])
			zpool_drop(object[k]);
	return NULL;
}

static void threads(void)
{
	uint64_t before = boot(~0ul);
	pthread_t t[CPUS];

	wrong = 0;
	for (uint64_t i = 0; i < CPUS; i++)
		if (pthread_create(&t[i], NULL, worker, (void *)i))
			abort();
	for (unsigned i = 0; i < CPUS; i++)
		pthread_join(t[i], NULL);
	CHECK_EQ(wrong, 0);
	CHECK(!zpool_verify());
	CHECK_EQ(zpool_pages(), 0);
	CHECK_EQ(page_free_count(), before);
}

int main(void)
{
	TAP_RUN(random_operations);
	TAP_RUN(every_size);
	TAP_RUN(packing);
	TAP_RUN(bound);
	TAP_RUN(shortage);
	TAP_RUN(oldest);
	TAP_RUN(threads);
	return tap_done();
}
