/*
 * The face of the frame allocator: page_alloc, page_free, and what they check.
 *
 * A single frame comes off the CPU's stack (percpu.c) in some twenty
 * instructions; everything else is out of line. A frame that is given back
 * must look like an allocated one: the head of a block of the order given,
 * of a kind that is in use, with no slot and at most one reference left. All
 * other states (free, on a stack, inside of a block, a hole) are a bug of the
 * caller, a double free for the most part, and end in a panic that names the
 * frame.
 *
 * Frames under the min watermark are kept for ALLOC_RESERVE: what is needed to
 * get memory back. Whoever reclaims waits on page_low_wait and is woken below
 * low; he goes on until there are more than high.
 */
#include <mm/alloc/internal.h>
#include <mm/alloc/lists.h>
#include <kernel/core/wait.h>
#include <lib/assert.h>
#include <lib/log.h>
#include <lib/option.h>
#include <lib/string.h>
#include <mm/alloc/hugepool.h>
#include <mm/alloc/limit.h>
#include <mm/alloc/slots.h>

uint64_t page_fail_nth;
option_uint(fail_alloc, &page_fail_nth, 0, ~0ul,
	    "the n-th allocation of pages fails (1: the first; 0: none)");

const struct thread *page_fail_thread;
bool page_fail_objects;

struct waitq *page_low_wait;

const char *page_kind_name(unsigned kind)
{
	static const char *const name[] = {
		[PAGE_HOLE] = "hole", [PAGE_FREE] = "free", [PAGE_TAIL] = "tail",
		[PAGE_PERCPU] = "per-CPU free", [PAGE_KERNEL] = "kernel", [PAGE_SLAB] = "slab",
		[PAGE_TABLE] = "table", [PAGE_ANON] = "anon", [PAGE_FILE] = "file",
		[PAGE_HUGETLB] = "huge",
	};

	return kind < ARRAY_SIZE(name) ? name[kind] : "?";
}

bool pfn_valid(pfn_t f)
{
	static unsigned last;		/* where the last one was found: a hint */
	unsigned hint = READ_ONCE(last);

	for (unsigned k = 0; k <= early_ram.n; k++) {
		unsigned i = k ? k - 1 : hint;
		const struct range *r = &early_ram.r[i];

		if (f.v >= r->start >> PAGE_SHIFT && f.v < r->end >> PAGE_SHIFT) {
			if (i != hint)
				WRITE_ONCE(last, i);
			return true;
		}
	}
	return false;
}

/* ---- allocation ---- */

void page_wake_reclaim(void)
{
	struct waitq *q = READ_ONCE(page_low_wait);
	uint64_t flags;

	if (likely(!q || READ_ONCE(zone.free) >= zone.low))
		return;
	__atomic_fetch_or(&this_cpu()->need_resched, NEED_SCHEDULE, __ATOMIC_RELAXED);
	flags = waitq_lock(q);
	waitq_wake_all(q);
	waitq_unlock(q, flags);
}

bool page_fail_now(void)
{
	const struct thread *whose = READ_ONCE(page_fail_thread);
	uint64_t n = READ_ONCE(page_fail_nth);

	if (whose && whose != this_cpu()->current)
		return false;
	while (n && !__atomic_compare_exchange_n(&page_fail_nth, &n, n - 1, false, __ATOMIC_RELAXED,
						 __ATOMIC_RELAXED))
		;
	return n == 1;
}

void page_fail_forget(const struct thread *t)
{
	if (READ_ONCE(page_fail_thread) != t)
		return;
	page_fail_nth = 0;
	page_fail_thread = NULL;
	page_fail_objects = false;
}

/* If the buddy has none, those on this CPU's other stack will do. */
static struct page *take_single(struct pcp *pcp, enum page_mobility type, bool reserve)
{
	if (!pcp->count && !pcp_refill(pcp, type, reserve)) {
		if (!this_pcp(!type)->count)
			return NULL;
		page_drain();
		if (!pcp_refill(pcp, type, reserve))
			return NULL;
	}
	return pcp->page[--pcp->count];
}

/* If there is no block that large, the frames on this CPU's stacks may complete one. */
static struct page *take_block(unsigned order, enum page_mobility type, bool reserve)
{
	struct page *p = buddy_alloc(order, type, reserve);

	if (!p && this_pcp(type)->count + this_pcp(!type)->count) {
		page_drain();
		p = buddy_alloc(order, type, reserve);
	}
	page_wake_reclaim();
	return p;
}

static __attribute__((noinline)) struct page *page_clear(struct page *p, unsigned order)
{
	char *at = page_to_virt(p);

	for (char *end = at + (PAGE_SIZE << order); at < end; at += PAGE_SIZE)
		clear_page(at);
	return p;
}

/* Whoever asks for that, and threads that are to end, so that others get their memory. */
static bool may_use_reserve(unsigned flags)
{
	const struct thread *t = this_cpu()->current;

	return flags & ALLOC_RESERVE || (t && READ_ONCE(t->reserve));
}

/* What memory limits count: not what the kernel needs for itself. */
static bool is_charged(enum page_kind kind)
{
	return kind == PAGE_TABLE || kind == PAGE_ANON || kind == PAGE_FILE;
}

static __attribute__((noinline)) struct page *alloc_slow(unsigned order, enum page_kind kind,
							 unsigned flags)
{
	enum page_mobility type = kind_mobility(kind);
	struct pcp *pcp = this_pcp(type);
	bool reserve = may_use_reserve(flags), refused;
	uint16_t limit = limits_on && is_charged(kind) ? limit_current() : 0;
	struct thread *t = this_cpu()->current;
	struct page *p = NULL;

	assert(order <= ORDER_MAX);
	if (limit && !limit_charge(limit, 1ul << order, reserve)) {
		t->over_limit = true;
		return NULL;
	}
	refused = page_fail_now();
	if (!refused)
		p = order ? take_block(order, type, reserve) : take_single(pcp, type, reserve);
	if (!p) {
		pcp->fails++;
		if (limit)
			limit_uncharge(limit, 1ul << order);
		if (t && !refused)
			t->starved = true;
		return NULL;
	}
	pcp->allocs++;
	junk_check(p, order);
	page_make(p, order, kind);
	p->limit_id = limit;
	return flags & ALLOC_ZERO ? page_clear(p, order) : p;
}

struct page *page_alloc(unsigned order, enum page_kind kind, unsigned flags)
{
	struct pcp *pcp = this_pcp(kind_mobility(kind));
	struct page *p;

	debug_assert(this_cpu()->irq_depth == 0);
	debug_assert(kind >= PAGE_KERNEL && kind <= PAGE_LAST);
	if (unlikely(order || page_fail_nth || limits_on || !pcp->count))
		return alloc_slow(order, kind, flags);
	p = pcp->page[--pcp->count];
	pcp->allocs++;
	debug_assert(p->kind == PAGE_PERCPU);
	junk_check(p, 0);
	page_make(p, 0, kind);
	return flags & ALLOC_ZERO ? page_clear(p, 0) : p;
}

unsigned page_alloc_from(struct page *block, struct page **out, unsigned n)
{
	struct pcp *pcp = this_pcp(PAGES_UNMOVABLE);
	unsigned got = buddy_take_from(block, out, n);

	for (unsigned i = 0; i < got; i++) {
		junk_check(out[i], 0);
		page_make(out[i], 0, PAGE_KERNEL);
	}
	pcp->allocs += got;
	return got;
}

bool page_has_block(unsigned order)
{
	return (READ_ONCE(zone.orders[PAGES_MOVABLE]) | READ_ONCE(zone.orders[PAGES_UNMOVABLE])) >> order;
}

/* ---- freeing ---- */

/* kind in use, the order given. */
static __always_inline_ bool page_is_block(const struct page *p, unsigned order)
{
	return p->order == order && (uint8_t)(p->kind - PAGE_KERNEL) <= PAGE_LAST - PAGE_KERNEL;
}

/* A single frame of a movable kind, which nobody pays for: the bytes after flags tell it all. */
static __always_inline_ bool page_is_single(const struct page *p)
{
	return *(const uint32_t *)&p->kind - PAGE_ANON <= PAGE_FILE - PAGE_ANON;
}
_Static_assert(offsetof(struct page, limit_id) == 6, "page_is_single");

/* At most one reference, no slot. Tables and slabs keep other things there. */
static __always_inline_ bool page_is_unused(const struct page *p)
{
	return *(const uint64_t *)&p->refs <= 1 || p->kind == PAGE_TABLE || p->kind == PAGE_SLAB;
}

static __noreturn __cold_ void free_refused(const struct page *p, unsigned order)
{
	uint64_t n = page_to_pfn(p).v;

	if (!page_is_block(p, order))
		panic("page_free: frame 0x%lx given back as order %u is %s of order %u%s", n, order,
		      page_kind_name(p->kind), p->order,
		      p->kind == PAGE_FREE || p->kind == PAGE_PERCPU || p->kind == PAGE_TAIL ?
		      ": freed twice?" : "");
	panic("page_free: frame 0x%lx (%s) is still in use: %u references, %u slots", n,
	      page_kind_name(p->kind), p->refs, p->slots);
}

/* What cannot be moved goes back where it came from: it may have been taken from a movable pageblock. */
static struct pcp *pcp_for(const struct page *p)
{
	enum page_mobility type = kind_mobility(p->kind);

	return this_pcp(type == PAGES_UNMOVABLE ? pageblock_type(p) : type);
}

static __attribute__((noinline)) void free_slow(struct page *p, unsigned order)
{
	struct pcp *pcp = pcp_for(p);

	if (!page_is_block(p, order) || !page_is_unused(p))
		free_refused(p, order);
	if (unlikely(p->kind == PAGE_HUGETLB)) {
		hugepool_give(p);
		return;
	}
	if (p->flags & PG_KNOWN)
		lists_forget(p);
	if (p->limit_id)
		limit_uncharge(p->limit_id, 1ul << order);
	p->limit_id = 0;
	junk_fill(p, order);
	pcp->frees++;
	if (order) {
		buddy_free(p, order);
		return;
	}
	if (pcp->count == PCP_MAX)
		pcp_drain(pcp, PCP_BATCH);
	p->kind = PAGE_PERCPU;
	pcp->page[pcp->count++] = p;
}

static __always_inline_ void free_page(struct page *p, unsigned order)
{
	struct pcp *pcp = this_pcp(PAGES_MOVABLE);

	debug_assert(this_cpu()->irq_depth == 0);
	debug_assert(pfn_valid(page_to_pfn(p)));
	debug_assert(!(p->flags & (PG_BUSY | PG_SWAPCACHE)));
	if (unlikely(order || !page_is_single(p) || p->flags & PG_KNOWN ||
		     *(const uint64_t *)&p->refs > 1 ||
		     pcp->count == PCP_MAX)) {
		free_slow(p, order);
		return;
	}
	junk_fill(p, 0);
	p->kind = PAGE_PERCPU;
	pcp->page[pcp->count++] = p;
	pcp->frees++;
}

void page_free(struct page *p, unsigned order)
{
	free_page(p, order);
}

/* Drops a reference; true: others are left. */
static __always_inline_ bool page_drop(struct page *p)
{
	uint32_t refs = __atomic_fetch_sub(&p->refs, 1, __ATOMIC_ACQ_REL);

	if (refs == 1)
		free_page(p, likely(page_is_single(p)) ? 0 : p->order);
	else if (unlikely(refs == 0))
		panic("page_put: frame 0x%lx (%s) has no reference", page_to_pfn(p).v,
		      page_kind_name(p->kind));
	return refs > 1;
}

/* The swap cache may be the last one that has it. */
static __attribute__((noinline)) void put_cached(struct page *p)
{
	swp_t s = p->swp;

	if (page_drop(p))
		slot_forsaken(s);
}

void page_put(struct page *p)
{
	if (unlikely(READ_ONCE(p->flags) & PG_SWAPCACHE))
		put_cached(p);
	else
		page_drop(p);
}

/* ---- figures ---- */

uint64_t page_free_count(void)
{
	uint64_t n = READ_ONCE(zone.free);

	for (unsigned i = 0; i < arch_ncpus; i++)
		for (unsigned type = 0; type < PAGE_MOBILITIES; type++)
			n += READ_ONCE(pcps[i][type].count);
	return n;
}

uint64_t page_total_count(void)
{
	return zone.total;
}

uint64_t page_low_mark(void)
{
	return zone.low;
}

uint64_t page_high_mark(void)
{
	return zone.high;
}

uint64_t page_buddy_count(void)
{
	return READ_ONCE(zone.free);
}

uint64_t page_min_mark(void)
{
	return zone.min;
}

static void add_pcp(struct alloc_stats *s, const struct pcp *pcp)
{
	s->allocs += READ_ONCE(pcp->allocs);
	s->frees += READ_ONCE(pcp->frees);
	s->fails += READ_ONCE(pcp->fails);
	s->pcp_refills += READ_ONCE(pcp->refills);
	s->pcp_drains += READ_ONCE(pcp->drains);
}

void page_stats(struct alloc_stats *s)
{
	*s = (struct alloc_stats){ 0 };
	for (unsigned i = 0; i < arch_ncpus; i++)
		for (unsigned type = 0; type < PAGE_MOBILITIES; type++)
			add_pcp(s, &pcps[i][type]);
	spin_lock(&zone.lock);
	memcpy(s->free_blocks, zone.nfree, sizeof(s->free_blocks));
	spin_unlock(&zone.lock);
	pageblock_count(s->pageblocks);
}

/* ---- boot ---- */

/* Never given back, but with a reference: nobody may take them for free. */
static void make_hole(uint64_t start, uint64_t end)
{
	for (; start < end; start += PAGE_SIZE)
		pfn_to_page(paddr_to_pfn(paddr(start)))->refs = 1;
}

static void make_kernel(uint64_t start, uint64_t end)
{
	for (; start < end; start += PAGE_SIZE)
		page_make(pfn_to_page(paddr_to_pfn(paddr(start))), 0, PAGE_KERNEL);
}

void page_set_marks(uint64_t min)
{
	uint64_t gap = 2 * min + MIN((uint64_t)arch_ncpus * PCP_BATCH, zone.total / 64);

	WRITE_ONCE(zone.min, min);
	WRITE_ONCE(zone.low, min + gap);
	WRITE_ONCE(zone.high, min + 2 * gap);
}

/*
 * min: 1/256 of memory, 64 KB to 16 MB. low is above it by twice that, which
 * is more than the page faults of one tick (4 ms) take: 512 MB have 4 MB there; and by
 * what the CPUs, all at once, may take for their stacks.
 */
static void set_watermarks(void)
{
	uint64_t part = zone.total / 256;

	part = MAX(part, 16ul);
	part = MIN(part, 4096ul);
	page_set_marks(part);
}

void page_init(void)
{
	uint64_t ram = rangeset_bytes(&early_ram);
	uint64_t early;

	pageblock_init();
	early = rangeset_bytes(&early_usable) - rangeset_bytes(&early_left);
	early_close();
	buddy_init();
	for (unsigned i = 0; i < MAX_CPUS; i++)
		pcps[i][PAGES_UNMOVABLE].count = pcps[i][PAGES_MOVABLE].count = 0;
	rangeset_diff(&early_ram, &early_usable, make_hole);
	rangeset_diff(&early_usable, &early_left, make_kernel);
	for (unsigned i = 0; i < early_left.n; i++) {
		const struct range *r = &early_left.r[i];

		buddy_add(pfn(r->start >> PAGE_SHIFT), pfn(r->end >> PAGE_SHIFT));
	}
	set_watermarks();
	log_info("memory: %lu KB in all: %lu KB free, %lu KB the kernel's tables, %lu KB reserved",
		 ram >> 10, zone.total << 2, early >> 10,
		 (ram - (zone.total << PAGE_SHIFT) - early) >> 10);
}
