/*
 * Pools of explicit huge pages (mm/alloc/hugepool.h), as Linux shows them: /sys/kernel/mm/hugepages, a directory
 * for each size; /proc/sys/vm/nr_hugepages for the default one; their lines of /proc/meminfo.
 */
#include <kernel/fs/proc.h>
#include <mm/mm.h>

enum number { NR, FREE, RESV, SURPLUS };

static uint64_t number(unsigned pool, enum number n)
{
	struct hugepool_figures f;

	hugepool_figures(hugepool_nth(pool), &f);
	switch (n) {
	case NR:	return f.pages - f.surplus;
	case FREE:	return f.free;
	case RESV:	return f.reserved;
	case SURPLUS:	return f.surplus;
	}
	return 0;
}

static int store_number(char *text, unsigned pool)
{
	uint64_t n;
	int err = proc_number(text, 0, UINT64_MAX, &n);

	if (!err)
		hugepool_resize(hugepool_nth(pool), n, page_alloc_compact);
	return err;
}

#define SHOW(ident, where, pool, n, ...) \
	static int show_##ident(struct text *t, int pid) \
	{ \
		(void)pid; \
		return proc_show_number(t, number(pool, n)); \
	} \
	PROC_FILE(ident, .path = where, .show = show_##ident, __VA_ARGS__)

#define STORE(ident, pool) \
	static int store_##ident(char *text, int pid) \
	{ \
		(void)pid; \
		return store_number(text, pool); \
	}

#define DIR "/sys/kernel/mm/hugepages/hugepages-"

#define POOL(ident, name, pool) \
	STORE(ident##_nr, pool) \
	SHOW(ident##_nr, DIR name "/nr_hugepages", pool, NR, .mode = S_IFREG | 0644, \
	     .store = store_##ident##_nr); \
	SHOW(ident##_free, DIR name "/free_hugepages", pool, FREE, .mode = S_IFREG | 0444); \
	SHOW(ident##_resv, DIR name "/resv_hugepages", pool, RESV, .mode = S_IFREG | 0444); \
	SHOW(ident##_surplus, DIR name "/surplus_hugepages", pool, SURPLUS, .mode = S_IFREG | 0444)

POOL(huge_2m, "2048kB", HUGEPOOL_2M);
POOL(huge_1g, "1048576kB", HUGEPOOL_1G);

STORE(nr_hugepages, HUGEPOOL_2M)
SHOW(nr_hugepages, "/proc/sys/vm/nr_hugepages", HUGEPOOL_2M, NR, .mode = S_IFREG | 0644,
     .store = store_nr_hugepages);

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
