#!/usr/bin/python3
"""swapoff under load: two devices are taken off in turn while programs that need both change and verify their memory.

TIMES: how often, on 1 CPU and again on 4 (20). The devices: a RAM disk, and a disk.
"""
import os
import re

from tap import WORK, c_program, check, end, equal, run, tool

TIMES = int(os.environ.get("TIMES") or 20)

load = c_program("load", r"""
/* load WORKERS MB TIMES DEVICE...: each worker has so much memory of its own. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS	512

static volatile int *stop;

static uint64_t next(uint64_t *s)
{
	*s = *s * 6364136223846793005u + 1442695040888963407u;
	return *s >> 33;
}

static uint64_t word(uint64_t id, uint64_t page, uint64_t version, uint64_t k)
{
	return id << 56 | (version & 0xff) << 48 | page << 16 | k;
}

static void fill(uint64_t *m, uint64_t id, uint64_t page, uint64_t version)
{
	for (int k = 0; k < WORDS; k++)
		m[k] = word(id, page, version, k);
}

static void verify(const uint64_t *m, uint64_t id, uint64_t page, uint64_t version)
{
	for (int k = 0; k < WORDS; k++)
		if (m[k] != word(id, page, version, k)) {
			printf("worker %lu, page %lu, word %d: %#lx instead of %#lx\n", id, page, k, m[k],
			       word(id, page, version, k));
			fflush(stdout);
			_exit(3);
		}
}

static int worker(uint64_t id, size_t pages)
{
	uint64_t (*m)[WORDS] = mmap(NULL, pages * sizeof(*m), PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *version = calloc(pages, 1);
	uint64_t seed = id;

	if (m == MAP_FAILED || !version)
		return 2;
	for (size_t i = 0; i < pages; i++)
		fill(m[i], id, i, 0);
	while (!*stop) {
		size_t i = next(&seed) % pages;

		verify(m[i], id, i, version[i]);
		if (next(&seed) % 2)
			fill(m[i], id, i, ++version[i]);
	}
	for (size_t i = 0; i < pages; i++)
		verify(m[i], id, i, version[i]);
	return 0;
}

int main(int argc, char **argv)
{
	int workers = atoi(argv[1]), times = atoi(argv[3]), off = 0, no_room = 0, status, bad = 0;

	stop = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int i = 1; i <= workers; i++)
		if (!fork())
			_exit(worker(i, (size_t)atoi(argv[2]) << 8));
	usleep(500000);
	for (int tries = 0; off < times && tries < 4 * times; tries++) {
		const char *device = argv[4 + off % (argc - 4)];

		if (swapoff(device)) {
			if (errno != ENOMEM) {
				printf("swapoff %s: %s\n", device, strerror(errno));
				return 1;
			}
			no_room++;
		} else {
			off++;
			if (swapon(device, 0)) {
				printf("swapon %s: %s\n", device, strerror(errno));
				return 1;
			}
		}
		usleep(20000);
	}
	*stop = 1;
	while (wait(&status) > 0)
		bad += status != 0;
	printf("%d swapoffs, %d refused, %d workers bad\n", off, no_room, bad);
	return bad || off < times;
}
""")
script = os.path.join(WORK, "script")
with open(script, "w", encoding="ascii") as file:
    file.write("/load $1 $2 $3 /dev/ram0 /dev/vda; grep -E '^(pswpin|pswpout|oom_kill) ' /proc/vmstat; cat /proc/mm_verify\n")
image = os.path.join(WORK, "disk")

for cpus, workers, mb in ((1, 2, 36), (4, 6, 12)):
    with open(image, "wb") as file:
        file.truncate(96 << 20)
    run("busybox", "mkswap", image)
    done = tool("qrun", "-t", os.environ.get("LIMIT") or "400", "-c", str(cpus), "-m", "112M", "-a", "swap=48M,vda",
                "--disk", image, "-f", load + ":/load", "-f", script, "busybox", "sh", "/script", str(workers), str(mb),
                str(TIMES))
    text = done.out.decode("utf-8", "replace")
    match = re.match(r"([0-9]+) swapoffs, ([0-9]+) refused, 0 workers bad$", text.splitlines()[0] if text else "")
    check(done.status == 0 and match and int(match[1]) == TIMES,
          f"{cpus} CPU{'s' if cpus > 1 else ''}: {TIMES} swapoffs under load, nothing lost", done.status, text, done.err)
    moved = dict(re.findall(r"^(\w+) ([0-9]+)$", text, re.MULTILINE))
    check(int(moved.get("pswpin", 0)) > 1000 and int(moved.get("pswpout", 0)) > 1000,
          f"pages went both ways: {moved.get('pswpout')} out, {moved.get('pswpin')} in", text)
    equal(text.splitlines()[-1:], ["ok"], "mm_verify finds nothing afterwards", text)
end()
