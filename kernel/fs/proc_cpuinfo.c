/* /proc/cpuinfo: what the CPUs say of themselves. */
#include <kernel/fs/proc.h>
#include <arch/cpu.h>
#include <cpuid.h>

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
