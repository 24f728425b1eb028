/* Counters of the virtual memory system: sums and names. */
#include <mm/alloc/stat.h>

struct vm_events vm_events[MAX_CPUS];

static const char *const names[VM_EVENTS] = {
	[PGFAULT] = "pgfault",
	[PGMAJFAULT] = "pgmajfault",
	[PGREUSE] = "pgreuse",
	[FAULT_ZERO_PAGE] = "fault_zero_page",
	[FAULT_ANON] = "fault_anon",
	[FAULT_COPY] = "fault_copy",
	[FAULT_FILE] = "fault_file",
	[FAULT_AROUND] = "fault_around",
	[FAULT_SPURIOUS] = "fault_spurious",
	[STACK_GROWN] = "stack_grown",
	[VMA_LOCK_MISS] = "vma_lock_miss",
	[VMA_LOCK_WAIT] = "vma_lock_wait",
	[PSWPIN] = "pswpin",
	[PSWPOUT] = "pswpout",
	[SWAP_RA] = "swap_ra",
	[SWAP_RA_HIT] = "swap_ra_hit",
	[PGLAZYFREE] = "pglazyfree",
	[PGLAZYFREED] = "pglazyfreed",
	[ZSWPIN] = "zswpin",
	[ZSWPOUT] = "zswpout",
	[PGSCAN_KSWAPD] = "pgscan_kswapd",
	[PGSCAN_DIRECT] = "pgscan_direct",
	[PGSCAN_ANON] = "pgscan_anon",
	[PGSCAN_FILE] = "pgscan_file",
	[PGSTEAL_KSWAPD] = "pgsteal_kswapd",
	[PGSTEAL_DIRECT] = "pgsteal_direct",
	[PGSTEAL_ANON] = "pgsteal_anon",
	[PGSTEAL_FILE] = "pgsteal_file",
	[PAGEOUTRUN] = "pageoutrun",
	[ALLOCSTALL] = "allocstall_normal",
	[ALLOCWAIT] = "allocwait",
	[THP_FAULT_ALLOC] = "thp_fault_alloc",
	[THP_FAULT_FALLBACK] = "thp_fault_fallback",
	[THP_FILE_ALLOC] = "thp_file_alloc",
	[THP_FILE_FALLBACK] = "thp_file_fallback",
	[THP_FILE_MAPPED] = "thp_file_mapped",
	[THP_COLLAPSE_ALLOC] = "thp_collapse_alloc",
	[THP_COLLAPSE_ALLOC_FAILED] = "thp_collapse_alloc_failed",
	[THP_SPLIT_PAGE] = "thp_split_page",
	[THP_SPLIT_PMD] = "thp_split_pmd",
	[THP_ZERO_PAGE_ALLOC] = "thp_zero_page_alloc",
	[THP_ZERO_PAGE_ALLOC_FAILED] = "thp_zero_page_alloc_failed",
	[PGMIGRATE_SUCCESS] = "pgmigrate_success",
	[PGMIGRATE_FAIL] = "pgmigrate_fail",
	[COMPACT_MIGRATE_SCANNED] = "compact_migrate_scanned",
	[COMPACT_FREE_SCANNED] = "compact_free_scanned",
	[COMPACT_ISOLATED] = "compact_isolated",
	[COMPACT_STALL] = "compact_stall",
	[COMPACT_FAIL] = "compact_fail",
	[COMPACT_SUCCESS] = "compact_success",
	[KCOMPACTD_WAKE] = "compact_daemon_wake",
};

uint64_t vm_event_sum(enum vm_event e)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < arch_ncpus; i++)
		sum += READ_ONCE(vm_events[i].n[e]);
	return sum;
}

const char *vm_event_name(enum vm_event e)
{
	return names[e];
}
