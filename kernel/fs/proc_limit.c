/*
 * /proc/PID/memory_limit: how many bytes of memory a process, and those that it forks from then
 * on, may have together, or `max`; memory_usage: what they have. Limits lie within each other:
 * a process that inherited one gets another within it when its own file is written.
 */
#include <kernel/fs/proc.h>
#include <kernel/proc/look.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <mm/mm.h>

/* The memory of pid, counted; -ESRCH: it has none (any more). */
static int memory_of(int pid, struct mm **mm)
{
	int err = process_get_mm(pid, mm);

	return !err && !*mm ? -ESRCH : err;
}

static int look_at(int pid, struct mm_memory_limit *l)
{
	struct mm *mm;
	int err = memory_of(pid, &mm);

	if (err)
		return err;
	mm_memory_limit(mm, l);
	mm_put(mm);
	return 0;
}

static int show_limit(struct text *t, int pid)
{
	struct mm_memory_limit l;
	int err = look_at(pid, &l);

	if (err)
		return err;
	if (l.max == MM_NO_LIMIT)
		text_printf(t, "max\n");
	else
		text_printf(t, "%lu\n", l.max);
	return 0;
}

static int store_limit(char *text, int pid)
{
	uint64_t bytes = MM_NO_LIMIT;
	struct mm *mm;
	int err = strcmp(text, "max") ? proc_number(text, 0, MM_NO_LIMIT - 1, &bytes) : 0;

	if (!err)
		err = memory_of(pid, &mm);
	if (err)
		return err;
	err = mm_set_memory_limit(mm, bytes, (uint64_t)pid);
	mm_put(mm);
	return err;
}
PROC_FILE(memory_limit, .path = "memory_limit", .mode = S_IFREG | 0644, .show = show_limit,
	  .store = store_limit, .of_root = true);

static int show_usage(struct text *t, int pid)
{
	struct mm_memory_limit l;
	int err = look_at(pid, &l);

	if (!err)
		text_printf(t, "usage %lu\npeak %lu\nrefused %lu\n", l.used, l.peak, l.failed);
	return err;
}
PROC_FILE(memory_usage, .path = "memory_usage", .mode = S_IFREG | 0444, .show = show_usage);
