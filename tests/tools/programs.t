#!/usr/bin/python3
"""Real programs in Quire: busybox over a large file, glibc with more memory promised than there is."""
import hashlib
import os
import time

from tap import WORK, c_program, check, end, equal, tool

# A file of 32 MB through the page cache and back out as a digest.
big = os.path.join(WORK, "big.bin")
with open(big, "wb") as file:
    block = hashlib.sha256(b"quire").digest() * 32768
    for i in range(32):
        file.write(i.to_bytes(8, "little") + block[8:])
with open(big, "rb") as file:
    digest = hashlib.sha256(file.read()).hexdigest()
begin = time.monotonic()
done = tool("qrun", "-f", big, "busybox", "sha256sum", "big.bin")
equal((done.status, done.out.decode()), (0, f"{digest}  big.bin\n"), "sha256sum of 32 MB is the host's", done.err)
print(f"# it took {time.monotonic() - begin:.1f} s")

# One GB promised on a machine of 256 MB: only what is touched is taken.
promise = c_program("promise", r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#define BLOCKS	8
#define BLOCK	(128ul << 20)
#define TOUCHED	(10ul << 20)

static unsigned long free_bytes(void)
{
	struct sysinfo si;

	if (sysinfo(&si))
		exit(2);
	return si.freeram * (si.mem_unit ? si.mem_unit : 1);
}

int main(void)
{
	char *block[BLOCKS];
	unsigned long before, after;

	for (int i = 0; i < BLOCKS; i++)
		if (!(block[i] = malloc(BLOCK)))
			return 3;
	free_bytes();
	before = free_bytes();
	memset(block[3], 1, TOUCHED);
	__asm__ volatile("" : : "r"(block[3]) : "memory");	/* the compiler may not drop it */
	after = free_bytes();
	printf("%lu %lu\n", before, after);
	return 0;
}""", ("gcc", "-static"))
done = tool("qrun", "-m", "256M", promise)
if check(done.status == 0, "eight blocks of 128 MB on a 256 MB machine", done.status, done.err):
    before, after = map(int, done.out.split())
    taken = before - after
    # 2560 pages, at most 7 tables of leaves and 2 above, and what memset's first call brings in.
    check(10 << 20 <= taken <= (10 << 20) + 64 * 1024, f"10 MB touched took {taken} bytes")
    check(before < 256 << 20, f"{before} bytes were free")
end()
