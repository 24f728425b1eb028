/*
 * The memory map, and memory before there is an allocator.
 *
 * From the boot loader's list, in whatever order and shape it comes, three
 * sets of ranges are made, each a part of the one before:
 *
 *	early_ram	what struct pages and the direct map cover: RAM, ACPI
 *			tables, the first MB, and small reserved ranges beside
 *			RAM (the firmware's own, SeaBIOS keeps ACPI tables there)
 *	early_usable	RAM that nobody owns: not the firmware, not the image,
 *			not the initramfs, not the frames that the low MB is
 *			needed for
 *	early_left	what early_alloc has not handed out
 *
 * Where RAM and anything else overlap, the other wins, and a frame that is RAM
 * only in part is not used. early_alloc takes the lowest place that fits above
 * 1 MB, so that the large blocks higher up stay whole. One CPU, no locks.
 */
#include <mm/alloc/internal.h>
#include <arch/layout.h>
#include <arch/machine.h>
#include <boot/bootinfo.h>
#include <lib/assert.h>
#include <lib/log.h>
#include <lib/string.h>

#define LOW_END		0x100000ul		/* the first MB */
#define FIRMWARE_MAX	(16ul << 20)		/* a larger reserved range is room for devices */
#define EARLY_LIMIT	(4ul << 30)		/* what the boot tables map */

struct rangeset early_ram, early_usable, early_left;
static uint64_t early_limit;
static bool early_closed;

/* Ranges are cut at the end of the direct map; nothing above can be used. */
static struct range page_inner(const struct boot_range *b)
{
	uint64_t end = MIN(b->end, DIRECT_SIZE);
	uint64_t start = MIN(b->start, DIRECT_SIZE);

	return (struct range){ ALIGN_UP(start, PAGE_SIZE), ALIGN_DOWN(end, PAGE_SIZE) };
}

static struct range page_outer(uint64_t start, uint64_t end)
{
	if (start >= end)
		return (struct range){ 0, 0 };
	start = MIN(start, DIRECT_SIZE);
	end = MIN(end, DIRECT_SIZE);
	return (struct range){ ALIGN_DOWN(start, PAGE_SIZE), ALIGN_UP(end, PAGE_SIZE) };
}

static void add(struct rangeset *s, struct range r)
{
	if (!rangeset_add(s, r.start, r.end))
		log_warn("memory: too many ranges, 0x%lx-0x%lx is not used", r.start, r.end);
}

static void take(struct rangeset *s, struct range r)
{
	if (!rangeset_remove(s, r.start, r.end))
		log_warn("memory: too many ranges, some memory above 0x%lx is not used", r.end);
}

static void log_map(const struct bootinfo *bi)
{
	static const char *const name[] = {
		[BOOT_RAM] = "usable", [BOOT_ACPI] = "ACPI", [BOOT_RESERVED] = "reserved",
	};

	for (unsigned i = 0; i < bi->nranges; i++) {
		const struct boot_range *b = &bi->range[i];

		if (b->start >= b->end)
			log_warn("memory: 0x%012lx-0x%012lx is empty", b->start, b->end);
		else
			log_info("memory: 0x%012lx-0x%012lx %9lu KB %s", b->start, b->end - 1,
				 (b->end - b->start) >> 10, name[MIN(b->kind, BOOT_RESERVED)]);
		if (b->kind == BOOT_RAM && b->end > DIRECT_SIZE)
			log_warn("memory: RAM above 0x%lx is not used", DIRECT_SIZE);
	}
}

/* Small reserved ranges beside RAM are RAM that the firmware keeps; one may lie behind another. */
static void add_firmware(const struct bootinfo *bi)
{
	uint64_t before;

	do {
		before = rangeset_bytes(&early_ram);
		for (unsigned i = 0; i < bi->nranges; i++) {
			struct range r = page_outer(bi->range[i].start, bi->range[i].end);

			if (r.start < r.end && r.end - r.start <= FIRMWARE_MAX &&
			    rangeset_touch(&early_ram, r.start, r.end))
				add(&early_ram, r);
		}
	} while (rangeset_bytes(&early_ram) != before);
}

static void find_ram(const struct bootinfo *bi)
{
	for (unsigned i = 0; i < bi->nranges; i++) {
		const struct boot_range *b = &bi->range[i];

		if (b->kind == BOOT_RAM) {
			add(&early_ram, page_inner(b));
			add(&early_usable, page_inner(b));
		} else if (b->kind == BOOT_ACPI) {
			add(&early_ram, page_outer(b->start, b->end));
		}
	}
	add(&early_ram, (struct range){ 0, LOW_END });
	add_firmware(bi);
}

static void reserve(const struct bootinfo *bi)
{
	uint64_t image = (uintptr_t)kernel_start - KERNEL_BASE;
	uint64_t image_end = (uintptr_t)kernel_end - KERNEL_BASE;

	for (unsigned i = 0; i < bi->nranges; i++)
		if (bi->range[i].kind != BOOT_RAM)
			take(&early_usable, page_outer(bi->range[i].start, bi->range[i].end));
	take(&early_usable, page_outer(image, image_end));
	if (bi->initrd_start < bi->initrd_end)
		take(&early_usable, page_outer(bi->initrd_start, bi->initrd_end));
	take(&early_usable, page_outer(0, PAGE_SIZE));	/* the BIOS's data; 0 stays no address */
	take(&early_usable, page_outer(AP_TRAMPOLINE, AP_TRAMPOLINE + PAGE_SIZE));
}

void early_init(const struct bootinfo *bi)
{
	early_ram.n = early_usable.n = 0;
	early_limit = EARLY_LIMIT;
	early_closed = false;
	log_map(bi);
	find_ram(bi);
	reserve(bi);
	early_left = early_usable;
	if (!early_left.n)
		panic("no usable memory in the map of %s", bi->loader);
}

paddr_t early_alloc(size_t bytes, size_t align)
{
	uint64_t size = ALIGN_UP(bytes, PAGE_SIZE), at;

	assert(!early_closed);
	assert(bytes && bytes <= DIRECT_SIZE);
	assert(align >= PAGE_SIZE && (align & (align - 1)) == 0);
	if (!rangeset_fit(&early_left, LOW_END, early_limit, size, align, &at) &&
	    !rangeset_fit(&early_left, 0, early_limit, size, align, &at))
		panic("early_alloc: no %lu KB, aligned to %lu KB, below 0x%lx", size >> 10,
		      align >> 10, early_limit);
	take(&early_left, (struct range){ at, at + size });
	memset(phys_to_virt(paddr(at)), 0, size);
	return paddr(at);
}

void early_limit_lift(void)
{
	early_limit = DIRECT_SIZE;
}

uint64_t early_left_bytes(void)
{
	return rangeset_bytes(&early_left);
}

bool early_set_aside(uint64_t bytes, void (*fn)(uint64_t start, uint64_t end))
{
	assert(!early_closed && IS_ALIGNED(bytes, PAGE_SIZE));
	if (bytes > early_left_bytes())
		return false;
	while (bytes) {
		struct range r = early_left.r[early_left.n - 1];

		r.start = MAX(r.start, r.end - MIN(bytes, r.end));
		take(&early_left, r);
		take(&early_usable, r);
		fn(r.start, r.end);
		bytes -= r.end - r.start;
	}
	return true;
}

void early_close(void)
{
	early_closed = true;
}

void early_for_each_ram(void (*fn)(uint64_t start, uint64_t end, void *arg), void *arg)
{
	for (unsigned i = 0; i < early_ram.n; i++)
		fn(early_ram.r[i].start, early_ram.r[i].end, arg);
}

uint64_t early_ram_end(void)
{
	return early_ram.r[early_ram.n - 1].end;
}
