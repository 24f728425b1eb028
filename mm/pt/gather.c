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
 * What was noted is flushed before the caller sleeps: another thread of this
 * address space may otherwise fill the range again and still read the old.
 *
 * SDM vol. 3A 4.10.4 (invalidation), 4.10.5 (propagation to other CPUs).
 */
#include <arch/cpu.h>
#include <arch/tlb.h>
#include <kernel/core/call.h>
#include <mm/pt/table.h>

void gather_init(struct gather *g, struct aspace *as)
{
	g->as = as;
	g->start = g->end = 0;
	g->npages = 0;
	g->nowners = 0;
	g->dead_tables = NULL;
}

void gather_range(struct gather *g, vaddr_t va, size_t size)
{
	__atomic_fetch_add(&g->as->generation, 1, __ATOMIC_RELAXED);
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
		__atomic_fetch_add(&g->as->generation, 1, __ATOMIC_RELAXED);
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

static void flush_local(const struct gather *g)
{
	if (g->as->kernel)
		tlb_flush_global();
	else if (g->end - g->start > TLB_FLUSH_CEILING * PAGE_SIZE)
		tlb_flush_local();
	else
		for (vaddr_t va = g->start; va < g->end; va += PAGE_SIZE)
			tlb_flush_page(va);
}

static void flush_call(void *arg)
{
	flush_local(arg);
}

/* Makes every CPU forget what g noted. The one place that knows of other CPUs. */
static void shootdown(struct gather *g)
{
	struct cpumask mask;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (g->as->kernel)
		mask = cpumask_all();
	else
		for (unsigned i = 0; i < CPUMASK_WORDS; i++)
			mask.w[i] = __atomic_load_n(&g->as->active[i], __ATOMIC_RELAXED);
	cpu_call(&mask, flush_call, g);
}

void gather_flush(struct gather *g)
{
	struct grace_head *h;

	lock_assert_may_sleep(0);
	if (g->end)
		shootdown(g);
	for (unsigned i = 0; i < g->npages; i++)
		page_put(g->page[i]);
	for (unsigned i = 0; i < g->nowners; i++)
		owner_leave(g->owner[i].table, g->owner[i].slot);
	while ((h = g->dead_tables) != NULL) {
		g->dead_tables = h->next;
		table_free_later(container_of(h, struct page, dead_link));
	}
	gather_init(g, g->as);
}
