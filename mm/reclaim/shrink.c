/*
 * The shrink loop: pages go from the lists back to the allocator, a batch at a time.
 *
 *	lists_take   off the lists, with a reference
 *	examine      PG_BUSY by a try; nobody but its entries and its cache has it; not locked
 *	judge        was it used since? by the reverse map; the policy says whether it goes
 *	unmap        an anonymous page gets a slot, and its entries name that; a file's page has none then
 *	flush        once for all of the batch, in all address spaces; pages of memory objects
 *	             then leave these for slots
 *	write        what its slot does not have so far, neighbours together
 *	evict        out of the swap cache, or of its object; what somebody wants again stays
 *
 * PG_BUSY is held from the look to the end: whoever wants the page back meanwhile waits
 * for it, and finds it in the cache or reads it. What does not go is put back on the lists; what can
 * never go as things are is left off them until that changes: a locked page is noted
 * when it is unlocked, memory without swap when swap is turned on.
 *
 * Locks: PG_BUSY, always by a try; whatever the called take, one after the other. So reclaim waits for
 * nobody who may be waiting for memory, and can be called wherever no spinlock is held.
 * Nothing is allocated here but by slots and devices, which have theirs from the start.
 */
#include <mm/reclaim/shrink.h>
#include <kernel/core/thread.h>
#include <lib/assert.h>
#include <lib/string.h>
#include <mm/alloc/block.h>
#include <mm/alloc/busy.h>
#include <mm/alloc/lists.h>
#include <mm/alloc/stat.h>
#include <mm/obj/object.h>
#include <mm/pt/huge.h>
#include <mm/pt/rmap.h>
#include <mm/reclaim/swap.h>

#define BATCH		STORE_BATCH
#define FRAMES		1024u		/* one batch for a memory limit is looked for in so many */
#define DIRECT_LOOKS	4096u		/* after which who waits asks no more whether pages are used */

uint64_t vm_swappiness = 60;

/* Referenced by us, off the lists, and busy once examined. */
struct pages {
	unsigned n;
	struct page *page[BATCH];
};

struct batch {
	struct pages at;		/* on their way */
	struct pages back;		/* to the lists again */
	struct pages keep;		/* likewise: for want of a slot, and others shall be looked at first */
	bool direct, asks;
};

static void pages_add(struct pages *s, struct page *p)
{
	s->page[s->n++] = p;
}

static void give_up(struct batch *b, struct page *p)
{
	page_unlock(p);
	pages_add(&b->back, p);
}

static bool is_cached(const struct page *p)
{
	return READ_ONCE(p->flags) & PG_SWAPCACHE || (p->kind == PAGE_FILE && p->owner);
}

/* ---- examine ---- */

/* Nothing will come of p until somebody notes it again. */
static bool is_out_of_reach(const struct page *p)
{
	if (READ_ONCE(p->nlocked))
		return true;
	if (p->kind == PAGE_FILE && (!p->owner || READ_ONCE(((struct object *)p->owner)->kept)))
		return true;
	if (policy_is_file(p))
		return false;
	if (!READ_ONCE(slots_on))
		return true;
	return READ_ONCE(p->flags) & PG_SWAPCACHE && !p->slots && slot_is_bad(p->swp);
}

static bool is_lazy(const struct page *p)
{
	return READ_ONCE(p->flags) & PG_LAZYFREE;
}

/* What was given up has been written since: on the lists as something else. */
static bool is_needed_again(struct page *p)
{
	if (!is_lazy(p) || !rmap_is_dirty(p))
		return false;
	lists_lazy(p, false);
	return true;
}

static void examine(struct batch *b)
{
	unsigned n = b->at.n;

	b->at.n = 0;
	for (unsigned i = 0; i < n; i++) {
		struct page *p = b->at.page[i];

		if (READ_ONCE(p->flags) & PG_MIXED || !page_trylock(p)) {
			pages_add(&b->back, p);
			continue;
		}
		if (is_out_of_reach(p) || is_needed_again(p)) {
			lists_leave_off(p);
			page_unlock(p);
			page_put(p);
		} else if (READ_ONCE(p->refs) != READ_ONCE(p->slots) + is_cached(p) + 1) {
			give_up(b, p);
		} else {
			pages_add(&b->at, p);
		}
	}
}

/* ---- judge ---- */

static bool was_used(struct page *p)
{
	if (p->kind == PAGE_ANON)
		return rmap_clear_young(p);
	if (READ_ONCE(p->flags) & PG_REFERENCED) {	/* by read(2) */
		__atomic_fetch_and(&p->flags, ~PG_REFERENCED, __ATOMIC_RELAXED);
		object_clear_young(p);
		return true;
	}
	return object_clear_young(p);
}

static void judge(struct batch *b)
{
	bool used[BATCH] = { false }, go[BATCH];
	unsigned n = b->at.n;

	for (unsigned i = 0; i < n && b->asks; i++)
		used[i] = was_used(b->at.page[i]);
	lists_judge(b->at.page, used, go, n);
	b->at.n = 0;
	for (unsigned i = 0; i < n; i++) {
		struct page *p = b->at.page[i];

		if (go[i]) {
			pages_add(&b->at, p);
			continue;
		}
		page_unlock(p);
		page_put(p);
	}
}

/* ---- unmap, write ---- */

/* It need not be swapped, or can be: it has a slot. */
static bool has_place(struct page *p)
{
	swp_t s;

	return is_lazy(p) || p->flags & PG_SWAPCACHE || slot_alloc(p, &s);
}

static bool unmap_anon(struct page *p, struct reclaim_gather *r)
{
	swp_t s = p->swp;

	if (is_lazy(p))
		return rmap_hide(p, r);

	if (!p->slots || rmap_unmap(p, s, r))
		return true;
	if (!slot_uncache(p, 0))	/* the entries that it had so far name s: it stays its cache */
		debug_assert(slot_count(s));
	return false;
}

static void unmap(struct batch *b)
{
	struct reclaim_gather r;
	unsigned n = b->at.n;
	bool done;

	reclaim_gather_init(&r);
	b->at.n = 0;
	for (unsigned i = 0; i < n; i++) {
		struct page *p = b->at.page[i];

		if (p->kind == PAGE_ANON && !has_place(p)) {
			page_unlock(p);
			pages_add(&b->keep, p);
			continue;
		}
		if (p->kind == PAGE_ANON)
			done = unmap_anon(p, &r);
		else
			done = !p->slots || object_unmap_page(p, &r);
		if (done)
			pages_add(&b->at, p);
		else
			give_up(b, p);
	}
	reclaim_gather_flush(&r);
}

/* What was given up, and is hidden and flushed, goes for good; what somebody has used again meanwhile stays. */
static void discard(struct batch *b)
{
	unsigned n = b->at.n;

	b->at.n = 0;
	for (unsigned i = 0; i < n; i++) {
		struct page *p = b->at.page[i];

		if (is_lazy(p) && !rmap_discard(p))
			give_up(b, p);
		else
			pages_add(&b->at, p);
	}
}

/* Unmapped pages of memory objects leave them for slots. */
static void unhook_shmem(struct batch *b)
{
	unsigned n = b->at.n;

	b->at.n = 0;
	for (unsigned i = 0; i < n; i++) {
		struct page *p = b->at.page[i];

		if (p->flags & PG_SHMEM && !object_swap_out(p))
			give_up(b, p);
		else
			pages_add(&b->at, p);
	}
}

/* Those that cannot be written stay PG_DIRTY, and so in the cache. */
static void write(const struct pages *s)
{
	struct pages dirty = { 0 };
	bool failed[BATCH];

	for (unsigned i = 0; i < s->n; i++)
		if (s->page[i]->kind == PAGE_ANON && READ_ONCE(s->page[i]->flags) & PG_DIRTY)
			pages_add(&dirty, s->page[i]);
	if (dirty.n)
		swap_write(dirty.page, dirty.n, failed);
}

/* ---- evict ---- */

static void count_steal(const struct batch *b, const struct page *p)
{
	vm_count(b->direct ? PGSTEAL_DIRECT : PGSTEAL_KSWAPD, 1);
	vm_count(policy_is_file(p) ? PGSTEAL_FILE : PGSTEAL_ANON, 1);
}

/* Is p, with nobody's entries, out of where else it can be found? */
static bool leaves(struct page *p)
{
	if (is_lazy(p)) {
		vm_count(PGLAZYFREED, 1);
		return true;
	}
	return p->kind == PAGE_ANON ? slot_uncache(p, lists_evicted(p)) : object_evict(p);
}

/* Returns how many frames are free now. */
static unsigned evict(struct batch *b)
{
	unsigned freed = 0;

	for (unsigned i = 0; i < b->at.n; i++) {
		struct page *p = b->at.page[i];

		if (!leaves(p)) {
			give_up(b, p);
			continue;
		}
		count_steal(b, p);
		page_unlock(p);
		page_put(p);
		freed++;
	}
	return freed;
}

/* ---- the loop ---- */

static void count_scan(const struct batch *b)
{
	unsigned file = 0;

	for (unsigned i = 0; i < b->at.n; i++)
		file += policy_is_file(b->at.page[i]);
	vm_count(b->direct ? PGSCAN_DIRECT : PGSCAN_KSWAPD, b->at.n);
	vm_count(PGSCAN_FILE, file);
	vm_count(PGSCAN_ANON, b->at.n - file);
}

static void put_back(const struct pages *s, bool keep)
{
	if (s->n && keep)
		lists_keep(s->page, s->n);
	else if (s->n)
		lists_putback(s->page, s->n);
	for (unsigned i = 0; i < s->n; i++)
		page_put(s->page[i]);
}

/* From unmapping to putting back. */
static unsigned take_out(struct batch *b)
{
	unsigned freed = 0;

	if (b->at.n) {
		unmap(b);
		discard(b);
		unhook_shmem(b);
		write(&b->at);
		freed = evict(b);
	}
	put_back(&b->back, false);
	put_back(&b->keep, true);
	return freed;
}

/*
 * Without swap only files' pages are worth a look. Where all slots are in use, pages that are clean against
 * theirs still can go.
 */
static unsigned swappiness(void)
{
	return slots_on ? (unsigned)READ_ONCE(vm_swappiness) : 0;
}

/* One batch. *scanned grows by what was looked at. Returns how many frames it freed. */
static unsigned shrink_batch(bool direct, bool asks, uint64_t *scanned)
{
	struct batch b = { .direct = direct, .asks = asks };

	b.at.n = lists_take(b.at.page, BATCH, swappiness());
	if (!b.at.n) {
		lists_drain();
		b.at.n = lists_take(b.at.page, BATCH, swappiness());
	}
	*scanned += b.at.n;
	if (!asks)
		shrink_count_looks(b.at.n);
	count_scan(&b);
	examine(&b);
	if (b.at.n)
		judge(&b);
	return take_out(&b);
}

unsigned reclaim_pages(struct page *const *page, unsigned n)
{
	struct batch b = { .direct = true, .at.n = n };

	assert(n <= BATCH);
	memcpy(b.at.page, page, n * sizeof(*page));
	lists_take_off(page, n);
	count_scan(&b);
	examine(&b);
	return take_out(&b);
}

/* What was used since the last look stays. */
static void keep_used(struct batch *b)
{
	unsigned n = b->at.n;

	b->at.n = 0;
	for (unsigned i = 0; i < n; i++) {
		struct page *p = b->at.page[i];

		if (!was_used(p)) {
			pages_add(&b->at, p);
			continue;
		}
		page_unlock(p);
		pages_add(&b->keep, p);
	}
}

/* One batch, out of so many frames at most. */
static unsigned shrink_charged(uint16_t limit, uint64_t *frames)
{
	struct batch b = { .direct = true };

	b.at.n = lists_take_charged(b.at.page, BATCH, limit, frames);
	count_scan(&b);
	examine(&b);
	keep_used(&b);
	return take_out(&b);
}

uint64_t reclaim_charged(uint16_t limit, uint64_t want)
{
	uint64_t freed = 0, seen = 0, all = page_total_count();

	if (unlikely(!READ_ONCE(lists_on)))
		reclaim_lists();
	lists_drain();
	while (freed < want && seen < SHRINK_ROUNDS * all) {
		uint64_t frames = FRAMES;

		freed += shrink_charged(limit, &frames) + shrink_block(limit, true);
		seen += frames;
		resched_point();
	}
	return freed;
}

void reclaim_cool(struct page *const *page, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct page *p = page[i];

		if (page_trylock(p)) {
			was_used(p);
			page_unlock(p);
			lists_cool(p);
		}
		page_put(p);
	}
}

void reclaim_lists(void)
{
	cpus_park();
	lists_start(policy_chosen(), page_total_count());
	cpus_release();
}

static uint64_t pages_listed(void)
{
	struct lists_figures f;

	lists_figures(&f);
	return f.listed[0] + f.listed[1];
}

uint64_t reclaim_kept(void)
{
	return huge_zero_shrink();
}

uint64_t shrink(uint64_t want, bool direct)
{
	struct shrink_work begin = shrink_work();
	uint64_t scanned = 0, freed = reclaim_kept(), blocks = block_figures().listed, looks = 0, all, patience;

	lock_assert_may_sleep(0);
	if (unlikely(!READ_ONCE(lists_on)))
		reclaim_lists();
	objects_trim_shadows(page_total_count() / 2);
	all = pages_listed() + BATCH;
	patience = direct ? MIN(2 * all, DIRECT_LOOKS) : 2 * all;
	while (freed < want && scanned < SHRINK_ROUNDS * all && !shrink_is_vain(&begin, SHRINK_ROUNDS * all)) {
		bool asks = policy_chosen()->asks && scanned < patience;
		uint64_t before = scanned;

		freed += shrink_batch(direct, asks, &scanned);
		if (looks * all <= scanned * blocks || (scanned == before && looks < 2 * blocks)) {
			freed += shrink_block(0, asks);
			looks++;
		} else if (scanned == before) {
			break;
		}
		resched_point();
	}
	return freed;
}
