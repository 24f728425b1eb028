/* The types of pageblocks: an array, one byte for each. */
#include <mm/alloc/pageblock.h>
#include <lib/string.h>
#include <mm/alloc/internal.h>

uint8_t *pageblock_types;

void pageblock_set(const struct page *p, unsigned order, enum page_mobility type)
{
	memset(&pageblock_types[page_to_pfn(p).v >> PAGEBLOCK_ORDER], type,
	       1ul << (order - PAGEBLOCK_ORDER));
}

void pageblock_init(void)
{
	uint64_t end = ALIGN_UP(early_ram_end() >> PAGE_SHIFT, PAGEBLOCK_FRAMES);

	_Static_assert(PAGES_UNMOVABLE == 0, "what early_alloc gives");
	pageblock_types = phys_to_virt(early_alloc(end >> PAGEBLOCK_ORDER, PAGE_SIZE));
}

/* A pageblock counts if its first frame is RAM. */
static void count_range(uint64_t start, uint64_t end, void *arg)
{
	uint64_t (*n)[PAGE_MOBILITIES] = arg;
	uint64_t first = ALIGN_UP(start >> PAGE_SHIFT, PAGEBLOCK_FRAMES);

	for (uint64_t f = first; f < end >> PAGE_SHIFT; f += PAGEBLOCK_FRAMES)
		++(*n)[pageblock_type(pfn_to_page(pfn(f)))];
}

void pageblock_count(uint64_t n[PAGE_MOBILITIES])
{
	memset(n, 0, PAGE_MOBILITIES * sizeof(*n));
	early_for_each_ram(count_range, n);
}
