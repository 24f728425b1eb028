/* /sys/kernel/mm/transparent_hugepage: what is wanted of huge pages (mm/vm/thp.h), as Linux has it. */
#include <kernel/fs/proc.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <mm/mm.h>

#define DIR		"/sys/kernel/mm/transparent_hugepage/"

/* ---- one of several words ---- */

static int show_choice(struct text *t, const char *const *name, unsigned n, unsigned chosen)
{
	for (unsigned i = 0; i < n; i++)
		text_choice(t, name[i], i == chosen);
	text_char(t, '\n');
	return 0;
}

static int store_choice(const char *text, const char *const *name, unsigned n, unsigned *chosen)
{
	for (unsigned i = 0; i < n; i++)
		if (!strcmp(text, name[i])) {
			WRITE_ONCE(*chosen, i);
			return 0;
		}
	return -EINVAL;
}

static const char *const modes[] = {
	[THP_ALWAYS] = "always", [THP_MADVISE] = "madvise", [THP_NEVER] = "never",
};

static int show_enabled(struct text *t, int pid)
{
	(void)pid;
	return show_choice(t, modes, ARRAY_SIZE(modes), READ_ONCE(thp.enabled));
}

static int store_enabled(char *text, int pid)
{
	int err = store_choice(text, modes, ARRAY_SIZE(modes), &thp.enabled);

	(void)pid;
	if (!err)
		thp_wake();
	return err;
}
PROC_FILE(thp_enabled, .path = DIR "enabled", .mode = S_IFREG | 0644, .show = show_enabled,
	  .store = store_enabled);

static int show_shmem(struct text *t, int pid)
{
	(void)pid;
	return show_choice(t, shmem_mode_names, SHMEM_MODES, READ_ONCE(thp.shmem));
}

static int store_shmem(char *text, int pid)
{
	int err = store_choice(text, shmem_mode_names, SHMEM_MODES, &thp.shmem);

	(void)pid;
	shmem_mode_changed(READ_ONCE(thp.shmem));
	return err;
}
PROC_FILE(thp_shmem, .path = DIR "shmem_enabled", .mode = S_IFREG | 0644, .show = show_shmem,
	  .store = store_shmem);

/* ---- numbers ---- */

/* A file for a figure that is set, from min to max. */
#define TUNABLE(field, where, min, max) \
	static int show_##field(struct text *t, int pid) \
	{ \
		(void)pid; \
		return proc_show_number(t, READ_ONCE(thp.field)); \
	} \
	static int store_##field(char *text, int pid) \
	{ \
		(void)pid; \
		return store_number(text, min, max, &thp.field); \
	} \
	PROC_FILE(thp_##field, .path = DIR where, .mode = S_IFREG | 0644, .show = show_##field, \
		  .store = store_##field)

/* A file for one that is only read. */
#define FIGURE(ident, where, value) \
	static int show_##ident(struct text *t, int pid) \
	{ \
		(void)pid; \
		return proc_show_number(t, value); \
	} \
	PROC_FILE(thp_##ident, .path = DIR where, .mode = S_IFREG | 0444, .show = show_##ident)

static int store_number(const char *text, uint64_t min, uint64_t max, uint64_t *to)
{
	uint64_t v;
	int err = proc_number(text, min, max, &v);

	if (!err) {
		WRITE_ONCE(*to, v);
		thp_wake();
	}
	return err;
}

FIGURE(hpage_pmd_size, "hpage_pmd_size", HUGE_SIZE);
TUNABLE(use_zero_page, "use_zero_page", 0, 1);
TUNABLE(pages_to_scan, "khugepaged/pages_to_scan", 1, UINT32_MAX);
TUNABLE(scan_sleep_ms, "khugepaged/scan_sleep_millisecs", 0, UINT32_MAX);
TUNABLE(alloc_sleep_ms, "khugepaged/alloc_sleep_millisecs", 0, UINT32_MAX);
TUNABLE(max_ptes_none, "khugepaged/max_ptes_none", 0, PT_ENTRIES - 1);
TUNABLE(max_ptes_swap, "khugepaged/max_ptes_swap", 0, PT_ENTRIES - 1);
TUNABLE(max_ptes_shared, "khugepaged/max_ptes_shared", 0, PT_ENTRIES - 1);
FIGURE(pages_collapsed, "khugepaged/pages_collapsed", READ_ONCE(thp.pages_collapsed));
FIGURE(full_scans, "khugepaged/full_scans", READ_ONCE(thp.full_scans));
