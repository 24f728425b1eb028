#!/usr/bin/python3
"""Threads of several processes change their memory at random, on several CPUs of the checked kernel.

map4k: else large pages of the kernel make QEMU forget more than it was asked to. By hand:
TORTURE_SEED, TORTURE_ROUNDS, TORTURE_STEPS, TORTURE_THREADS, TORTURE_PROCESSES, CPUS, MEM,
CMDLINE (la57), LIMIT. Ten minutes are about: LIMIT=1200 TORTURE_ROUNDS=60 TORTURE_STEPS=800.
"""
import os
import re

from tap import WORK, check, end, machine, tool


def asked(name, default):
    return os.environ.get(name) or default


program = os.path.join(machine.BUILD, "user/torture")
cpus = asked("CPUS", "4")
if cpus == "1":                     # nothing to torture: make test's default
    cpus = "4"
log = os.path.join(WORK, "log")
words = [asked("TORTURE_SEED", "1"), asked("TORTURE_ROUNDS", "3"), asked("TORTURE_STEPS", "400"),
         asked("TORTURE_THREADS", "4"), asked("TORTURE_PROCESSES", "3")]
what = f"seed {words[0]}: {words[1]} rounds of {words[2]} steps, {words[4]} processes of {words[3]} threads, {cpus} CPUs"

done = tool("qrun", "--debug", "-c", cpus, "-m", asked("MEM", "1024M"), "-t", asked("LIMIT", "280"),
            "-a", f"map4k watchdog=60 {asked('CMDLINE', '')}".strip(), "--log", log, program, *words, "tell",
            timeout=36000)
with open(log, encoding="utf-8", errors="replace") as file:
    where = file.read().partition("sysrq: ")[2]         # of a hang: what every thread does
check(done.status == 0, what, done.out[-2000:], done.err, where)
check(re.search(rb"^torture: ok$", done.out, re.MULTILINE), "came to its end", done.out[-500:])
free = re.search(rb"after the first round ([0-9]+) kB, at the end ([0-9]+) kB", done.out)
check(free and int(free[1]) - int(free[2]) < 2048, "no memory is lost from round to round", done.out[-500:])

# One thing that torture meets once in many runs: a child's tables, and a cut that passes through them.
between = tool("qrun", "--debug", "-c", cpus, "-t", asked("LIMIT", "280"), "-a", "map4k watchdog=60",
               os.path.join(machine.BUILD, "user/fork-truncate"), timeout=36000)
check(between.status == 0 and between.out.startswith(b"100 children, 100 found all their memory; 0 pages"),
      "forks while a file is cut", between.out, between.err)
print("# " + (done.out.decode("utf-8", "replace").splitlines() or [""])[0])
end()
