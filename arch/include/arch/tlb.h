/*
 * What a CPU can do to its own TLB. Deciding which CPUs must, and waiting for
 * them, is mm/pt's (gather.c).
 *
 * SDM vol. 3A 4.10.4: invlpg drops the page's translations of the current
 * PCID, global ones too, and all paging-structure caches of the PCID.
 */
#ifndef ARCH_TLB_H
#define ARCH_TLB_H

#include <arch/types.h>

#ifdef HOST_TEST
void tlb_flush_page(vaddr_t va);
#else
/* One page (of any size) on this CPU, whatever address space it is in. */
static inline void tlb_flush_page(vaddr_t va)
{
	__asm__ volatile("invlpg (%0)" :: "r"(va) : "memory");
}
#endif
/*
 * Flushes are by generation: a CPU may keep what another one, or it itself in
 * another address space, has made stale. Never false again.
 */
extern bool tlb_by_generation;
/* All but global entries of the current address space on this CPU: a CR3 reload. */
void tlb_flush_local(void);
/* Everything on this CPU, global entries and all PCIDs too: INVPCID, or CR4.PGE toggled. */
void tlb_flush_global(void);

/* More pages than this are flushed as a whole (Linux's tlb_single_page_flush_ceiling). */
#define TLB_FLUSH_CEILING	33

#endif
