/*
 * The fake MMU. Unlike QEMU's it keeps upper entries in a cache of their own
 * (a walk may begin at one of them long after the table changed), walks
 * speculatively, keeps global entries over a switch, and forgets nothing by
 * accident: the caches are large, and throw out only at random.
 *
 * Forgetting is as the SDM (vol. 3A 4.10.4) has it: invlpg drops the leaves
 * that cover the address, global ones too, and all upper entries; a load of
 * CR3 all but global leaves; a toggle of CR4.PGE everything.
 *
 * Checked at each flush, before anything is dropped: no frame that a cached
 * entry leads to has been freed.
 *
 * One thread at a time; grace_call alone may be called by several.
 */
#include <tests/host/fake.h>
#include <tests/host/fake_tlb.h>
#include <arch/cpu.h>
#include <arch/tlb.h>
#include <kernel/core/call.h>
#include <kernel/core/grace.h>
#include <kernel/core/thread.h>
#include <lib/assert.h>
#include <mm/alloc/page.h>
#include <stdio.h>
#include <stdlib.h>

#define CACHE	96

/* A leaf, or the upper entry that leads to the table of level - 1. */
struct cached {
	vaddr_t va;		/* aligned to the level's size */
	unsigned level;		/* of the table it was read from */
	pte_t e;		/* rights of all levels taken together */
	pte_t *slot;		/* where it was read; for reports only */
};

struct fake_tlb {
	struct cached leaf[CACHE], upper[CACHE];
	unsigned nleaf, nupper;
};

struct aspace kernel_aspace = { .kernel = true };
unsigned arch_levels = 4;
struct fake_tlb_stats fake_tlb_stats;
static struct fake_tlb tlb[FAKE_CPUS];
static const vaddr_t *places;
static unsigned nplaces;
static char text[256];

static uint64_t chance(uint64_t n)
{
	static uint64_t x = 0x2545f4914f6cdd1dul;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (x >> 11) % n;
}

static bool covers(const struct cached *c, vaddr_t va)
{
	return (va & -LEVEL_SIZE(c->level)) == c->va;
}

static void keep(struct cached *set, unsigned *n, struct cached c)
{
	unsigned i;

	for (i = 0; i < *n; i++)
		if (set[i].level == c.level && set[i].va == c.va)
			break;
	if (i == *n) {
		if (*n < CACHE)
			(*n)++;
		else
			i = (unsigned)chance(CACHE);
	}
	set[i] = c;
}

static void drop(struct cached *set, unsigned *n, unsigned i)
{
	set[i] = set[--*n];
}

/* What the kinds of struct page say of a frame that a CPU could reach. */
static bool frame_is_free(pfn_t f)
{
	const struct page *p;

	if (!pfn_valid(f))
		return true;
	p = pfn_to_page(f);
	return p->kind == PAGE_FREE || p->kind == PAGE_PERCPU || p->kind == PAGE_TAIL ||
	       p->kind == PAGE_HOLE;
}

/* Sets bits in the entry in memory, if it still is the one that was read. */
static bool set_bits(pte_t *slot, pte_t *e, uint64_t bits)
{
	if ((e->v & bits) == bits)
		return true;
	if (!pte_cmpxchg(slot, e, (pte_t){ e->v | bits }))
		return false;
	e->v |= bits;
	return true;
}

static bool allows(pte_t e, unsigned access)
{
	if (access & ACCESS_USER && !pte_user(e))
		return false;
	if (access & ACCESS_WRITE)
		return pte_writable(e);
	return !(access & ACCESS_EXEC) || pte_exec(e);
}

/* Rights of a way down: W and U if all have it, NX if any. */
static pte_t together(pte_t upper, pte_t e)
{
	uint64_t all = PTE_W | PTE_U;

	return (pte_t){ (e.v & ~all) | (e.v & upper.v & all) | (upper.v & PTE_NX) };
}

/* As if CR3 were an entry: it takes no right away. */
static struct cached from_root(const struct aspace *as)
{
	return (struct cached){
		.level = arch_levels + 1, .e = { as->root.v | PTE_P | PTE_W | PTE_U },
	};
}

/* Where a walk begins: at the root, or at a cached upper entry, now and then not the deepest. */
static struct cached start_of_walk(const struct fake_tlb *t, const struct aspace *as, vaddr_t va)
{
	struct cached best = from_root(as);

	for (unsigned i = 0; i < t->nupper; i++)
		if (covers(&t->upper[i], va) && t->upper[i].level < best.level && chance(8))
			best = t->upper[i];
	if (best.level <= arch_levels)
		fake_tlb_stats.upper_hits++;
	return best;
}

/* True: translated, and cached. */
static bool walk(struct fake_tlb *t, const struct aspace *as, vaddr_t va, unsigned access,
		 bool speculative, struct cached *out)
{
	struct cached at = start_of_walk(t, as, va);

	fake_tlb_stats.walks++;
	while (at.level > 1) {
		unsigned l = at.level - 1;
		pte_t *slot;
		pte_t e;

		if (frame_is_free(pte_pfn(at.e)))
			panic("a CPU walks the free frame %lx for %lx", pte_pfn(at.e).v, va);
		slot = (pte_t *)phys_to_virt(pfn_to_paddr(pte_pfn(at.e))) + LEVEL_INDEX(va, l);
		e = pte_read(slot);
		if (!pte_present(e) || !set_bits(slot, &e, PTE_A))
			return false;
		at = (struct cached){ va & -LEVEL_SIZE(l), l, together(at.e, e), slot };
		if (pte_kind(e, l) != PTE_TABLE)
			break;
		keep(t->upper, &t->nupper, at);
	}
	if (!allows(at.e, access))
		return false;
	if (!speculative && access & ACCESS_WRITE) {
		pte_t e = pte_read(at.slot);

		if (!set_bits(at.slot, &e, PTE_D))
			return false;
		at.e.v |= PTE_D;
	}
	keep(t->leaf, &t->nleaf, at);
	*out = at;
	return true;
}

static struct fake_tlb *this_tlb(void)
{
	return &tlb[this_cpu()->id];
}

bool fake_access(vaddr_t va, unsigned access, pfn_t *f)
{
	struct fake_tlb *t = this_tlb();
	struct cached c = { .level = 0 };

	fake_speculate();
	for (unsigned i = 0; i < t->nleaf && !c.level; i++)
		if (covers(&t->leaf[i], va))
			c = t->leaf[i];
	if (c.level && allows(c.e, access) && (!(access & ACCESS_WRITE) || pte_dirty(c.e)))
		fake_tlb_stats.hits++;
	else if (!walk(t, this_cpu()->aspace, va, access, false, &c)) {
		/* the translation that faulted is dropped (SDM 4.10.4.1) */
		for (unsigned i = t->nleaf; i-- > 0; )
			if (covers(&t->leaf[i], va))
				drop(t->leaf, &t->nleaf, i);
		t->nupper = 0;
		return false;
	}
	*f = pfn(pte_pfn(c.e).v + ((va & (LEVEL_SIZE(c.level) - 1)) >> PAGE_SHIFT));
	return true;
}

void fake_speculate_at(const vaddr_t *va, unsigned n)
{
	places = va;
	nplaces = n;
}

void fake_speculate(void)
{
	struct cached c;

	for (unsigned i = 0; i < arch_ncpus && nplaces; i++)
		for (uint64_t n = chance(4); n; n--)
			walk(&tlb[i], arch_cpus[i]->aspace, places[chance(nplaces)], ACCESS_READ,
			     true, &c);
}

/* ---- what the machine's contract promises ---- */

/* Nothing that is about to be forgotten, or might have been used so far, has been given away. */
static void check_not_free(void)
{
	for (unsigned i = 0; i < arch_ncpus; i++) {
		const struct fake_tlb *t = &tlb[i];

		for (unsigned k = 0; k < t->nleaf; k++)
			if (frame_is_free(pte_pfn(t->leaf[k].e)))
				panic("frame %lx freed while CPU %u can reach it at %lx",
				      pte_pfn(t->leaf[k].e).v, i, t->leaf[k].va);
		for (unsigned k = 0; k < t->nupper; k++)
			if (frame_is_free(pte_pfn(t->upper[k].e)))
				panic("table %lx freed while CPU %u can walk it at %lx",
				      pte_pfn(t->upper[k].e).v, i, t->upper[k].va);
	}
}

void tlb_flush_page(vaddr_t va)
{
	struct fake_tlb *t = this_tlb();

	fake_speculate();
	check_not_free();
	fake_tlb_stats.page_flushes++;
	for (unsigned i = t->nleaf; i-- > 0; )
		if (covers(&t->leaf[i], va))
			drop(t->leaf, &t->nleaf, i);
	t->nupper = 0;
}

void tlb_flush_local(void)
{
	struct fake_tlb *t = this_tlb();

	fake_speculate();
	check_not_free();
	fake_tlb_stats.flushes++;
	for (unsigned i = t->nleaf; i-- > 0; )
		if (!(t->leaf[i].e.v & PTE_G))
			drop(t->leaf, &t->nleaf, i);
	t->nupper = 0;
}

void tlb_flush_global(void)
{
	fake_speculate();
	check_not_free();
	fake_tlb_stats.flushes++;
	this_tlb()->nleaf = this_tlb()->nupper = 0;
}

void arch_aspace_switch(struct aspace *as)
{
	struct cpu *c = this_cpu();
	uint64_t bit = 1ul << c->id;

	if (as == c->aspace)
		return;
	__atomic_fetch_or(&as->active[0], bit, __ATOMIC_SEQ_CST);
	c->tlb_generation = __atomic_load_n(&as->generation, __ATOMIC_SEQ_CST);
	tlb_flush_local();
	if (c->aspace)
		__atomic_fetch_and(&c->aspace->active[0], ~bit, __ATOMIC_SEQ_CST);
	c->aspace = as;
}

void fake_tlb_reset(unsigned levels)
{
	arch_levels = levels;
	kernel_aspace.active[0] = 0;
	nplaces = 0;
	for (unsigned i = 0; i < FAKE_CPUS; i++) {
		tlb[i].nleaf = tlb[i].nupper = 0;
		if (arch_cpus[i]) {
			arch_cpus[i]->aspace = &kernel_aspace;
			kernel_aspace.active[0] |= 1ul << i;
		}
	}
}

/* ---- what a cached entry may still say ---- */

/* The way down to a cached entry, as the tables have it now. False: it does not lead there. */
static bool now(const struct aspace *as, const struct cached *c, pte_t *e)
{
	struct cached at = from_root(as);

	while (at.level > c->level) {
		unsigned l = at.level - 1;
		pte_t *tab = phys_to_virt(pfn_to_paddr(pte_pfn(at.e)));
		pte_t *slot = &tab[LEVEL_INDEX(c->va, l)];
		pte_t n = pte_read(slot);

		if (!pte_present(n) || (l > c->level && pte_kind(n, l) != PTE_TABLE))
			return false;
		at = (struct cached){ 0, l, together(at.e, n), slot };
	}
	*e = at.e;
	return true;
}

/* What is wrong with a cached entry, when the tables say `e` (there: the way down ends there). */
static const char *wrong(const struct cached *c, bool there, pte_t e)
{
	if (frame_is_free(pte_pfn(c->e)))
		return "leads to a free frame";
	if (!there || pte_pfn(e).v != pte_pfn(c->e).v ||
	    pte_kind(e, c->level) != pte_kind(c->e, c->level))
		return "is stale";
	if ((pte_writable(c->e) && !pte_writable(e)) || (pte_exec(c->e) && !pte_exec(e)) ||
	    (pte_user(c->e) && !pte_user(e)))
		return "has rights that are gone";
	return NULL;
}

static const char *check_cached(unsigned cpu, const struct cached *c, const char *what)
{
	pte_t e = pte_none();
	bool there = now(arch_cpus[cpu]->aspace, c, &e);
	const char *why = wrong(c, there, e);

	if (!why)
		return NULL;
	snprintf(text, sizeof(text), "CPU %u: %s %lx of %lx %s, now %lx", cpu, what, c->e.v, c->va,
		 why, e.v);
	return text;
}

const char *fake_tlb_check(void)
{
	const char *why = NULL;

	for (unsigned i = 0; i < arch_ncpus && !why; i++) {
		for (unsigned k = 0; k < tlb[i].nleaf && !why; k++)
			why = check_cached(i, &tlb[i].leaf[k], "leaf");
		for (unsigned k = 0; k < tlb[i].nupper && !why; k++)
			why = check_cached(i, &tlb[i].upper[k], "upper entry");
	}
	return why;
}

/* ---- kernel/core, as far as page tables need it ---- */

static struct grace_head *grace_list;	/* atomic */

void grace_call(struct grace_head *h, void (*fn)(struct grace_head *))
{
	h->fn = fn;
	h->next = __atomic_load_n(&grace_list, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&grace_list, &h->next, h, false, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED))
		;
}

unsigned fake_grace_run(void)
{
	struct grace_head *h = __atomic_exchange_n(&grace_list, NULL, __ATOMIC_ACQUIRE), *next;
	unsigned n = 0;

	for (; h; h = next, n++) {
		next = h->next;
		h->fn(h);
	}
	return n;
}

void sched_yield(void)
{
}

void cpus_park(void)
{
}

void cpus_release(void)
{
}

void cpu_call(const struct cpumask *mask, void (*fn)(void *), void *arg)
{
	unsigned me = this_cpu()->id;

	cpumask_for_each(cpu, mask) {
		fake_on_cpu(cpu);
		fn(arg);
	}
	fake_on_cpu(me);
}
