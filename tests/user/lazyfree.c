/* args: 3 0 */
/*
 * lazyfree ROUNDS MB [PAGES]: memory is given up by MADV_FREE, threads write to some of it again, and then MB of other
 * memory are written. What was written since must be there, all else may be old or zeros. With
 * PAGES says how many of those were zeros, too.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE	4096ul
#define WORDS	(PAGE / sizeof(long))
#define THREADS	3
#define EVERY	4		/* thread n writes page n of so many */

static long *memory;
static size_t npages = 600;
static long round_now;
static pthread_barrier_t advised, written;

static long old(size_t page, size_t i) { return (long)(page * WORDS + i) + 1; }
static long new(size_t page, size_t i) { return -old(page, i) * round_now; }

static void *writer(void *arg)
{
	long n = (long)arg, rounds = round_now;

	for (long r = 0; r < rounds; r++) {
		pthread_barrier_wait(&advised);
		for (size_t p = n; p < npages; p += EVERY)
			for (size_t i = p % 7; i < WORDS; i += 7)
				memory[p * WORDS + i] = new(p, i);
		pthread_barrier_wait(&written);
	}
	return NULL;
}

static void press(size_t bytes)
{
	char *m = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (size_t i = 0; m != MAP_FAILED && i < bytes; i += PAGE)
		m[i] = 1;
	munmap(m, bytes);
}

/* How many words of the page are neither old (or zeros, all of them) nor what was written since. */
static unsigned wrong(size_t p, unsigned *zeros)
{
	const long *w = memory + p * WORDS;
	size_t other = p % 7 ? 0 : 1;		/* a word that no thread writes */
	int gone = w[other] == 0, mine = p % EVERY < THREADS;
	unsigned bad = 0;

	for (size_t i = 0; i < WORDS; i++)
		if (mine && i % 7 == p % 7)
			bad += w[i] != new(p, i);
		else
			bad += w[i] != (gone ? 0 : old(p, i));
	*zeros += gone;
	return bad;
}

static unsigned one_round(size_t press_bytes, unsigned *zeros)
{
	unsigned bad = 0;

	for (size_t p = 0; p < npages; p++)
		for (size_t i = 0; i < WORDS; i++)
			memory[p * WORDS + i] = old(p, i);
	if (madvise(memory, npages * PAGE, MADV_FREE))
		return 1;
	pthread_barrier_wait(&advised);
	pthread_barrier_wait(&written);
	if (press_bytes)
		press(press_bytes);
	for (size_t p = 0; p < npages; p++)
		bad += wrong(p, zeros);
	return bad;
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 3;
	size_t mb = argc > 2 ? (size_t)atol(argv[2]) : 0;
	unsigned bad = 0, zeros = 0;
	pthread_t t[THREADS];

	if (argc > 3)
		npages = (size_t)atol(argv[3]);
	memory = mmap(NULL, npages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_barrier_init(&advised, NULL, THREADS + 1);
	pthread_barrier_init(&written, NULL, THREADS + 1);
	round_now = rounds;
	for (long n = 0; n < THREADS; n++)
		pthread_create(&t[n], NULL, writer, (void *)n);
	for (long r = 0; r < rounds; r++)
		bad += one_round(mb << 20, &zeros);
	for (long n = 0; n < THREADS; n++)
		pthread_join(t[n], NULL);
	printf("%ld rounds, %u wrong\n", rounds, bad);
	if (argc > 3)
		printf("zeros %u\n", zeros);
	return bad != 0;
}
