/*
 * Pools of explicit huge pages (mm/alloc/hugepool.h), as Linux shows them: /sys/kernel/mm/hugepages, a directory
 * for each size; /proc/sys/vm/nr_hugepages and nr_overcommit_hugepages for the default one; their lines of
 * /proc/meminfo.
 */
#include <kernel/fs/proc.h>
#include <mm/mm.h>

enum number { NR, FREE, RESV, SURPLUS, OVERCOMMIT, WANTED };

static uint64_t number(unsigned pool, enum number n)
{
	struct hugepool_figures f;

	hugepool_figures(hugepool_nth(pool), &f);
	switch (n) {
	case NR:	return f.pages;
	case FREE:	return f.free;
	case RESV:	return f.reserved;
	case SURPLUS:	return f.surplus;
	case OVERCOMMIT: return f.overcommit;
	case WANTED:	return f.pages - f.surplus;
	}
	return 0;
}

static int store_nr(char *text, unsigned pool)
{
	uint64_t n;
	int err = proc_number(text, 0, UINT64_MAX, &n);

	if (!err)
		hugepool_resize(hugepool_nth(pool), n);
	return err;
}

static int store_overcommit(char *text, unsigned pool)
{
	uint64_t n;
	int err = proc_number(text, 0, UINT64_MAX, &n);

	return err ? err : hugepool_set_overcommit(hugepool_nth(pool), n);
}

#define SHOW(ident, where, pool, n, ...) \
	static int show_##ident(struct text *t, int pid) \
	{ \
		(void)pid; \
		return proc_show_number(t, number(pool, n)); \
	} \
	PROC_FILE(ident, .path = where, .show = show_##ident, __VA_ARGS__)

#define SHOW_STORE(ident, where, pool, n, what) \
	static int store_##ident(char *text, int pid) \
	{ \
		(void)pid; \
		return what(text, pool); \
	} \
	SHOW(ident, where, pool, n, .mode = S_IFREG | 0644, .store = store_##ident)

#define DIR "/sys/kernel/mm/hugepages/hugepages-"

/* With one node of memory, what Linux has for each node's policy is the pool's. */
#define POOL(ident, name, pool) \
	SHOW_STORE(ident##_nr, DIR name "/nr_hugepages", pool, NR, store_nr); \
	SHOW_STORE(ident##_policy, DIR name "/nr_hugepages_mempolicy", pool, NR, store_nr); \
	SHOW_STORE(ident##_over, DIR name "/nr_overcommit_hugepages", pool, OVERCOMMIT, store_overcommit); \
	SHOW(ident##_free, DIR name "/free_hugepages", pool, FREE, .mode = S_IFREG | 0444); \
	SHOW(ident##_resv, DIR name "/resv_hugepages", pool, RESV, .mode = S_IFREG | 0444); \
	SHOW(ident##_surplus, DIR name "/surplus_hugepages", pool, SURPLUS, .mode = S_IFREG | 0444)

POOL(huge_2m, "2048kB", HUGEPOOL_2M);
POOL(huge_1g, "1048576kB", HUGEPOOL_1G);

SHOW_STORE(nr_hugepages, "/proc/sys/vm/nr_hugepages", HUGEPOOL_2M, WANTED, store_nr);
SHOW_STORE(nr_hugepages_mempolicy, "/proc/sys/vm/nr_hugepages_mempolicy", HUGEPOOL_2M, WANTED, store_nr);
SHOW_STORE(nr_overcommit_hugepages, "/proc/sys/vm/nr_overcommit_hugepages", HUGEPOOL_2M, OVERCOMMIT,
	   store_overcommit);

/* ---- /proc/meminfo ---- */

static void count_line(struct text *t, const char *name, uint64_t n)
{
	size_t line = t->len;

	text_printf(t, "%s:", name);
	text_pad(t, line, 16);
	text_printf(t, "%8lu\n", n);
}

void hugepages_show(struct text *t)
{
	struct hugepool_figures f;
	uint64_t kb = 0;

	for (unsigned i = 0; hugepool_nth(i); i++) {
		hugepool_figures(hugepool_nth(i), &f);
		kb += f.pages << (hugepool_order(hugepool_nth(i)) + PAGE_SHIFT - 10);
	}
	hugepool_figures(hugepool_of(0), &f);
	count_line(t, "HugePages_Total", f.pages);
	count_line(t, "HugePages_Free", f.free);
	count_line(t, "HugePages_Rsvd", f.reserved);
	count_line(t, "HugePages_Surp", f.surplus);
	text_printf(t, "Hugepagesize:   %8lu kB\n", HUGE_SIZE >> 10);
	text_printf(t, "Hugetlb:        %8lu kB\n", kb);
}
