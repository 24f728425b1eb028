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
	(void)pid;
	return store_choice(text, modes, ARRAY_SIZE(modes), &thp.enabled);
}
PROC_FILE(thp_enabled, .path = DIR "enabled", .mode = S_IFREG | 0644, .show = show_enabled,
	  .store = store_enabled);

/* ---- numbers ---- */

static int show_size(struct text *t, int pid)
{
	(void)pid;
	return proc_show_number(t, HUGE_SIZE);
}
PROC_FILE(hpage_pmd_size, .path = DIR "hpage_pmd_size", .mode = S_IFREG | 0444, .show = show_size);
