/*
 * A swap device for suites: an array in memory that can be told to be slow or to fail, and pages of
 * the test's address space (mmtest.h) that go out to it, one by one.
 */
#ifndef TESTS_KERNEL_SWAPDISK_H
#define TESTS_KERNEL_SWAPDISK_H

#include <tests/kernel/mmtest.h>
#include <mm/alloc/busy.h>
#include <mm/pt/rmap.h>
#include <mm/reclaim/swap.h>
#include <mm/reclaim/swap_header.h>

#define PAGES		1024u		/* of the device: two clusters */
#define ORDER		10

static struct page *disk;
static unsigned reads, writes, read_pages, writeback;
static bool fail_reads, fail_writes;

static int disk_read(struct store *s, uint64_t first, struct page *const *pages, unsigned n)
{
	if (!s->ops->memory)
		sched_yield();
	reads++;
	read_pages += n;
	if (fail_reads)
		return -EIO;
	for (unsigned i = 0; i < n; i++)
		copy_page(page_to_virt(pages[i]), (char *)page_to_virt(disk) + (first + i) * PAGE_SIZE);
	return 0;
}

static int disk_write(struct store *s, uint64_t first, struct page *const *pages, unsigned n)
{
	if (!s->ops->memory)
		sched_yield();
	writes++;
	writeback = (unsigned)swap_writeback;
	if (fail_writes)
		return -EIO;
	for (unsigned i = 0; i < n; i++)
		copy_page((char *)page_to_virt(disk) + (first + i) * PAGE_SIZE, page_to_virt(pages[i]));
	return 0;
}

static const struct store_ops fast_ops = { .read = disk_read, .write = disk_write, .memory = true };
static __attribute__((unused)) const struct store_ops slow_ops = { .read = disk_read, .write = disk_write };
static struct store store = { .ops = &fast_ops, .name = "test", .npages = PAGES };

static struct swap_header *make_header(void)
{
	struct swap_header *h = page_to_virt(disk);

	memset(h, 0, sizeof(*h));
	h->version = SWAP_VERSION;
	h->last_page = PAGES - 1;
	memcpy(h->magic, SWAP_MAGIC, sizeof(h->magic));
	return h;
}

/* A device with a fresh swap area, enabled before all others. */
static __attribute__((unused)) void begin(const struct store_ops *ops)
{
	disk = page_alloc(ORDER, PAGE_KERNEL, 0);
	EXPECT(disk);
	store.ops = ops;
	fail_reads = fail_writes = false;
	make_header();
	EXPECT_EQ(swap_on(&store, 32000), 0);
	reads = writes = read_pages = 0;
}

struct look { const char *name; struct swap_info info; };

static int look_for(const struct swap_info *i, void *arg)
{
	struct look *l = arg;

	if (strcmp(i->name, l->name))
		return 0;
	l->info = *i;
	return 1;
}

static uint64_t used(void)
{
	struct look l = { .name = "test" };

	EXPECT_EQ(swap_for_each(look_for, &l), 1);
	return l.info.used >> PAGE_SHIFT;
}

static bool sound(void) { return mt_sound(); }

static __attribute__((unused)) void end(void)
{
	EXPECT(sound());
	EXPECT_EQ(used(), 0);
	EXPECT_EQ(swap_off(&store), 0);
	page_free(disk, ORDER);
}

static struct reclaim_gather gather;

/* Page i goes out, from all who have it: true, if it is written, too. */
static __attribute__((unused)) bool out(unsigned i)
{
	struct page *p = mt_page(i);
	bool failed, gone;
	swp_t s;

	page_get(p);
	gone = page_trylock(p);
	EXPECT(gone);
	if (!(p->flags & PG_SWAPCACHE))
		EXPECT(slot_alloc(p, &s));
	reclaim_gather_init(&gather);
	gone = rmap_unmap(p, p->swp, &gather);
	reclaim_gather_flush(&gather);
	if (gone && p->flags & PG_DIRTY) {
		swap_write(&p, 1, &failed);
		gone = !failed;
	}
	if (gone)
		gone = slot_uncache(p, 5);
	page_unlock(p);
	page_put(p);
	return gone;
}

#endif
