/*
 * What each frame of RAM is used for, and how often it is mapped: /proc/kpageflags and /proc/kpagecount, in Linux's
 * words (<linux/kernel-page-flags.h>). A look at things that move: each frame by itself is told as it was at some moment.
 */
#include <mm/mm.h>
#include <mm/alloc/block.h>
#include <mm/vm/ways.h>

#include <linux/errno.h>
#include <linux/kernel-page-flags.h>

/* Not in the UAPI header. */
#define KPF_RESERVED	32
#define KPF_MLOCKED	33

#define BIT(n)		(1ul << (n))

uint64_t mm_frame_end(void)
{
	return early_ram_end() >> PAGE_SHIFT;
}

/* The frame that stands for p: the head of its block, or p itself. */
static const struct page *head_of(const struct page *p)
{
	uint64_t f = page_to_pfn(p).v;

	for (unsigned order = 1; order <= ORDER_MAX && READ_ONCE(p->kind) == PAGE_TAIL; order++) {
		const struct page *head = pfn_to_page(pfn(f & -(1ul << order)));

		if (!pfn_valid(page_to_pfn(head)))
			break;
		if (READ_ONCE(head->kind) != PAGE_TAIL && READ_ONCE(head->order) >= order)
			return head;
	}
	return p;
}

static uint64_t state_flags(const struct page *p)
{
	static const struct { uint32_t pg; unsigned kpf; } flags[] = {
		{ PG_BUSY, KPF_LOCKED }, { PG_UPTODATE, KPF_UPTODATE }, { PG_DIRTY, KPF_DIRTY },
		{ PG_REFERENCED, KPF_REFERENCED }, { PG_LRU, KPF_LRU }, { PG_SWAPCACHE, KPF_SWAPCACHE },
		{ PG_SHMEM, KPF_SWAPBACKED },
	};
	uint32_t now = READ_ONCE(p->flags);
	uint64_t word = READ_ONCE(p->slots) ? BIT(KPF_MMAP) : 0;

	for (unsigned i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		word |= now & flags[i].pg ? BIT(flags[i].kpf) : 0;
	return READ_ONCE(p->nlocked) ? word | BIT(KPF_UNEVICTABLE) | BIT(KPF_MLOCKED) : word;
}

/* Of a frame of a block that is one page to its user. */
static uint64_t compound_flags(const struct page *p, const struct page *head)
{
	if (!READ_ONCE(head->order))
		return 0;
	return BIT(p == head ? KPF_COMPOUND_HEAD : KPF_COMPOUND_TAIL);
}

uint64_t mm_frame_flags(uint64_t frame)
{
	const struct page *p = pfn_to_page(pfn(frame)), *head;

	if (!pfn_valid(pfn(frame)))
		return BIT(KPF_NOPAGE);
	if (frame == zero_pfn.v)
		return BIT(KPF_ZERO_PAGE);
	head = head_of(p);
	switch ((enum page_kind)READ_ONCE(head->kind)) {
	case PAGE_HOLE:
		return BIT(KPF_RESERVED);
	case PAGE_FREE:
		return BIT(KPF_BUDDY);
	case PAGE_SLAB:
		return BIT(KPF_SLAB) | compound_flags(p, head);
	case PAGE_TABLE:
		return BIT(KPF_PGTABLE);
	case PAGE_ANON:
		return state_flags(head) | BIT(KPF_ANON) | BIT(KPF_SWAPBACKED) | compound_flags(p, head) |
		       (READ_ONCE(head->order) ? BIT(KPF_THP) : 0);
	case PAGE_FILE:
		return state_flags(head) | compound_flags(p, head);
	case PAGE_HUGETLB:
		return state_flags(head) | BIT(KPF_HUGE) | compound_flags(p, head);
	case PAGE_KERNEL:
	case PAGE_PERCPU:
	case PAGE_TAIL:
		return 0;
	}
	return 0;
}

static uint64_t count_of(uint64_t frame, const struct ways *more)
{
	const struct page *p = pfn_to_page(pfn(frame));
	uint64_t slots;

	if (!pfn_valid(pfn(frame)))
		return 0;
	p = head_of(p);
	if (p->kind != PAGE_ANON && p->kind != PAGE_FILE && p->kind != PAGE_HUGETLB)
		return 0;
	slots = READ_ONCE(p->slots);
	return slots ? slots + ways_more(p, more) : 0;
}

int mm_frame_counts(uint64_t frame, unsigned n, uint64_t *out)
{
	struct ways more = { .all = true };
	int err = ways_find(&more);

	for (unsigned i = 0; i < n && !err; i++)
		out[i] = count_of(frame + i, &more);
	ways_drop(&more);
	return err;
}
