#!/usr/bin/python3
"""kswapd keeps direct reclaim rare: programs that allocate faster than it frees wait for it, on one CPU and on four."""
import re

from tap import c_program, check, end, tool

rate = c_program("rate", r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Each page written, and as much done with it as argv[3] says. */
static void child(size_t bytes, unsigned work)
{
	char *m = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (size_t i = 0; i < bytes; i += 4096) {
		m[i] = 1;
		for (volatile unsigned w = 0; w < work; w++)
			;
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	unsigned children = atoi(argv[1]), bad = 0;
	size_t bytes = strtoul(argv[2], NULL, 10) << 20;
	char text[16384];
	int status, fd;
	ssize_t n;

	for (unsigned i = 0; i < children; i++)
		if (!fork())
			child(bytes, atoi(argv[3]));
	while (wait(&status) > 0)
		bad += status != 0;
	fd = open("/proc/vmstat", O_RDONLY);
	n = read(fd, text, sizeof(text));
	printf("bad %u\n%.*s", bad, (int)n, text);
	return 0;
}""")

for cpus, children, mb, work in ("1", "1", "96", "0"), ("1", "1", "96", "500"), ("4", "1", "96", "500"), ("4", "4", "32", "500"):
    done = tool("qrun", "-t", "200", "-c", cpus, "-m", "192M", "-a", "swap=128M", rate, children, mb, work)
    n = {k: int(v) for k, v in re.findall(r"^(\w+) (\d+)$", done.out.decode(), re.M)}
    name = f"{cpus} CPUs, {children} * {mb} MB in 64 MB"
    if not check(n.get("bad") == 0 and n.get("pswpout", 0) > 4000, f"{name}: memory was short", done.out, done.err):
        continue
    check(n["allocstall_normal"] * 100 < n["pgfault"], f"{name}: {n['allocstall_normal']} direct reclaims, "
          f"{n['allocwait']} waits for kswapd in {n['pgfault']} faults", done.out)
    check(n["pgsteal_kswapd"] > n["pgsteal_direct"], f"{name}: kswapd freed {n['pgsteal_kswapd']} pages, "
          f"others {n['pgsteal_direct']}", done.out)
end()
