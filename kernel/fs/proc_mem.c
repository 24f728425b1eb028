/* /proc about the memory of the whole system: meminfo, vmstat, buddyinfo, pagetypeinfo, slabinfo, mm_verify. */
#include <kernel/fs/proc.h>
#include <kernel/proc/oom.h>
#include <lib/assert.h>
#include <lib/lock.h>
#include <lib/string.h>
#include <mm/alloc/slab.h>
#include <mm/mm.h>

#include <linux/errno.h>

#define KB(pages)	((uint64_t)(pages) << (PAGE_SHIFT - 10))
#define VMALLOC_KB	((KMAP_END - KMAP_BASE) >> 10)
#define REASON_MAX	200

static void mem_line(struct text *t, const char *name, uint64_t kb)
{
	size_t line = t->len;

	text_printf(t, "%s:", name);
	text_pad(t, line, 16);
	text_printf(t, "%8lu kB\n", kb);
}

/*
 * What could be had without swapping: free frames, and cached ones that nobody
 * maps, down to the low watermark.
 */
static uint64_t available_kb(const struct mem_info *m, const struct mem_usage *u)
{
	uint64_t cache = u->file - MIN(u->file, u->shmem), keep = m->low >> 10;
	uint64_t all = (m->free >> 10) + KB(cache - MIN(cache, u->mapped));

	return all - MIN(all, keep);
}

/* Pages that reclaim knows, those of huge pages among them. */
static struct lists_figures known_pages(void)
{
	struct block_figures blocks = block_figures();
	struct lists_figures f;

	lists_figures(&f);
	if (lists_on) {
		f.listed[0] += blocks.listed * BLOCK_PAGES;
		f.active[0] += blocks.active * BLOCK_PAGES;
	}
	return f;
}

static int show_meminfo(struct text *t, int pid)
{
	struct lists_figures f = known_pages();
	struct mem_usage u;
	struct mem_info m;
	struct zswap_figures z;
	uint64_t cache, active[2];

	(void)pid;
	mm_info(&m);
	mm_usage(&u);
	zswap_figures(&z);
	cache = u.file - MIN(u.file, u.shmem);
	mem_line(t, "MemTotal", m.total >> 10);
	mem_line(t, "MemFree", m.free >> 10);
	mem_line(t, "MemAvailable", available_kb(&m, &u));
	mem_line(t, "Buffers", 0);
	mem_line(t, "Cached", KB(u.file));
	mem_line(t, "SwapCached", KB(u.swapcache));
	active[0] = u.anon + u.shmem - MIN(u.anon + u.shmem, f.listed[0] - f.active[0]);
	active[1] = cache - MIN(cache, f.listed[1] - f.active[1]);
	mem_line(t, "Active", KB(active[0] + active[1]));
	mem_line(t, "Inactive", KB(u.anon + u.file - active[0] - active[1]));
	mem_line(t, "Active(anon)", KB(active[0]));
	mem_line(t, "Inactive(anon)", KB(u.anon + u.shmem - active[0]));
	mem_line(t, "Active(file)", KB(active[1]));
	mem_line(t, "Inactive(file)", KB(cache - active[1]));
	mem_line(t, "Unevictable", KB(u.mlocked));
	mem_line(t, "Mlocked", KB(u.mlocked));
	mem_line(t, "SwapTotal", m.swap >> 10);
	mem_line(t, "SwapFree", m.swap_free >> 10);
	mem_line(t, "Zswap", KB(z.pool));
	mem_line(t, "Zswapped", KB(z.stored));
	mem_line(t, "Dirty", 0);	/* no file has a disk behind it */
	mem_line(t, "Writeback", KB(READ_ONCE(swap_writeback)));
	mem_line(t, "AnonPages", KB(u.anon));
	mem_line(t, "Mapped", KB(u.mapped));
	mem_line(t, "Shmem", KB(u.shmem));
	mem_line(t, "Slab", m.slab >> 10);
	mem_line(t, "SReclaimable", 0);
	mem_line(t, "SUnreclaim", m.slab >> 10);
	mem_line(t, "KernelStack", m.kstacks >> 10);
	mem_line(t, "PageTables", KB(u.tables));
	mem_line(t, "CommitLimit", m.commit_limit >> 10);
	mem_line(t, "Committed_AS", m.committed >> 10);
	mem_line(t, "VmallocTotal", VMALLOC_KB);
	mem_line(t, "VmallocUsed", m.kstacks >> 10);
	mem_line(t, "VmallocChunk", 0);
	mem_line(t, "AnonHugePages", KB(u.anon_huge));
	mem_line(t, "ShmemHugePages", KB(u.shmem_huge));
	mem_line(t, "ShmemPmdMapped", KB(u.shmem_leaves));
	mem_line(t, "FileHugePages", 0);
	mem_line(t, "FilePmdMapped", 0);
	hugepages_show(t);
	return 0;
}
PROC_FILE(meminfo, .path = "/proc/meminfo", .mode = S_IFREG | 0444, .show = show_meminfo);

/* ---- swaps ---- */

#define SWAP_NAME_WIDTH	40u

/* A tab more behind a number that leaves its column short, as Linux does. */
static void swap_column(struct text *t, uint64_t kb)
{
	text_printf(t, "\t%lu%s", kb, kb < 10000000 ? "\t" : "");
}

static int swap_line(const struct swap_info *i, void *arg)
{
	struct text *t = arg;
	size_t line = t->len;

	text_escaped(t, i->name, strlen(i->name));
	text_char(t, ' ');
	text_pad(t, line, SWAP_NAME_WIDTH);
	text_printf(t, "partition");
	swap_column(t, i->size >> 10);
	swap_column(t, i->used >> 10);
	text_printf(t, "\t%d\n", i->priority);
	return 0;
}

static int show_swaps(struct text *t, int pid)
{
	(void)pid;
	text_printf(t, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	swap_for_each(swap_line, t);
	return 0;
}
PROC_FILE(swaps, .path = "/proc/swaps", .mode = S_IFREG | 0444, .show = show_swaps);

/* ---- vmstat ---- */

/* How often locks of each rank were waited for. */
static void show_contended(struct text *t)
{
	for (unsigned r = RANK_NONE + 1; r < RANK_COUNT; r++) {
		text_printf(t, "lock_contended_");
		for (const char *c = lock_rank_name(r); *c; c++)
			text_char(t, *c == ' ' || *c == '/' ? '_' : *c);
		text_printf(t, " %lu\n", lock_contended_sum(r));
	}
}

/* In Linux's order; what is not in this list comes after it. */
static const char *const linux_order[] = {
	"nr_free_pages", "nr_mlock", "nr_inactive_anon", "nr_active_anon", "nr_inactive_file",
	"nr_active_file", "nr_unevictable", "nr_slab_reclaimable", "nr_slab_unreclaimable",
	"workingset_refault_anon", "workingset_refault_file", "workingset_activate_anon",
	"workingset_activate_file", "nr_anon_pages", "nr_mapped", "nr_file_pages", "nr_writeback", "nr_shmem",
	"nr_shmem_hugepages", "nr_shmem_pmdmapped", "nr_anon_transparent_hugepages",
	"nr_kernel_stack", "nr_page_table_pages", "nr_swapcached", "pswpin", "pswpout", "pgalloc_normal",
	"allocstall_normal", "pgfree", "pgactivate", "pgdeactivate", "pglazyfree",
	"pgfault", "pgmajfault", "pglazyfreed", "pgrefill", "pgreuse", "pgsteal_kswapd", "pgsteal_direct", "pgscan_kswapd",
	"pgscan_direct", "pgscan_anon", "pgscan_file", "pgsteal_anon", "pgsteal_file",
	"pageoutrun", "oom_kill", "pgmigrate_success", "pgmigrate_fail",
	"compact_migrate_scanned", "compact_free_scanned", "compact_isolated", "compact_stall",
	"compact_fail", "compact_success", "compact_daemon_wake", "thp_fault_alloc", "thp_fault_fallback", "thp_collapse_alloc",
	"thp_collapse_alloc_failed", "thp_file_alloc", "thp_file_fallback", "thp_file_mapped", "thp_split_page", "thp_split_pmd", "thp_zero_page_alloc",
	"thp_zero_page_alloc_failed", "swap_ra", "swap_ra_hit", "zswpin", "zswpout",
};

#define FIGURES_MAX	96u

struct figures {
	unsigned n;
	uint8_t place[FIGURES_MAX];	/* in linux_order, or behind it */
	struct { const char *name; uint64_t v; } at[FIGURES_MAX];
};

static uint8_t place(const char *name)
{
	uint8_t i = 0;

	while (i < ARRAY_SIZE(linux_order) && strcmp(linux_order[i], name))
		i++;
	return i;
}

static void add(struct figures *f, const char *name, uint64_t v)
{
	assert(f->n < FIGURES_MAX);
	f->at[f->n].name = name;
	f->place[f->n] = place(name);
	f->at[f->n++].v = v;
}

static void add_lists(struct figures *f)
{
	struct lists_figures l = known_pages();

	add(f, "nr_inactive_anon", l.listed[0] - l.active[0]);
	add(f, "nr_active_anon", l.active[0]);
	add(f, "nr_inactive_file", l.listed[1] - l.active[1]);
	add(f, "nr_active_file", l.active[1]);
	add(f, "workingset_refault_anon", l.refault[0]);
	add(f, "workingset_refault_file", l.refault[1]);
	add(f, "workingset_activate_anon", l.refault_active[0]);
	add(f, "workingset_activate_file", l.refault_active[1]);
	add(f, "pgactivate", l.activate);
	add(f, "pgdeactivate", l.deactivate);
	add(f, "pgrefill", l.refill);
}

static void add_memory(struct figures *f)
{
	struct mem_usage u;
	struct mem_info m;

	mm_info(&m);
	mm_usage(&u);
	add(f, "nr_free_pages", m.free >> PAGE_SHIFT);
	add(f, "nr_mlock", u.mlocked);
	add(f, "nr_unevictable", u.mlocked);
	add(f, "nr_slab_reclaimable", 0);
	add(f, "nr_slab_unreclaimable", m.slab >> PAGE_SHIFT);
	add(f, "nr_anon_pages", u.anon);
	add(f, "nr_mapped", u.mapped);
	add(f, "nr_file_pages", u.file);
	add(f, "nr_writeback", READ_ONCE(swap_writeback));
	add(f, "nr_shmem", u.shmem);
	add(f, "nr_shmem_hugepages", u.shmem_huge / PT_ENTRIES);
	add(f, "nr_shmem_pmdmapped", u.shmem_leaves / PT_ENTRIES);
	add(f, "nr_anon_transparent_hugepages", u.anon_huge / PT_ENTRIES);
	add(f, "nr_kernel_stack", m.kstacks >> 10);
	add(f, "nr_page_table_pages", u.tables);
	add(f, "nr_swapcached", u.swapcache);
}

static void add_events(struct figures *f)
{
	struct alloc_stats a;
	const char *name;
	uint64_t v;

	page_stats(&a);
	add(f, "pgalloc_normal", a.allocs);
	add(f, "pgfree", a.frees);
	add(f, "oom_kill", READ_ONCE(oom_kills));
	for (unsigned i = 0; mm_event(i, &name, &v); i++)
		add(f, name, v);
	add(f, "alloc_fail", a.fails);
	add(f, "pcp_refill", a.pcp_refills);
	add(f, "pcp_drain", a.pcp_drains);
}

static int show_vmstat(struct text *t, int pid)
{
	struct figures *f = kzalloc(sizeof(*f));

	(void)pid;
	if (!f)
		return -ENOMEM;
	add_memory(f);
	add_lists(f);
	add_events(f);
	for (unsigned p = 0; p <= ARRAY_SIZE(linux_order); p++)
		for (unsigned i = 0; i < f->n; i++)
			if (f->place[i] == p)
				text_printf(t, "%s %lu\n", f->at[i].name, f->at[i].v);
	kfree(f);
	show_contended(t);
	return 0;
}
PROC_FILE(vmstat, .path = "/proc/vmstat", .mode = S_IFREG | 0444, .show = show_vmstat);

/* ---- the allocators ---- */

static int show_buddyinfo(struct text *t, int pid)
{
	struct alloc_stats a;

	(void)pid;
	page_stats(&a);
	text_printf(t, "Node 0, zone %8s ", "Normal");
	for (unsigned i = 0; i <= ORDER_MAX; i++)
		text_printf(t, "%6lu ", a.free_blocks[PAGES_UNMOVABLE][i] +
			    a.free_blocks[PAGES_MOVABLE][i]);
	text_char(t, '\n');
	return 0;
}
PROC_FILE(buddyinfo, .path = "/proc/buddyinfo", .mode = S_IFREG | 0444, .show = show_buddyinfo);

static const char *const mobility[] = { [PAGES_UNMOVABLE] = "Unmovable", [PAGES_MOVABLE] = "Movable" };

static int show_pagetypeinfo(struct text *t, int pid)
{
	struct alloc_stats a;

	(void)pid;
	page_stats(&a);
	text_printf(t, "Page block order: %u\nPages per block:  %u\n\n%-43s ", ORDER_HUGE,
		    1u << ORDER_HUGE, "Free pages count per migrate type at order");
	for (unsigned i = 0; i <= ORDER_MAX; i++)
		text_printf(t, "%6u ", i);
	for (unsigned type = 0; type < PAGE_MOBILITIES; type++) {
		text_printf(t, "\nNode %4d, zone %8s, type %12s ", 0, "Normal", mobility[type]);
		for (unsigned i = 0; i <= ORDER_MAX; i++)
			text_printf(t, "%6lu ", a.free_blocks[type][i]);
	}
	text_printf(t, "\n\n%-23s", "Number of blocks type");
	for (unsigned type = 0; type < PAGE_MOBILITIES; type++)
		text_printf(t, "%12s ", mobility[type]);
	text_printf(t, "\nNode %d, zone %8s ", 0, "Normal");
	for (unsigned type = 0; type < PAGE_MOBILITIES; type++)
		text_printf(t, "%12lu ", a.pageblocks[type]);
	text_char(t, '\n');
	return 0;
}
PROC_FILE(pagetypeinfo, .path = "/proc/pagetypeinfo", .mode = S_IFREG | 0400, .show = show_pagetypeinfo);

static void show_cache(struct text *t, const struct slab_stats *s)
{
	text_printf(t, "%-17s %6lu %6lu %6lu %4u %4u : tunables %4u %4u %4u", s->name, s->active,
		    s->total, s->size, s->per_slab, s->slab_pages, 0, 0, 0);
	text_printf(t, " : slabdata %6lu %6lu %6lu\n", s->pages / s->slab_pages,
		    s->pages / s->slab_pages, 0ul);
}

static int show_slabinfo(struct text *t, int pid)
{
	struct slab_stats s;

	(void)pid;
	text_printf(t, "slabinfo - version: 2.1\n# name            <active_objs> <num_objs> "
		       "<objsize> <objperslab> "
		       "<pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata "
		       "<active_slabs> <num_slabs> <sharedavail>\n");
	for (unsigned i = 0; slab_stats(i, &s); i++)
		show_cache(t, &s);
	return 0;
}
PROC_FILE(slabinfo, .path = "/proc/slabinfo", .mode = S_IFREG | 0400, .show = show_slabinfo);

/* ---- mm_verify ---- */

static int show_mm_verify(struct text *t, int pid)
{
	char why[REASON_MAX];
	unsigned n = mm_verify(why, sizeof(why));

	(void)pid;
	if (n)
		text_printf(t, "%u disagreements, the first: %s\n", n, why);
	else
		text_printf(t, "ok\n");
	return 0;
}
PROC_FILE(mm_verify, .path = "/proc/mm_verify", .mode = S_IFREG | 0444, .show = show_mm_verify);
