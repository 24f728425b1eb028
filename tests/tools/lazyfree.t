#!/usr/bin/python3
"""MADV_FREE where memory is short: what was written since stays, the rest goes, before anything is swapped or killed."""
import os
import re

from tap import ROOT, check, c_program, end, equal, tool

PROGRAM = os.path.join(ROOT, os.environ.get("B", "build"), "user/lazyfree")
ROUNDS, PAGES = 5, 7000

# 27 MB are given up, 20 of them written again, and 33 MB of other memory: in 58 MB.
script = c_program("run", r"""
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static const char *const files[] = { "/proc/vmstat", "/proc/mm_verify" };
	char text[16384];

	if (system(argv[1]))
		return 1;
	for (unsigned i = 0; i < 2; i++) {
		int fd = open(files[i], O_RDONLY);

		fwrite(text, 1, (size_t)read(fd, text, sizeof(text)), stdout);
		close(fd);
	}
	return 0;
}""")
for cpus in "1", "4":
    for options, name in ([], "no swap"), (["-a", "swap=64M"], "swap"):
        mem = "128M" if options else "64M"
        done = tool("qrun", "-t", "200", "-c", cpus, "-m", mem, *options, "-f", PROGRAM + ":/lazyfree", "-f",
                    "/bin/busybox:/bin/sh", script, f"/lazyfree {ROUNDS} 33 {PAGES}")
        out = done.out.decode()
        n = {k: int(v) for k, v in re.findall(r"^(\w+) (\d+)$", out, re.M)}
        name = f"{name}, {cpus} CPUs"
        if not check(done.status == 0 and f"{ROUNDS} rounds, 0 wrong" in out, f"{name}: what was written stays", out[:300],
                     done.err):
            continue
        check(n["zeros"] > PAGES // 16 * ROUNDS, f"{name}: {n['zeros']} pages were zeros")
        # Some may be on their way to swap at that moment, or there: they go without being counted.
        check(n["pglazyfreed"] > 0.9 * n["zeros"] and n["pglazyfree"] > 0.9 * PAGES * ROUNDS,
              f"{name}: {n['pglazyfreed']} of {n['pglazyfree']} pages given up were taken", out)
        equal((n["oom_kill"], out[-4:]), (0, "\nok\n"), f"{name}: nobody was killed")
end()
