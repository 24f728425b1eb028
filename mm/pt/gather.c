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
#include <mm/pt/table.h>

#ifdef DEBUG
static unsigned skipflush;		/* an enum flush_kind; 0: none */
option_choice(skipflush, &skipflush,
	      "none|unmap|protect|cow|fork|unshare|mremap|dontneed|truncate|age",
	      "this kind of operation forgets to flush: a mistake that the suite `stale` must find");

static bool is_forgotten(const struct gather *g)
{
	return unlikely(skipflush && g->kind == skipflush);
}
#else
static inline bool is_forgotten(const struct gather *g)
{
	(void)g;
	return false;
}
#endif

/* The aspace has lost something. Table lock held. */
static void raise(struct gather *g)
{
	if (is_forgotten(g))
		return;
	g->last = __atomic_add_fetch(&g->as->generation, 1, __ATOMIC_RELAXED);
	if (g->bumps++ == 0)
		g->first = g->last;
}

void gather_range(struct gather *g, vaddr_t va, size_t size)
{
	raise(g);
	if (!g->end) {
		g->start = va;
		g->end = va + size;
		return;
	}
	g->start = MIN(g->start, va);
	g->end = MAX(g->end, va + size);
}

bool gather_page(struct gather *g, struct page *p)
{
	gather_add(g, p);
	return !gather_full(g);
}

void gather_table(struct gather *g, struct page *t)
{
	debug_assert(t->dead && spin_is_locked(&t->lock));
	if (g->end)
		raise(g);
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

static bool is_small(const struct gather *g)
{
	return g->end - g->start <= TLB_FLUSH_CEILING * PAGE_SIZE;
}

static void flush_pages(const struct gather *g)
{
	for (vaddr_t va = g->start; va < g->end; va += PAGE_SIZE)
		tlb_flush_page(va);
	count(TLB_LOCAL_ONE, (g->end - g->start) / PAGE_SIZE);
}

static void flush_all(const struct gather *g)
{
	if (g->as->kernel)
		tlb_flush_global();
	else
		tlb_flush_local();
	count(TLB_LOCAL_ALL, 1);
}

/*
 * This CPU, one of several, forgets what the aspace lost up to g->target: the
 * pages of g if these are the only changes that it has not flushed, else
 * everything, and with it what came later. A lazy CPU leaves the address space.
 * Interrupts off.
 */
static void flush_here(const struct gather *g)
{
	struct cpu *c = this_cpu();

	if (g->as->kernel) {
		flush_all(g);
		return;
	}
	if (c->aspace != g->as)
		return;
	if (c->lazy) {
		arch_aspace_switch(&kernel_aspace);
		return;
	}
	if (c->tlb_generation >= g->target)
		return;
	if (c->tlb_generation + 1 == g->first && g->last == g->target &&
	    g->last - g->first + 1 == g->bumps && is_small(g)) {
		c->tlb_generation = g->target;
		flush_pages(g);
	} else {
		c->tlb_generation = __atomic_load_n(&g->as->generation, __ATOMIC_SEQ_CST);
		flush_all(g);
	}
}

static void flush_call(void *arg)
{
	const struct gather *g = arg;

	if (this_cpu()->id != g->cpu)
		count(TLB_REMOTE_RECEIVED, 1);
	flush_here(g);
}

/*
 * The CPUs that are to be hit: active ones, and of the lazy among them (idle, or
 * in a kernel thread) only this one, but all if tables go. The others look at the generation
 * before they use the address space again.
 */
static void find_targets(const struct gather *g, struct cpumask *mask)
{
	bool tables = g->dead_tables || g->nowners;
	unsigned skipped = 0;

	if (g->as->kernel) {
		*mask = cpumask_all();
		return;
	}
	for (unsigned i = 0; i < CPUMASK_WORDS; i++)
		mask->w[i] = __atomic_load_n(&g->as->active[i], __ATOMIC_SEQ_CST);
	cpumask_for_each(cpu, mask) {
		if (tables || cpu == g->cpu || !READ_ONCE(arch_cpus[cpu]->lazy))
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

/*
 * Returns when every CPU has forgotten whatever the aspace has lost so far,
 * by this gather or by somebody else's that is still under way.
 */
static void shootdown(struct gather *g)
{
	struct cpumask mask;
	unsigned others;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	g->target = __atomic_load_n(&g->as->generation, __ATOMIC_SEQ_CST);
	g->cpu = this_cpu()->id;
	find_targets(g, &mask);
	others = cpumask_count(&mask) - cpumask_has(&mask, g->cpu);
	if (others) {
		count(TLB_REMOTE_FLUSH, 1);
		count(TLB_IPI_SENT, others);
	}
	cpu_call(&mask, flush_call, g);
	acked_raise(g->as, g->target);
}

/* The one CPU that there is, which keeps nothing of an address space that it leaves. */
static void flush_alone(const struct gather *g)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!(g->as->active[0] & 1) && !g->as->kernel)
		return;
	if (g->as->kernel || !is_small(g))
		flush_all(g);
	else
		flush_pages(g);
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

static __attribute__((noinline)) void flush(struct gather *g)
{
	bool noted = g->end && !is_forgotten(g);
	struct grace_head *h;

	if (likely(!tlb_by_generation)) {
		if (noted)
			flush_alone(g);
	} else if (noted || is_behind(g->as)) {
		shootdown(g);
	}
	for (unsigned i = 0; i < g->npages; i++)
		page_put(g->page[i]);
	for (unsigned i = 0; i < g->nowners; i++)
		owner_leave(g->owner[i].table, g->owner[i].slot);
	while ((h = g->dead_tables) != NULL) {
		g->dead_tables = h->next;
		table_free_later(container_of(h, struct page, dead_link));
	}
	gather_reset(g);
}

void gather_flush(struct gather *g)
{
	lock_assert_may_sleep(0);
	/* tables and owners that go have noted a range */
	if (g->end || g->npages || (tlb_by_generation && is_behind(g->as)))
		flush(g);
}
