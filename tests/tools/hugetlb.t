#!/usr/bin/python3
"""Explicit huge pages, of memfds too: what Linux 6.18 prints, and this machine's if it is as young and lets root have
a pool."""
import os

from tap import ROOT, c_program, end, equal, run, tool

HERE = os.path.join(ROOT, "tests", "tools")
POOL = "/proc/sys/vm/nr_hugepages"
PAGES = 8

with open(os.path.join(HERE, "hugetlb.want"), encoding="utf-8") as file:
    want = file.read()
with open(os.path.join(HERE, "hugetlb.c"), encoding="utf-8") as file:
    program = c_program("hugetlb", file.read(), ("gcc", "-static", "-O1"))


def figure(name):
    with open(f"/sys/kernel/mm/hugepages/hugepages-2048kB/{name}_hugepages", encoding="utf-8") as text:
        return int(text.read())


def host_pool():
    """Makes sure of a pool; how large it was before, or None: there is none to be had."""
    try:
        before, lacking = figure("nr"), PAGES - (figure("free") - figure("resv"))
        with open(POOL, "w", encoding="ascii") as pool:
            pool.write(str(before + max(lacking, 0)))
        return before if figure("free") - figure("resv") >= PAGES else None
    except OSError:
        return None


release = tuple(int(n) for n in os.uname().release.split(".")[:2])
before = host_pool() if release >= (6, 18) else None
if before is not None:
    done = run(program)
    equal((done.status, done.out.decode()), (0, want), "this machine's Linux")
    with open(POOL, "w", encoding="ascii") as pool:
        pool.write(str(before))

for name, options in (("Quire", "hugepages=8"), ("Quire, five levels", "hugepages=8 la57")):
    done = tool("qrun", "-t", "120", "-m", "256M", "-a", options, program)
    equal((done.status, done.out.decode()), (0, want), name, done.err)
end()
