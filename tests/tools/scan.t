#!/usr/bin/python3
"""What reclaim takes: a working set that fits stays though a stream runs past it, whatever the policy does else;
locked memory stays; pages that swap has already are not written once more. Prints a table of the policies."""
import os
import re

from tap import WORK, c_program, check, end, equal, tool

HOT, STREAM, ROUNDS, WARM = 12 << 20, 48 << 20, 5, 1

reader = c_program("reader", r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE	4096ul
#define CHUNK	(512 * PAGE)

static unsigned char there[65536];

/* How many of the pages had gone; all are used. */
static unsigned touch(const volatile char *hot, size_t pages)
{
	unsigned gone = 0;

	mincore((void *)hot, pages * PAGE, there);
	for (size_t i = 0; i < pages; i++) {
		gone += !(there[i] & 1);
		(void)hot[i * PAGE];
	}
	return gone;
}

int main(int argc, char **argv)
{
	unsigned rounds = atoi(argv[1]), warm = atoi(argv[2]), gone[2] = { 0 };
	int fd = open("/hot", O_RDONLY), stream = open("/stream", O_RDONLY), vmstat;
	size_t size = lseek(fd, 0, SEEK_END);
	const volatile char *hot = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	char *buffer = malloc(CHUNK), text[16384];

	for (unsigned r = 0; r < rounds; r++) {
		lseek(stream, 0, SEEK_SET);
		do
			gone[r < warm] += touch(hot, size / PAGE);
		while (read(stream, buffer, CHUNK) > 0);
	}
	vmstat = open("/proc/vmstat", O_RDONLY);
	printf("hot_gone %u\n%.*s", gone[0], (int)read(vmstat, text, sizeof(text)), text);
	return 0;
}""")


def figures(done):
    return {k: int(v) for k, v in re.findall(r"^(\w+) (\d+)$", done.out.decode(), re.M)}


def file(name, size):
    path = os.path.join(WORK, name)
    with open(path, "wb") as f:
        f.write(os.urandom(size))
    return ["-f", f"{path}:/{name}"]


files = file("hot", HOT) + file("stream", STREAM)
rows = []
for policy in "clock", "clock1", "fifo", "random", "s3fifo":
    done = tool("qrun", "--icount", "-t", "200", "-m", "96M", "-a", f"reclaim={policy}", *files, reader, str(ROUNDS),
                str(WARM))
    n = figures(done)
    if not check(done.status == 0 and n.get("pgsteal_file", 0) > STREAM // 4096, f"{policy}: the stream ran past",
                 done.out[:300], done.err):
        continue
    rows.append((policy, n["hot_gone"], n["workingset_refault_file"], n["pgscan_file"], n["pgsteal_file"]))
evicted = {row[0]: row[1] for row in rows}
equal((evicted.get("clock"), evicted.get("s3fifo")), (0, 0), "no page of the working set was ever evicted: clock, s3fifo")
check(evicted.get("fifo", 0) > 1000 and evicted.get("random", 0) > 1000, "fifo and random evict them", evicted)
print(f"# {HOT >> 20} MB in use, {ROUNDS} times {STREAM >> 20} MB read past them, some 33 MB of memory")
for row in [("policy", "hot evicted", "refaults", "looked at", "evicted")] + rows:
    print("# {:<8} {:>12} {:>10} {:>10} {:>10}".format(*row))

memory = c_program("memory", r"""
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE	4096ul
#define BYTES	(48ul << 20)
#define LOCKED	(1ul << 20)

static unsigned char there[LOCKED / PAGE];

static unsigned long figure(const char *name)
{
	char text[16384], *at;
	int fd = open("/proc/vmstat", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n > 0 ? n : 0] = '\0';
	at = strstr(text, name);
	return at ? strtoul(at + strlen(name), NULL, 10) : 0;
}

static unsigned gone(void *locked)
{
	unsigned n = 0;

	mincore(locked, LOCKED, there);
	for (size_t i = 0; i < LOCKED / PAGE; i++)
		n += !(there[i] & 1);
	return n;
}

int main(void)
{
	unsigned long out = 0, in = 0, lost = 0, wrong = 0;
	long *m = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *locked = mmap(NULL, LOCKED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mlock(locked, LOCKED))
		return 1;
	for (size_t i = 0; i < BYTES / 8; i += PAGE / 8)
		m[i] = (long)i;
	for (unsigned round = 0; round < 4; round++) {
		if (round == 1) {
			out = figure("\npswpout ");
			in = figure("\npswpin ");
		}
		for (size_t i = 0; i < BYTES / 8; i += PAGE / 8)
			wrong += m[i] != (long)i;
		lost += gone(locked);
	}
	printf("wrong %lu\nlost %lu\nout %lu\nin %lu\nbefore %lu\n", wrong, lost, figure("\npswpout ") - out,
	       figure("\npswpin ") - in, out);
	return 0;
}""")

done = tool("qrun", "--icount", "-t", "200", "-m", "288M", "-a", "swap=256M", memory)
n = figures(done)
equal((n.get("wrong"), n.get("lost")), (0, 0), "locked pages never leave", done.out, done.err)
check(n.get("in", 0) > 10000 and n.get("out", 1) * 50 < n["in"],
      f"pages that are only read are written once: {n.get('in')} came in again and again, {n.get('out')} went out", done.out)
end()
