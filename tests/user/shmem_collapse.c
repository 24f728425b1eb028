/*
 * MADV_COLLAPSE of shared memory: what it says, what the memory holds then, for all who have it, and how much of it is mapped by
 * huge leaves.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "call.h"

#define MB2		(2ul << 20)
#define COLLAPSE	25
#define RW		(PROT_READ | PROT_WRITE)

static char *base;			/* room for 8 times 2 MB */
static int fd;

static char *map(char *where, size_t n, int prot, int kind, size_t off)
{
	char *p = mmap(where, n, prot, kind | MAP_FIXED, kind & MAP_ANONYMOUS ? -1 : fd, (off_t)off);

	if (p != where) {
		perror("mmap");
		exit(1);
	}
	return p;
}

/* A new file of n times 2 MB, mapped at the base. */
static void fresh(size_t n)
{
	if (fd > 0)
		close(fd);
	map(base, 8 * MB2, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, 0);
	fd = memfd_create("m", MFD_ALLOW_SEALING);
	if (fd < 0 || ftruncate(fd, (off_t)(n * MB2)))
		exit(1);
	map(base, n * MB2, RW, MAP_SHARED, 0);
}

/* Each page says where it was written; from the last to the first, so that they do not lie in a row. */
static void fill(char *p, size_t n, uint64_t salt)
{
	for (size_t i = n; i > 0; i -= PAGE)
		*(uint64_t *)(p + i - PAGE) = (uint64_t)(p - base + i) * 31 + salt;
}

static uint64_t sum(const char *p, size_t n)
{
	uint64_t s = 0;

	for (size_t i = 0; i < n; i += PAGE)
		s = s * 1099511628211ul + *(const uint64_t *)(p + i) + *(const uint64_t *)(p + i + PAGE - 8);
	return s;
}

/* Of the mapping at p. */
static long huge_kb(const char *p)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	char line[256];
	long kb = -1;
	int here = 0;

	while (f && fgets(line, sizeof(line), f)) {
		unsigned long start, end;

		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = start <= (uintptr_t)p && (uintptr_t)p < end;
		else if (here && !strncmp(line, "ShmemPmdMapped:", 15))
			kb = strtol(line + 15, NULL, 10);
	}
	if (f)
		fclose(f);
	return kb;
}

static void show(const char *what, const char *p, size_t n)
{
	printf("%s: %ld kB huge, ", what, huge_kb(p));
	printf("%016lx\n", (unsigned long)sum(p, n));
}

static void pages_and_holes(void)
{
	fresh(4);
	CALL(madvise, base, MB2, COLLAPSE);
	base[5 * PAGE] = 1;
	CALL(madvise, base, MB2, COLLAPSE);
	show("one page", base, MB2);
	fill(base + MB2, MB2, 1);
	CALL(madvise, base + MB2, MB2, COLLAPSE);
	CALL(madvise, base, 2 * MB2, COLLAPSE);
	show("two", base, 2 * MB2);
	CALL(madvise, base + MB2 + PAGE, MB2, COLLAPSE);
	CALL(madvise, base + MB2, 2 * MB2, COLLAPSE);
	fill(base + MB2, 2 * MB2, 2);
	CALL(madvise, base + MB2, 2 * MB2, COLLAPSE);
	show("three", base, 3 * MB2);
	CALL(lseek, fd, 0, SEEK_HOLE);
	CALL(fallocate, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, MB2 + 7 * PAGE, 3 * PAGE);
	show("a hole", base + MB2, MB2);
	CALL(madvise, base + MB2, MB2, COLLAPSE);
	show("filled", base, 4 * MB2);
	CALL(ftruncate, fd, (off_t)(2 * MB2 + PAGE));
	CALL(ftruncate, fd, (off_t)(4 * MB2));
	CALL(madvise, base, 3 * MB2, COLLAPSE);
	show("shorter and longer", base, 4 * MB2);
}

/* A range is asked for what lies in it as a whole; in the midst of one is wrong, across two is nothing. */
static void ranges(void)
{
	fresh(2);
	fill(base, 2 * MB2, 4);
	CALL(madvise, base + PAGE, PAGE, COLLAPSE);
	CALL(madvise, base + PAGE, MB2 - PAGE, COLLAPSE);
	CALL(madvise, base, PAGE, COLLAPSE);
	CALL(madvise, base + MB2 - PAGE, 2 * PAGE, COLLAPSE);
	CALL(madvise, base, 0, COLLAPSE);
	show("none yet", base, 2 * MB2);
	CALL(madvise, base, MB2 + PAGE, COLLAPSE);
	show("one and a bit", base, 2 * MB2);
}

static void places_and_rights(void)
{
	char *odd = base + 5 * MB2 + PAGE;

	fresh(4);
	fill(base, 4 * MB2, 3);
	map(odd, MB2 + PAGE, RW, MAP_SHARED, 0);
	CALL(madvise, base + 5 * MB2, MB2, COLLAPSE);
	CALL(madvise, base + 6 * MB2, MB2, COLLAPSE);
	map(base + 5 * MB2, 2 * MB2, RW, MAP_SHARED, PAGE);
	CALL(madvise, base + 5 * MB2, MB2, COLLAPSE);
	map(base + 5 * MB2, MB2, PROT_READ, MAP_SHARED, 0);
	CALL(madvise, base + 5 * MB2, MB2, COLLAPSE);
	show("read-only", base + 5 * MB2, MB2);
	base[3] = 9;
	show("written beside it", base + 5 * MB2, MB2);
	show("and there", base, 4 * MB2);
	mprotect(base + MB2, MB2, PROT_NONE);
	CALL(madvise, base + MB2, MB2, COLLAPSE);
	mprotect(base + MB2, MB2, RW);
	(void)*(volatile char *)(base + MB2);
	show("without rights", base, 4 * MB2);
	madvise(base + 2 * MB2, MB2, MADV_NOHUGEPAGE);
	CALL(madvise, base + 2 * MB2, MB2, COLLAPSE);
	munmap(base + 3 * MB2, PAGE);
	CALL(madvise, base + 3 * MB2, MB2, COLLAPSE);
	CALL(fcntl, fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
	map(base + 2 * MB2, MB2, RW, MAP_SHARED, 3 * MB2);
	CALL(madvise, base + 2 * MB2, MB2, COLLAPSE);
	show("sealed", base + 2 * MB2, MB2);
}

static void others(void)
{
	char byte = 0;

	fresh(2);
	fill(base, 2 * MB2, 4);
	map(base + 4 * MB2, 2 * MB2, RW, MAP_PRIVATE, 0);
	fill(base + 4 * MB2 + 9 * PAGE, 5 * PAGE, 5);
	printf("private: %016lx\n", (unsigned long)sum(base + 4 * MB2, 2 * MB2));
	fflush(stdout);
	if (!fork()) {
		CALL(madvise, base, 2 * MB2, COLLAPSE);
		show("the child", base, 2 * MB2);
		fill(base + 3 * PAGE, 9 * PAGE, 6);
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	show("its parent", base, 2 * MB2);
	printf("private: %016lx\n", (unsigned long)sum(base + 4 * MB2, 2 * MB2));
	CALL(pread64, fd, &byte, 1, (off_t)(3 * PAGE));
	CALL(pwrite64, fd, &byte, 1, (off_t)(MB2 - 1));
	show("written to", base, 2 * MB2);
	mlock(base, MB2);
	CALL(madvise, base, 2 * MB2, COLLAPSE);
	show("locked", base, 2 * MB2);
}

static void anonymous(void)
{
	fresh(1);
	map(base, 4 * MB2, RW, MAP_SHARED | MAP_ANONYMOUS, 0);
	fill(base + PAGE, 3 * MB2, 7);
	CALL(madvise, base, 4 * MB2, COLLAPSE);
	show("anonymous", base, 4 * MB2);
	CALL(madvise, base + 6 * PAGE, 9 * PAGE, MADV_REMOVE);
	CALL(madvise, base, MB2, COLLAPSE);
	show("with a hole", base, 4 * MB2);
	CALL(madvise, base, 4 * MB2, MADV_DONTNEED);
	show("mapped anew", base, 4 * MB2);
}

int main(void)
{
	base = mmap(NULL, 9 * MB2, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return 1;
	base = (char *)(((uintptr_t)base + MB2 - 1) & -MB2);
	pages_and_holes();
	ranges();
	places_and_rights();
	others();
	anonymous();
	return 0;
}
