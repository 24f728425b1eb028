/*
 * The gather: unhook, flush, free, in that order, always.
 *
 * A change of a table notes what it made stale (a range) and what it made
 * free (references of pages, dead tables); gather_flush makes every CPU that
 * may hold something stale forget it, and only then lets go of the rest.
 *
 * The order that makes it safe, with arch_aspace_switch as the other party:
 *
 *	here: entry written, generation raised (table lock) | barrier | active read
 *	there: active bit set | barrier | CR3 loaded, tables walked
 *
 * so a CPU that is not seen as active here will see the new entry there.
 *
 * One gather is one range: it grows to span all that is noted. A table page
 * that goes needs the paging-structure caches flushed too: invlpg of any
 * address does that for the current PCID. Ranges of the kernel are in every
 * address space and in global entries: flushed as a whole.
 *
 * Every loss raises the aspace's generation; a CPU knows up to which it has
 * flushed (struct cpu), and the aspace up to which all have (acked). So a CPU
 * that is late flushes once for many requests, and who finds an entry gone
 * already waits for the acks of the one who took it.
 *
 * What was noted is flushed before the caller sleeps: another thread of this
 * address space may otherwise fill the range again and still read the old.
 *
 * SDM vol. 3A 4.10.4 (invalidation), 4.10.5 (propagation to other CPUs).
 */
#include <arch/cpu.h>
#include <arch/tlb.h>
#include <kernel/core/call.h>
#include <lib/option.h>
#include <mm/alloc/block.h>
#include <mm/pt/rmap.h>
#include <mm/pt/table.h>

#ifdef DEBUG
static unsigned skipflush;		/* an enum flush_kind; 0: none */
option_choice(skipflush, &skipflush,
	      "none|unmap|protect|cow|fork|unshare|mremap|dontneed|truncate|age|lazyfree|reclaim|split|collapse|migrate",
	      "this kind of operation forgets to flush: a mistake that the suite `stale` must find");

static bool is_forgotten(const struct stale *s)
{
	return unlikely(skipflush && s->kind == skipflush);
}
#else
static inline bool is_forgotten(const struct stale *s)
{
	(void)s;
	return false;
}
#endif

/* The aspace has lost something. Table lock held. */
static void raise(struct stale *s)
{
	if (is_forgotten(s))
		return;
	s->last = __atomic_add_fetch(&s->as->generation, 1, __ATOMIC_RELAXED);
	if (s->bumps++ == 0)
		s->first = s->last;
}

static inline void stale_range(struct stale *s, vaddr_t va, size_t size)
{
	raise(s);
	if (!s->end) {
		s->start = va;
		s->end = va + size;
		return;
	}
	s->start = MIN(s->start, va);
	s->end = MAX(s->end, va + size);
}

void gather_range(struct gather *g, vaddr_t va, size_t size)
{
	stale_range(&g->stale, va, size);
}

bool gather_page(struct gather *g, struct page *p)
{
	gather_add(g, p);
	return !gather_full(g);
}

void gather_table(struct gather *g, struct page *t)
{
	debug_assert(t->dead && spin_is_locked(&t->lock));
	if (g->stale.end)
		raise(&g->stale);
	else
		gather_range(g, t->base, PAGE_SIZE);
	t->dead_link.next = g->dead_tables;
	g->dead_tables = &t->dead_link;
}

void gather_owner(struct gather *g, struct page *t, pte_t *slot)
{
	const struct page *upper = virt_to_page(slot);

	assert(g->nowners < GATHER_OWNERS);
	g->owner[g->nowners++] = (struct gather_owner){ t, slot };
	gather_range(g, upper->base + slot_index(slot) * LEVEL_SIZE(2), PAGE_SIZE);
}

void gather_block(struct gather *g, struct page *head)
{
	assert(g->nowners < GATHER_OWNERS);
	g->owner[g->nowners++] = (struct gather_owner){ .table = head };
}

/* ---- flushing ---- */

static struct { uint64_t n[TLB_STATS]; } __attribute__((aligned(64))) stats[MAX_CPUS];

static const char *const stat_names[TLB_STATS] = {
	[TLB_REMOTE_FLUSH] = "nr_tlb_remote_flush",
	[TLB_REMOTE_RECEIVED] = "nr_tlb_remote_flush_received",
	[TLB_LOCAL_ALL] = "nr_tlb_local_flush_all",
	[TLB_LOCAL_ONE] = "nr_tlb_local_flush_one",
	[TLB_IPI_SENT] = "tlb_ipi_sent",
	[TLB_LAZY_SKIPPED] = "tlb_lazy_skipped",
};

const char *tlb_stat_name(enum tlb_stat s)
{
	return stat_names[s];
}

uint64_t tlb_stat(unsigned cpu, enum tlb_stat s)
{
	return READ_ONCE(stats[cpu].n[s]);
}

uint64_t tlb_stat_sum(enum tlb_stat s)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < arch_ncpus; i++)
		sum += tlb_stat(i, s);
	return sum;
}

/* Each field is counted either in interrupts or outside, or with interrupts off. */
static void count(enum tlb_stat s, uint64_t n)
{
	stats[this_cpu()->id].n[s] += n;
}

/* All of the range is of huge leaves: one invlpg for each. */
static bool is_huge(const struct stale *s)
{
	return unlikely(s->huge) && s->huge == s->bumps;
}

static bool is_small(const struct stale *s)
{
	return s->end - s->start <= TLB_FLUSH_CEILING * (is_huge(s) ? HUGE_SIZE : PAGE_SIZE);
}

static void flush_pages(const struct stale *s)
{
	const unsigned shift = is_huge(s) ? HUGE_SHIFT : PAGE_SHIFT;

	for (vaddr_t va = s->start; va < s->end; va += 1ul << shift)
		tlb_flush_page(va);
	count(TLB_LOCAL_ONE, (s->end - s->start) >> shift);
}

static void flush_all(const struct stale *s)
{
	if (s->as->kernel)
		tlb_flush_global();
	else
		tlb_flush_local();
	count(TLB_LOCAL_ALL, 1);
}

/*
 * This CPU, one of several, forgets what the aspace lost up to s->target: the
 * pages of s if these are the only changes that it has not flushed, else
 * everything, and with it what came later. A lazy CPU leaves the address space.
 * Interrupts off.
 */
static void flush_here(const struct stale *s)
{
	struct cpu *c = this_cpu();

	if (s->as->kernel) {
		flush_all(s);
		return;
	}
	if (c->aspace != s->as)
		return;
	if (c->lazy) {
		arch_aspace_switch(&kernel_aspace);
		return;
	}
	if (c->tlb_generation >= s->target)
		return;
	if (c->tlb_generation + 1 == s->first && s->last == s->target &&
	    s->last - s->first + 1 == s->bumps && is_small(s)) {
		c->tlb_generation = s->target;
		flush_pages(s);
	} else {
		c->tlb_generation = __atomic_load_n(&s->as->generation, __ATOMIC_SEQ_CST);
		flush_all(s);
	}
}

static void flush_call(void *arg)
{
	const struct stale *s = arg;

	if (this_cpu()->id != s->cpu)
		count(TLB_REMOTE_RECEIVED, 1);
	flush_here(s);
}

/*
 * The CPUs that are to be hit: active ones, and of the lazy among them (idle, or
 * in a kernel thread) only this one, but all if tables go (`tables`). The others look at the generation
 * before they use the address space again.
 */
static void find_targets(const struct stale *s, bool tables, struct cpumask *mask)
{
	unsigned skipped = 0;

	if (s->as->kernel) {
		*mask = cpumask_all();
		return;
	}
	for (unsigned i = 0; i < CPUMASK_WORDS; i++)
		mask->w[i] = __atomic_load_n(&s->as->active[i], __ATOMIC_SEQ_CST);
	cpumask_for_each(cpu, mask) {
		if (tables || cpu == s->cpu || !READ_ONCE(arch_cpus[cpu]->lazy))
			continue;
		cpumask_remove(mask, cpu);
		skipped++;
	}
	if (skipped)
		count(TLB_LAZY_SKIPPED, skipped);
}

static void leave_call(void *arg)
{
	if (this_cpu()->aspace == arg)
		arch_aspace_switch(&kernel_aspace);
}

/* From now on all CPUs have flushed as up to this generation. */
static void acked_raise(struct aspace *as, uint64_t generation)
{
	uint64_t old = __atomic_load_n(&as->acked, __ATOMIC_RELAXED);

	while (old < generation &&
	       !__atomic_compare_exchange_n(&as->acked, &old, generation, true, __ATOMIC_SEQ_CST,
					    __ATOMIC_RELAXED))
		;
}

/* Of these CPUs those that are not this one are about to be hit. */
static void count_asked(const struct cpumask *mask)
{
	unsigned others = cpumask_count(mask) - cpumask_has(mask, this_cpu()->id);

	if (others) {
		count(TLB_REMOTE_FLUSH, 1);
		count(TLB_IPI_SENT, others);
	}
}

/*
 * Returns when every CPU has forgotten whatever the aspace has lost so far,
 * by this gather or by somebody else's that is still under way.
 */
static void shootdown(struct stale *s, bool tables)
{
	struct cpumask mask;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	s->target = __atomic_load_n(&s->as->generation, __ATOMIC_SEQ_CST);
	s->cpu = this_cpu()->id;
	find_targets(s, tables, &mask);
	count_asked(&mask);
	cpu_call(&mask, flush_call, s);
	acked_raise(s->as, s->target);
}

/* The one CPU that there is, which keeps nothing of an address space that it leaves. */
static void flush_alone(const struct stale *s)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!(s->as->active[0] & 1) && !s->as->kernel)
		return;
	if (s->as->kernel || !is_small(s))
		flush_all(s);
	else
		flush_pages(s);
}

/* True if somebody has taken something away, and may still be waiting for its acks. */
static bool is_behind(struct aspace *as)
{
	return __atomic_load_n(&as->acked, __ATOMIC_RELAXED) <
	       __atomic_load_n(&as->generation, __ATOMIC_RELAXED);
}

void aspace_leave(struct aspace *as)
{
	struct cpumask mask;

	for (unsigned i = 0; i < CPUMASK_WORDS; i++)
		mask.w[i] = __atomic_load_n(&as->active[i], __ATOMIC_SEQ_CST);
	if (likely(cpumask_empty(&mask)))
		return;
	cpu_call(&mask, leave_call, as);
}

/* What was not a page's reference. */
static void give_up(const struct gather_owner *o)
{
	if (o->slot)
		owner_leave(o->table, o->slot);
	else
		block_put(o->table);
}

static __attribute__((noinline)) void flush(struct gather *g)
{
	bool noted = g->stale.end && !is_forgotten(&g->stale);
	struct grace_head *h;

	if (likely(!tlb_by_generation)) {
		if (noted)
			flush_alone(&g->stale);
	} else if (noted || is_behind(g->stale.as)) {
		shootdown(&g->stale, g->dead_tables || g->nowners);
	}
	for (unsigned i = 0; i < g->npages; i++)
		page_put_slot(g->page[i]);
	for (unsigned i = 0; i < g->nowners; i++)
		give_up(&g->owner[i]);
	while ((h = g->dead_tables) != NULL) {
		g->dead_tables = h->next;
		table_free_later(container_of(h, struct page, dead_link));
	}
	gather_reset(g);
}

void gather_flush(struct gather *g)
{
	lock_assert_may_sleep(0);
	/* tables, owners and blocks that go have noted a range */
	if (g->stale.end || g->npages || (tlb_by_generation && is_behind(g->stale.as)))
		flush(g);
}

/* ---- several address spaces: what reclaim takes out (rmap.h) ---- */

void reclaim_gather_init_for(struct reclaim_gather *r, enum flush_kind kind)
{
	r->kind = kind;
	r->n = 0;
	r->all = false;
	r->nblocks = 0;
}

/* Keeps as from being destroyed, noted for the first time. A table of it is locked. */
static struct stale *reclaim_stale(struct reclaim_gather *r, struct aspace *as)
{
	struct stale *s = r->s;

	while (s < r->s + r->n && s->as != as)
		s++;
	if (s < r->s + r->n)
		return s;
	if (r->n == RECLAIM_ASPACES)
		return NULL;
	s->as = as;
	stale_set_kind(s, r->kind);
	stale_reset(s);
	aspace_pin(as);
	r->n++;
	return s;
}

void reclaim_gather_range(struct reclaim_gather *r, struct aspace *as, vaddr_t va, size_t size)
{
	struct stale *s = reclaim_stale(r, as), lost = { .as = as };

	if (unlikely(!s)) {
		stale_set_kind(&lost, r->kind);
		s = &lost;
		r->all = true;
	}
	stale_range(s, va, size);
}

/* This CPU forgets all that it knows of the user's address space that it has loaded. */
static void flush_any_here(void)
{
	struct cpu *c = this_cpu();
	struct aspace *as = c->aspace;

	if (!as || as->kernel)
		return;
	if (c->lazy) {
		arch_aspace_switch(&kernel_aspace);
		return;
	}
	c->tlb_generation = __atomic_load_n(&as->generation, __ATOMIC_SEQ_CST);
	tlb_flush_local();
	count(TLB_LOCAL_ALL, 1);
}

static void reclaim_call(void *arg)
{
	const struct reclaim_gather *r = arg;

	if (this_cpu()->id != r->cpu)
		count(TLB_REMOTE_RECEIVED, 1);
	if (r->all) {
		flush_any_here();
		return;
	}
	for (unsigned i = 0; i < r->n; i++)
		flush_here(&r->s[i]);
}

static void reclaim_shootdown(struct reclaim_gather *r)
{
	struct cpumask mask = { 0 }, one;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	r->cpu = this_cpu()->id;
	for (unsigned i = 0; i < r->n; i++) {
		struct stale *s = &r->s[i];

		s->target = __atomic_load_n(&s->as->generation, __ATOMIC_SEQ_CST);
		s->cpu = r->cpu;
		find_targets(s, false, &one);
		for (unsigned w = 0; w < CPUMASK_WORDS; w++)
			mask.w[w] |= one.w[w];
	}
	if (r->all)
		mask = cpumask_all();
	count_asked(&mask);
	cpu_call(&mask, reclaim_call, r);
	for (unsigned i = 0; i < r->n; i++)
		acked_raise(r->s[i].as, r->s[i].target);
}

void reclaim_gather_flush(struct reclaim_gather *r)
{
	struct stale forget = { 0 };

	lock_assert_may_sleep(0);
	if (!r->n)
		return;
	stale_set_kind(&forget, r->kind);
	if (is_forgotten(&forget))
		;
	else if (tlb_by_generation)
		reclaim_shootdown(r);
	else if (r->all)
		flush_any_here();
	else
		for (unsigned i = 0; i < r->n; i++)
			flush_alone(&r->s[i]);
	for (unsigned i = 0; i < r->nblocks; i++)
		block_put(r->block[i]);
	for (unsigned i = 0; i < r->n; i++)
		aspace_unpin(r->s[i].as);
	reclaim_gather_init_for(r, r->kind);
}
