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

/* What the CPUs have. */
enum fake_pcid { FAKE_NO_PCID, FAKE_PCID, FAKE_INVPCID };

/* All caches empty, no CPU walks; tables have that many levels from now on. */
void fake_tlb_reset(unsigned levels, enum fake_pcid pcid);
/* Every CPU loads kernel_aspace, whose root is there. The caller is on CPU 0. */
void fake_tlb_start(void);
/*
 * One access by the calling thread's CPU; ACCESS_USER: from ring 3. True:
 * translated, to *f. False: a fault.
 */
bool fake_access(vaddr_t va, unsigned access, pfn_t *f);
/* As the scheduler does it for a thread without an address space: the CPU keeps what it has loaded. */
void fake_go_lazy(unsigned cpu);
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

/* kept: leaves that were there when CR3 was loaded and nothing dropped. */
struct fake_tlb_stats { uint64_t walks, hits, upper_hits, flushes, page_flushes, loads, kept; };
extern struct fake_tlb_stats fake_tlb_stats;

/* ---- for tests of the tests: what goes wrong with the machine if ---- */

struct fake_broken {
	bool keeps_upper;	/* no flush drops upper entries */
	bool keeps_at_reuse;	/* a load of CR3 drops nothing if its root is not the PCID's last */
	bool keeps_at_return;	/* or if it is */
	bool no_grace;		/* grace periods are over at once */
};
extern struct fake_broken fake_broken;
/* Asked before a CPU does a cross-call, on the calling one: false: the call is lost. */
extern bool (*fake_call_hook)(unsigned cpu, void (*fn)(void *), void *arg);

#endif
