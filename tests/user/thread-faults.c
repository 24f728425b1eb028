/* RUSAGE_THREAD: the faults of one thread are not those of another; what the kernel brings in for it counts. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define PAGE	4096ul
#define PAGES	100

static long faults(void)
{
	struct rusage u;

	getrusage(RUSAGE_THREAD, &u);
	return u.ru_minflt;
}

static void *touch(void *arg)
{
	char *p = arg;
	long before = faults();

	for (unsigned long i = 0; i < PAGES; i++)
		p[i * PAGE] = 1;
	printf("thread: %ld faults\n", faults() - before);
	return NULL;
}

int main(void)
{
	int prot = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS;
	char *p = mmap(NULL, 2 * PAGES * PAGE, prot, flags, -1, 0);
	long before;
	pthread_t t;

	madvise(p, 2 * PAGES * PAGE, MADV_NOHUGEPAGE);
	before = faults();
	pthread_create(&t, NULL, touch, p);
	pthread_join(t, NULL);
	printf("meanwhile here: fewer than %d: %d\n", PAGES / 2, faults() - before < PAGES / 2);
	before = faults();
	for (unsigned long i = PAGES; i < 2 * PAGES; i++)
		p[i * PAGE] = 1;
	printf("here: %ld\n", faults() - before);
	munmap(p, 2 * PAGES * PAGE);
	before = faults();
	p = mmap(NULL, PAGES * PAGE, prot, flags | MAP_POPULATE, -1, 0);
	printf("brought in: %ld\n", faults() - before);
	before = faults();
	munmap(p, PAGES * PAGE);
	printf("taken away: %ld\n", faults() - before);
	return 0;
}
