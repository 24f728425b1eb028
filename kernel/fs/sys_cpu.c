/* /sys/devices/system/cpu: which CPUs there are. All run from boot to end, so the lists are one. */
#include <kernel/fs/proc.h>
#include <arch/cpu.h>

#define DIR		"/sys/devices/system/cpu/"

static int show_cpus(struct text *t, int pid)
{
	(void)pid;
	text_printf(t, "0");
	if (arch_ncpus > 1)
		text_printf(t, "-%u", arch_ncpus - 1);
	text_char(t, '\n');
	return 0;
}
PROC_FILE(cpu_online, .path = DIR "online", .mode = S_IFREG | 0444, .show = show_cpus);
PROC_FILE(cpu_possible, .path = DIR "possible", .mode = S_IFREG | 0444, .show = show_cpus);
PROC_FILE(cpu_present, .path = DIR "present", .mode = S_IFREG | 0444, .show = show_cpus);

static int show_none(struct text *t, int pid)
{
	(void)pid;
	text_char(t, '\n');
	return 0;
}
PROC_FILE(cpu_offline, .path = DIR "offline", .mode = S_IFREG | 0444, .show = show_none);

static int show_most(struct text *t, int pid)
{
	(void)pid;
	return proc_show_number(t, MAX_CPUS - 1);
}
PROC_FILE(cpu_kernel_max, .path = DIR "kernel_max", .mode = S_IFREG | 0444, .show = show_most);
