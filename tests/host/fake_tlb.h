/*
 * The fake machine's MMU: CPUs that walk page tables in the arena, keep what
 * they found (leaves, and upper entries apart) until they are told to forget
 * it, set A and D by locked operations, and walk speculatively wherever they
 * like. See fake_tlb.c.
 */
#ifndef TESTS_HOST_FAKE_TLB_H
#define TESTS_HOST_FAKE_TLB_H

#include <arch/aspace.h>
#include <arch/pte.h>
#include <arch/upcall.h>

/* All caches empty, every CPU on kernel_aspace; tables have that many levels from now on. */
void fake_tlb_reset(unsigned levels);
/*
 * One access by the calling thread's CPU; ACCESS_USER: from ring 3. True:
 * translated, to *f. False: a fault.
 */
bool fake_access(vaddr_t va, unsigned access, pfn_t *f);
/* Where speculation is likely to walk: n addresses that stay the caller's. */
void fake_speculate_at(const vaddr_t *va, unsigned n);
/* Some CPUs walk somewhere. Flushes, switches and accesses do it by themselves. */
void fake_speculate(void);
/*
 * Every cached entry of every CPU against the tables: 0, or a text about one
 * that is stale, gives a right that is gone, or leads to a frame that is free.
 */
const char *fake_tlb_check(void);

/* Grace periods end here: calls what grace_call was given so far; returns how much that was. */
unsigned fake_grace_run(void);

struct fake_tlb_stats { uint64_t walks, hits, upper_hits, flushes, page_flushes; };
extern struct fake_tlb_stats fake_tlb_stats;

#endif
