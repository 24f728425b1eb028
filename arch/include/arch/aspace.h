/*
 * The machine's half of an address space: a root table, who runs on it, and
 * how far its translations have changed. struct mm embeds one; a thread
 * carries a pointer to one; the kernel's own is kernel_aspace.
 *
 * generation is raised under a table's lock by whoever takes a right away;
 * a CPU that has flushed up to generation g has nothing older (the law of the
 * flush in mm/pt/gather.c).
 */
#ifndef ARCH_ASPACE_H
#define ARCH_ASPACE_H

#include <arch/types.h>
#include <arch/cpu.h>

struct aspace {
	paddr_t root;			/* PML4 or PML5; const after init */
	uint64_t id;			/* of all that there ever are; const, 0: the kernel's */
	paddr_t user_root;		/* a second root, for page-table isolation; 0: none */
	uint64_t generation;		/* atomic */
	uint64_t acked;			/* atomic: all CPUs have flushed up to it; one CPU alone does not keep it */
	uint64_t active[MAX_CPUS / 64];	/* atomic bits: CPUs whose CR3 holds root */
	uint64_t table_bytes;		/* atomic: memory of its tables, without the root */
	uint32_t pins;			/* atomic: flushes under way that know it; it is destroyed after them */
	bool kernel;			/* kernel_aspace */
	bool huge_zero;			/* a user of the huge page of zeros (mm/pt/huge_zero.c) */
	bool in_mm;			/* it lies in a struct mm, which settles its faults */
	union {
		struct {
			bool shares;	/* a fork has shared tables of it; never false again */
			bool huge;	/* it has had huge leaves; never false again */
		};
		uint16_t uncommon;	/* one of the two */
	};
	uint16_t limit_id;		/* who pays for its memory (mm/alloc/limit.h); 0: nobody */
};

extern struct aspace kernel_aspace;

/*
 * Makes `as` the address space of this CPU: active bit set, barrier, CR3
 * loaded (not if it is there already, and nothing was lost while the CPU was
 * lazy), active bit of the one before cleared. Translations that the CPU kept
 * from the last time it had `as` are used again if nothing was lost since.
 * Interrupts are off.
 */
void arch_aspace_switch(struct aspace *as);
/* An id for a new address space. */
uint64_t arch_aspace_id(void);

#endif
