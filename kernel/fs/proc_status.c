/* What a process is and uses: /proc/PID/status, statm, stat, limits, comm, cmdline, environ. */
#include <kernel/fs/proc.h>
#include <arch/cpu.h>
#include <kernel/core/clock.h>
#include <kernel/dev/console.h>
#include <kernel/proc/look.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <linux/mman.h>
#include <mm/alloc/slab.h>
#include <mm/mm.h>

#define KB(pages)	((uint64_t)(pages) << (PAGE_SHIFT - 10))
#define CLKTCK		100
#define TICK_NS		(NS_PER_SEC / CLKTCK)
#define STRINGS_MAX	(6ul << 20)

/*
 * Of one address space: sums over its mappings, in pages, as Linux sorts them;
 * and the rest of its figures.
 */
struct memory {
	struct mm_figures fig;
	struct mm_layout at;
	uint64_t data, stack, code;
};

static int add_mapping(const struct vma_info *v, void *arg)
{
	struct memory *m = arg;
	uint64_t pages = (v->end - v->start) >> PAGE_SHIFT;

	if (v->flags & MAP_GROWSDOWN)
		m->stack += pages;
	else if (v->prot & PROT_WRITE)
		m->data += v->flags & MAP_SHARED ? 0 : pages;
	else if (v->prot & PROT_EXEC)
		m->code += pages;
	return 0;
}

/* 0 or -ESRCH; *there: it has an address space. */
static int measure(int pid, struct memory *m, bool *there)
{
	struct mm *mm;
	int err = process_get_mm(pid, &mm);

	memset(m, 0, sizeof(*m));
	*there = !err && mm;
	if (err || !mm)
		return err;
	mm_figures(mm, &m->fig);
	mm_get_layout(mm, &m->at);
	mm_for_each_vma(mm, 0, add_mapping, m);
	mm_put(mm);
	return 0;
}

static uint64_t resident(const struct memory *m)
{
	return m->fig.anon + m->fig.file + m->fig.shmem;
}

/* Pages of the program's own code: the rest of what is executable is libraries'. */
static uint64_t own_code(const struct memory *m)
{
	uint64_t pages =
		(ALIGN_UP(m->at.code_end, PAGE_SIZE) - ALIGN_DOWN(m->at.code_start, PAGE_SIZE)) >>
		PAGE_SHIFT;

	return MIN(pages, m->code);
}

/* ---- status ---- */

static void kb_line(struct text *t, const char *name, uint64_t kb)
{
	text_printf(t, "%s:\t%8lu kB\n", name, kb);
}

static void status_memory(struct text *t, const struct memory *m)
{
	kb_line(t, "VmPeak", KB(MAX(m->fig.size_max, m->fig.size_pages)));
	kb_line(t, "VmSize", KB(m->fig.size_pages));
	kb_line(t, "VmLck", KB(m->fig.locked));
	kb_line(t, "VmPin", 0);
	kb_line(t, "VmHWM", KB(MAX(m->fig.rss_max, resident(m))));
	kb_line(t, "VmRSS", KB(resident(m)));
	kb_line(t, "RssAnon", KB(m->fig.anon));
	kb_line(t, "RssFile", KB(m->fig.file));
	kb_line(t, "RssShmem", KB(m->fig.shmem));
	kb_line(t, "VmData", KB(m->data));
	kb_line(t, "VmStk", KB(m->stack));
	kb_line(t, "VmExe", KB(own_code(m)));
	kb_line(t, "VmLib", KB(m->code - own_code(m)));
	kb_line(t, "VmPTE", m->fig.table_bytes >> 10);
	kb_line(t, "VmSwap", KB(m->fig.swap));
	kb_line(t, "HugetlbPages", KB(m->fig.hugetlb));
}

static const char *state_name(char state)
{
	switch (state) {
	case 'R':	return "running";
	case 'S':	return "sleeping";
	case 'T':	return "stopped";
	default:	return "zombie";
	}
}

static void status_signals(struct text *t, const struct process_view *v)
{
	text_printf(t, "SigQ:\t0/%lu\nSigPnd:\t%016lx\nShdPnd:\t%016lx\n",
		    (uint64_t)v->rlimit[RLIMIT_SIGPENDING].rlim_cur, 0ul, v->pending);
	text_printf(t, "SigBlk:\t%016lx\nSigIgn:\t%016lx\nSigCgt:\t%016lx\n", v->blocked,
		    v->ignored, v->caught);
}

static void status_rights(struct text *t, const struct process_view *v)
{
	uint64_t effective, permitted;

	cred_caps(&v->cred, &effective, &permitted);
	text_printf(t, "CapInh:\t%016lx\nCapPrm:\t%016lx\nCapEff:\t%016lx\nCapBnd:\t%016lx\nCapAmb:\t%016lx\n", 0ul,
		    permitted, effective, CRED_ALL_CAPS, 0ul);
	text_printf(t, "NoNewPrivs:\t%d\nSeccomp:\t0\nSeccomp_filters:\t0\n", v->no_new_privs);
}

/* In hexadecimal, 32 CPUs to a group, as many digits as there are CPUs for. */
static void put_mask(struct text *t, const struct cpumask *m)
{
	for (unsigned group = (arch_ncpus - 1) / 32 + 1; group--;) {
		unsigned most = MIN(arch_ncpus - 32 * group, 32u), word = 0;

		for (unsigned i = 0; i < most; i++)
			word |= (unsigned)cpumask_has(m, 32 * group + i) << i;
		text_printf(t, "%0*x%c", (int)(most + 3) / 4, word, group ? ',' : '\n');
	}
}

/* As ranges: 0-3,6 */
static void put_list(struct text *t, const struct cpumask *m)
{
	const char *between = "";

	for (unsigned first = 0, end; first < arch_ncpus; first = end + 1) {
		for (end = first; end < arch_ncpus && cpumask_has(m, end); end++)
			;
		if (end == first)
			continue;
		text_printf(t, end - first > 1 ? "%s%u-%u" : "%s%u", between, first, end - 1);
		between = ",";
	}
	text_char(t, '\n');
}

static void status_places(struct text *t, const struct process_view *v)
{
	text_printf(t, "Cpus_allowed:\t");
	put_mask(t, &v->affinity);
	text_printf(t, "Cpus_allowed_list:\t");
	put_list(t, &v->affinity);
	text_printf(t, "Mems_allowed:\t1\nMems_allowed_list:\t0\n");
}

static void status_cred(struct text *t, const struct process_view *v)
{
	const struct cred *c = &v->cred;

	text_printf(t, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\nFDSize:\t%u\nGroups:\t", c->uid, c->euid,
		    c->suid, c->fsuid, c->gid, c->egid, c->sgid, c->fsgid, v->files_max);
	for (unsigned i = 0; i < c->ngroups; i++)
		text_printf(t, "%u ", c->group[i]);
	text_add(t, c->ngroups ? "\n" : " \n", c->ngroups ? 1 : 2);
}

/* The process and its memory, as process_look and measure tell them. */
static int look(int pid, struct process_view *v, struct memory *m, bool *there)
{
	int err = process_look(pid, v);

	return err ? err : measure(pid, m, there);
}

static int show_status(struct text *t, int pid)
{
	struct process_view v;
	struct memory m;
	bool there;
	int err = look(pid, &v, &m, &there);

	if (err)
		return err;
	text_printf(t, "Name:\t");
	text_escaped(t, v.name, strlen(v.name));
	text_printf(t, "\nUmask:\t%04o\nState:\t%c (%s)\n", v.umask, v.state, state_name(v.state));
	text_printf(t, "Tgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\n", v.pid, v.tid,
		    v.ppid);
	status_cred(t, &v);
	text_printf(t, "NStgid:\t%d\nNSpid:\t%d\nNSpgid:\t%d\nNSsid:\t%d\n", v.pid, v.tid, v.pgid,
		    v.sid);
	if (there)
		status_memory(t, &m);
	if (there)
		text_printf(t, "THP_enabled:\t%d\n", !m.fig.thp_disabled);
	text_printf(t, "Threads:\t%u\n", v.nthreads);
	status_signals(t, &v);
	status_rights(t, &v);
	status_places(t, &v);
	return 0;
}
PROC_FILE(status, .path = "status", .mode = S_IFREG | 0444, .show = show_status);

static int show_statm(struct text *t, int pid)
{
	struct memory m;
	bool there;
	int err = measure(pid, &m, &there);

	if (!err)
		text_printf(t, "%lu %lu %lu %lu 0 %lu 0\n", m.fig.size_pages, resident(&m),
			    m.fig.file + m.fig.shmem, own_code(&m), m.data + m.stack);
	return err;
}
PROC_FILE(statm, .path = "statm", .mode = S_IFREG | 0444, .show = show_statm);

/* ---- stat: 52 fields (proc(5)) ---- */

static void stat_who(struct text *t, const struct process_view *v, const struct memory *m)
{
	text_printf(t, "%d (%s) %c %d %d %d %lu %d 4194304 ", v->tid, v->name, v->state, v->ppid,
		    v->pgid, v->sid, v->foreground < 0 ? 0 : console_device(), v->foreground);
	text_printf(t, "%lu %lu %lu %lu ", v->used.minflt + m->fig.minflt, v->reaped.minflt,
		    v->used.majflt + m->fig.majflt, v->reaped.majflt);
	text_printf(t, "%lu %lu %lu %lu %d %d %u 0 ", v->used.user_ns / TICK_NS,
		    v->used.system_ns / TICK_NS, v->reaped.user_ns / TICK_NS,
		    v->reaped.system_ns / TICK_NS, 20 + v->nice, v->nice, v->nthreads);
}

static void stat_memory(struct text *t, const struct process_view *v, const struct memory *m)
{
	text_printf(t, "%lu %lu %lu %lu ", v->start_ns / TICK_NS, m->fig.size_pages << PAGE_SHIFT,
		    resident(m), (uint64_t)v->rlimit[RLIMIT_RSS].rlim_cur);
	text_printf(t, "%lu %lu %lu 0 0 ", m->at.code_start, m->at.code_end, m->at.stack_start);
}

static void stat_rest(struct text *t, const struct process_view *v, const struct memory *m)
{
	const struct mm_layout *at = &m->at;

	text_printf(t, "%u %u %u %u 0 0 0 17 0 0 0 0 0 0 ", (unsigned)v->pending,
		    (unsigned)v->blocked, (unsigned)v->ignored, (unsigned)v->caught);
	text_printf(t, "%lu %lu %lu %lu %lu %lu %lu 0\n", at->data_start, at->data_end,
		    at->brk_start, at->arg_start, at->arg_end, at->env_start, at->env_end);
}

static int show_stat(struct text *t, int pid)
{
	struct process_view v;
	struct memory m;
	bool there;
	int err = look(pid, &v, &m, &there);

	if (err)
		return err;
	if (there && process_may_see(pid))	/* as Linux tells who may not know where it is */
		m.at = (struct mm_layout){ .code_start = 1, .code_end = 1 };
	stat_who(t, &v, &m);
	stat_memory(t, &v, &m);
	stat_rest(t, &v, &m);
	return 0;
}
PROC_FILE(stat, .path = "stat", .mode = S_IFREG | 0444, .show = show_stat);

/* ---- limits ---- */

static const struct { uint8_t which; const char *name, *unit; } limits[] = {
	{ RLIMIT_CPU, "Max cpu time", "seconds" }, { RLIMIT_FSIZE, "Max file size", "bytes" },
	{ RLIMIT_DATA, "Max data size", "bytes" }, { RLIMIT_STACK, "Max stack size", "bytes" },
	{ RLIMIT_CORE, "Max core file size", "bytes" },
	{ RLIMIT_RSS, "Max resident set", "bytes" },
	{ RLIMIT_NPROC, "Max processes", "processes" },
	{ RLIMIT_NOFILE, "Max open files", "files" },
	{ RLIMIT_MEMLOCK, "Max locked memory", "bytes" },
	{ RLIMIT_AS, "Max address space", "bytes" }, { RLIMIT_LOCKS, "Max file locks", "locks" },
	{ RLIMIT_SIGPENDING, "Max pending signals", "signals" },
	{ RLIMIT_MSGQUEUE, "Max msgqueue size", "bytes" },
	{ RLIMIT_NICE, "Max nice priority", "" }, { RLIMIT_RTPRIO, "Max realtime priority", "" },
	{ RLIMIT_RTTIME, "Max realtime timeout", "us" },
};

static void put_limit(struct text *t, uint64_t v)
{
	size_t from = t->len;

	if (v == RLIM64_INFINITY)
		text_printf(t, "unlimited");
	else
		text_printf(t, "%lu", v);
	text_pad(t, from, 20);
	text_char(t, ' ');
}

static int show_limits(struct text *t, int pid)
{
	struct process_view v;
	int err = process_look(pid, &v);

	if (err)
		return err;
	text_printf(t, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (unsigned i = 0; i < ARRAY_SIZE(limits); i++) {
		text_printf(t, "%-25s ", limits[i].name);
		put_limit(t, v.rlimit[limits[i].which].rlim_cur);
		put_limit(t, v.rlimit[limits[i].which].rlim_max);
		text_printf(t, "%-10s\n", limits[i].unit);
	}
	return 0;
}
PROC_FILE(limits, .path = "limits", .mode = S_IFREG | 0444, .show = show_limits);

/* ---- its name and strings ---- */

static int show_comm(struct text *t, int pid)
{
	struct process_view v;
	int err = process_look(pid, &v);

	if (!err)
		text_printf(t, "%s\n", v.name);
	return err;
}

static int store_comm(char *text, int pid)
{
	return process_of_task(pid) == current_process()->pid ? process_rename(pid, text) : -EINVAL;
}
PROC_FILE(comm, .path = "comm", .mode = S_IFREG | 0644, .show = show_comm, .store = store_comm);

/* What lies at [start, end) in the memory of mm, as far as it is there. */
static int put_strings(struct text *t, struct mm *mm, vaddr_t start, vaddr_t end)
{
	char *piece = kmalloc(PAGE_SIZE);
	size_t got = PAGE_SIZE;

	if (!piece)
		return -ENOMEM;
	end = MIN(end, start + STRINGS_MAX);
	for (vaddr_t at = start; at < end && got == PAGE_SIZE; at += got) {
		got = mm_peek(mm, at, piece, MIN(end - at, PAGE_SIZE));
		text_add(t, piece, got);
	}
	kfree(piece);
	return 0;
}

static int show_strings(struct text *t, int pid, bool environment)
{
	struct mm_layout at;
	struct mm *mm;
	int err = process_get_mm(pid, &mm);

	if (err || !mm)
		return err;
	mm_get_layout(mm, &at);
	if (environment)
		err = put_strings(t, mm, at.env_start, at.env_end);
	else
		err = put_strings(t, mm, at.arg_start, at.arg_end);
	mm_put(mm);
	return err;
}

static int show_cmdline(struct text *t, int pid)
{
	return show_strings(t, pid, false);
}

static int show_environ(struct text *t, int pid)
{
	return show_strings(t, pid, true);
}
PROC_FILE(cmdline, .path = "cmdline", .mode = S_IFREG | 0444, .show = show_cmdline);
PROC_FILE(environ, .path = "environ", .mode = S_IFREG | 0400, .show = show_environ, .inside = true);

/* ---- failure injection ---- */

static int show_fail_alloc(struct text *t, int pid)
{
	uint64_t n;
	int err = process_fail_left(pid, &n);

	return err ? err : proc_show_number(t, n);
}

static int store_fail_alloc(char *text, int pid)
{
	uint64_t n;
	int err = proc_number(text, 0, UINT64_MAX, &n);

	return err ? err : process_fail_alloc(pid, n);
}
PROC_FILE(fail_alloc, .path = "fail_alloc", .mode = S_IFREG | 0644, .show = show_fail_alloc,
	  .store = store_fail_alloc, .of_root = true);
