/* flags: -pthread */
/* oracle: none */
/*
 * costs: what memory costs a program, in ticks of the time-stamp counter, measured by the program itself on
 * Linux as in Quire. Each figure is the median of many, less what it takes to look at the counter.
 *
 * Loads are too short for the counter one by one: a batch of them is timed, each of which needs the one before.
 * Translations are missed by going through more pages than any TLB holds, one line of each, in random order;
 * what the CPU's data caches add to that is part of the figure. Under qemu's TCG the TLB is the emulator's, and
 * the walk a piece of its code; by -icount a tick is an instruction, of which a walk takes none.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#define PAGE		4096ul
#define LINE		64ul
#define MOST		1024u	/* samples of one kind */
#define FEW		16u	/* too few for a median */
#define LOADS		256u	/* in a batch */
#define HIT_PAGES	8u
#define MISS_PAGES	16384u
/* One line further in each page: else all lines would fall into few sets of the data cache. */
#define MISS_SPAN	(MISS_PAGES * (PAGE + LINE) / PAGE)
#define FAULTS		512u	/* pages */
#define MAJOR_PAGES	2048u
#define MAJOR_STRIDE	16u	/* further than is read ahead */
#define CALLS		300u

struct samples {
	unsigned n;
	uint64_t ticks[MOST];
};

static struct samples samples;		/* of what is being measured */
static double empty;			/* ticks between two looks at the counter */

static uint64_t now(void)
{
	uint64_t t;

	_mm_lfence();
	t = __rdtsc();
	_mm_lfence();
	return t;
}

static void add_since(uint64_t start)
{
	uint64_t ticks = now() - start;

	if (samples.n < MOST)
		samples.ticks[samples.n++] = ticks;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Of all samples since the last call. */
static double median(void)
{
	double middle;

	qsort(samples.ticks, samples.n, sizeof(samples.ticks[0]), by_size);
	middle = (double)samples.ticks[samples.n / 2] - empty;
	samples.n = 0;
	return middle > 0 ? middle : 0;
}

static double measure_empty(void)
{
	while (samples.n < MOST)
		add_since(now());
	return median();
}

static char *map(size_t pages)
{
	char *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	madvise(p, pages * PAGE, MADV_NOHUGEPAGE);	/* a kernel without huge pages knows no such advice */
	return p;
}

static void say(const char *name, double ticks, const char *meaning)
{
	printf("%-10s %12.1f  %s\n", name, ticks, meaning);
	fflush(stdout);
}

static void say_none(const char *name, const char *why)
{
	printf("%-10s %12s  %s\n", name, "none", why);
	fflush(stdout);
}

/* ---- loads ---- */

/* The n places p[0], p[step], … each name another one, all of them in one circle of random order. */
static void **make_circle(char *p, unsigned n, size_t step)
{
	static unsigned order[MISS_PAGES];

	for (unsigned i = 0; i < n; i++)
		order[i] = i;
	for (unsigned i = n - 1; i > 0; i--) {
		unsigned k = (unsigned)random() % i, was = order[i];

		order[i] = order[k];
		order[k] = was;
	}
	for (unsigned i = 0; i < n; i++)
		*(void **)(p + order[i] * step) = p + order[(i + 1) % n] * step;
	return (void **)p;
}

/* Ticks of a load on the way round. */
static double go_round(void **at)
{
	for (unsigned batch = 0; batch < MOST; batch++) {
		uint64_t start = now();

		for (unsigned i = 0; i < LOADS; i++)
			at = *(void **volatile *)at;
		add_since(start);
	}
	return median() / LOADS;
}

static void measure_loads(void)
{
	char *p = map(HIT_PAGES);

	say("hit", go_round(make_circle(p, HIT_PAGES * PAGE / LINE, LINE)),
	    "a load whose translation the TLB holds");
	munmap(p, HIT_PAGES * PAGE);
	p = map(MISS_SPAN);
	say("miss", go_round(make_circle(p, MISS_PAGES, PAGE + LINE)),
	    "a load whose translation is walked for in the tables");
	munmap(p, MISS_SPAN * PAGE);
}

/* ---- faults ---- */

static void write_each(volatile char *p)
{
	for (unsigned i = 0; i < FAULTS; i++) {
		uint64_t start = now();

		p[i * PAGE] = 1;
		add_since(start);
	}
}

static void measure_minor(char *p)
{
	write_each(p);
	say("minor", median(), "the first write of a page: a fault that finds a zeroed frame for it");
}

/* A child has the pages as well, all the while. */
static void measure_cow(char *p)
{
	int way[2];
	pid_t child;
	char c;

	if (pipe(way) || (child = fork()) < 0) {
		perror("a child");
		exit(1);
	}
	if (!child) {
		close(way[1]);
		_exit(read(way[0], &c, 1) != 0);
	}
	write_each(p);
	say("cow", median(), "a write of a page that a fork shares: a fault that copies it");
	close(way[0]);
	close(way[1]);
	waitpid(child, NULL, 0);
}

static int swap_is_on(void)
{
	FILE *f = fopen("/proc/swaps", "r");
	char line[256];
	int lines = 0;

	while (f && fgets(line, sizeof(line), f))
		lines++;
	if (f)
		fclose(f);
	return lines > 1;		/* the first one names the columns */
}

static long major_faults(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_majflt;
}

static void measure_major(void)
{
	volatile char *p = map(MAJOR_PAGES);

	for (unsigned i = 0; i < MAJOR_PAGES; i++)
		*(volatile unsigned *)(p + i * PAGE) = i;
	madvise((char *)p, MAJOR_PAGES * PAGE, MADV_PAGEOUT);
	for (unsigned i = 0; i < MAJOR_PAGES; i += MAJOR_STRIDE) {
		long before = major_faults();
		uint64_t start = now();
		unsigned got = *(volatile unsigned *)(p + i * PAGE);

		add_since(start);
		if (major_faults() == before)
			samples.n--;	/* it was here, or had been read ahead */
		if (got != i) {
			printf("page %u came back as page %u\n", i, got);
			exit(1);
		}
	}
	if (samples.n >= FEW)
		say("major", median(), "a read of a page that is out in swap: a fault that waits for the device");
	else
		say_none("major", swap_is_on() ? "pages did not go out" : "no swap device");
	samples.n = 0;
	munmap((char *)p, MAJOR_PAGES * PAGE);
}

/* ---- shootdown ---- */

static volatile int stop;
static volatile unsigned long reads;	/* of the thread on the other CPU, 0 before the first */

static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set)) {
		perror("sched_setaffinity");
		exit(1);
	}
}

/* The first CPU from `cpu` on that this program may use; -1: there is none. */
static int cpu_from(int cpu)
{
	cpu_set_t set;

	sched_getaffinity(0, sizeof(set), &set);
	while (cpu < CPU_SETSIZE && !CPU_ISSET(cpu, &set))
		cpu++;
	return cpu < CPU_SETSIZE ? cpu : -1;
}

struct reader { volatile char *page; int cpu; };

static void *read_on(void *arg)
{
	const struct reader *r = arg;

	run_on(r->cpu);
	while (!stop) {
		(void)*r->page;
		reads++;
	}
	return NULL;
}

/* The other CPU has the translation now, and runs. */
static void wait_for_reads(void)
{
	unsigned long before = reads;

	while (reads < before + 2)
		;
}

static double take_right_away(volatile char *p)
{
	for (unsigned i = 0; i < CALLS; i++) {
		uint64_t start;

		if (mprotect((char *)p, PAGE, PROT_READ | PROT_WRITE)) {
			perror("mprotect");
			exit(1);
		}
		*p = (char)i;
		if (reads)
			wait_for_reads();
		start = now();
		mprotect((char *)p, PAGE, PROT_READ);
		add_since(start);
	}
	return median();
}

static void measure_shootdown(void)
{
	struct reader r = { .page = map(1) };
	int own = cpu_from(0);
	double alone, beside;
	pthread_t thread;

	r.cpu = cpu_from(own + 1);
	if (r.cpu < 0) {
		say_none("shootdown", "only one CPU");
		return;
	}
	run_on(own);
	alone = take_right_away(r.page);
	if (pthread_create(&thread, NULL, read_on, &r)) {
		printf("no thread\n");
		exit(1);
	}
	while (!reads)
		;
	beside = take_right_away(r.page);
	stop = 1;
	pthread_join(thread, NULL);
	say("shootdown", beside > alone ? beside - alone : 0,
	    "what mprotect of a page waits for a CPU that may hold its translation");
}

static int64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/* The fewest in several tries: whatever comes between the two clocks makes it more. */
static double ticks_of_a_microsecond(void)
{
	double fewest = 1e9;

	for (unsigned try = 0; try < 8; try++) {
		uint64_t start = now();
		int64_t from = clock_ns(), to;
		double ticks;

		while ((to = clock_ns()) < from + 2000000)
			;
		ticks = (double)(now() - start) * 1000 / (double)(to - from);
		if (ticks < fewest)
			fewest = ticks;
	}
	return fewest;
}

int main(void)
{
	char *p = map(FAULTS);

	empty = measure_empty();
	printf("median ticks; %.0f are a microsecond\n", ticks_of_a_microsecond());
	measure_loads();
	measure_minor(p);
	measure_cow(p);
	measure_major();
	measure_shootdown();
	return 0;
}
