/*
 * /proc about the machine and the system as a whole: version, uptime, loadavg,
 * stat, cpuinfo.
 */
#include <kernel/fs/proc.h>
#include <arch/cpu.h>
#include <cpuid.h>
#include <kernel/core/clock.h>
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

/* How long no process ran, on all CPUs. */
static uint64_t idle_ns(uint64_t used)
{
	uint64_t all = clock_monotonic_ns() * arch_ncpus;

	return all - MIN(all, used);
}

static int show_uptime(struct text *t, int pid)
{
	uint64_t user, system;
	unsigned running;

	(void)pid;
	process_totals(&running, &user, &system);
	put_hundredths(t, clock_monotonic_ns(), ' ');
	put_hundredths(t, idle_ns(user + system), '\n');
	return 0;
}
PROC_FILE(uptime, .path = "/proc/uptime", .mode = S_IFREG | 0444, .show = show_uptime);

/* No averages are kept: how many can run now stands for all three. */
static int show_loadavg(struct text *t, int pid)
{
	uint64_t user, system;
	unsigned running;
	int last = 0, next;

	(void)pid;
	process_totals(&running, &user, &system);
	while ((next = process_next(last)))
		last = next;
	text_printf(t, "%u.00 %u.00 %u.00 %u/%u %d\n", running, running, running, running,
		    process_count(), last);
	return 0;
}
PROC_FILE(loadavg, .path = "/proc/loadavg", .mode = S_IFREG | 0444, .show = show_loadavg);

static void put_cpu(struct text *t, const char *name, uint64_t user, uint64_t system, uint64_t idle)
{
	text_printf(t, "%s %lu 0 %lu %lu 0 0 0 0 0 0\n", name, user / TICK_NS, system / TICK_NS,
		    idle / TICK_NS);
}

static int show_stat(struct text *t, int pid)
{
	uint64_t user, system;
	unsigned running;

	(void)pid;
	process_totals(&running, &user, &system);
	put_cpu(t, "cpu ", user, system, idle_ns(user + system));
	if (arch_ncpus == 1)
		put_cpu(t, "cpu0", user, system, idle_ns(user + system));
	text_printf(t, "btime %lu\nprocesses %u\nprocs_running %u\nprocs_blocked 0\n",
		    arch_boot_epoch_s(), process_count(), running);
	return 0;
}
PROC_FILE(system_stat, .path = "/proc/stat", .mode = S_IFREG | 0444, .show = show_stat);

/* ---- cpuinfo ---- */

static const struct { uint32_t leaf; char reg; uint8_t bit; const char *name; } flags[] = {
	{ 1, 'd', 0, "fpu" }, { 1, 'd', 3, "pse" }, { 1, 'd', 4, "tsc" }, { 1, 'd', 5, "msr" },
	{ 1, 'd', 6, "pae" }, { 1, 'd', 8, "cx8" }, { 1, 'd', 9, "apic" }, { 1, 'd', 13, "pge" },
	{ 1, 'd', 15, "cmov" }, { 1, 'd', 16, "pat" }, { 1, 'd', 17, "pse36" },
	{ 1, 'd', 19, "clflush" }, { 1, 'd', 23, "mmx" }, { 1, 'd', 24, "fxsr" },
	{ 1, 'd', 25, "sse" }, { 1, 'd', 26, "sse2" }, { 0x80000001, 'd', 11, "syscall" },
	{ 0x80000001, 'd', 20, "nx" }, { 0x80000001, 'd', 26, "pdpe1gb" },
	{ 0x80000001, 'd', 27, "rdtscp" }, { 0x80000001, 'd', 29, "lm" }, { 1, 'c', 0, "pni" },
	{ 1, 'c', 1, "pclmulqdq" }, { 1, 'c', 9, "ssse3" }, { 1, 'c', 12, "fma" },
	{ 1, 'c', 13, "cx16" }, { 1, 'c', 17, "pcid" }, { 1, 'c', 19, "sse4_1" },
	{ 1, 'c', 20, "sse4_2" }, { 1, 'c', 21, "x2apic" }, { 1, 'c', 22, "movbe" },
	{ 1, 'c', 23, "popcnt" }, { 1, 'c', 25, "aes" }, { 1, 'c', 26, "xsave" },
	{ 1, 'c', 28, "avx" }, { 1, 'c', 29, "f16c" }, { 1, 'c', 30, "rdrand" },
	{ 1, 'c', 31, "hypervisor" }, { 7, 'b', 0, "fsgsbase" }, { 7, 'b', 3, "bmi1" },
	{ 7, 'b', 5, "avx2" }, { 7, 'b', 7, "smep" }, { 7, 'b', 8, "bmi2" },
	{ 7, 'b', 9, "erms" }, { 7, 'b', 10, "invpcid" }, { 7, 'b', 18, "rdseed" },
	{ 7, 'b', 19, "adx" }, { 7, 'b', 20, "smap" }, { 7, 'c', 2, "umip" },
	{ 7, 'c', 16, "la57" },
};

static bool cpu_has(uint32_t leaf, char reg, unsigned bit)
{
	unsigned a = 0, b = 0, c = 0, d = 0;

	if (leaf == 7 ? !__get_cpuid_count(7, 0, &a, &b, &c, &d)
		      : !__get_cpuid(leaf, &a, &b, &c, &d))
		return false;
	return (reg == 'b' ? b : reg == 'c' ? c : d) >> bit & 1;
}

static void put_cpuinfo(struct text *t, unsigned cpu)
{
	unsigned a = 0, b, c, d, family, model;

	__get_cpuid(1, &a, &b, &c, &d);
	family = (a >> 8 & 15) + ((a >> 8 & 15) == 15 ? a >> 20 & 255 : 0);
	model = (a >> 4 & 15) | (a >> 12 & 0xf0);
	text_printf(t, "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\n", cpu,
		    arch_features.vendor, family, model);
	text_printf(t, "model name\t: %s\nstepping\t: %u\n", arch_features.brand, a & 15);
	text_printf(t,
		    "cpu MHz\t\t: %lu.%03lu\nfpu\t\t: yes\nfpu_exception\t: yes\nwp\t\t: "
		    "yes\nflags\t\t:",
		    arch_tsc_khz / 1000, arch_tsc_khz % 1000);
	for (unsigned i = 0; i < ARRAY_SIZE(flags); i++)
		if (cpu_has(flags[i].leaf, flags[i].reg, flags[i].bit))
			text_printf(t, " %s", flags[i].name);
	text_printf(t, "\naddress sizes\t: %u bits physical, %u bits virtual\n\n",
		    arch_features.phys_bits, arch_features.virt_bits);
}

static int show_cpuinfo(struct text *t, int pid)
{
	(void)pid;
	for (unsigned i = 0; i < arch_ncpus; i++)
		put_cpuinfo(t, i);
	return 0;
}
PROC_FILE(cpuinfo, .path = "/proc/cpuinfo", .mode = S_IFREG | 0444, .show = show_cpuinfo);
