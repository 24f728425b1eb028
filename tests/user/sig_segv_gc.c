/*
 * A garbage collector's write barrier: pages are protected, a write is caught, noted and
 * let through.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define PAGES 1024

static unsigned char *heap;
static unsigned char dirty[PAGES];
static volatile int faults;

static void barrier(int sig, siginfo_t *si, void *u)
{
	uintptr_t page = ((uintptr_t)si->si_addr - (uintptr_t)heap) / 4096;

	(void)sig;
	(void)u;
	dirty[page] = 1;
	faults++;
	mprotect(heap + page * 4096, 4096, PROT_READ | PROT_WRITE);
}

int main(void)
{
	struct sigaction a = { .sa_sigaction = barrier, .sa_flags = SA_SIGINFO };
	uint64_t x = 88172645463325252ull;
	unsigned sum = 0;

	sigaction(SIGSEGV, &a, NULL);
	heap = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int round = 0; round < 5; round++) {
		int count = 0;

		memset(dirty, 0, sizeof(dirty));
		faults = 0;
		mprotect(heap, PAGES * 4096, PROT_READ);
		for (int i = 0; i < 700; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			heap[x % (PAGES * 4096)] = (unsigned char)i;
		}
		for (int i = 0; i < PAGES; i++)
			count += dirty[i];
		printf("round %d: %d faults, %d pages\n", round, faults, count);
	}
	for (int i = 0; i < PAGES * 4096; i++)
		sum = sum * 31 + heap[i];
	printf("sum %x\n", sum);
	return 0;
}
