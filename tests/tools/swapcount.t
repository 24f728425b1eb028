#!/usr/bin/python3
"""What /proc/vmstat says of swap adds up, to what the device itself has counted."""
import os

from tap import ROOT, WORK, c_program, check, end, run, tool

PATTERN = os.path.join(ROOT, os.environ.get("B", "build"), "user/pattern")

# All of /proc/vmstat, and of /proc/diskstats before and after it, while nothing is swapped.
both = c_program("both", r"""
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char before[4096], after[4096], text[16384];

static void get(const char *path, char *to, size_t n)
{
	int fd = open(path, O_RDONLY);

	memset(to, 0, n);
	read(fd, to, n - 1);
	close(fd);
}

int main(void)
{
	mlockall(MCL_CURRENT);
	do {
		get("/proc/diskstats", before, sizeof(before));
		get("/proc/vmstat", text, sizeof(text));
		get("/proc/diskstats", after, sizeof(after));
	} while (strcmp(before, after));
	printf("%s%s", after, text);
	return 0;
}""")
script = os.path.join(WORK, "script")
with open(script, "w", encoding="ascii") as file:
    file.write("/pattern 40 2 plain | tail -1\n/both\n")


def count(what, device, formatted, *args):
    done = tool("qrun", "-t", "250", *args, "-f", PATTERN + ":/pattern", "-f", both + ":/both", "-f", script,
                "busybox", "sh", "/script")
    lines = [line.split() for line in done.out.decode().splitlines()]
    disk = next((line for line in lines if len(line) == 20 and line[2] == device), None)
    v = {line[0]: int(line[1]) for line in lines if len(line) == 2}
    if not check(lines and lines[0] == ["right"] and disk and "pswpin" in v, f"{what}: the pattern is right", done.out, done.err):
        return
    # The header is read once, by swapon; what swap= formats writes it.
    got = [int(disk[5]), int(disk[9])]
    want = [8 * (v["pswpin"] + 1), 8 * (v["pswpout"] + formatted)]
    check(got == want and min(v["pswpin"], v["pswpout"]) > 1000,
          f"{what}: sectors read and written = 8 * pswpin, pswpout, and the header", got, want)
    check(v["pswpin"] + v["zswpin"] >= v["pgmajfault"] - v["fault_file"] and
          v["pswpin"] + v["zswpin"] - v["swap_ra"] <= v["pgmajfault"] and v["swap_ra_hit"] <= v["swap_ra"],
          f"{what}: what was read in was a major fault's, or read ahead", v)
    for verb in "scan", "steal":
        kinds = [v[f"pg{verb}_{kind}"] for kind in ("kswapd", "direct", "anon", "file")]
        check(kinds[0] + kinds[1] == kinds[2] + kinds[3] > 0, f"{what}: pg{verb}_kswapd + _direct = _anon + _file", kinds)
    check(v["pgsteal_anon"] <= v["pgscan_anon"] and v["pgsteal_file"] <= v["pgscan_file"] and
          v["pswpout"] + v["zswpout"] >= v["nr_swapcached"], f"{what}: nothing is taken that was not looked at", v)


for cpus in "1", "4":
    count(f"RAM disk, {cpus} CPUs", "ram0", 1, "-c", cpus, "-m", "64M", "-a", "swap=24M")
count("RAM disk, zswap", "ram0", 1, "-m", "72M", "-a", "swap=28M zswap=1")
count("RAM disk, a write fails", "ram0", 1, "-m", "64M", "-a", "swap=24M fail_swap=10")
image = os.path.join(WORK, "swap")
with open(image, "wb") as file:
    file.truncate(64 << 20)
run("busybox", "mkswap", image)
count("disk, 4 CPUs", "vda", 0, "-c", "4", "-m", "40M", "-a", "swap=vda", "--disk", image)
end()
