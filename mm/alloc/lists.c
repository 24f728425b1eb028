/*
 * The lists of reclaim: flags, batches and counts around the policy's own
 * lists (lists.h has the law of PG_LRU and PG_BATCH).
 *
 * The shadow of an evicted page is the number of evictions so far: what is evicted until the
 * page comes back is, but for a constant, how many pages more would have kept it in memory (the idea is
 * Linux's workingset.c, from J. Weiner).
 *
 * Locks: lists_lock around the policy and every change of PG_LRU. A batch is
 * touched by its own CPU, which is not preempted here; others read it: a page pointer is never
 * wrong, only late.
 */
#include <mm/alloc/internal.h>
#include <mm/alloc/limit.h>
#include <mm/alloc/lists.h>
#include <lib/assert.h>
#include <lib/ref.h>

#define BATCH		15u		/* pages */

struct batch {
	unsigned n;
	struct page *page[BATCH];
} __attribute__((aligned(128)));

bool lists_on;

static struct spinlock lists_lock = SPINLOCK_INIT(RANK_LISTS);
static const struct policy *policy;	/* const once lists_on */
static struct lists_figures figures;	/* lists_lock */
static uint32_t evictions;		/* atomic */
static struct batch batches[MAX_CPUS];

static void flags_set(struct page *p, uint32_t bits)
{
	__atomic_fetch_or(&p->flags, bits, __ATOMIC_RELAXED);
}

static void flags_clear(struct page *p, uint32_t bits)
{
	__atomic_fetch_and(&p->flags, ~bits, __ATOMIC_SEQ_CST);
}

static bool is_listed(const struct page *p)
{
	return READ_ONCE(p->flags) & PG_LRU;
}

static bool is_active(const struct page *p)
{
	return policy && policy->active && policy->active(p);
}

/* The policy has p on a list. lists_lock held. */
static void mark_listed(struct page *p)
{
	bool file = policy_is_file(p);

	flags_set(p, PG_LRU);
	if (READ_ONCE(p->flags) & (PG_BATCH | PG_LEFT_OFF))
		flags_clear(p, PG_BATCH | PG_LEFT_OFF);
	figures.listed[file]++;
	figures.active[file] += is_active(p);
}

/* The policy has taken p off, and not touched page->policy so far. lists_lock held. */
static void mark_off(struct page *p)
{
	bool file = policy_is_file(p);

	flags_clear(p, PG_LRU);
	figures.listed[file]--;
	figures.active[file] -= is_active(p);
}

/* True: p was on a list. lists_lock held. */
static inline bool take_off(struct page *p)
{
	if (!is_listed(p))
		return false;
	policy->remove(p);
	mark_off(p);
	return true;
}

/* ---- on the lists ---- */

/*
 * page->policy of a page that comes back, until it gets to the lists: this bit, which no policy uses, its
 * distance (from bit 1 on), and whether it was active when it went (bit 0). A page that was let go for want of
 * anything to do about it, and is noted again, has what the policy left there: that is no return.
 */
#define RETURNS		(1u << 31)

/* True: it comes back. */
static bool add_to_policy(struct page *p)
{
	uint32_t back = p->policy;

	p->policy = 0;
	if (back & RETURNS)
		policy->add(p, (back & ~RETURNS) >> 1, back & 1);
	else
		policy->add(p, REFAULT_NEVER, false);
	mark_listed(p);
	return back & RETURNS;
}

/* lists_lock held. */
static void add_noted(struct page *p)
{
	uint32_t flags = READ_ONCE(p->flags);

	if (!(flags & PG_BATCH))
		return;
	if (flags & PG_LRU) {
		flags_clear(p, PG_BATCH);
		return;
	}
	if (add_to_policy(p)) {
		figures.refault[policy_is_file(p)]++;
		figures.refault_active[policy_is_file(p)] += is_active(p);
	}
}

static __attribute__((noinline)) void drain(struct batch *b)
{
	spin_lock(&lists_lock);
	for (unsigned i = 0; i < b->n; i++)
		add_noted(b->page[i]);
	spin_unlock(&lists_lock);
	WRITE_ONCE(b->n, 0);
}

void lists_note(struct page *p)
{
	struct batch *b = &batches[this_cpu()->id];

	if (READ_ONCE(p->flags) & (PG_LISTED | PG_MIXED) || p->order || p->kind < PAGE_ANON)
		return;			/* listed, a block's, or the kernel's own (a stack) */
	flags_set(p, PG_BATCH);
	WRITE_ONCE(b->page[b->n], p);
	__atomic_store_n(&b->n, b->n + 1, __ATOMIC_RELEASE);
	if (b->n == BATCH)
		drain(b);
}

void lists_drain(void)
{
	spin_lock(&lists_lock);
	for (unsigned i = 0; i < arch_ncpus; i++) {
		unsigned n = __atomic_load_n(&batches[i].n, __ATOMIC_ACQUIRE);

		for (unsigned k = 0; k < n; k++)
			add_noted(READ_ONCE(batches[i].page[k]));
	}
	spin_unlock(&lists_lock);
}

static void set_lazy(struct page *p, bool lazy)
{
	if (lazy)
		flags_set(p, PG_LAZYFREE);
	else
		flags_clear(p, PG_LAZYFREE);
}

/* It changes its sort: off one list, on another, as a new page. */
void lists_lazy(struct page *p, bool lazy)
{
	if (!READ_ONCE(lists_on)) {
		set_lazy(p, lazy);
		return;
	}
	spin_lock(&lists_lock);
	add_noted(p);
	take_off(p);
	set_lazy(p, lazy);
	add_to_policy(p);
	spin_unlock(&lists_lock);
}

void lists_forget(struct page *p)
{
	spin_lock(&lists_lock);
	take_off(p);
	flags_clear(p, PG_BATCH | PG_LEFT_OFF);
	spin_unlock(&lists_lock);
}

/* ---- away and back ---- */

/* A shadow: what makes it not 0, was it active, the number of evictions. */
#define SHADOW		(1u << 30)
#define SHADOW_ACTIVE	(1u << 29)
#define SHADOW_COUNT	(SHADOW_ACTIVE - 1)

uint32_t lists_evicted(const struct page *p)
{
	uint32_t n = __atomic_add_fetch(&evictions, 1, __ATOMIC_RELAXED);

	return (n & SHADOW_COUNT) | (is_active(p) ? SHADOW_ACTIVE : 0) | SHADOW;
}

uint32_t lists_distance(uint32_t shadow)
{
	return (READ_ONCE(evictions) - shadow) & SHADOW_COUNT;
}

void lists_returns(struct page *fresh, uint32_t shadow)
{
	fresh->policy = RETURNS | lists_distance(shadow) << 1 | !!(shadow & SHADOW_ACTIVE);
}

/* ---- for who reclaims ---- */

/* Is p in use by somebody who would have noted it? */
static bool belongs(const struct page *p)
{
	if (p->order || p->flags & (PG_LISTED | PG_MIXED))
		return false;
	return p->kind == PAGE_ANON ? p->slots != 0 : p->kind == PAGE_FILE && p->owner;
}

static void sweep(uint64_t start, uint64_t end, void *arg)
{
	(void)arg;
	for (uint64_t f = start >> PAGE_SHIFT; f < end >> PAGE_SHIFT; f++) {
		struct page *p = pfn_to_page(pfn(f));

		if (!belongs(p))
			continue;
		policy->add(p, REFAULT_NEVER, false);
		mark_listed(p);
	}
}

void lists_start(const struct policy *which, uint64_t frames)
{
	spin_lock(&lists_lock);
	if (!lists_on) {
		policy = which;
		policy->reset(frames);
	}
	early_for_each_ram(sweep, NULL);
	spin_unlock(&lists_lock);
	WRITE_ONCE(lists_on, true);
}

unsigned lists_take(struct page **out, unsigned n, unsigned swappiness)
{
	unsigned got, kept = 0;

	spin_lock(&lists_lock);
	got = policy->candidates(out, n, swappiness);
	for (unsigned i = 0; i < got; i++) {
		struct page *p = out[i];

		debug_assert(is_listed(p));
		figures.refill += is_active(p);
		if (!ref_tryget(&p->refs)) {		/* lists_forget is next */
			mark_off(p);
			policy->putback(p);
			mark_listed(p);
			continue;
		}
		mark_off(p);
		out[kept++] = p;
	}
	spin_unlock(&lists_lock);
	return kept;
}

/* The first frame of RAM from f on; behind the last comes the first. */
static uint64_t frame_from(uint64_t f)
{
	for (unsigned i = 0; i < early_ram.n; i++)
		if (f < early_ram.r[i].end >> PAGE_SHIFT)
			return MAX(f, early_ram.r[i].start >> PAGE_SHIFT);
	return early_ram.r[0].start >> PAGE_SHIFT;
}

/* What is on a list is no page table, whose record has no references. lists_lock held. */
static bool take_charged(struct page *p, uint16_t limit)
{
	if (!is_listed(p) || !p->limit_id || !limit_within(p->limit_id, limit) || !ref_tryget(&p->refs))
		return false;
	return take_off(p);
}

unsigned lists_take_charged(struct page **out, unsigned n, uint16_t limit, uint64_t *frames)
{
	static uint64_t hand;		/* lists_lock */
	uint64_t looks = 0;
	unsigned got = 0;

	spin_lock(&lists_lock);
	for (; got < n && looks < *frames; looks++, hand++) {
		hand = frame_from(hand);
		if (take_charged(pfn_to_page(pfn(hand)), limit))
			out[got++] = pfn_to_page(pfn(hand));
	}
	spin_unlock(&lists_lock);
	*frames = looks;
	return got;
}

void lists_take_off(struct page *const *page, unsigned n)
{
	if (!READ_ONCE(lists_on))
		return;
	spin_lock(&lists_lock);
	for (unsigned i = 0; i < n; i++) {
		add_noted(page[i]);
		take_off(page[i]);
	}
	spin_unlock(&lists_lock);
}

unsigned lists_isolate(uint64_t *at, uint64_t end, struct page **out, unsigned n)
{
	unsigned got = 0;

	spin_lock(&lists_lock);
	for (; *at < end && got < n; ++*at) {
		struct page *p = pfn_to_page(pfn(*at));

		if (!(READ_ONCE(p->flags) & PG_KNOWN) || p->order || !ref_tryget(&p->refs))
			continue;
		add_noted(p);
		take_off(p);
		out[got++] = p;
	}
	spin_unlock(&lists_lock);
	return got;
}

/* Where it stood is forgotten, but not whether it counted as in use. */
void lists_moved(struct page *from, struct page *to)
{
	if (!READ_ONCE(lists_on))
		return;
	spin_lock(&lists_lock);
	to->policy = from->policy;
	if (READ_ONCE(from->flags) & PG_LEFT_OFF) {
		flags_set(to, PG_LEFT_OFF);
	} else if (!is_listed(to)) {
		if (!is_active(to) || policy->judge(to, true))
			policy->putback(to);
		mark_listed(to);
	}
	spin_unlock(&lists_lock);
}

void lists_leave_off(struct page *p)
{
	spin_lock(&lists_lock);
	if (!is_listed(p))
		flags_set(p, PG_LEFT_OFF);
	spin_unlock(&lists_lock);
}

void lists_judge(struct page *const *page, const bool *used, bool *go, unsigned n)
{
	spin_lock(&lists_lock);
	for (unsigned i = 0; i < n; i++) {
		bool active;

		go[i] = false;
		if (is_listed(page[i]))		/* mapped anew meanwhile */
			continue;
		active = is_active(page[i]);
		go[i] = policy->judge(page[i], used[i]);
		if (go[i])
			continue;
		mark_listed(page[i]);
		figures.activate += !active && is_active(page[i]);
		figures.deactivate += active && !is_active(page[i]);
	}
	spin_unlock(&lists_lock);
}

/* Pages that are not on the lists go back: as they were, or, if they are not active, as used just now. */
static void put_back(struct page *const *page, unsigned n, bool used)
{
	if (!READ_ONCE(lists_on))
		return;
	spin_lock(&lists_lock);
	for (unsigned i = 0; i < n; i++) {
		if (READ_ONCE(page[i]->flags) & (PG_LRU | PG_MIXED))
			continue;
		if (!used || is_active(page[i]) || policy->judge(page[i], true))
			policy->putback(page[i]);
		mark_listed(page[i]);
	}
	spin_unlock(&lists_lock);
}

void lists_putback(struct page *const *page, unsigned n)
{
	put_back(page, n, false);
}

void lists_keep(struct page *const *page, unsigned n)
{
	put_back(page, n, true);
}

void lists_cool(struct page *p)
{
	bool active;

	if (!READ_ONCE(lists_on))
		return;
	spin_lock(&lists_lock);
	add_noted(p);
	active = is_active(p);
	if (take_off(p)) {
		figures.deactivate += active;
		policy->putback(p);
		mark_listed(p);
	}
	spin_unlock(&lists_lock);
}

void lists_figures(struct lists_figures *f)
{
	spin_lock(&lists_lock);
	*f = figures;
	spin_unlock(&lists_lock);
}

/* ---- checked ---- */

#define SEEN	(1u << PG_TALLY_SHIFT)

struct tour {
	uint64_t n[2], active[2];
	const char *bad;
};

static void see(struct page *p, struct tour *t)
{
	if (!(p->flags & PG_LRU))
		t->bad = "a page on a list of reclaim has no PG_LRU";
	if (p->flags & SEEN)
		t->bad = "a page is on two lists of reclaim";
	if (p->flags & PG_MIXED)
		t->bad = "a page of a mixed block is on a list of reclaim";
	if ((p->kind != PAGE_ANON && p->kind != PAGE_FILE) || p->order || !p->refs)
		t->bad = "what is on a list of reclaim is no page in use";
	p->flags |= SEEN;
	t->n[policy_is_file(p)]++;
	t->active[policy_is_file(p)] += is_active(p);
}

/* A page twice in one queue makes a ring of it: no more are looked at than it says it has. */
static void see_queue(const struct policy_queue *q, struct tour *t)
{
	uint64_t n = 0;
	struct page *p;

	TAILQ_FOREACH(p, &q->pages, link) {
		if (n++ == q->n)
			break;
		see(p, t);
	}
	if (n != q->n)
		t->bad = "a list of reclaim is not as long as it says";
}

static void unsee(uint64_t start, uint64_t end, void *arg)
{
	struct tour *t = arg;

	for (uint64_t f = start >> PAGE_SHIFT; f < end >> PAGE_SHIFT; f++) {
		struct page *p = pfn_to_page(pfn(f));

		if (p->flags & SEEN)
			p->flags &= ~SEEN;
		else if ((p->kind == PAGE_ANON || p->kind == PAGE_FILE) && p->flags & PG_LRU)
			t->bad = "a page with PG_LRU is on no list of reclaim";
	}
}

const char *lists_verify(void)
{
	struct tour t = { 0 };

	if (!lists_on)
		return NULL;
	for (unsigned i = 0; i < policy->nqueues; i++)
		see_queue(&policy->queues[i], &t);
	early_for_each_ram(unsee, &t);
	for (unsigned file = 0; file < 2; file++)
		if (t.n[file] != figures.listed[file] || t.active[file] != figures.active[file])
			t.bad = "pages on the lists of reclaim, and their counts, differ";
	return t.bad;
}
