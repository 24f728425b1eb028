/* mremap: sizes, places, what is left behind, and what it says to wrong arguments. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "call.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define REMAP(old, len, new_len, flags, to) \
	call_show_at("mremap " #old ", " #len ", " #new_len ", " #flags ", " #to, \
		     (void *)syscall(SYS_mremap, old, len, new_len, flags, to), base)

static char *base;
static sigjmp_buf back;

static void on_fault(int sig)
{
	siglongjmp(back, sig);
}

/* 64 pages at base; those from `first` to `last` are there and each holds its number. */
static void fresh(int first, int last, int flags)
{
	munmap(base, 64 * PAGE);
	mmap(base + first * PAGE, (last - first) * PAGE, RW, flags | MAP_FIXED, -1, 0);
	for (int i = first; i < last; i++)
		base[i * PAGE] = i;
}

static void look(int first, int last)
{
	printf(" ");
	for (volatile int i = first; i < last; i++) {
		int sig = sigsetjmp(back, 1);

		if (!sig)
			printf(" %d", *(volatile char *)(base + i * PAGE));
		else
			printf(" %s", sig == SIGBUS ? "bus" : "-");
	}
	printf("\n");
}

static void sizes(void)
{
	fresh(10, 14, ANON);
	REMAP(base + 10 * PAGE, 4 * PAGE, 8 * PAGE, 0, 0);
	look(8, 20);
	REMAP(base + 10 * PAGE, 8 * PAGE, 2 * PAGE, 0, 0);
	look(8, 20);
	REMAP(base + 10 * PAGE, 2 * PAGE, 2 * PAGE, 0, 0);
	REMAP(base + 10 * PAGE, 1, PAGE + 1, 0, 0);
	REMAP(base + 10 * PAGE, PAGE, 4 * PAGE, 0, 0);
	fresh(10, 14, ANON);
	mmap(base + 15 * PAGE, PAGE, PROT_READ, ANON | MAP_FIXED, -1, 0);
	REMAP(base + 10 * PAGE, 4 * PAGE, 5 * PAGE, 0, 0);
	REMAP(base + 10 * PAGE, 5 * PAGE, 6 * PAGE, 0, 0);
	REMAP(base + 12 * PAGE, 3 * PAGE, 1 * PAGE, 0, 0);
	look(8, 20);
}

static void moves(void)
{
	fresh(10, 14, ANON);
	REMAP(base + 11 * PAGE, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, base + 30 * PAGE);
	look(8, 16);
	look(28, 34);
	REMAP(base + 30 * PAGE, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, base + 12 * PAGE);
	look(8, 18);
	look(28, 34);
	fresh(10, 20, ANON);
	REMAP(base + 10 * PAGE, 10 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, base + 40 * PAGE);
	look(8, 22);
	look(38, 45);
	fresh(10, 12, ANON);
	mprotect(base + 10 * PAGE, PAGE, PROT_READ);
	REMAP(base + 10 * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, base + 50 * PAGE);
	if (!sigsetjmp(back, 1))
		base[50 * PAGE] = 1;
	else
		printf("the rights came along\n");
}

static void dontunmap(void)
{
	fresh(10, 14, ANON);
	REMAP(base + 10 * PAGE, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP | MREMAP_FIXED,
	      base + 30 * PAGE);
	look(10, 14);
	look(30, 34);
	base[11 * PAGE] = 77;
	look(10, 14);
	fresh(10, 14, MAP_SHARED | MAP_ANONYMOUS);
	REMAP(base + 10 * PAGE, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP | MREMAP_FIXED,
	      base + 30 * PAGE);
	base[31 * PAGE] = 78;
	look(10, 14);
	REMAP(base + 10 * PAGE, 4 * PAGE, 5 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
	REMAP(base + 10 * PAGE, 4 * PAGE, 4 * PAGE, MREMAP_DONTUNMAP, 0);
}

static void duplicates(void)
{
	fresh(10, 14, MAP_SHARED | MAP_ANONYMOUS);
	REMAP(base + 11 * PAGE, 0, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, base + 30 * PAGE);
	base[12 * PAGE] = 99;
	look(28, 34);
	REMAP(base + 11 * PAGE, 0, 6 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, base + 40 * PAGE);
	look(39, 47);
	REMAP(base + 11 * PAGE, 0, 2 * PAGE, 0, 0);
	fresh(10, 14, ANON);
	REMAP(base + 11 * PAGE, 0, 2 * PAGE, MREMAP_MAYMOVE, 0);
	REMAP(base + 11 * PAGE, 0, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, base + 30 * PAGE);
	look(8, 16);
}

static void wrong(void)
{
	fresh(10, 14, ANON);
	REMAP(base + 10 * PAGE, PAGE, PAGE, 8, 0);
	REMAP(base + 10 * PAGE, PAGE, PAGE, MREMAP_FIXED, base + 30 * PAGE);
	REMAP(base + 10 * PAGE + 1, PAGE, PAGE, 0, 0);
	REMAP(base + 10 * PAGE, PAGE, 0, 0, 0);
	REMAP(base + 10 * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, base + 30 * PAGE + 1);
	REMAP(base + 10 * PAGE, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, base + 13 * PAGE);
	REMAP(base + 10 * PAGE, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, base + 7 * PAGE);
	REMAP(base + 10 * PAGE, PAGE, 1ul << 47, MREMAP_MAYMOVE | MREMAP_FIXED, base + 30 * PAGE);
	REMAP(base + 10 * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, (char *)0x7ffffffff000);
	REMAP(base + 20 * PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE, 0);
	REMAP(base + 13 * PAGE, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE, 0);
	mprotect(base + 12 * PAGE, PAGE, PROT_READ);
	REMAP(base + 10 * PAGE, 4 * PAGE, 5 * PAGE, MREMAP_MAYMOVE, 0);
	look(8, 16);
}

/* The old size goes on beyond where programs may be, or around to the beginning. */
static void beyond(void)
{
	fresh(10, 14, ANON);
	REMAP(base + 10 * PAGE, -PAGE, PAGE, MREMAP_MAYMOVE, 0);
	REMAP(base + 10 * PAGE, 1ul << 47, PAGE, 0, 0);
	REMAP(base + 10 * PAGE, -PAGE - (size_t)base, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, base + 30 * PAGE);
	REMAP(base + 10 * PAGE, -PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, base + 30 * PAGE);
	REMAP(base + 10 * PAGE, 1ul << 47, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, base + 30 * PAGE);
	REMAP(base + 10 * PAGE, 1ul << 46, 1ul << 46, MREMAP_MAYMOVE | MREMAP_FIXED, base + 30 * PAGE);
	look(8, 16);
}

/* A table's worth and more, moved where tables can move and where they cannot; with a child. */
static void large(size_t from, size_t to)
{
	const size_t pages = 3 * 512;
	char *place = mmap(NULL, 32ul << 20, PROT_NONE, ANON, -1, 0), *old, *new;
	unsigned wrong = 0;

	place = (char *)(((uintptr_t)place + (2ul << 20) - 1) & -(2ul << 20));
	old = mmap(place + from * PAGE, pages * PAGE, RW, ANON | MAP_FIXED, -1, 0);
	for (size_t i = 0; i < pages; i++)
		if (i % 3)
			*(size_t *)(old + i * PAGE) = i;
	if (fork() == 0) {
		new = mremap(old, pages * PAGE, pages * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
			     place + to * PAGE);
		for (size_t i = 0; i < pages; i++)
			*(size_t *)(new + i * PAGE) += 1;
		_exit(0);
	}
	new = mremap(old, pages * PAGE, pages * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, place + to * PAGE);
	wait(NULL);
	for (size_t i = 0; i < pages; i++)
		wrong += *(size_t *)(new + i * PAGE) != (i % 3 ? i : 0);
	printf("%zu to %zu: moved %d, %u wrong\n", from, to, new == place + to * PAGE, wrong);
}

int main(void)
{
	signal(SIGSEGV, on_fault);
	signal(SIGBUS, on_fault);
	base = mmap(NULL, 256 * PAGE, PROT_NONE, ANON, -1, 0);
	sizes();
	moves();
	dontunmap();
	duplicates();
	wrong();
	beyond();
	large(0, 2048);
	large(512, 2048 + 7);
	large(5, 2048 + 512 + 5);
	large(2048, 100);
	return 0;
}
