/* What a program finds when it starts: arguments, environment, auxiliary vector, stack, registers. */
#ifndef TESTS_USER_STARTUP_H
#define TESTS_USER_STARTUP_H

#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

extern char **environ;

static int bss[4096];
static int data[4096] = { 1, 2, 3 };
static __thread int tls = 77;
static __thread int tls_zero;

static void check(const char *what, int good)
{
	printf("%s %s\n", good ? "ok" : "not ok", what);
}

/* The program headers that AT_PHDR names are this program's: they cover the function that runs. */
static void check_headers(void)
{
	const Elf64_Phdr *ph = (const Elf64_Phdr *)getauxval(AT_PHDR);
	unsigned long n = getauxval(AT_PHNUM), bias = 0, found = 0, loads = 0;
	unsigned long here = (unsigned long)check_headers, first = ~0ul;

	for (unsigned long i = 0; i < n; i++)
		if (ph[i].p_type == PT_LOAD && ph[i].p_vaddr < first)
			first = ph[i].p_vaddr;
	for (unsigned long i = 0; i < n; i++)
		if (ph[i].p_type == PT_LOAD && ph[i].p_offset == 0)
			bias = ((unsigned long)ph & ~4095ul) - ph[i].p_vaddr;
	for (unsigned long i = 0; i < n; i++) {
		loads += ph[i].p_type == PT_LOAD;
		if (ph[i].p_type == PT_LOAD && here - bias - ph[i].p_vaddr < ph[i].p_memsz)
			found = ph[i].p_flags;
	}
	check("AT_PHENT is the size of a program header",
	      getauxval(AT_PHENT) == sizeof(Elf64_Phdr));
	check("there are segments to load", loads > 0);
	check("this code lies in a segment that is executable and not writable",
	      found == (PF_R | PF_X));
	check("AT_BASE is 0: there is no interpreter", getauxval(AT_BASE) == 0);
	check("AT_ENTRY lies in the program", getauxval(AT_ENTRY) - bias - first < 1ul << 30);
}

static void check_auxv(void)
{
	const unsigned char *random = (const unsigned char *)getauxval(AT_RANDOM);
	const char *platform = (const char *)getauxval(AT_PLATFORM);
	int sum = 0;

	for (int i = 0; i < 16; i++)
		sum |= random[i];
	check("AT_PAGESZ is 4096", getauxval(AT_PAGESZ) == 4096);
	check("AT_RANDOM leads to random bytes", sum != 0);
	check("AT_SECURE is 0", getauxval(AT_SECURE) == 0);
	check("AT_CLKTCK is 100", getauxval(AT_CLKTCK) == 100);
	check("AT_FLAGS is 0", getauxval(AT_FLAGS) == 0);
	check("AT_PLATFORM is x86_64", platform && !strcmp(platform, "x86_64"));
	check("AT_EXECFN is a path", strchr((const char *)getauxval(AT_EXECFN), '/') != NULL);
	check("AT_UID is getuid()", getauxval(AT_UID) == getuid() &&
	      getauxval(AT_EUID) == geteuid());
	check("AT_GID is getgid()", getauxval(AT_GID) == getgid() &&
	      getauxval(AT_EGID) == getegid());
#ifndef __GLIBC__	/* which gives numbers of its own */
	check("AT_HWCAP has FPU and SSE2",
	      (getauxval(AT_HWCAP) & (1u << 26 | 1)) == (1u << 26 | 1));
#endif
}

static void check_memory(void)
{
	int sum = 0;

	for (int i = 0; i < 4096; i++)
		sum |= bss[i];
	check("bss is zero", sum == 0);
	check("data is there", data[0] == 1 && data[2] == 3 && data[3] == 0 && data[4095] == 0);
	check("thread-local data is there", tls == 77 && tls_zero == 0);
	bss[4095] = data[4095] = tls = 5;
	check("they can be written", bss[4095] + data[4095] + tls == 15);
}

static int startup(int argc, char **argv)
{
	printf("argc %d\n", argc);
	for (int i = 1; i < argc; i++)
		printf("argv[%d] '%s'\n", i, argv[i]);
	check("argv ends with NULL", argv[argc] == NULL);
	check("argv[0] names this program", strrchr(argv[0], '/') && strlen(argv[0]) > 5);
	for (char **e = environ; *e; e++)
		printf("env '%s'\n", *e);
	check("environ follows argv", environ == argv + argc + 1);
	check("argv is on the stack", (char *)argv > (char *)__builtin_frame_address(0));
	check_headers();
	check_auxv();
	check_memory();
	return 0;
}

#endif
