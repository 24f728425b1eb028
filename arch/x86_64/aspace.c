/*
 * Loading address spaces and flushing this CPU's TLB.
 *
 * The order of a switch is a law of the flush: set the bit in the active
 * mask, full barrier, read the generation, load CR3. Whoever changes a table
 * writes the entry, raises the generation, full barrier, reads the mask: so
 * either it sees this CPU there and asks it to flush, or this CPU sees the new
 * generation, and its walks the new entry.
 *
 * Without PCIDs a CR3 load drops all but global entries. With them each CPU
 * keeps the translations of the last TLB_SLOTS address spaces that it ran,
 * slot n's under PCID n + 1, the kernel's own under PCID 0. As long as CR3
 * names another PCID they cannot be used: so a CPU that has an address space
 * in a slot, but does not run it, is not asked to flush; it finds that the
 * generation is not the one of its slot when it comes back, and the load of
 * CR3 drops them. A slot is known by its aspace's id: the next address space
 * in the same memory is another one. What the kernel's half loses is dropped
 * under all PCIDs.
 *
 * SDM vol. 3A 4.10.1 (PCIDs), 4.10.4 (what invalidates what), 4.10.5.
 */
#include <arch/aspace.h>
#include <arch/machine.h>
#include <arch/tlb.h>
#include <arch/x86_64/percpu.h>
#include <lib/assert.h>
#include <lib/option.h>

#define SLOT_PCID(slot)	((slot) + 1ul)

paddr_t boot_root;
bool tlb_by_generation;

struct aspace kernel_aspace = { .kernel = true };

static bool nopcid;
option_flag(nopcid, &nopcid, "CPUs keep no translations over a switch of address spaces");

uint64_t arch_aspace_id(void)
{
	static uint64_t last;

	return __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
}

/* Atomic, and a full barrier. */
static void active_set(struct aspace *as, unsigned cpu)
{
	__atomic_fetch_or(&as->active[cpu / 64], 1ull << cpu % 64, __ATOMIC_SEQ_CST);
}

static void active_clear(struct aspace *as, unsigned cpu)
{
	__atomic_fetch_and(&as->active[cpu / 64], ~(1ull << cpu % 64), __ATOMIC_SEQ_CST);
}

/*
 * A CPU that was lazy goes back to using what it has loaded: either who took something
 * away sees that it is not lazy any more and asks it to flush, or the
 * generation seen here is his.
 */
static void lazy_end(struct cpu *c)
{
	uint64_t generation;

	__atomic_store_n(&c->lazy, false, __ATOMIC_SEQ_CST);
	generation = __atomic_load_n(&c->aspace->generation, __ATOMIC_SEQ_CST);
	if (generation != c->tlb_generation) {
		c->tlb_generation = generation;
		tlb_flush_local();
	}
}

/* The slot of that address space, or one that it gets: *kept: not a new one. */
static unsigned slot_of(struct tlb_slots *s, uint64_t id, bool *kept)
{
	unsigned i = 0;

	while (i < TLB_SLOTS && s->id[i] != id)
		i++;
	*kept = i < TLB_SLOTS;
	if (*kept)
		return i;
	i = s->next;
	s->next = (i + 1) % TLB_SLOTS;
	s->id[i] = id;
	return i;
}

/*
 * What CR3 is to be for `as`, of which nothing older than `generation` may be used. c
 * still has tlb_generation of the one that it leaves.
 */
static uint64_t slot_switch(struct cpu *c, const struct aspace *as, uint64_t generation)
{
	struct tlb_slots *s = &c->slots;
	unsigned i;
	bool kept;

	if (s->current < TLB_SLOTS)
		s->generation[s->current] = c->tlb_generation;
	if (as->kernel) {
		s->current = TLB_SLOTS;
		return as->root.v | CR3_KEEP;
	}
	i = slot_of(s, as->id, &kept);
	s->current = i;
	if (kept && s->generation[i] == generation)
		return as->root.v | SLOT_PCID(i) | CR3_KEEP;
	return as->root.v | SLOT_PCID(i);
}

void arch_aspace_switch(struct aspace *as)
{
	struct cpu *c = this_cpu();
	struct aspace *old = c->aspace;
	uint64_t generation;

	debug_assert(!irq_enabled());
	if (as != old) {
		c->lazy = false;
		active_set(as, c->id);
		generation = __atomic_load_n(&as->generation, __ATOMIC_RELAXED);
		write_cr3(unlikely(arch_features.pcid) ? slot_switch(c, as, generation) : as->root.v);
		c->tlb_generation = generation;
		c->aspace = as;
		if (old)
			active_clear(old, c->id);
	} else if (unlikely(c->lazy)) {
		lazy_end(c);
	}
}

/* CR4.PCIDE can be set while CR3 names PCID 0; all that is cached is of that one. */
void arch_paging_switch(paddr_t root)
{
	uint64_t flags = irq_save();
	struct cpu *c = this_cpu();
	struct aspace *old = c->aspace;

	if (!boot_root.v)
		boot_root = paddr(read_cr3());
	arch_features.pcid &= arch_features.pge && !nopcid;
	tlb_by_generation |= arch_features.pcid;
	active_set(&kernel_aspace, c->id);
	c->aspace = &kernel_aspace;
	c->slots = (struct tlb_slots){ .current = TLB_SLOTS };
	if (old && old != &kernel_aspace)
		active_clear(old, c->id);
	write_cr3(root.v);
	if (arch_features.pge)
		write_cr4(read_cr4() | CR4_PGE | (arch_features.pcid ? CR4_PCIDE : 0));
	irq_restore(flags);
}

/* Of the current PCID, as what is read of CR3 has CR3_KEEP clear. */
void tlb_flush_local(void)
{
	write_cr3(read_cr3());
}

void tlb_flush_global(void)
{
	uint64_t cr4 = read_cr4();

	if (arch_features.invpcid) {
		invpcid_all();
	} else if (cr4 & CR4_PGE) {
		write_cr4(cr4 & ~(uint64_t)CR4_PGE);
		write_cr4(cr4);
	} else {
		tlb_flush_local();
	}
}
