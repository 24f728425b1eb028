#!/usr/bin/python3
"""System V's shared memory beyond the calls: swapped and locked, of explicit huge pages, and nothing left behind."""
import re

from tap import c_program, check, end, equal, tool

COMMON = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE	4096ul
#define MB	(1ul << 20)

static unsigned long number(const char *path, const char *name)
{
	char line[200];
	unsigned long v = 0;
	FILE *f = fopen(path, "r");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)) && sscanf(line + strlen(name), "%*[: ]%lu", &v) == 1)
			break;
	if (f)
		fclose(f);
	return v;
}

static int attached(int id)
{
	struct shmid_ds ds;

	return shmctl(id, IPC_STAT, &ds) ? -1 : (int)ds.shm_nattch;
}
"""

swap = c_program("sysv-swap", COMMON + r"""
#define SIZE	(72 * MB)
#define LOCKED	(4 * MB)

/* What /proc/sysvipc/shm says: bytes in memory, in swap. */
static void figures(int id, unsigned long *rss, unsigned long *swapped)
{
	char line[300];
	FILE *f = fopen("/proc/sysvipc/shm", "r");
	long key, n;

	*rss = *swapped = 0;
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%ld %ld", &key, &n) == 2 && n == id)
			sscanf(line + 125, "%lu %lu", rss, swapped);
	fclose(f);
}

static void fill(char *p, unsigned long n)
{
	for (unsigned long i = 0; i < n; i += PAGE)
		*(unsigned long *)(p + i) = i * 3;
}

static unsigned long wrong(const char *p, unsigned long n)
{
	unsigned long bad = 0;

	for (unsigned long i = 0; i < n; i += PAGE)
		bad += *(unsigned long *)(p + i) != i * 3;
	return bad;
}

int main(void)
{
	unsigned long before = (setvbuf(stdout, NULL, _IOLBF, 0), number("/proc/meminfo", "MemFree")), rss, swapped, after;
	int id = shmget(IPC_PRIVATE, SIZE, 0600), kept = shmget(IPC_PRIVATE, LOCKED, 0600), status;
	char *p = shmat(id, NULL, 0), *q = shmat(kept, NULL, 0);

	fill(q, LOCKED);
	if (shmctl(kept, SHM_LOCK, NULL))
		perror("SHM_LOCK");
	fill(p, SIZE);
	figures(id, &rss, &swapped);
	printf("in swap: %d, all there: %d\n", swapped > 8 * MB, rss + swapped == SIZE);
	figures(kept, &rss, &swapped);
	printf("locked: %d in memory, %lu in swap\n", rss == LOCKED, swapped);
	if (!fork()) {
		fflush(stdout);
		_exit(wrong(p, SIZE) || wrong(q, LOCKED));
	}
	wait(&status);
	printf("a child finds it: %d; attached %d\n", !status, attached(id));
	shmctl(kept, SHM_UNLOCK, NULL);
	for (int i = 0; i < 20 && !swapped; i++) {
		fill(p, SIZE);
		figures(kept, &rss, &swapped);
	}
	printf("no longer locked: %d in swap\n", swapped > 0);
	shmdt(p);
	printf("detached: %d wrong\n", (int)wrong(p = shmat(id, NULL, SHM_RDONLY), SIZE));
	shmctl(id, IPC_RMID, NULL);
	shmctl(kept, IPC_RMID, NULL);
	printf("removed: %d wrong\n", (int)(wrong(p, SIZE) + wrong(q, LOCKED)));
	shmdt(p);
	shmdt(q);
	after = number("/proc/meminfo", "MemFree");
	printf("swap used %d, lost %d\n",
	       number("/proc/meminfo", "SwapTotal") - number("/proc/meminfo", "SwapFree") > 1024, before > after + 512 && (printf("%lu kB of %lu\n", before - after, before), 1));
	return 0;
}""", ("gcc", "-static"))
done = tool("qrun", "-t", "200", "-m", "160M", "-a", "swap=96M", swap)
equal((done.status, done.out.decode()), (0, """in swap: 1, all there: 1
locked: 1 in memory, 0 in swap
a child finds it: 1; attached 1
no longer locked: 1 in swap
detached: 0 wrong
removed: 0 wrong
swap used 0, lost 0
"""), "72 MB of shared memory on a machine of 64 MB and 96 MB of swap", done.err)

huge = c_program("sysv-huge", COMMON + r"""
#define HUGE	(2 * MB)

static const char *word(long r)
{
	return r < 0 ? strerrorname_np(errno) : "done";
}

static void pool(const char *when)
{
	printf("%s: %lu free, %lu reserved\n", when, number("/proc/meminfo", "HugePages_Free"),
	       number("/proc/meminfo", "HugePages_Rsvd"));
	fflush(stdout);
}

int main(void)
{
	int id, status, fd = open("/proc/sys/vm/nr_hugepages", O_WRONLY);
	struct shm_info info;
	struct shmid_ds ds;
	char *p, *q;

	if (write(fd, "4", 1) != 1)
		return 1;
	printf("ten: %s\n", word(shmget(IPC_PRIVATE, 10 * HUGE, SHM_HUGETLB | 0600)));
	printf("of 64 KB: %s\n", word(shmget(IPC_PRIVATE, HUGE, SHM_HUGETLB | 16 << 26 | 0600)));
	id = shmget(IPC_PRIVATE, HUGE + 1, SHM_HUGETLB | 21 << 26 | 0600);
	pool("made");
	p = shmat(id, NULL, 0);
	printf("aligned %d\n", !((unsigned long)p % HUGE));
	p[0] = 1;
	p[HUGE + 5] = 2;
	pool("written");
	shmctl(id, IPC_STAT, &ds);
	shmctl(0, SHM_INFO, (struct shmid_ds *)&info);
	printf("size %d, pages in memory %lu\n", ds.shm_segsz == HUGE + 1, info.shm_rss);
	printf("askew: %s\n", word((long)shmat(id, p + 3 * HUGE + PAGE, 0)));
	q = shmat(id, p + 4 * HUGE, 0);
	printf("at a place: %d, %d\n", q == p + 4 * HUGE, q[HUGE + 5]);
	fflush(stdout);
	if (!fork()) {
		printf("child: %d attached, %d\n", attached(id), p[0]);
		p[1] = 3;
		fflush(stdout);
		_exit(0);
	}
	wait(&status);
	printf("parent: %d attached, %d\n", attached(id), q[1]);
	printf("SHM_LOCK: %s\n", word(shmctl(id, SHM_LOCK, NULL)));
	printf("half: %s\n", word(munmap(q, HUGE / 2)));
	printf("one of two: %s, %d attached\n", word(munmap(q, HUGE)), attached(id));
	printf("shmdt: %s %s\n", word(shmdt(p)), word(shmdt(q)));
	pool("detached");
	shmctl(id, IPC_RMID, NULL);
	pool("removed");
	id = shmget(IPC_PRIVATE, 4 * HUGE, SHM_HUGETLB | SHM_NORESERVE | 0600);
	pool("without promise");
	shmctl(id, IPC_RMID, NULL);
	if (!fork()) {
		setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){ HUGE, HUGE });
		setresgid(1000, 1000, 1000);
		setresuid(1000, 1000, 1000);
		printf("somebody: %s\n", word(shmget(IPC_PRIVATE, 4 * HUGE, SHM_HUGETLB | 0600)));
		fflush(stdout);
		_exit(0);
	}
	wait(&status);
	return pwrite(fd, "0", 1, 0) != 1;
}""", ("gcc", "-static"))
done = tool("qrun", "-t", "100", "-m", "128M", huge)
equal((done.status, done.out.decode()), (0, """ten: ENOMEM
of 64 KB: EINVAL
made: 4 free, 2 reserved
aligned 1
written: 2 free, 0 reserved
size 1, pages in memory 1024
askew: EINVAL
at a place: 1, 2
child: 4 attached, 1
parent: 2 attached, 3
SHM_LOCK: done
half: EINVAL
one of two: done, 2 attached
shmdt: done done
detached: 2 free, 0 reserved
removed: 4 free, 0 reserved
without promise: 4 free, 0 reserved
somebody: EPERM
"""), "segments of huge pages", done.err)
end()
