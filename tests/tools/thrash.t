#!/usr/bin/python3
"""Thrash: a program uses 1.5 times as much memory as there is, at random. It gets on, nobody is killed, and a
second program that sleeps 100 ms and reads a page goes on soon after; time is instructions (--icount)."""
import re

from tap import c_program, check, end, equal, tool

MS = 1000 * 1000            # of instructions, by --icount

program = c_program("thrash", r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE	4096ul
#define SLEEP	(100ul * 1000 * 1000)

struct shared { uint64_t used, wrong; };

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ul + t.tv_nsec;
}

/* Reads, and now and then writes, pages at random without end. */
static void hog(struct shared *s, size_t pages)
{
	uint64_t *m = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t x = 88172645463325252ul;

	for (size_t i = 0; i < pages; i++)
		m[i * 512] = i;
	for (;;) {
		size_t i;

		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		i = x % pages;
		if (m[i * 512] != i)
			s->wrong++;
		if (x >> 62 == 0)
			m[i * 512] = i;
		s->used++;
	}
}

int main(int argc, char **argv)
{
	struct shared *s = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	volatile char *warm = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned sleeps = atoi(argv[2]), stuck = 0;
	uint64_t worst = 0, sum = 0, before = 0;
	int status, fd;
	char text[16384];
	pid_t pid;

	mlock(s, PAGE);
	*warm = 1;
	pid = fork();
	if (!pid)
		hog(s, strtoul(argv[1], NULL, 10) * 256);
	for (unsigned i = 0; i < sleeps; i++) {
		uint64_t from = now(), late;

		nanosleep(&(struct timespec){ .tv_nsec = SLEEP }, NULL);
		if (!*warm)
			return 1;
		late = now() - from - SLEEP;
		sum += late;
		worst = late > worst ? late : worst;
		stuck += i > 4 && s->used == before;
		before = s->used;
	}
	status = kill(pid, SIGKILL) || waitpid(pid, &status, 0) != pid || WTERMSIG(status) != SIGKILL;
	fd = open("/proc/vmstat", O_RDONLY);
	printf("used %lu\nwrong %lu\nstuck %u\nworst %lu\nmean %lu\n%.*s", s->used, s->wrong, stuck, worst,
	       sum / sleeps, (int)read(fd, text, sizeof(text)), text);
	return status;
}""")

SLEEPS = 12
for policy in "clock", "s3fifo":
    done = tool("qrun", "--icount", "-t", "250", "-m", "96M", "-a", f"swap=64M reclaim={policy}", program, "45", str(SLEEPS))
    n = {k: int(v) for k, v in re.findall(r"^(\w+) (\d+)$", done.out.decode(), re.M)}
    if not equal((done.status, n.get("wrong"), n.get("stuck"), n.get("oom_kill")), (0, 0, 0, 0),
                 f"{policy}: 45 MB in 30 MB at random: it gets on in each 100 ms, and nobody is killed", done.out, done.err):
        continue
    check(n["pgmajfault"] > 1000 * SLEEPS, f"{policy}: {n['pgmajfault']} major faults, {n['used']} pages used")
    check(n["worst"] < 12 * MS, f"{policy}: who slept goes on at most {n['worst']} instructions later "
          f"({n['mean']} on average)", done.out)
end()
