#!/usr/bin/python3
"""What memory costs, measured by a program: figures are printed, their form and order is judged."""
import os
import re

from tap import WORK, check, end, equal, machine, run, tool

COSTS = os.path.join(machine.BUILD, "user/costs")
NAMES = ["hit", "miss", "minor", "cow", "major", "shootdown"]
LINE = re.compile(r"^(\w+) +([0-9]+\.[0-9]|none)  (\S.*)$")


def figures(where, done):
    """{name: ticks, or why there is no figure}, of a run that must have gone well; {} if it has not."""
    lines = done.out.decode().splitlines()
    found = [LINE.match(line) for line in lines[1:]]
    good = done.status == 0 and re.match(r"^median ticks; [1-9][0-9]* are a microsecond$", lines[0]) and all(found)
    if not check(good and [f[1] for f in found] == NAMES, f"{where}: a line for each", done.out, done.err):
        return {}
    for line in lines:
        print(f"# {line}")
    return {f[1]: f[3] if f[2] == "none" else float(f[2]) for f in found}


def in_order(where, got, *names):
    ticks = [got.get(name) for name in names]
    check(all(isinstance(t, float) and t > 0 for t in ticks) and ticks == sorted(ticks),
          f"{where}: {' < '.join(names)}", got)


disk = os.path.join(WORK, "swap")
with open(disk, "wb") as file:
    file.truncate(64 << 20)
run("busybox", "mkswap", disk)
two = figures("a disk", tool("qrun", "-t", "120", "-c", "2", "-a", "swap=vda", "--disk", disk, COSTS))
in_order("a disk", two, "hit", "miss", "minor", "cow", "major")
in_order("a disk", two, "hit", "shootdown")
ram = figures("swap in RAM", tool("qrun", "-t", "120", "-c", "2", "-a", "swap=64M", COSTS))
in_order("swap in RAM", ram, "hit", "miss", "minor", "cow")
in_order("swap in RAM", ram, "minor", "major")
one = figures("one CPU, no swap", tool("qrun", "-t", "120", COSTS))
equal([one.get("major"), one.get("shootdown")], ["no swap device", "only one CPU"],
      "one CPU, no swap: says what is missing")
linux = figures("Linux", run(COSTS, timeout=60))
in_order("Linux", linux, "hit", "miss", "minor", "cow")
end()
