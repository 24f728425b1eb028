/* madvise, msync, mincore: what they do, and what they say to wrong arguments. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "call.h"

#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define SHARED (MAP_SHARED | MAP_ANONYMOUS)
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

static char *base;
static sigjmp_buf back;

static void on_fault(int sig)
{
	siglongjmp(back, sig);
}

static void fresh(int pages, int flags)
{
	munmap(base, 32 * PAGE);
	mmap(base, pages * PAGE, RW, flags | MAP_FIXED, -1, 0);
}

static void fill(int first, int last)
{
	for (int i = first; i < last; i++)
		base[i * PAGE] = i + 1;
}

static void there(int pages)
{
	unsigned char byte;

	printf("  ");
	for (int i = 0; i < pages; i++)
		printf("%s", mincore(base + i * PAGE, PAGE, &byte) ? "-" : byte & 1 ? "#" : ".");
	printf("\n");
}

static void look(int pages)
{
	printf(" ");
	for (volatile int i = 0; i < pages; i++) {
		int sig = sigsetjmp(back, 1);

		if (!sig)
			printf(" %d", *(volatile char *)(base + i * PAGE));
		else
			printf(" %s", sig == SIGBUS ? "bus" : "-");
	}
	printf("\n");
}

static void take_away(void)
{
	int fd = memfd_create("m", 0);

	fresh(4, ANON);
	fill(0, 4);
	CALL(madvise, base + PAGE, 2 * PAGE, MADV_DONTNEED);
	there(4);
	look(4);
	fresh(4, SHARED);
	fill(0, 4);
	CALL(madvise, base + PAGE, 2 * PAGE, MADV_DONTNEED);
	look(4);
	CALL(ftruncate, fd, 4 * PAGE);
	pwrite(fd, "\11", 1, PAGE);
	munmap(base, 4 * PAGE);
	mmap(base, 4 * PAGE, RW, MAP_PRIVATE | MAP_FIXED, fd, 0);
	fill(0, 4);
	look(4);
	CALL(madvise, base, 4 * PAGE, MADV_DONTNEED);
	look(4);
	CALL(madvise, base, 4 * PAGE, MADV_FREE);
	fresh(4, SHARED);
	CALL(madvise, base, 4 * PAGE, MADV_FREE);
	fresh(4, ANON);
	fill(0, 4);
	CALL(madvise, base, 4 * PAGE, MADV_FREE);
	fill(2, 4);
	CALL(madvise, base, 2 * PAGE, MADV_DONTNEED);
	look(4);
	CALL(madvise, base, 6 * PAGE, MADV_DONTNEED);
	look(4);
}

static void bring(void)
{
	fresh(4, ANON);
	CALL(madvise, base, 2 * PAGE, MADV_POPULATE_READ);
	there(4);
	CALL(madvise, base + 2 * PAGE, PAGE, MADV_POPULATE_WRITE);
	there(4);
	CALL(madvise, base, 6 * PAGE, MADV_POPULATE_WRITE);
	there(4);
	mprotect(base, PAGE, PROT_READ);
	CALL(madvise, base, PAGE, MADV_POPULATE_WRITE);
	CALL(madvise, base, PAGE, MADV_POPULATE_READ);
	mprotect(base, PAGE, PROT_NONE);
	CALL(madvise, base, PAGE, MADV_POPULATE_READ);
	CALL(madvise, base + 8 * PAGE, PAGE, MADV_POPULATE_READ);
	munmap(base, 4 * PAGE);
	mmap(base, 4 * PAGE, RW, MAP_SHARED | MAP_FIXED, memfd_create("e", 0), 0);
	CALL(madvise, base, PAGE, MADV_POPULATE_READ);
	CALL(madvise, base, PAGE, MADV_POPULATE_WRITE);
	look(4);
}

static void in_child(const char *what)
{
	fflush(stdout);
	if (fork() == 0) {
		printf("child, %s:", what);
		look(4);
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
}

static void forks(void)
{
	fresh(4, ANON);
	fill(0, 4);
	CALL(madvise, base, 2 * PAGE, MADV_WIPEONFORK);
	CALL(madvise, base + 3 * PAGE, PAGE, MADV_DONTFORK);
	in_child("wiped 2, without 1");
	look(4);
	CALL(madvise, base, PAGE, MADV_KEEPONFORK);
	CALL(madvise, base + 3 * PAGE, PAGE, MADV_DOFORK);
	in_child("wiped 1");
	fresh(4, SHARED);
	CALL(madvise, base, PAGE, MADV_WIPEONFORK);
	CALL(madvise, base, PAGE, MADV_KEEPONFORK);
	CALL(madvise, base, 6 * PAGE, MADV_DONTFORK);
	in_child("without all");
}

/* How many mappings the first `pages` pages are. */
static void parts(const char *what, unsigned long pages)
{
	char line[256];
	FILE *f = fopen("/proc/self/maps", "r");
	int n = 0;

	while (f && fgets(line, sizeof(line), f)) {
		unsigned long at = strtoul(line, NULL, 16);

		n += at >= (unsigned long)base && at < (unsigned long)base + pages * PAGE;
	}
	if (f)
		fclose(f);
	printf("%s: %d\n", what, n);
}

/* What is told about memory parts it; the same told of all of it makes it whole. */
static void told(void)
{
	fresh(8, ANON);
	parts("new", 8);
	CALL(madvise, base + 2 * PAGE, 2 * PAGE, MADV_DONTDUMP);
	parts("not to be dumped", 8);
	CALL(madvise, base + 3 * PAGE, 3 * PAGE, MADV_RANDOM);
	parts("read at random", 8);
	CALL(madvise, base, 8 * PAGE, MADV_SEQUENTIAL);
	parts("read in order", 8);
	CALL(madvise, base, 8 * PAGE, MADV_DODUMP);
	parts("to be dumped", 8);
	CALL(madvise, base + 2 * PAGE, 8 * PAGE, MADV_NORMAL);
	parts("with a hole", 8);
	CALL(madvise, base, 8 * PAGE, MADV_NORMAL);
	parts("whole", 8);
}

static void wrong(void)
{
	fresh(4, ANON);
	CALL(madvise, base + 1, PAGE, MADV_NORMAL);
	CALL(madvise, base, PAGE, 5);
	CALL(madvise, base, PAGE, -1);
	CALL(madvise, base, PAGE, 1000);
	CALL(madvise, base, 0, MADV_DONTNEED);
	CALL(madvise, base, 0, 1000);
	CALL(madvise, base, -1l, MADV_DONTNEED);
	CALL(madvise, base, -PAGE, MADV_DONTNEED);
	CALL(madvise, base, 1, MADV_WILLNEED);
	CALL(madvise, -2 * PAGE, PAGE, MADV_WILLNEED);
	CALL(madvise, -2 * PAGE, PAGE, MADV_DONTNEED);
	CALL(madvise, base, 5 * PAGE, MADV_RANDOM);
	CALL(madvise, base + 5 * PAGE, PAGE, MADV_SEQUENTIAL);
	CALL(madvise, base, PAGE, 16);
	CALL(madvise, base, PAGE, 17);
	CALL(madvise, base, PAGE, 20);
	CALL(madvise, base, PAGE, 21);
}

static void sync_and_core(void)
{
	unsigned char byte[8];

	fresh(4, SHARED);
	CALL(msync, base, 4 * PAGE, MS_SYNC);
	CALL(msync, base, 4 * PAGE, MS_ASYNC | MS_INVALIDATE);
	CALL(msync, base, 4 * PAGE, 0);
	CALL(msync, base, 4 * PAGE, MS_SYNC | MS_ASYNC);
	CALL(msync, base, 4 * PAGE, 8);
	CALL(msync, base + 1, PAGE, MS_SYNC);
	CALL(msync, base, 0, MS_SYNC);
	CALL(msync, base + 9 * PAGE, 0l, MS_SYNC);
	CALL(msync, base, 5 * PAGE, MS_SYNC);
	CALL(msync, base + 9 * PAGE, PAGE, MS_ASYNC);
	CALL(msync, base, -PAGE, MS_SYNC);
	CALL(mincore, base + 1, PAGE, byte);
	CALL(mincore, base, 0, byte);
	CALL(mincore, base, 0, 0);
	CALL(mincore, base, PAGE, 8);
	CALL(mincore, base, PAGE, 0xffffffff80000000ul);
	CALL(mincore, base, 5 * PAGE, byte);
	CALL(mincore, base, 1, byte);
	CALL(mincore, 0x7ffffffff000, PAGE, byte);
	CALL(mincore, 0xffff800000000000ul, PAGE, byte);
	CALL(mincore, base, -1l, byte);
}

int main(void)
{
	signal(SIGSEGV, on_fault);
	signal(SIGBUS, on_fault);
	base = mmap(NULL, 32 * PAGE, PROT_NONE, ANON, -1, 0);
	take_away();
	bring();
	forks();
	told();
	wrong();
	sync_and_core();
	return 0;
}
