#!/usr/bin/python3
"""More memory in use than there is: patterns go out to swap and come back right; swapoff meanwhile."""
import os

from tap import ROOT, WORK, c_program, check, end, equal, run, tool

PATTERN = os.path.join(ROOT, os.environ.get("B", "build"), "user/pattern")


def pattern(what, *args):
    done = tool("qrun", "-t", "250", *args)
    check(done.status == 0 and done.out.endswith(b"right\n"), what, done.out, done.err)


for cpus in "1", "4":
    pattern(f"64 MB and 3 children in 64 MB, RAM disk, {cpus} CPUs", "-c", cpus, "-m", "128M", "-a", "swap=64M",
            PATTERN, "64", "3")
# 80 MB in all: about as much as slots and frames together, so that for many pages there is no slot.
pattern("64 MB and 3 children in 46 MB, with all of 64 MB swap in use", "-m", "110M", "-a", "swap=64M", PATTERN, "64", "3")

# Compressed in front of the device: pages that go in and out of the pool, and on to the device when it is full.
script = os.path.join(WORK, "script")
with open(script, "w", encoding="ascii") as file:
    file.write("/pattern 64 3 plain | tail -1; grep zsw /proc/vmstat; cat /sys/kernel/debug/zswap/written_back_pages /proc/mm_verify\n")
for cpus in "1", "4":
    done = tool("qrun", "-t", "250", "-c", cpus, "-m", "128M", "-a", "swap=64M zswap=1", "-f", PATTERN + ":/pattern",
                "-f", script, "busybox", "sh", "/script")
    words = done.out.decode().split()
    check(len(words) == 7 and words[0] == "right" and words[6] == "ok" and min(int(words[i]) for i in (2, 4, 5)) > 1000,
          f"64 MB that can be compressed, zswap, {cpus} CPUs: kept, unpacked, written back", done.out, done.err)
disk = os.path.join(WORK, "swap")
with open(disk, "wb") as file:
    file.truncate(160 << 20)
run("busybox", "mkswap", disk)
pattern("32 MB machine, RAM disk", "-m", "32M", "-a", "swap=11M", PATTERN, "18", "3")
pattern("64 MB machine, RAM disk of which a write fails, 8 CPUs", "-c", "8", "-m", "64M", "-a", "swap=32M fail_swap=20", PATTERN, "40", "3")
pattern("32 MB machine, disk of which a write fails, 2 CPUs", "-c", "2", "-m", "32M", "-a", "swap=vda fail_swap=40", "--disk", disk, PATTERN, "40", "2")
pattern("96 MB and 3 children in 64 MB, disk", "-m", "64M", "-a", "swap=vda", "--disk", disk, PATTERN, "96", "3")

off = c_program("off", r"""
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHARED	(4ul << 20)

static uint64_t *memory, *shared;
static size_t npages;

static int page_is_right(size_t p)
{
	for (size_t i = p * 512; i < (p + 1) * 512; i++)
		if (memory[i] != i)
			return 0;
	return 1;
}

static void child(unsigned n)
{
	for (unsigned x = n + 1;; x = x * 1103515245 + 12345) {
		size_t p = (x >> 4) % npages, q = (x >> 7) % (SHARED / 8);

		if (!page_is_right(p) || shared[q] != 3 * q)
			_exit(1);
		if (p % 8 == n)
			memory[p * 512] = p * 512;
	}
}

int main(int argc, char **argv)
{
	unsigned children = atoi(argv[2]), rounds = atoi(argv[3]), offs = 0, bad = 0;
	pid_t pid[16];

	npages = atoi(argv[1]) * 256ul;
	memory = mmap(NULL, npages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	shared = mmap(NULL, SHARED, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < npages * 512; i++)
		memory[i] = i;
	for (size_t i = 0; i < SHARED / 8; i++)
		shared[i] = 3 * i;
	for (unsigned n = 0; n < children; n++)
		if (!(pid[n] = fork()))
			child(n);
	for (unsigned r = 0; r < rounds; r++) {
		usleep(20000);
		if (swapoff("/dev/ram0") || swapon("/dev/ram0", 0))
			break;
		offs++;
		madvise(memory, npages * 4096, MADV_PAGEOUT);
		madvise(shared, SHARED, MADV_PAGEOUT);
	}
	for (unsigned n = 0; n < children; n++) {
		int status;

		kill(pid[n], SIGKILL);
		waitpid(pid[n], &status, 0);
		bad += WIFEXITED(status);
	}
	for (size_t p = 0; p < npages; p++)
		bad += !page_is_right(p);
	printf("%u, %u bad\n", offs, bad);
	return 0;
}""", ("musl-gcc", "-static"))
with open(script, "w", encoding="ascii") as file:
    file.write("/off 48 3 50; cat /proc/mm_verify\n")
for cpus in "1", "4":
    done = tool("qrun", "-t", "250", "-c", cpus, "-m", "160M", "-a", "swap=64M", "-f", off + ":/off", "-f", script,
                "busybox", "sh", "/script")
    equal(done.out, b"50, 0 bad\nok\n", f"swapoff 50 times under load, {cpus} CPUs: nothing is lost", done.err)
end()
