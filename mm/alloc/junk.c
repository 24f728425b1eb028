/*
 * Debug builds: free memory is full of 0x6b, so that whoever reads it after
 * giving it back reads nonsense, and whoever writes it is found when the frame
 * is allocated again.
 *
 * Which frames hold junk is a flag of each frame, not of the block: memory
 * that was never used is not filled at boot, and blocks merge. Blocks larger
 * than a huge page are not filled: a gigabyte would take a second.
 */
#include <mm/alloc/internal.h>
#include <lib/assert.h>

#ifdef DEBUG
#define JUNK		0x6b6b6b6b6b6b6b6bul
#define WORDS		(PAGE_SIZE / sizeof(uint64_t))

void junk_fill(struct page *p, unsigned order)
{
	void *at = page_to_virt(p);
	size_t words = WORDS << order;
	bool fill = order <= ORDER_HUGE;

	for (uint64_t i = 0; i < 1ul << order; i++)
		p[i].flags = fill ? PG_JUNK : 0;
	if (fill)
		__asm__ volatile("rep stosq" : "+D"(at), "+c"(words) : "a"(JUNK) : "memory");
}

static bool is_junk(const uint64_t *w)
{
	uint64_t diff = 0;

	for (unsigned i = 0; i < WORDS; i += 4)
		diff |= (w[i] ^ JUNK) | (w[i + 1] ^ JUNK) | (w[i + 2] ^ JUNK) | (w[i + 3] ^ JUNK);
	return !diff;
}

static __noreturn __cold_ void junk_report(const struct page *p, const uint64_t *w)
{
	unsigned i = 0;

	while (w[i] == JUNK)
		i++;
	panic("frame 0x%lx was written after it was freed: 0x%lx at offset 0x%lx", page_to_pfn(p).v,
	      w[i], i * sizeof(*w));
}

void junk_check(const struct page *p, unsigned order)
{
	for (const struct page *end = p + (1ul << order); p < end; p++)
		if (p->flags & PG_JUNK && !is_junk(page_to_virt(p)))
			junk_report(p, page_to_virt(p));
}
#endif
