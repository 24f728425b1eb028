/*
 * What the memory of the whole system did, counted per CPU. Names are Linux's
 * /proc/vmstat ones where it has such a figure.
 */
#ifndef MM_ALLOC_STAT_H
#define MM_ALLOC_STAT_H

#include <arch/cpu.h>

enum vm_event {
	PGFAULT,		/* faults settled, major ones too */
	PGMAJFAULT,		/* of these, with I/O */
	PGREUSE,		/* written in place: the page had no other user */
	FAULT_ZERO_PAGE,	/* the shared zero page went in */
	FAULT_ANON,		/* a fresh zeroed page went in */
	FAULT_COPY,		/* a page was copied to be written */
	FAULT_FILE,		/* a cached page went in */
	FAULT_AROUND,		/* cached pages that went in beside it */
	FAULT_SPURIOUS,		/* the entry allowed the access already */
	STACK_GROWN,		/* stacks grown downwards */
	VMA_LOCK_MISS,		/* faults that took mm.lock, since they did not get a VMA's */
	VMA_LOCK_WAIT,		/* writers that waited for faults to leave a VMA */
	PSWPIN,			/* pages read from swap, */
	PSWPOUT,		/* and written to it */
	SWAP_RA,		/* pages read besides the one that a fault wanted, */
	SWAP_RA_HIT,		/* and wanted later */
	PGLAZYFREE,		/* pages that MADV_FREE gave up, */
	PGLAZYFREED,		/* and that reclaim took then */
	ZSWPIN,			/* pages that zswap kept instead: unpacked, */
	ZSWPOUT,		/* and packed */
	PGSCAN_KSWAPD,		/* pages that reclaim looked at: its thread, */
	PGSCAN_DIRECT,		/* and those who needed memory themselves; */
	PGSCAN_ANON,		/* both, by what they are */
	PGSCAN_FILE,
	PGSTEAL_KSWAPD,		/* of these, freed */
	PGSTEAL_DIRECT,
	PGSTEAL_ANON,
	PGSTEAL_FILE,
	PAGEOUTRUN,		/* times that kswapd was woken */
	ALLOCSTALL,		/* times that somebody reclaimed for himself, */
	ALLOCWAIT,		/* and that kswapd made room for him while he waited */
	THP_FAULT_ALLOC,	/* faults that got a block of 2 MB, */
	THP_FAULT_FALLBACK,	/* and those that would have, had there been one */
	THP_FILE_ALLOC,		/* the same of shared memory: blocks made, */
	THP_FILE_FALLBACK,	/* not made, */
	THP_FILE_MAPPED,	/* and huge leaves of them */
	THP_COLLAPSE_ALLOC,	/* blocks for small pages that became a huge one, */
	THP_COLLAPSE_ALLOC_FAILED, /* and those that there were not */
	THP_SPLIT_PAGE,		/* blocks that became pages */
	THP_SPLIT_PMD,		/* huge leaves that became tables */
	THP_ZERO_PAGE_ALLOC,	/* huge pages of zeros that were made, */
	THP_ZERO_PAGE_ALLOC_FAILED, /* and that could not be */
	PGMIGRATE_SUCCESS,	/* pages that got another frame, */
	PGMIGRATE_FAIL,		/* or should have */
	COMPACT_MIGRATE_SCANNED, /* frames looked at by compaction: for pages to move, */
	COMPACT_FREE_SCANNED,	/* and for free ones */
	COMPACT_ISOLATED,	/* of both, taken */
	COMPACT_STALL,		/* times that somebody compacted memory for himself; */
	COMPACT_FAIL,		/* then there was no block, */
	COMPACT_SUCCESS,	/* or one */
	KCOMPACTD_WAKE,		/* times that kcompactd was woken */
	VM_EVENTS,
};

/* A size that an index is shifted by, not multiplied with: faults count. */
struct vm_events {
	uint64_t n[VM_EVENTS];
} __attribute__((aligned(512)));

extern struct vm_events vm_events[MAX_CPUS];

/* The kernel is not preemptible, and no interrupt handler counts: no atomic needed. */
static inline void vm_count(enum vm_event e, uint64_t n)
{
	vm_events[this_cpu()->id].n[e] += n;
}

/* Sum over the CPUs. */
uint64_t vm_event_sum(enum vm_event e);
const char *vm_event_name(enum vm_event e);

#endif
