/*
 * Block devices: whatever pages go to one come back, in any order, from any
 * number of threads at once. The tests write over all devices that there are;
 * tools/test-run gives the machine a disk for it. What a program sees: tests/tools/swap.t.
 */
#include <kernel/dev/block.h>
#include <lib/ktest.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <mm/alloc/slab.h>
#include <tests/kernel/crew.h>
#include <tests/kernel/program.h>	/* random_next */

#define PAGES_MAX	2048u		/* of a device that are looked at: its last ones */
#define TRANSFERS	600u
#define CROWD		96u		/* threads: more than a disk takes requests at once */
#define CROWD_TRANSFERS	24u

/* A part of a device, and how often each page of it has been written. */
struct part {
	struct block_dev *b;
	uint64_t first, npages;
	uint32_t *version;		/* 0: what is there is not known */
	uint64_t seed;
};

static uint64_t word_of(const struct part *p, uint64_t page, unsigned i)
{
	return (p->first + page) * 0x9e3779b97f4a7c15u + p->version[page] * 0x10001ul + i;
}

static void fill(const struct part *p, uint64_t page, struct page *to)
{
	uint64_t *w = page_to_virt(to);

	for (unsigned i = 0; i < PAGE_SIZE / 8; i++)
		w[i] = word_of(p, page, i);
}

static bool holds(const struct part *p, uint64_t page, const struct page *in)
{
	const uint64_t *w = page_to_virt(in);

	for (unsigned i = 0; i < PAGE_SIZE / 8; i++)
		if (w[i] != word_of(p, page, i))
			return false;
	return true;
}

static void write_some(struct part *p, struct page *const *pages, uint64_t at, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		p->version[at + i]++;
		fill(p, at + i, pages[i]);
	}
	EXPECT_EQ(p->b->store.ops->write(&p->b->store, p->first + at, pages, n), 0);
}

static void read_some(struct part *p, struct page *const *pages, uint64_t at, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		memset(page_to_virt(pages[i]), 0x5a, PAGE_SIZE);
	EXPECT_EQ(p->b->store.ops->read(&p->b->store, p->first + at, pages, n), 0);
	for (unsigned i = 0; i < n; i++)
		EXPECT(!p->version[at + i] || holds(p, at + i, pages[i]));
}

/* Reads and writes of 1 to `most` pages at random places of p. */
static void transfers(struct part *p, unsigned count, unsigned most)
{
	struct page *pages[STORE_BATCH];
	unsigned got = 0;

	while (got < most && (pages[got] = page_alloc(0, PAGE_KERNEL, 0)))
		got++;
	EXPECT_EQ(got, most);
	for (unsigned i = 0; i < count && got == most && !ktest_failed(); i++) {
		unsigned n = 1 + (unsigned)(random_next(&p->seed) % MIN(most, p->npages));
		uint64_t at = random_next(&p->seed) % (p->npages - n + 1);

		if (random_next(&p->seed) % 2)
			write_some(p, pages, at, n);
		else
			read_some(p, pages, at, n);
	}
	while (got)
		page_free(pages[--got], 0);
}

/* The last pages of the device, as one part. */
static bool part_begin(struct part *p, struct block_dev *b)
{
	p->b = b;
	p->npages = MIN(b->store.npages, PAGES_MAX);
	p->first = b->store.npages - p->npages;
	p->seed = 12345;
	p->version = kzalloc(p->npages * sizeof(*p->version));
	EXPECT(p->version);
	return p->version;
}

static bool none_there(void)
{
	if (!block_next(NULL))
		ktest_skip("no block device: the machine has no disk, and option swap= gives no RAM disk");
	return !block_next(NULL);
}

KTEST(block, random_transfers)
{
	struct part p;

	if (none_there())
		return;
	for (struct block_dev *b = block_next(NULL); b; b = block_next(b)) {
		if (!part_begin(&p, b))
			return;
		transfers(&p, TRANSFERS, STORE_BATCH);
		kfree(p.version);
	}
}

/* ---- many at once ---- */

struct client {
	struct member m;
	struct part part;
};

static struct client *crowd;
static struct crew crew = CREW_INIT(crew);

static void client_main(void *arg)
{
	struct client *c = arg;

	transfers(&c->part, CROWD_TRANSFERS, 4);
}

/* Client i has its own pages of p. */
static bool client_start(struct part *p, unsigned i)
{
	struct client *c = &crowd[i];
	uint64_t share = p->npages / CROWD;

	c->part = *p;
	c->part.first += i * share;
	c->part.npages = share;
	c->part.version += i * share;
	c->part.seed += i;
	return crew_start(&crew, &c->m, NULL, client_main, c);
}

static void all_at_once(struct part *p)
{
	EXPECT(p->npages >= CROWD);
	for (unsigned i = 0; i < CROWD && p->npages >= CROWD; i++)
		if (!client_start(p, i))
			break;
	crew_wait(&crew);
}

KTEST(block, many_at_once)
{
	struct part p;

	if (none_there())
		return;
	crowd = kzalloc(CROWD * sizeof(*crowd));
	EXPECT(crowd);
	for (struct block_dev *b = block_next(NULL); b && crowd; b = block_next(b)) {
		if (!part_begin(&p, b))
			break;
		all_at_once(&p);
		transfers(&p, CROWD, STORE_BATCH);	/* and it is all there afterwards */
		kfree(p.version);
	}
	kfree(crowd);
}

/* ---- ends ---- */

/* The last page, where there is only a part of it: what lies behind is left alone. */
static void part_of_a_page(struct block_dev *b, struct page *page)
{
	size_t len = b->bytes % PAGE_SIZE;
	char *at = page_to_virt(page);

	memset(at, 0x77, PAGE_SIZE);
	EXPECT_EQ(b->store.ops->write(&b->store, b->store.npages, &page, 1), 0);
	memset(at, 0x33, PAGE_SIZE);
	EXPECT_EQ(b->store.ops->read(&b->store, b->store.npages, &page, 1), 0);
	EXPECT(at[0] == 0x77 && at[len - 1] == 0x77 && at[len] == 0x33);
}

KTEST(block, sizes_and_flush)
{
	struct page *page = none_there() ? NULL : page_alloc(0, PAGE_KERNEL, 0);

	if (!page)
		return;
	for (struct block_dev *b = block_next(NULL); b; b = block_next(b)) {
		EXPECT_EQ(b->bytes >> PAGE_SHIFT, b->store.npages);
		EXPECT_EQ(b->bytes % BLOCK_SECTOR, 0);
		EXPECT(block_find(b->store.name) == b);
		EXPECT_EQ(b->flush ? b->flush(b) : 0, 0);
		if (b->bytes % PAGE_SIZE)
			part_of_a_page(b, page);
	}
	EXPECT(!block_find("/dev/no"));
	page_free(page, 0);
}
