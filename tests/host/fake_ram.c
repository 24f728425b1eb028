/*
 * RAM of the fake machine: one stretch of the host's addresses stands for all
 * physical memory, of which only what the memory map calls RAM may be touched;
 * the host gives it memory at the first touch.
 */
#include <tests/host/fake.h>
#include <arch/layout.h>
#include <arch/machine.h>
#include <mm/alloc/page.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

uint64_t fake_direct_base, fake_vmemmap_base, fake_kernel_base;
struct page *vmemmap;

/* An image of 1 MB and 4 KB, of which nothing is ever used but its bounds. */
__asm__(".bss\n.balign 4096\n"
	".globl kernel_start, text_start, text_end, rodata_start, rodata_end, data_start\n"
	".globl data_end, bss_start, bss_end, kernel_end\n"
	"kernel_start: text_start: .skip 0x10000\n"
	"text_end: rodata_start: .skip 0x10000\n"
	"rodata_end: data_start: .skip 0x10000\n"
	"data_end: bss_start: .skip 0xd1000\n"
	"bss_end: kernel_end: .skip 1\n"
	".text\n");

#define ARENA_MAX	(1ul << 36)	/* 64 GB of addresses */
#define MAP_EMPTY	(MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)
#define PAGES_MAX	((ARENA_MAX >> PAGE_SHIFT) * sizeof(struct page))

/* Addresses without memory, aligned to 1 GB. */
static char *reserve(size_t size)
{
	char *p = mmap(NULL, size + GIANT_SIZE, PROT_NONE, MAP_EMPTY, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		abort();
	}
	return (char *)ALIGN_UP((uintptr_t)p, GIANT_SIZE);
}

/* [start, end) of it becomes zeroed memory that may be used. */
static void give(char *base, uint64_t start, uint64_t end)
{
	start = ALIGN_DOWN(start, PAGE_SIZE);
	end = MIN(ALIGN_UP(end, PAGE_SIZE), ARENA_MAX);
	if (start < end && mprotect(base + start, end - start, PROT_READ | PROT_WRITE)) {
		perror("mprotect");
		abort();
	}
}

static void take_all(char *base, size_t size)
{
	if (mmap(base, size, PROT_NONE, MAP_EMPTY | MAP_FIXED, -1, 0) == MAP_FAILED) {
		perror("mmap");
		abort();
	}
}

void fake_ram(const struct bootinfo *bi)
{
	static char *arena;

	if (!arena) {
		arena = reserve(ARENA_MAX);
		vmemmap = (struct page *)reserve(PAGES_MAX);
	}
	take_all(arena, ARENA_MAX);
	take_all((char *)vmemmap, PAGES_MAX);
	fake_direct_base = (uintptr_t)arena;
	fake_vmemmap_base = (uintptr_t)vmemmap;
	fake_kernel_base = (uintptr_t)kernel_start - 0x100000;
	for (unsigned i = 0; i < bi->nranges; i++)
		if (bi->range[i].kind != BOOT_RESERVED)
			give(arena, bi->range[i].start, bi->range[i].end);
}

static void give_pages(uint64_t start, uint64_t end, void *arg)
{
	(void)arg;
	give((char *)vmemmap, (start >> PAGE_SHIFT) * sizeof(struct page),
	     (end >> PAGE_SHIFT) * sizeof(struct page));
}

void fake_vmemmap(void)
{
	early_for_each_ram(give_pages, NULL);
}

void fake_boot(const struct bootinfo *bi)
{
	fake_ram(bi);
	early_init(bi);
	fake_vmemmap();
	early_limit_lift();
	page_init();
}

void fake_range(struct bootinfo *bi, uint64_t start, uint64_t end, enum boot_range_kind kind)
{
	bi->range[bi->nranges++] = (struct boot_range){ start, end, kind };
}

void fake_map_pc(struct bootinfo *bi, uint64_t bytes)
{
	uint64_t low = MIN(bytes, 0xc0000000ul);

	memset(bi, 0, sizeof(*bi));
	bi->loader = "fake";
	fake_range(bi, 0, 0x9fc00, BOOT_RAM);
	fake_range(bi, 0x9fc00, 0xa0000, BOOT_RESERVED);
	fake_range(bi, 0xf0000, 0x100000, BOOT_RESERVED);
	fake_range(bi, 0x100000, low - 0x100000, BOOT_RAM);
	fake_range(bi, low - 0x100000, low, BOOT_ACPI);
	if (bytes > low)
		fake_range(bi, 1ul << 32, (1ul << 32) + bytes - low, BOOT_RAM);
}

void fake_boot_size(uint64_t bytes)
{
	static struct bootinfo bi;

	fake_map_pc(&bi, bytes);
	fake_boot(&bi);
}
