/*
 * Compaction. Two scanners go over memory, a pageblock at a time: one upwards, and empties it;
 * one downwards, and fills what is free there. Where they meet everything movable lies above,
 * what is free below, in whole pageblocks.
 *
 *	from	a movable pageblock, in use in part, in which nothing is in use that cannot be moved: else
 *		moving the rest would be for nothing
 *	to	a movable pageblock in use in part; one that is free as a whole is what is wanted
 *
 * A direct run (who needs a block and has none) ends as soon as there is one, and the next goes on where it
 * stopped. When the scanners have met they begin anew. After a run in vain the next are left out: 1, 2,
 * 4, up to 64 of them, as on Linux.
 *
 * Nothing is kept from taking frames of a pageblock while it is being emptied: that only costs the work. Frames
 * on CPUs' stacks would keep a pageblock from being whole: they are given back first.
 *
 * Locks: compact_lock (sleeping) around a run; it holds nothing else but what migrate_pages takes.
 *
 * The two scanners are Linux's (Mel Gorman, 2010).
 */
#include <mm/reclaim/compact.h>
#include <kernel/core/mutex.h>
#include <kernel/core/thread.h>
#include <kernel/core/wait.h>
#include <lib/string.h>
#include <mm/alloc/block.h>
#include <mm/alloc/lists.h>
#include <mm/alloc/pageblock.h>
#include <mm/alloc/stat.h>
#include <mm/reclaim/migrate.h>
#include <mm/reclaim/reclaim.h>

#define DEFER_MAX	6u		/* a run in vain: up to 2^6 are left out */
#define TRIES		3u		/* of page_alloc_compact */

static struct mutex compact_lock;	/* RANK_COMPACT */

/* All of it: compact_lock. */
static struct {
	uint64_t from, to;		/* frame numbers: the next pageblock to empty; the last one filled */
	unsigned nfree;			/* frames to move to */
	struct page *free[PAGEBLOCK_FRAMES];
} scan;

static unsigned defer_shift, deferred;	/* racy: a guess */

/* ---- which pageblocks ---- */

/* Is the pageblock at frame f of RAM, movable, and neither free nor in use as a whole (or part of such a block)? */
static bool is_in_part(uint64_t f)
{
	const struct page *block = pfn_to_page(pfn(f));

	if (!pfn_valid(pfn(f)) || pageblock_type(block) != PAGES_MOVABLE)
		return false;
	return READ_ONCE(block->kind) != PAGE_TAIL && READ_ONCE(block->order) < PAGEBLOCK_ORDER;
}

static bool can_be_emptied(uint64_t f)
{
	const struct page *p = pfn_to_page(pfn(f));

	if (!is_in_part(f) || block_is_cached(p))
		return false;
	vm_count(COMPACT_MIGRATE_SCANNED, PAGEBLOCK_FRAMES);
	for (const struct page *end = p + PAGEBLOCK_FRAMES; p < end; p++) {
		enum page_kind kind = READ_ONCE(p->kind);

		if (kind == PAGE_HOLE || kind == PAGE_KERNEL || kind == PAGE_SLAB || kind == PAGE_TABLE ||
		    (kind >= PAGE_ANON && READ_ONCE(p->order)))
			return false;
	}
	return true;
}

/* ---- a run ---- */

/* Makes scan.nfree at least a batch. False: the scanners have met. */
static bool get_frames(void)
{
	while (scan.nfree < MIGRATE_BATCH && scan.to > scan.from + PAGEBLOCK_FRAMES) {
		unsigned got;

		scan.to -= PAGEBLOCK_FRAMES;
		if (!is_in_part(scan.to))
			continue;
		got = page_alloc_from(pfn_to_page(pfn(scan.to)), scan.free + scan.nfree,
				      PAGEBLOCK_FRAMES - scan.nfree);
		vm_count(COMPACT_FREE_SCANNED, PAGEBLOCK_FRAMES);
		vm_count(COMPACT_ISOLATED, got);
		scan.nfree += got;
	}
	return scan.nfree >= MIGRATE_BATCH;
}

static void empty_pageblock(uint64_t at)
{
	uint64_t end = at + PAGEBLOCK_FRAMES;
	struct page *from[MIGRATE_BATCH];

	while (at < end && get_frames()) {
		unsigned n = lists_isolate(&at, end, from, MIGRATE_BATCH), moved, left;
		struct page **to = scan.free + scan.nfree - n;

		vm_count(COMPACT_ISOLATED, n);
		left = migrate_pages(from, to, n, &moved);
		memmove(to, to + n - left, left * sizeof(*to));
		scan.nfree -= n - left;
		resched_point();
	}
	page_drain();
}

static void begin(void)
{
	if (!READ_ONCE(lists_on))
		reclaim_lists();
	page_drain_all();
	if (scan.from + PAGEBLOCK_FRAMES < scan.to)
		return;
	scan.from = 0;
	scan.to = ALIGN_UP(early_ram_end() >> PAGE_SHIFT, PAGEBLOCK_FRAMES);
}

static void finish(void)
{
	while (scan.nfree)
		page_free(scan.free[--scan.nfree], 0);
	page_drain();
}

/* Is there room for what is on its way, and is it worth while? */
static bool is_suitable(void)
{
	return page_buddy_count() >= page_low_mark() + 2 * PAGEBLOCK_FRAMES;
}

/* Until there is a block of that order (0: all that can be had), or the scanners meet. */
static void run(unsigned order)
{
	begin();
	while (scan.from + PAGEBLOCK_FRAMES < scan.to && is_suitable()) {
		if (order && page_has_block(order))
			break;
		if (can_be_emptied(scan.from))
			empty_pageblock(scan.from);
		scan.from += PAGEBLOCK_FRAMES;
	}
	finish();
}

/* ---- who asks for it ---- */

static bool compact(unsigned order)
{
	bool found;

	vm_count(COMPACT_STALL, 1);
	mutex_lock(&compact_lock);
	if (!page_has_block(order))
		run(order);
	found = page_has_block(order);
	mutex_unlock(&compact_lock);
	vm_count(found ? COMPACT_SUCCESS : COMPACT_FAIL, 1);
	return found;
}

bool compact_direct(unsigned order)
{
	unsigned shift = READ_ONCE(defer_shift);

	if (!is_suitable())
		return false;
	if (shift && ++deferred < 1u << shift) {
		compact_wake();
		return false;
	}
	deferred = 0;
	if (compact(order)) {
		defer_shift = 0;
		return true;
	}
	defer_shift = MIN(shift + 1, DEFER_MAX);
	return false;
}

void compact_memory(void)
{
	mutex_lock(&compact_lock);
	scan.to = 0;			/* anew */
	run(0);
	mutex_unlock(&compact_lock);
	defer_shift = 0;
}

bool compact_is_worthwhile(void)
{
	uint64_t huge = 0, all = page_buddy_count();
	struct alloc_stats s;

	page_stats(&s);
	for (unsigned i = PAGEBLOCK_ORDER; i <= ORDER_MAX; i++)
		huge += s.free_blocks[PAGES_MOVABLE][i] << i;
	return is_suitable() && 2 * huge < all;
}

struct page *page_alloc_compact(unsigned order, enum page_kind kind, unsigned flags)
{
	struct page *p = page_alloc(order, kind, flags);

	lock_assert_none_from(RANK_MM);
	for (unsigned i = 0; i < TRIES && !p; i++) {
		if (!is_suitable() || !compact(order))
			reclaim_direct(2ul << order);
		p = page_alloc(order, kind, flags);
	}
	return p;
}

/* ---- for kcompactd ---- */

static struct waitq wait = WAITQ_INIT(wait);
static bool asked;			/* wait.lock */

void compact_wake(void)
{
	uint64_t irq;

	if (READ_ONCE(asked))
		return;
	irq = waitq_lock(&wait);
	asked = true;
	waitq_wake_all(&wait);
	waitq_unlock(&wait, irq);
}

void compact_wait_asked(void)
{
	uint64_t irq = waitq_lock(&wait);

	while (!asked)
		waitq_sleep(&wait, &irq);
	asked = false;
	waitq_unlock(&wait, irq);
}

void compact_init(void)
{
	mutex_init(&compact_lock, RANK_COMPACT);
}
