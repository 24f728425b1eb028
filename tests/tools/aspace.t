#!/usr/bin/python3
"""Random address-space programs do the same in Quire as on Linux (tools/aspace-diff)."""
import os

from tap import check, end, equal, tool

SEEDS, STEPS = 20, 5000
# Classes of steps that Quire cannot do yet.
LEFT_OUT = ""

out = [LEFT_OUT]
if LEFT_OUT:
    print(f"# left out: {LEFT_OUT}")
if os.geteuid():
    print("# not run as root: without mlockall, which the limit of locked memory would refuse")
    out.append("mlockall")


def compare(first, count, leave, *options):
    """With the class thp memory may have huge pages, and mincore is not told; without, there are none."""
    left = ",".join(filter(None, out + leave))
    done = tool("aspace-diff", "--debug", "-j", "2", *(["-x", left] if left else []), *options, str(first), str(count),
                str(STEPS))
    what = " ".join(["without " + " ".join(leave)] * bool(leave) + list(options[1:]))
    check(done.status == 0, f"{count} seeds of {STEPS} steps {what}".strip(), done.out, done.err)
    print("# " + done.out.decode().splitlines()[-1])


compare(1, SEEDS // 2, ["thp"])
for mode in ("always", "madvise", "never"):
    compare(101, SEEDS // 6, [], "-a", f"transparent_hugepage={mode}")

done = tool("aspace-diff", "-l")
check(b"mmap," in done.out, "-l lists the classes of steps", done.err)
equal(tool("aspace-diff").status, 2, "without a seed: usage")
end()
