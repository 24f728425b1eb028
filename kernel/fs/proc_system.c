/*
 * /proc about the system as a whole: version, uptime, loadavg, stat.
 */
#include <kernel/fs/proc.h>
#include <arch/cpu.h>
#include <kernel/core/clock.h>
#include <kernel/core/load.h>
#include <kernel/proc/look.h>
#include <lib/version.h>

#define CLKTCK		100
#define TICK_NS		(NS_PER_SEC / CLKTCK)
#define HUNDREDTH_NS	(NS_PER_SEC / 100)

static int show_version(struct text *t, int pid)
{
	(void)pid;
	text_printf(t, "%s version %s %s\n", QUIRE_SYSNAME, QUIRE_RELEASE, QUIRE_VERSION);
	return 0;
}
PROC_FILE(version, .path = "/proc/version", .mode = S_IFREG | 0444, .show = show_version);

static void put_hundredths(struct text *t, uint64_t ns, char end)
{
	text_printf(t, "%lu.%02lu%c", ns / NS_PER_SEC, ns % NS_PER_SEC / HUNDREDTH_NS, end);
}

/* Of all CPUs together. */
static void add_up(struct cpu_load *sum)
{
	*sum = (struct cpu_load){ 0 };
	for (unsigned i = 0; i < arch_ncpus; i++) {
		struct cpu_load l;

		load_of_cpu(i, &l);
		sum->user_ns += l.user_ns;
		sum->kernel_ns += l.kernel_ns;
		sum->idle_ns += l.idle_ns;
		sum->switches += l.switches;
		sum->interrupts += l.interrupts;
	}
}

static int show_uptime(struct text *t, int pid)
{
	struct cpu_load sum;

	(void)pid;
	add_up(&sum);
	put_hundredths(t, clock_monotonic_ns(), ' ');
	put_hundredths(t, sum.idle_ns, '\n');
	return 0;
}
PROC_FILE(uptime, .path = "/proc/uptime", .mode = S_IFREG | 0444, .show = show_uptime);

static void put_average(struct text *t, uint64_t average)
{
	average += (1ul << LOAD_SHIFT) / 200;	/* to the nearest hundredth */
	text_printf(t, "%lu.%02lu ", average >> LOAD_SHIFT,
		    (average & ((1ul << LOAD_SHIFT) - 1)) * 100 >> LOAD_SHIFT);
}

static int show_loadavg(struct text *t, int pid)
{
	(void)pid;
	for (unsigned i = 0; i < LOAD_AVERAGES; i++)
		put_average(t, load_average(i));
	text_printf(t, "%u/%u %d\n", process_running(), process_count(), pid_last());
	return 0;
}
PROC_FILE(loadavg, .path = "/proc/loadavg", .mode = S_IFREG | 0444, .show = show_loadavg);

static void put_cpu(struct text *t, const struct cpu_load *l)
{
	text_printf(t, " %lu 0 %lu %lu 0 0 0 0 0 0\n", l->user_ns / TICK_NS, l->kernel_ns / TICK_NS, l->idle_ns / TICK_NS);
}

static int show_stat(struct text *t, int pid)
{
	struct cpu_load sum, one;

	(void)pid;
	add_up(&sum);
	text_printf(t, "cpu ");
	put_cpu(t, &sum);
	for (unsigned i = 0; i < arch_ncpus; i++) {
		load_of_cpu(i, &one);
		text_printf(t, "cpu%u", i);
		put_cpu(t, &one);
	}
	text_printf(t, "intr %lu\nctxt %lu\nbtime %lu\n", sum.interrupts, sum.switches, arch_boot_epoch_s());
	text_printf(t, "processes %lu\nprocs_running %u\nprocs_blocked 0\n", tasks_started(), process_running());
	return 0;
}
PROC_FILE(system_stat, .path = "/proc/stat", .mode = S_IFREG | 0444, .show = show_stat);
