/* flags: -pthread */
/* oracle: none */
/*
 * What a call that takes rights away costs while K threads of the same memory
 * spin on other CPUs: rounds of interrupts, CPUs that were asked, flushes, from
 * /proc/vmstat, and time. K is each of 0, 1, 3, 7 … that there are CPUs for. Those K
 * are asked, no others; one that happens to be in a thread of the kernel is skipped,
 * and so are idle ones that have run this memory before.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define CALLS	20
#define MOST	255

enum { ROUNDS, RECEIVED, ALL, ONE, SENT, SKIPPED, COUNTERS };
static const char *const names[COUNTERS] = {
	"nr_tlb_remote_flush ", "nr_tlb_remote_flush_received ", "nr_tlb_local_flush_all ",
	"nr_tlb_local_flush_one ", "tlb_ipi_sent ", "tlb_lazy_skipped ",
};

static volatile int stop;
static volatile unsigned spinning;
static int bad;

static void read_counters(long *n)
{
	static char text[1 << 16];
	int fd = open("/proc/vmstat", O_RDONLY);
	ssize_t got, len = 0;

	while ((got = read(fd, text + len, sizeof(text) - 1 - (size_t)len)) > 0)
		len += got;
	close(fd);
	text[len] = 0;
	for (int i = 0; i < COUNTERS; i++) {
		const char *at = strstr(text, names[i]);

		n[i] = at ? atol(at + strlen(names[i])) : 0;
	}
}

static void run_on(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set)) {
		perror("sched_setaffinity");
		exit(1);
	}
}

static void *spin(void *arg)
{
	run_on((unsigned)(uintptr_t)arg);
	__atomic_add_fetch(&spinning, 1, __ATOMIC_SEQ_CST);
	while (!stop)
		;
	return NULL;
}

static void measure(unsigned k, const char *what, volatile char *p, size_t len)
{
	long before[COUNTERS], after[COUNTERS], n[COUNTERS], wanted, ns = 0;
	struct timespec t0, t1;

	read_counters(before);
	for (int i = 0; i < CALLS; i++) {
		if (mprotect((char *)p, len, PROT_READ | PROT_WRITE))
			perror("mprotect");
		for (size_t at = 0; at < len; at += 4096)
			p[at] = (char)i;
		clock_gettime(CLOCK_MONOTONIC, &t0);
		if (mprotect((char *)p, len, PROT_READ))
			perror("mprotect");
		clock_gettime(CLOCK_MONOTONIC, &t1);
		ns += (t1.tv_sec - t0.tv_sec) * 1000000000l + t1.tv_nsec - t0.tv_nsec;
	}
	read_counters(after);
	for (int i = 0; i < COUNTERS; i++)
		n[i] = after[i] - before[i];
	printf("%-20s K=%u: per call %ld.%02ld rounds, %ld.%02ld CPUs asked, %ld.%02ld pages and %ld.%02ld "
	       "whole flushes; %ld.%02ld CPUs skipped; %ld ns\n", what, k,
	       n[ROUNDS] / CALLS, n[ROUNDS] % CALLS * 100 / CALLS,
	       n[SENT] / CALLS, n[SENT] % CALLS * 100 / CALLS, n[ONE] / CALLS, n[ONE] % CALLS * 100 / CALLS,
	       n[ALL] / CALLS, n[ALL] % CALLS * 100 / CALLS,
	       n[SKIPPED] / CALLS, n[SKIPPED] % CALLS * 100 / CALLS, ns / CALLS);
	wanted = CALLS * (long)k;
	if (n[SENT] > wanted || n[SENT] + n[SKIPPED] < wanted || n[SENT] < wanted * 9 / 10 ||
	    n[RECEIVED] != n[SENT] || n[ROUNDS] > CALLS) {
		printf("not ok: %ld CPUs asked, %ld asked that answered, %ld skipped in %d calls with K=%u\n",
		       n[SENT], n[RECEIVED], n[SKIPPED], CALLS, k);
		bad = 1;
	}
}

static void with_threads(unsigned k, char *p)
{
	static pthread_t threads[MOST];

	stop = 0;
	spinning = 0;
	for (unsigned i = 0; i < k; i++)
		if (pthread_create(&threads[i], NULL, spin, (void *)(uintptr_t)(i + 1)))
			exit(1);
	while (spinning < k)
		sched_yield();
	measure(k, "mprotect, 1 page", p, 4096);
	measure(k, "mprotect, 256 pages", p, 256 * 4096);
	stop = 1;
	for (unsigned i = 0; i < k; i++)
		pthread_join(threads[i], NULL);
}

int main(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	char *p = mmap(NULL, 256 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long warm[COUNTERS];

	if (p == MAP_FAILED)
		return 1;
	run_on(0);
	read_counters(warm);
	for (unsigned k = 0; k < cpus && k < MOST; k = 2 * k + 1)
		with_threads(k, p);
	return bad;
}
