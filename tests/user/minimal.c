/* flags: -O2 -nostdlib -static -no-pie -fno-pie -Wl,-z,noseparate-code */
/* oracle: none */
/*
 * A program of one page of text and its stack has seven tables: the PML4, and
 * PDPT, PD and PT for each of the two places. VmPTE leaves the PML4 out: 24 kB.
 */
#include <sys/syscall.h>

static long call3(long n, long a, long b, long c)
{
	long r;

	__asm__ volatile("syscall" : "=a"(r) : "0"(n), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return r;
}

static int begins(const char *at, const char *with)
{
	while (*with)
		if (*at++ != *with++)
			return 0;
	return 1;
}

__attribute__((noreturn, force_align_arg_pointer)) void _start(void)
{
	static const char path[] = "/proc/self/status", good[] = "ok VmPTE is 24 kB\n",
			  bad[] = "not ok VmPTE is 24 kB:\n";
	char buf[2048];
	long fd = call3(__NR_open, (long)path, 0, 0);
	long n = call3(__NR_read, fd, (long)buf, sizeof(buf) - 1), ok = 0;

	buf[n > 0 ? n : 0] = 0;
	for (const char *p = buf; *p; p++)
		if (begins(p, "VmPTE:"))
			ok = begins(p, "VmPTE:\t      24 kB\n");
	if (ok)
		call3(__NR_write, 1, (long)good, sizeof(good) - 1);
	else
		call3(__NR_write, 1, (long)bad, sizeof(bad) - 1);
	call3(__NR_exit_group, !ok, 0, 0);
	__builtin_unreachable();
}
