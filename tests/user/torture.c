/* flags: -pthread */
/* args: 1 1 150 3 2 */
/*
 * torture: threads of several processes change their memory at random and check all of it.
 *
 *	torture SEED ROUNDS STEPS THREADS PROCESSES [tell]
 *
 * A thread owns places (struct place): it alone maps, protects, moves and writes them, and so
 * knows what each page must hold and what each access must do. Beside them it owns an arena that
 * the other threads of its process write to whenever they like (poke). There it takes rights
 * away: once mprotect, munmap, mremap or fork has returned, the words must not change
 * any more, whatever the others' processors remember of them.
 *
 * Children check what they were born with. Pages go from thread to thread by a pipe and by
 * a mutex with a condition. In each round a storm of groups of threads is killed, or ends in
 * exit or execve of one of them. After each round the system is asked what it thinks of its own memory.
 *
 * Says the same on Linux. What it did is a matter of the seed and of chance: `tell` has it printed.
 */
#include "torture/torture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_S	120

struct common *common;

static long mem_free(void)
{
	char text[512];
	int fd = open("/proc/meminfo", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);
	const char *at;

	close(fd);
	text[n > 0 ? n : 0] = 0;
	at = strstr(text, "MemFree:");
	return at ? atol(at + 8) : 0;
}

/* What the system, if it can, says of its own memory. */
static bool verify(void)
{
	char text[2048];
	int fd = open("/proc/mm_verify", O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return true;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	if (!strcmp(text, "ok\n"))
		return true;
	printf("torture: mm_verify: %s", text);
	return false;
}

/* The system, if it can and may, writes on its log where every thread is. */
static void show_threads(void)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY);

	if (fd >= 0)
		(void)!write(fd, "t", 1);
}

static void on_alarm(int sig)
{
	static uint64_t last;
	static unsigned idle_s;
	uint64_t now = atomic_load(&common->steps) + atomic_load(&common->storms);
	char text[100];

	(void)sig;
	idle_s = now == last ? idle_s + 5 : 0;
	last = now;
	alarm(5);
	if (idle_s < PATIENCE_S)
		return;
	for (unsigned p = 0; p <= PROCESSES; p++)
		for (unsigned t = 0; t < THREADS; t++) {
			int what = atomic_load(&common->doing[p][t]);

			if (what)
				(void)!write(1, text, (size_t)snprintf(text, sizeof(text),
					     "torture: process %u thread %u hangs in step %d\n", p, t, what - 1));
		}
	(void)!write(1, text, (size_t)snprintf(text, sizeof(text), "torture: nothing goes on\n"));
	show_threads();
	_exit(1);
}

static bool reap(unsigned n)
{
	bool good = true;
	int status;

	for (unsigned i = 0; i < n; i++) {
		while (wait(&status) < 0 && errno == EINTR)
			;
		if (status)
			printf("torture: a process ended with %x\n", status);
		good &= !status;
	}
	return good;
}

static bool run_round(unsigned n, unsigned processes, uint64_t seed)
{
	_Atomic uint64_t *total = map(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
	uint64_t before, after = 0, orphans;
	bool good;

	memset(common->counter, 0, sizeof(common->counter));
	memset(common->doing, 0, sizeof(common->doing));
	for (unsigned i = 0; i < processes; i++)
		if (!fork())
			worker(i, n, seed, total);
	good = reap(processes) && verify();
	for (unsigned i = 0; i < 64; i++)
		after += atomic_load(&common->counter[i]);
	before = atomic_load(total);
	if (after != before)
		printf("torture: the counters hold %lu, %lu were added\n", after, before);
	good &= after == before;
	if (!fork())
		storm(PROCESSES, n, seed, 10);
	good &= reap(1);
	do {				/* children of victims: those of init */
		orphans = atomic_load(&common->steps);
		pause_us(200000);
	} while (orphans != atomic_load(&common->steps));
	unmap(total, PAGE);
	return good && verify() && !atomic_load(&common->failed);
}

static unsigned number(char **argv, int i, unsigned max)
{
	unsigned long n = argv[i] ? strtoul(argv[i], NULL, 10) : 0;

	if (!n || n > max) {
		printf("usage: torture SEED ROUNDS STEPS THREADS PROCESSES [tell]\n");
		exit(2);
	}
	return (unsigned)n;
}

/* The huge page of zeros is made by who reads one first, and stays: that is no loss. */
static void meet_huge_zero(void)
{
	size_t len = 4 << 20;
	volatile char *at = map(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	madvise((void *)at, len, MADV_HUGEPAGE);
	(void)at[len / 2];
	munmap((void *)at, len);
}

static void tell(long before, long after)
{
	printf("torture: %lu steps, %lu pokes, %lu refused, %lu rights taken away, %lu children, %lu pages handed over, "
	       "%lu storms\n", atomic_load(&common->steps), atomic_load(&common->poked),
	       atomic_load(&common->refused), atomic_load(&common->revoked), atomic_load(&common->children),
	       atomic_load(&common->given), atomic_load(&common->storms));
	printf("torture: MemFree after the first round %ld kB, at the end %ld kB\n", before, after);
}

int main(int argc, char **argv)
{
	unsigned seed, rounds, n, processes;
	bool good = true;
	long first = 0;

	if (argc == 2)			/* execve of itself */
		return atoi(argv[1]);
	seed = number(argv, 1, 4000000000);
	rounds = number(argv, 2, 1000000);
	steps = number(argv, 3, 100000000);
	n = number(argv, 4, THREADS);
	processes = number(argv, 5, PROCESSES);
	setvbuf(stdout, NULL, _IONBF, 0);
	common = map(NULL, sizeof(*common), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
	if (common == MAP_FAILED)
		return 1;
	signal(SIGALRM, on_alarm);
	alarm(5);
	meet_huge_zero();
	for (unsigned i = 0; good && i < rounds; i++) {
		good = run_round(n, processes, mix(seed) + i * 1000);
		if (!i)
			first = mem_free();
	}
	if (argc == 7)
		tell(first, mem_free());
	printf("torture: %s\n", good ? "ok" : "failed");
	return !good;
}
