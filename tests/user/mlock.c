/* mlock and its kin: what is there afterwards, and what they say to wrong arguments. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "call.h"

#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT 1
#endif

static char *base;

static void fresh(int pages)
{
	munmap(base, 32 * PAGE);
	mmap(base, pages * PAGE, RW, ANON | MAP_FIXED, -1, 0);
}

/* Which of the first pages are there, and how much more is locked than at first. */
static void look(int pages)
{
	static long before = -1;
	unsigned char there[32];
	char text[4096];
	FILE *f = fopen("/proc/self/status", "r");
	size_t n = fread(text, 1, sizeof(text) - 1, f);
	long locked;

	fclose(f);
	text[n] = 0;
	locked = atol(strstr(text, "VmLck:") + 6);
	if (before < 0)
		before = locked;
	printf("  ");
	for (int i = 0; i < pages; i++)
		printf("%s", mincore(base + i * PAGE, PAGE, there) ? "-" : there[0] & 1 ? "#" : ".");
	printf(", %ld kB locked\n", locked - before);
}

static void ranges(void)
{
	fresh(8);
	look(8);
	CALL(mlock, base + 1 * PAGE, 2 * PAGE);
	look(8);
	CALL(mlock, base + 4 * PAGE + 100, PAGE);
	look(8);
	CALL(mlock, base + 1 * PAGE, 2 * PAGE);
	look(8);
	CALL(munlock, base + 2 * PAGE, PAGE);
	look(8);
	CALL(mlock2, base + 6 * PAGE, 2 * PAGE, MLOCK_ONFAULT);
	look(8);
	base[7 * PAGE] = 1;
	look(8);
	CALL(mlock, base, 0);
	CALL(munlock, base, 8 * PAGE);
	look(8);
	fresh(4);
	CALL(mlock, base + 2 * PAGE, 4 * PAGE);
	look(8);
	CALL(munlock, base + 2 * PAGE, 4 * PAGE);
	look(8);
	CALL(mlock, base + 10 * PAGE, PAGE);
	CALL(munlock, base + 10 * PAGE, PAGE);
}

static void wrong(void)
{
	fresh(4);
	CALL(mlock2, base, PAGE, 2);
	CALL(mlock2, base, PAGE, -1);
	CALL(mlock, base, -PAGE);
	CALL(mlock, -PAGE, 2 * PAGE);
	CALL(munlock, -PAGE, 2 * PAGE);
	CALL(mlock, 0x800000000000, PAGE);
	CALL(mlockall, 0);
	CALL(mlockall, 8);
	CALL(mlockall, MCL_ONFAULT);
	mprotect(base, PAGE, PROT_NONE);
	CALL(mlock, base, 2 * PAGE);
	look(4);
	CALL(munlock, base, 2 * PAGE);
}

static void with_others(void)
{
	fresh(4);
	mprotect(base, 2 * PAGE, PROT_READ);
	CALL(mlock, base, 2 * PAGE);
	look(4);
	CALL(mprotect, base, 2 * PAGE, RW);
	look(4);
	CALL(madvise, base, 2 * PAGE, MADV_DONTNEED);
	CALL(madvise, base, 2 * PAGE, MADV_FREE);
	CALL(madvise, base, 2 * PAGE, 20);
	CALL(madvise, base, 2 * PAGE, 21);
	CALL(msync, base, 2 * PAGE, MS_INVALIDATE);
	CALL(msync, base, 2 * PAGE, MS_ASYNC);
	CALL(madvise, base, 2 * PAGE, 24);
	look(4);
	CALL(munmap, base, PAGE);
	look(4);
	fresh(0);
	look(4);
	mmap(base, 2 * PAGE, RW, ANON | MAP_FIXED | MAP_LOCKED, -1, 0);
	look(4);
	printf("grows: %d\n", mremap(base, 2 * PAGE, 4 * PAGE, 0) == base);
	look(4);
	mremap(base, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, base + 8 * PAGE);
	look(12);
	fflush(stdout);
	if (fork() == 0) {
		look(12);
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	fresh(0);
	look(4);
}

static void all(void)
{
	char *more;

	fresh(4);
	CALL(mlockall, MCL_CURRENT);
	CALL(munlockall);
	look(4);
	CALL(mlockall, MCL_FUTURE);
	fresh(4);
	look(4);
	CALL(mlockall, MCL_FUTURE | MCL_ONFAULT);
	fresh(4);
	look(4);
	base[2 * PAGE] = 1;
	look(4);
	CALL(munlockall);
	look(4);
	more = mmap(NULL, PAGE, RW, ANON, -1, 0);
	more[0] = 1;
	look(4);
}

int main(void)
{
	base = mmap(NULL, 32 * PAGE, PROT_NONE, ANON, -1, 0);
	ranges();
	wrong();
	with_others();
	all();
	return 0;
}
