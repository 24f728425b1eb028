/*
 * Loading address spaces and flushing this CPU's TLB.
 *
 * The order of a switch is a law of the flush: set the bit in the active
 * mask, full barrier, load CR3. Whoever changes a table writes the entry,
 * full barrier, reads the mask: so either it sees this CPU there and asks it to
 * flush, or this CPU's walks see the new entry.
 *
 * PCIDs are not used: a CR3 load drops all but global entries.
 *
 * SDM vol. 3A 4.10.4 (what invalidates what), 4.10.5.
 */
#include <arch/aspace.h>
#include <arch/machine.h>
#include <arch/tlb.h>
#include <arch/x86_64/percpu.h>

paddr_t boot_root;

struct aspace kernel_aspace = { .kernel = true };

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

void arch_aspace_switch(struct aspace *as)
{
	uint64_t flags = irq_save();
	struct cpu *c = this_cpu();
	struct aspace *old = c->aspace;

	if (as != old) {
		c->lazy = false;
		active_set(as, c->id);
		c->tlb_generation = __atomic_load_n(&as->generation, __ATOMIC_RELAXED);
		write_cr3(as->root.v);
		c->aspace = as;
		if (old)
			active_clear(old, c->id);
	} else if (unlikely(c->lazy)) {
		lazy_end(c);
	}
	irq_restore(flags);
}

void arch_paging_switch(paddr_t root)
{
	uint64_t flags = irq_save();
	struct cpu *c = this_cpu();
	struct aspace *old = c->aspace;

	if (!boot_root.v)
		boot_root = paddr(read_cr3());
	active_set(&kernel_aspace, c->id);
	c->aspace = &kernel_aspace;
	if (old && old != &kernel_aspace)
		active_clear(old, c->id);
	write_cr3(root.v);
	if (arch_features.pge)
		write_cr4(read_cr4() | CR4_PGE);
	irq_restore(flags);
}

void tlb_flush_local(void)
{
	write_cr3(read_cr3());
}

void tlb_flush_global(void)
{
	uint64_t cr4 = read_cr4();

	if (!(cr4 & CR4_PGE)) {
		tlb_flush_local();
		return;
	}
	write_cr4(cr4 & ~(uint64_t)CR4_PGE);
	write_cr4(cr4);
}
