#!/usr/bin/python3
"""A memory limit with swap: what goes beyond it is swapped out within it, nothing is lost and nobody ends."""
import re

from tap import c_program, check, end, equal, tool

MB = 1 << 20

tree = c_program("limited", r"""
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT	"8388608"
#define WORDS	((24ul << 20) / sizeof(long))
#define COMMON	((12ul << 20) / sizeof(long))
#define CHILDREN 3

static long *inherited, *shared;

static void show(const char *path)
{
	char text[4096];
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text));

	if (n > 0 && write(1, text, (size_t)n) == n)
		close(fd);
}

/* What all of them have, by a fork or as shared memory: an eighth of it is written by each child, if that shows nobody. */
static int have_all(long *w, long seed, int write)
{
	for (unsigned long i = 0; i < COMMON; i += 64)
		if (w[i] != (long)i && w[i] != -(long)i * seed)
			return 0;
	for (unsigned long i = 512 * (unsigned long)seed; write && i < COMMON; i += 8 * 512)
		w[i] = -(long)i * seed;
	return 1;
}

static int common_child(long seed)
{
	for (int round = 0; round < 2; round++)
		if (!have_all(inherited, seed, 1) || !have_all(shared, seed, 0))
			return 1;
	return 0;
}

static int child(long seed)
{
	long *w = malloc(WORDS * sizeof(long));

	for (long round = 0; round < 2; round++) {
		for (unsigned long i = 0; i < WORDS; i += 64)
			w[i] = (long)i * seed + round;
		for (unsigned long i = 0; i < WORDS; i += 64)
			if (w[i] != (long)i * seed + round)
				return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int fd = open("/proc/self/memory_limit", O_WRONLY), common = argc > 1, status, good = 0;
	const int rw = PROT_READ | PROT_WRITE;

	(void)argv;
	if (write(fd, LIMIT, strlen(LIMIT)) < 0)
		return 2;
	inherited = mmap(NULL, COMMON * sizeof(long), rw, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	shared = mmap(NULL, COMMON * sizeof(long), rw, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (unsigned long i = 0; common && i < COMMON; i += 64)
		inherited[i] = shared[i] = (long)i;
	for (long i = 1; i <= CHILDREN; i++)
		if (!fork())
			_exit(common ? common_child(i) : child(i));
	while (wait(&status) > 0)
		good += status == 0;
	printf("good %d\n", good);
	fflush(stdout);
	show("/proc/self/memory_usage");
	show("/proc/mm_verify");
	show("/proc/vmstat");
	return 0;
}""")

for cpus in "1", "4":
    for args, what in ([], "three times 24 MB"), (["common"], "24 MB that three share by forks and as shared memory"):
        done = tool("qrun", "-c", cpus, "-m", "320M", "-a", "swap=200M", tree, *args)
        out = done.out.decode()
        figures = {k: int(v) for k, v in re.findall(r"^(\w+) (\d+)$", out, re.M)}
        name = f"{what} in 8 MB, {cpus} CPUs"
        equal((done.status, figures.get("good")), (0, 3), name, done.err)
        check(0 < figures.get("peak", 0) <= 8 * MB, f"{name}: never more than the limit", figures.get("peak"))
        check(figures.get("pswpout", 0) > 4096 and not figures.get("oom_kill", 1),
              f"{name}: swap took the rest, and nobody was killed", out[:200])
        check("\nok\n" in out, f"{name}: mm_verify", out[:200])
end()
