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
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT	"8388608"
#define WORDS	((24ul << 20) / sizeof(long))
#define CHILDREN 3

static void show(const char *path)
{
	char text[4096];
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text));

	if (n > 0 && write(1, text, (size_t)n) == n)
		close(fd);
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

int main(void)
{
	int fd = open("/proc/self/memory_limit", O_WRONLY), status, good = 0;

	if (write(fd, LIMIT, strlen(LIMIT)) < 0)
		return 2;
	for (long i = 1; i <= CHILDREN; i++)
		if (!fork())
			_exit(child(i));
	while (wait(&status) > 0)
		good += status == 0;
	printf("good %d\n", good);
	fflush(stdout);
	show("/proc/self/memory_usage");
	show("/proc/mm_verify");
	show("/proc/vmstat");
	return 0;
}""")

for cpus in ("1", "4"):
    done = tool("qrun", "-c", cpus, "-m", "320M", "-a", "swap=200M", tree)
    out = done.out.decode()
    figures = {k: int(v) for k, v in re.findall(r"^(\w+) (\d+)$", out, re.M)}
    equal((done.status, figures.get("good")), (0, 3), f"three times 24 MB in 8 MB, {cpus} CPUs", done.err)
    check(0 < figures.get("peak", 0) <= 8 * MB, f"never more than the limit, {cpus} CPUs", figures.get("peak"))
    check(figures.get("pswpout", 0) > 8192 and not figures.get("oom_kill", 1),
          f"swap took the rest, and nobody was killed, {cpus} CPUs", out[:200])
    check("\nok\n" in out, f"mm_verify, {cpus} CPUs", out[:200])
end()
