#!/usr/bin/python3
"""Debian's stress-ng, unmodified: each stressor alone, with --verify and 20 operations, leaves with 0.

Those that take long under emulation run when they are asked for: STRESS=all runs every one
(about ten minutes), STRESS="mmap stack" those two. The sizes keep to a machine of 512 MB.
"""
import os
import re
import shutil

from tap import WORK, check, end, skip, tool

QUICK = """malloc bigheap vm brk mprotect mremap mlock mincore msync memfd shm shm-sysv fork vfork fault remap pipe
sigsegv switch context mmapaddr mmapmany mmaphuge munmap stackmmap rmap pageswap physpage tlb-shootdown resources
zombie clone pthread daemon exit-group itimer sigfd poll epoll eventfd sockpair sendfile splice vm-splice tee
copy-file flock dir rename zero""".split()
SLOW = "mmap mmapfork madvise stack mmapfixed vm-addr vm-rw msyncmany pagemove memthrash dev-shm forkheavy".split()
LOST = 1024             # kB: slabs and what CPUs keep for the next who asks
SIZES = {"vm": "32M", "mmap": "16M", "mremap": "8M", "memfd": "16M"}

SCRIPT = r"""
free() { echo 3 >/proc/sys/vm/drop_caches; awk '/^MemFree/ { print $2 }' /proc/meminfo; }
cd /tmp
while read -r name options; do
	before=$(free)
	stress-ng --$name 1 --$name-ops 20 --verify $options >/tmp/said 2>&1 </dev/null
	echo "$name status $?"
	grep -E 'fail:|error:|skip' /tmp/said | sed "s/^/$name says /"
	rm /tmp/said
	echo "$name verify $(tail -n 1 /proc/mm_verify)"
	echo "$name lost $((before - $(free)))"
done
"""


def machine_of(names):
    """One machine in which the stressors run one after another; what it said."""
    script = os.path.join(WORK, "stress.sh")
    with open(script, "w", encoding="utf-8") as file:
        file.write(SCRIPT)
    lines = [f"{name} --{name}-bytes {SIZES[name]}" if name in SIZES else name for name in names]
    return tool("qrun", "-t", str(60 + 200 * len(names)), "-f", shutil.which("stress-ng") + ":/bin/", "-f", script,
                "--with-libs", "busybox", "sh", "/stress.sh", stdin="\n".join(lines + [""]).encode())


asked = os.environ.get("STRESS", "").split()
names = QUICK + SLOW if asked == ["all"] else asked or QUICK
if not shutil.which("stress-ng"):
    skip("stress-ng", "no stress-ng here")
    end()
done = machine_of(names)
text = done.out.decode("utf-8", "replace")
told = dict((m[1], m[2]) for m in re.finditer(r"^(\S+ (?:status|verify|lost)) (.*)$", text, re.M))
for name in names:
    got = [told.get(f"{name} {what}") for what in ("status", "verify", "lost")]
    check(got[:2] == ["0", "ok"] and int(got[2]) < LOST, f"stress-ng --{name}", got,
          *re.findall(f"^{name} says .*", text, re.M), done.err)
end()
