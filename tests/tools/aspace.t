#!/usr/bin/python3
"""Random address-space programs do the same in Quire as on Linux (tools/aspace-diff)."""
import os

from tap import check, end, equal, tool

SEEDS, STEPS = 20, 5000
# Classes of steps that Quire cannot do yet.
LEFT_OUT = ""

options = ["-x", LEFT_OUT] if LEFT_OUT else []
if LEFT_OUT:
    print(f"# left out: {LEFT_OUT}")
if os.geteuid():
    print("# not run as root: without mlockall, which the limit of locked memory would refuse")
    options = ["-x", ",".join(filter(None, (LEFT_OUT, "mlockall")))]
done = tool("aspace-diff", "--debug", "-j", "2", *options, "1", str(SEEDS), str(STEPS))
check(done.status == 0, f"{SEEDS} seeds of {STEPS} steps", done.out, done.err)
print("# " + done.out.decode().splitlines()[-1])

done = tool("aspace-diff", "-l")
check(b"mmap," in done.out, "-l lists the classes of steps", done.err)
equal(tool("aspace-diff").status, 2, "without a seed: usage")
end()
