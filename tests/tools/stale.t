#!/usr/bin/python3
"""No CPU uses a translation that was taken away; and for each kind of operation, a flush left out is caught.

Prints the table: operation, CPUs, how many touches were stale with its flush left out. By hand,
EMU=bochs does the same in Bochs, which needs no map4k and is slow: CPUS says how many CPUs (1).
"""
import os
import re

from tap import check, end, tool

KINDS = "unmap protect cow fork unshare mremap dontneed truncate age lazyfree reclaim collapse migrate".split()
SUITES = ",".join(f"stale_{kind}" for kind in KINDS)
# Shows only where CPUs keep upper entries apart from leaves: neither in QEMU nor in Bochs.
UNSEEN = ("unshare",)
STALE = re.compile(r"stale: own CPU (\d+) of (\d+), others (\d+) of (\d+)")

BOCHS = os.environ.get("EMU") == "bochs"
WHERE = "bochs/" if BOCHS else ""
OPTIONS = "" if BOCHS else "map4k"
MACHINES = (os.environ.get("CPUS") or "1",) if BOCHS else ("1", "4")
NAME = "Bochs" if BOCHS else "QEMU"


def kernel(suites, cpus, options=""):
    return tool("test-run", WHERE + suites, timeout=7200,
                env={"CPUS": cpus, "CMDLINE": f"{OPTIONS} {options}".strip()})


def percent(stale, touches):
    return f"{stale} of {touches}" if touches else "-"


rows = []
for cpus in MACHINES:
    done = kernel(SUITES, cpus)
    check(done.status == 0, f"{cpus} CPUs: nothing is stale", done.out, done.err)
    for kind in KINDS:
        done = kernel(f"stale_{kind}", cpus, f"skipflush={kind}")
        tests = len(re.findall(rb"ok \d+ - stale_", done.out))
        failed = len(re.findall(rb"^not ok \d+ - stale_", done.out, re.MULTILINE))
        found = [tuple(map(int, m)) for m in STALE.findall(done.err.decode("utf-8", "replace"))]
        own, own_all, others, others_all = (sum(column) for column in zip(*found)) if found else (0,) * 4
        if kind in UNSEEN:
            verdict = "cannot show here"
            check(tests and failed in (0, tests), f"{cpus} CPUs, {kind}: the suite ran", done.out, done.err)
        else:
            # Every test of the kind finds it, on the CPU itself and on others if there are any.
            good = tests and failed == tests == len(found)
            good = good and all(o and (not n or s) for o, _, s, n in found)
            verdict = "caught" if good else "NOT CAUGHT"
            check(good, f"{cpus} CPUs, {kind} without its flush: caught", done.out, done.err)
        rows.append((kind, f"{NAME}, {cpus} CPUs", percent(own, own_all), percent(others, others_all), verdict))

for row in [("flush left out", "machine", "stale: own CPU", "others", "")] + rows:
    print("# {:<15} {:<14} {:<15} {:<12} {}".format(*row).rstrip())
end()
