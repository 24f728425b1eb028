/*
 * A child has written every page and is gone: its parent's writes take each
 * page back where it is. The frames stay (pagemap), each write is one fault
 * (getrusage). With the argument "time": nanoseconds per write, too, which
 * under qrun --icount are instructions.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE	4096ul
#define PAGES	2048ul
#define MORE	64ul		/* written last: what Linux keeps in its per-CPU lists */
#define SPAN	(512 * PAGE)

static uint64_t before[PAGES], after[PAGES];

static void frames(const volatile char *p, uint64_t *to)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);

	if (pread(fd, to, PAGES * 8, (off_t)((uintptr_t)p / PAGE * 8)) != (ssize_t)(PAGES * 8))
		perror("pagemap");
	close(fd);
	for (unsigned i = 0; i < PAGES; i++)
		to[i] &= 1ull << 63 | ((1ull << 55) - 1);
}

static void write_all(volatile char *p, unsigned long pages, char c)
{
	for (unsigned long i = 0; i < pages; i++)
		p[i * PAGE] = c;
}

static long faults(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_minflt;
}

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

int main(int argc, char **argv)
{
	char *m = mmap(NULL, (PAGES + MORE) * PAGE + SPAN, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	volatile char *p = (char *)(((uintptr_t)m + SPAN - 1) & -SPAN);
	unsigned moved = 0, wrong = 0;
	int64_t start, took;
	long flt;
	int status;

	madvise(m, (PAGES + MORE) * PAGE + SPAN, MADV_NOHUGEPAGE);
	write_all(p, PAGES + MORE, 1);
	memset(before, 1, sizeof(before));
	memset(after, 1, sizeof(after));
	if (fork() == 0) {
		write_all(p, PAGES, 2);
		_exit(p[0] == 2 && p[(PAGES - 1) * PAGE] == 2);
	}
	wait(&status);
	printf("child wrote: %d\n", WEXITSTATUS(status));
	frames(p, before);
	flt = faults();
	start = now();
	write_all(p, PAGES, 3);
	took = now() - start;
	flt = faults() - flt;
	frames(p, after);
	for (unsigned i = 0; i < PAGES; i++) {
		moved += !before[i] || before[i] != after[i];
		wrong += p[i * PAGE] != 3;
	}
	printf("each write was a fault: %d\n", flt >= (long)PAGES && flt < (long)PAGES + 8);
	printf("frames changed: %u, words lost: %u\n", moved, wrong);
	if (argc > 1 && !strcmp(argv[1], "time"))
		printf("%ld ns per page\n", (long)(took / (int64_t)PAGES));
	return 0;
}
