/*
 * The fake MMU. Unlike QEMU's it keeps upper entries in a cache of their own
 * (a walk may begin at one of them long after the table changed), walks
 * speculatively, keeps global entries over a switch, has PCIDs, and forgets
 * nothing by accident: the caches are large, and throw out only at random.
 *
 * What is faked are the instructions: CR3, CR4, INVLPG, INVPCID; the code that
 * uses them is the kernel's own (arch/x86_64/aspace.c is part of this file).
 * They forget as the SDM (vol. 3A 4.10.4) has it: invlpg drops the leaves
 * that cover the address, global ones too, and all upper entries of the
 * PCID; a load of CR3 all but global leaves of the PCID that it names, or nothing
 * (bit 63); a change of CR4.PGE and INVPCID everything.
 *
 * Checked at each of them, before anything is dropped: no frame that a usable
 * entry leads to has been freed. Usable are those of the PCID in CR3; of a lazy
 * CPU, which reads nothing of the user's half until it has looked at the
 * generation, the upper entries alone.
 *
 * One thread at a time.
 */
#include <tests/host/fake.h>
#include <tests/host/fake_tlb.h>
#include <arch/cpu.h>
#include <arch/x86_64/aspace.c>
#include <kernel/core/call.h>
#include <kernel/core/grace.h>
#include <kernel/core/thread.h>
#include <lib/assert.h>
#include <mm/alloc/page.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CACHE	96
#define PCIDS	(TLB_SLOTS + 1)

/* A leaf, or the upper entry that leads to the table of level - 1. */
struct cached {
	vaddr_t va;		/* aligned to the level's size */
	unsigned level;		/* of the table it was read from */
	pte_t e;		/* rights of all levels taken together */
	pte_t *slot;		/* where it was read; for reports only */
};

struct cache {
	struct cached at[CACHE];
	unsigned n;
};

struct fake_tlb {
	uint64_t cr3, cr4;
	struct cache leaf[PCIDS], upper[PCIDS], global;
	uint64_t root[PCIDS];	/* of the last load of CR3 that named the PCID */
	bool lazy;		/* and has not read anything of the user's half since */
};

unsigned arch_levels = 4;
struct fake_tlb_stats fake_tlb_stats;
struct fake_broken fake_broken;
bool (*fake_call_hook)(unsigned cpu, void (*fn)(void *), void *arg);
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

static void keep(struct cache *set, struct cached c)
{
	unsigned i;

	for (i = 0; i < set->n; i++)
		if (set->at[i].level == c.level && set->at[i].va == c.va)
			break;
	if (i == set->n) {
		if (set->n < CACHE)
			set->n++;
		else
			i = (unsigned)chance(CACHE);
	}
	set->at[i] = c;
}

static void drop_covering(struct cache *set, vaddr_t va)
{
	for (unsigned i = set->n; i-- > 0; )
		if (covers(&set->at[i], va))
			set->at[i] = set->at[--set->n];
}

/* The one that covers va, or NULL. */
static const struct cached *find(const struct cache *set, vaddr_t va)
{
	for (unsigned i = 0; i < set->n; i++)
		if (covers(&set->at[i], va))
			return &set->at[i];
	return NULL;
}

static struct fake_tlb *this_tlb(void) { return &tlb[this_cpu()->id]; }

static unsigned pcid_of(const struct fake_tlb *t)
{
	return t->cr4 & CR4_PCIDE ? t->cr3 & CR3_PCID : 0;
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
static struct cached from_root(const struct fake_tlb *t)
{
	return (struct cached){
		.level = arch_levels + 1, .e = { (t->cr3 & PTE_ADDR_MASK) | PTE_P | PTE_W | PTE_U },
	};
}

/* Where a walk begins: at the root, or at a cached upper entry, now and then not the deepest. */
static struct cached start_of_walk(const struct fake_tlb *t, vaddr_t va)
{
	const struct cache *set = &t->upper[pcid_of(t)];
	struct cached best = from_root(t);

	for (unsigned i = 0; i < set->n; i++)
		if (covers(&set->at[i], va) && set->at[i].level < best.level && chance(8))
			best = set->at[i];
	if (best.level <= arch_levels)
		fake_tlb_stats.upper_hits++;
	return best;
}

/* True: translated, and cached. */
static bool walk(struct fake_tlb *t, vaddr_t va, unsigned access, bool speculative,
		 struct cached *out)
{
	struct cached at = start_of_walk(t, va);

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
		keep(&t->upper[pcid_of(t)], at);
	}
	if (!allows(at.e, access))
		return false;
	if (!speculative && access & ACCESS_WRITE) {
		pte_t e = pte_read(at.slot);

		if (!set_bits(at.slot, &e, PTE_D))
			return false;
		at.e.v |= PTE_D;
	}
	keep(at.e.v & PTE_G ? &t->global : &t->leaf[pcid_of(t)], at);
	*out = at;
	return true;
}

/* What an access to va finds without a walk, or NULL. */
static const struct cached *lookup(const struct fake_tlb *t, vaddr_t va)
{
	const struct cached *c = find(&t->leaf[pcid_of(t)], va);

	return c ? c : find(&t->global, va);
}

bool fake_access(vaddr_t va, unsigned access, pfn_t *f)
{
	struct fake_tlb *t = this_tlb();
	const struct cached *hit;
	struct cached c;

	if (this_cpu()->lazy)
		panic("a lazy CPU reads %lx", va);
	t->lazy = false;
	fake_speculate();
	hit = lookup(t, va);
	if (hit && allows(hit->e, access) && (!(access & ACCESS_WRITE) || pte_dirty(hit->e))) {
		fake_tlb_stats.hits++;
		c = *hit;
	} else if (!walk(t, va, access, false, &c)) {
		/* the translation that faulted is dropped (SDM 4.10.4.1) */
		drop_covering(&t->leaf[pcid_of(t)], va);
		drop_covering(&t->global, va);
		t->upper[pcid_of(t)].n = 0;
		return false;
	}
	*f = pfn(pte_pfn(c.e).v + ((va & (LEVEL_SIZE(c.level) - 1)) >> PAGE_SHIFT));
	return true;
}

void fake_go_lazy(unsigned cpu)
{
	__atomic_store_n(&arch_cpus[cpu]->lazy, true, __ATOMIC_SEQ_CST);
	tlb[cpu].lazy = true;
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
		for (uint64_t n = chance(4); n && tlb[i].cr3; n--)
			walk(&tlb[i], places[chance(nplaces)], ACCESS_READ, true, &c);
}

/* ---- what the machine's contract promises ---- */

static void check_set(const struct cache *set, unsigned cpu, const char *what)
{
	for (unsigned i = 0; i < set->n; i++)
		if (frame_is_free(pte_pfn(set->at[i].e)))
			panic("%s %lx freed while CPU %u can use it at %lx", what,
			      pte_pfn(set->at[i].e).v, cpu, set->at[i].va);
}

/* Nothing that is about to be forgotten, or might have been used so far, has been given away. */
static void check_not_free(void)
{
	for (unsigned i = 0; i < arch_ncpus; i++) {
		const struct fake_tlb *t = &tlb[i];

		if (!t->lazy)
			check_set(&t->leaf[pcid_of(t)], i, "frame");
		check_set(&t->upper[pcid_of(t)], i, "table");
		check_set(&t->global, i, "frame");
	}
}

static void before_instruction(void)
{
	fake_speculate();
	check_not_free();
}

static void drop_pcid(struct fake_tlb *t, unsigned pcid)
{
	t->leaf[pcid].n = 0;
	if (!fake_broken.keeps_upper)
		t->upper[pcid].n = 0;
}

static void drop_all(struct fake_tlb *t)
{
	for (unsigned i = 0; i < PCIDS; i++)
		drop_pcid(t, i);
	t->global.n = 0;
}

void tlb_flush_page(vaddr_t va)
{
	struct fake_tlb *t = this_tlb();

	before_instruction();
	fake_tlb_stats.page_flushes++;
	drop_covering(&t->leaf[pcid_of(t)], va);
	drop_covering(&t->global, va);
	if (!fake_broken.keeps_upper)
		t->upper[pcid_of(t)].n = 0;
}

uint64_t read_cr3(void) { return this_tlb()->cr3; }
uint64_t read_cr4(void) { return this_tlb()->cr4; }

void write_cr3(uint64_t v)
{
	struct fake_tlb *t = this_tlb();
	bool keep = v & CR3_KEEP, first;

	if (t->cr3)
		before_instruction();
	if (!(t->cr4 & CR4_PCIDE) && v & (CR3_PCID | CR3_KEEP))
		panic("CR3 %lx without PCIDs", v);
	if ((v & CR3_PCID) >= PCIDS)
		panic("CR3 %lx: more PCIDs than slots", v);
	fake_tlb_stats.loads++;
	t->cr3 = v & ~CR3_KEEP;
	t->lazy = false;
	first = t->root[pcid_of(t)] != (t->cr3 & PTE_ADDR_MASK);
	t->root[pcid_of(t)] = t->cr3 & PTE_ADDR_MASK;
	if (keep)
		fake_tlb_stats.kept += t->leaf[pcid_of(t)].n;
	else if (first ? !fake_broken.keeps_at_reuse : !fake_broken.keeps_at_return)
		drop_pcid(t, pcid_of(t));
	if (!keep)
		fake_tlb_stats.flushes++;
	check_not_free();
}

void write_cr4(uint64_t v)
{
	struct fake_tlb *t = this_tlb();

	before_instruction();
	if (v & ~t->cr4 & CR4_PCIDE && t->cr3 & CR3_PCID)
		panic("PCIDs on while CR3 is %lx", t->cr3);
	fake_tlb_stats.flushes++;
	if ((v ^ t->cr4) & CR4_PGE)
		drop_all(t);
	t->cr4 = v;
}

void invpcid_all(void)
{
	before_instruction();
	if (!arch_features.invpcid)
		panic("invpcid on a CPU without");
	fake_tlb_stats.flushes++;
	drop_all(this_tlb());
}

void fake_tlb_reset(unsigned levels, enum fake_pcid pcid)
{
	arch_levels = levels;
	arch_features.pge = true;
	arch_features.pcid = pcid != FAKE_NO_PCID;
	arch_features.invpcid = pcid == FAKE_INVPCID;
	tlb_by_generation = arch_ncpus > 1;
	memset(kernel_aspace.active, 0, sizeof(kernel_aspace.active));
	memset(tlb, 0, sizeof(tlb));
	nplaces = 0;
	fake_broken = (struct fake_broken){ 0 };
	fake_call_hook = NULL;
}

void fake_tlb_start(void)
{
	for (unsigned i = 0; i < arch_ncpus; i++) {
		fake_on_cpu(i);
		arch_paging_switch(kernel_aspace.root);
	}
	fake_on_cpu(0);
}

/* ---- what a cached entry may still say ---- */

/* The way down to a cached entry, as the tables have it now. False: it does not lead there. */
static bool now(const struct fake_tlb *t, const struct cached *c, pte_t *e)
{
	struct cached at = from_root(t);

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

static const char *check_cached(unsigned cpu, const struct cache *set, const char *what)
{
	for (unsigned i = 0; i < set->n; i++) {
		const struct cached *c = &set->at[i];
		pte_t e = pte_none();
		bool there = now(&tlb[cpu], c, &e);
		const char *why = wrong(c, there, e);

		if (!why)
			continue;
		snprintf(text, sizeof(text), "CPU %u: %s %lx of %lx %s, now %lx", cpu, what, c->e.v,
			 c->va, why, e.v);
		return text;
	}
	return NULL;
}

const char *fake_tlb_check(void)
{
	const char *why = NULL;

	check_not_free();
	for (unsigned i = 0; i < arch_ncpus && !why; i++) {
		const struct fake_tlb *t = &tlb[i];

		if (t->lazy || !t->cr3)
			continue;
		why = check_cached(i, &t->leaf[pcid_of(t)], "leaf");
		if (!why)
			why = check_cached(i, &t->upper[pcid_of(t)], "upper entry");
		if (!why)
			why = check_cached(i, &t->global, "global leaf");
	}
	return why;
}
