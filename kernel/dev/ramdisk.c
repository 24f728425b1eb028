/*
 * The RAM disk /dev/ram0.
 *
 * Its pages are RAM that the frame allocator never sees: ranges set aside
 * before there is one, read and written through the direct map. Where they lie does
 * not change after boot, so there are no locks. Two writers of one page at once get
 * a mixture, as on any disk.
 */
#include <kernel/dev/ramdisk.h>
#include <arch/layout.h>
#include <arch/machine.h>
#include <arch/page.h>
#include <boot/bootinfo.h>
#include <kernel/dev/block.h>
#include <lib/assert.h>
#include <lib/log.h>
#include <linux/major.h>

#define PARTS_MAX	(2 * BOOT_RANGES_MAX)

/* A range of RAM that has the disk's pages from `first` on. */
static struct { uint64_t first; char *at; } parts[PARTS_MAX + 1];
static unsigned nparts;

/* Page i of the disk, and how many follow it in memory, itself counted. */
static char *page_at(uint64_t i, uint64_t *run)
{
	unsigned p = 0;

	while (parts[p + 1].first <= i)
		p++;
	*run = parts[p + 1].first - i;
	return parts[p].at + (i - parts[p].first) * PAGE_SIZE;
}

static __attribute__((noinline)) void copy(const struct store *s, uint64_t first, struct page *const *pages, unsigned n, bool write)
{
	uint64_t run = 0;
	char *at = NULL;

	debug_assert(first < s->npages && n <= s->npages - first);
	for (unsigned i = 0; i < n; i++, run--, at += PAGE_SIZE) {
		if (!run)
			at = page_at(first + i, &run);
		if (write)
			copy_page(at, page_to_virt(pages[i]));
		else
			copy_page(page_to_virt(pages[i]), at);
	}
}

static int ramdisk_read(struct store *s, uint64_t first, struct page *const *pages, unsigned n)
{
	uint64_t run;

	if (likely(n == 1)) {			/* a fault waits for it */
		block_count(s, false, BLOCK_PAGE_SECTORS);
		copy_page(page_to_virt(pages[0]), page_at(first, &run));
		return 0;
	}
	block_count(s, false, n * BLOCK_PAGE_SECTORS);
	copy(s, first, pages, n, false);
	return 0;
}

static int ramdisk_write(struct store *s, uint64_t first, struct page *const *pages, unsigned n)
{
	block_count(s, true, n * BLOCK_PAGE_SECTORS);
	copy(s, first, pages, n, true);
	return 0;
}

static const struct store_ops ramdisk_ops = {
	.read = ramdisk_read, .write = ramdisk_write, .memory = true,
};

static struct block_dev ram0 = {
	.store = { .ops = &ramdisk_ops, .name = "/dev/ram0" },
	.major = RAMDISK_MAJOR,
	.minor = 0,
};

/* ---- boot ---- */

static void add_part(uint64_t start, uint64_t end)
{
	assert(nparts < PARTS_MAX);
	parts[nparts].first = ram0.store.npages;
	parts[nparts++].at = phys_to_virt(paddr(start));
	ram0.store.npages += (end - start) / PAGE_SIZE;
	parts[nparts].first = ram0.store.npages;
}

bool ramdisk_set_aside(uint64_t bytes)
{
	if (nparts || !early_set_aside(bytes, add_part))
		return false;
	ram0.bytes = bytes;
	return true;
}

void ramdisk_init(void)
{
	if (!ram0.bytes)
		return;
	log_info("ram0: %lu KB of RAM in %u part%s", ram0.bytes >> 10, nparts, nparts == 1 ? "" : "s");
	block_register(&ram0);
}
