#!/usr/bin/python3
"""Random system calls do no harm: no panic, no hang, and the memory's books are right at the end.

FUZZ_SEED and FUZZ_CALLS choose other ones by hand.
"""
import os
import re

from tap import check, end, machine, tool

SEED, CALLS = os.environ.get("FUZZ_SEED") or "1", os.environ.get("FUZZ_CALLS") or "100000"
program = os.path.join(machine.BUILD, "user/fuzz")

done = tool("qrun", "--debug", "-c", os.environ.get("CPUS") or "1", "-a", "swap=16M",
            "-t", os.environ.get("LIMIT") or "280", program, SEED, CALLS, timeout=3600)
check(done.status == 0, f"seed {SEED}, {CALLS} calls", done.out[-2000:], done.err)
check(re.search(rb"^fuzz: seed", done.out, re.MULTILINE), "came to its end", done.out[-500:])
check(re.search(rb"^mm_verify: ok$", done.out, re.MULTILINE), "mm_verify is clean", done.out[-2000:])
print("# " + (done.out.decode("utf-8", "replace").splitlines() or [""])[-1])
end()
