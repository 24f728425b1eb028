/* Huge pages of private memory: contents over faults, splits, forks, moves and collapses are what they were. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "call.h"

#define MB2		(2ul << 20)
#define COLLAPSE	25

static char *base;

static void fresh(size_t n, int advice)
{
	mmap(base, 8 * MB2, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	mmap(base, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (advice)
		madvise(base, n, advice);
}

/* Each page says where it was written. */
static void fill(char *p, size_t n, uint64_t salt)
{
	for (size_t i = 0; i < n; i += PAGE)
		*(uint64_t *)(p + i) = (uint64_t)(p - base + i) * 31 + salt;
}

static uint64_t sum(const char *p, size_t n)
{
	uint64_t s = 0;

	for (size_t i = 0; i < n; i += PAGE)
		s = s * 1099511628211ul + *(const uint64_t *)(p + i) + *(const uint64_t *)(p + i + PAGE - 8);
	return s;
}

static void show(const char *what, size_t n)
{
	printf("%s: %016lx\n", what, (unsigned long)sum(base, n));
}

static void in_child(const char *what, void (*fn)(void))
{
	fflush(stdout);
	if (!fork()) {
		fn();
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	printf("%s\n", what);
}

static void faults(void)
{
	fresh(4 * MB2, MADV_HUGEPAGE);
	show("read first", MB2);
	base[5 * PAGE] = 1;
	show("then written", MB2);
	base[MB2 + 7] = 2;
	show("written first", 4 * MB2);
	fill(base, 4 * MB2, 1);
	show("filled", 4 * MB2);
}

static void partial(void)
{
	fresh(4 * MB2, MADV_HUGEPAGE);
	fill(base, 4 * MB2, 2);
	CALL(munmap, base + 3 * PAGE, PAGE);
	mmap(base + 3 * PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	show("a page unmapped", 4 * MB2);
	CALL(mprotect, base + MB2 + PAGE, 2 * PAGE, PROT_READ);
	CALL(mprotect, base + MB2, MB2, PROT_READ | PROT_WRITE);
	show("protected and back", 4 * MB2);
	CALL(madvise, base + 2 * MB2 + 100 * PAGE, 50 * PAGE, MADV_DONTNEED);
	show("taken away", 4 * MB2);
	CALL(madvise, base + 2 * MB2, MB2, MADV_DONTNEED);
	show("taken away whole", 4 * MB2);
	CALL(mlock, base + 3 * MB2 + PAGE, PAGE);
	CALL(munlock, base + 3 * MB2, MB2);
	show("locked", 4 * MB2);
	CALL(mprotect, base, 4 * MB2, PROT_NONE);
	CALL(mprotect, base, 4 * MB2, PROT_READ | PROT_WRITE);
	show("none and back", 4 * MB2);
}

static void child_writes(void)
{
	base[9 * PAGE] = 9;
	base[MB2 + PAGE] = 10;
	show("the child", 4 * MB2);
	munmap(base + MB2 / 2, PAGE);
	mprotect(base + 3 * MB2, PAGE, PROT_READ);
}

static void child_forks(void)
{
	in_child("its child", child_writes);
	base[MB2 * 2] = 11;
	show("it", 4 * MB2);
}

static void forks(void)
{
	fresh(4 * MB2, MADV_HUGEPAGE);
	fill(base, 4 * MB2, 3);
	in_child("a child", child_writes);
	show("its parent", 4 * MB2);
	base[PAGE] = 4;
	show("that writes", 4 * MB2);
	in_child("a child that forks", child_forks);
	show("its parent", 4 * MB2);
	fill(base, 4 * MB2, 5);
	show("that fills", 4 * MB2);
}

static void moves(void)
{
	fresh(2 * MB2, MADV_HUGEPAGE);
	fill(base, 2 * MB2, 6);
	mremap(base, 2 * MB2, 2 * MB2, MREMAP_MAYMOVE | MREMAP_FIXED, base + 4 * MB2);
	printf("moved: %016lx\n", (unsigned long)sum(base + 4 * MB2, 2 * MB2));
	mremap(base + 4 * MB2, 2 * MB2, 2 * MB2, MREMAP_MAYMOVE | MREMAP_FIXED, base + 3 * PAGE);
	printf("askew: %016lx\n", (unsigned long)sum(base + 3 * PAGE, 2 * MB2));
	mremap(base + 3 * PAGE, 2 * MB2, MB2, 0);
	printf("smaller: %016lx\n", (unsigned long)sum(base + 3 * PAGE, MB2));
	fresh(2 * MB2, MADV_HUGEPAGE);
	fill(base, 2 * MB2, 7);
	in_child("a child has it too", child_forks);
	mremap(base, MB2, MB2, MREMAP_MAYMOVE | MREMAP_FIXED, base + 6 * MB2 + 5 * PAGE);
	printf("moved askew: %016lx\n", (unsigned long)sum(base + 6 * MB2 + 5 * PAGE, MB2));
}

static void child_collapses(void)
{
	CALL(madvise, base, 4 * MB2, COLLAPSE);
	show("a child", 4 * MB2);
	fill(base, MB2, 8);
	show("that writes", 4 * MB2);
}

static void collapses(void)
{
	fresh(4 * MB2, 0);
	CALL(madvise, base, MB2, COLLAPSE);
	fill(base, 4 * MB2, 9);
	madvise(base + 9 * PAGE, 50 * PAGE, MADV_DONTNEED);
	CALL(madvise, base, 4 * MB2, COLLAPSE);
	show("collapsed", 4 * MB2);
	CALL(madvise, base, 4 * MB2, COLLAPSE);
	munmap(base + 2 * MB2, PAGE);
	CALL(madvise, base + MB2, MB2, COLLAPSE);
	CALL(madvise, base, 4 * MB2, COLLAPSE);
	mmap(base + 2 * MB2, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	CALL(madvise, base, 4 * MB2, COLLAPSE);
	show("again", 4 * MB2);
	CALL(madvise, base + PAGE, MB2, COLLAPSE);
	CALL(madvise, base, MB2 - PAGE, COLLAPSE);
	CALL(madvise, base + 1, MB2, COLLAPSE);
	in_child("the parent", child_collapses);
	show("has its own", 4 * MB2);
	mprotect(base, MB2, PROT_READ);
	CALL(madvise, base, MB2, COLLAPSE);
	madvise(base, MB2, MADV_NOHUGEPAGE);
	CALL(madvise, base, MB2, COLLAPSE);
	munmap(base, 4 * MB2);
	CALL(madvise, base, MB2, COLLAPSE);
}

int main(void)
{
	base = mmap(NULL, 9 * MB2, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return 1;
	base = (char *)(((uintptr_t)base + MB2 - 1) & -MB2);
	faults();
	partial();
	forks();
	moves();
	collapses();
	return 0;
}
