/* zswap by the files that Linux has for it: its parameters, and its figures in /sys/kernel/debug. */
#include <kernel/fs/proc.h>
#include <linux/errno.h>
#include <mm/mm.h>

#define PARAMETERS	"/sys/module/zswap/parameters/"

static int show_enabled(struct text *t, int pid)
{
	(void)pid;
	text_printf(t, "%c\n", READ_ONCE(zswap_on) ? 'Y' : 'N');
	return 0;
}

static int store_enabled(char *text, int pid)
{
	(void)pid;
	switch (text[0]) {
	case 'y': case 'Y': case '1':
		return zswap_set(true);
	case 'n': case 'N': case '0':
		return zswap_set(false);
	default:
		return -EINVAL;
	}
}
PROC_FILE(zswap_enabled, .path = PARAMETERS "enabled", .mode = S_IFREG | 0644, .show = show_enabled,
	  .store = store_enabled);

static int show_max_pool_percent(struct text *t, int pid)
{
	(void)pid;
	return proc_show_number(t, zswap_max_percent());
}

static int store_max_pool_percent(char *text, int pid)
{
	uint64_t v;
	int err = proc_number(text, 0, 100, &v);

	(void)pid;
	if (!err)
		zswap_set_max_percent((unsigned)v);
	return err;
}
PROC_FILE(zswap_max_pool_percent, .path = PARAMETERS "max_pool_percent", .mode = S_IFREG | 0644,
	  .show = show_max_pool_percent, .store = store_max_pool_percent);

#define FIGURE(ident, value) \
	static int show_##ident(struct text *t, int pid) \
	{ \
		struct zswap_figures f; \
	\
		(void)pid; \
		zswap_figures(&f); \
		return proc_show_number(t, value); \
	} \
	PROC_FILE(zswap_##ident, .path = "/sys/kernel/debug/zswap/" #ident, .mode = S_IFREG | 0444, \
		  .show = show_##ident)

FIGURE(stored_pages, f.stored);
FIGURE(same_filled_pages, f.filled);
FIGURE(pool_total_size, f.pool << PAGE_SHIFT);
FIGURE(pool_limit_hit, f.full);
FIGURE(reject_compress_poor, f.poor);
FIGURE(reject_alloc_fail, f.no_memory);
FIGURE(written_back_pages, f.written_back);
