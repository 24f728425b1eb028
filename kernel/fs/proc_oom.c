/*
 * /proc/PID/oom_score_adj and oom_score: how dear a process is when memory is
 * short, and the figure that Linux makes of that and of its size.
 */
#include <kernel/fs/proc.h>
#include <kernel/proc/look.h>
#include <kernel/proc/oom.h>
#include <linux/errno.h>
#include <linux/oom.h>
#include <mm/mm.h>

static int show_adj(struct text *t, int pid)
{
	struct process_view v;
	int err = process_look(pid, &v);

	if (!err)
		text_printf(t, "%d\n", v.oom_score_adj);
	return err;
}

static int store_adj(char *text, int pid)
{
	bool minus = *text == '-';
	uint64_t n;
	int err = proc_number(text + minus, 0, OOM_SCORE_ADJ_MAX, &n);

	return err ? err : process_set_oom_score_adj(pid, minus ? -(int)n : (int)n);
}
PROC_FILE(oom_score_adj, .path = "oom_score_adj", .mode = S_IFREG | 0644, .show = show_adj,
	  .store = store_adj);

/* Points (oom.h), as thousandths of all memory; two thirds of 1000 are none. */
static int64_t score(struct mm *mm, int adj)
{
	int64_t all = (int64_t)page_total_count();
	struct mm_figures f;

	mm_weigh(mm, &f);
	return (1000 + oom_points(&f, adj, page_total_count()) * 1000 / all) * 2 / 3;
}

static int show_score(struct text *t, int pid)
{
	struct process_view v;
	struct mm *mm;
	int64_t points = 0;
	int err = process_look(pid, &v);

	if (!err)
		err = process_get_mm(pid, &mm);
	if (err)
		return err;
	if (mm && v.oom_score_adj > OOM_SCORE_ADJ_MIN)
		points = score(mm, v.oom_score_adj);
	if (mm)
		mm_put(mm);
	text_printf(t, "%ld\n", points);
	return 0;
}
PROC_FILE(oom_score, .path = "oom_score", .mode = S_IFREG | 0444, .show = show_score);
