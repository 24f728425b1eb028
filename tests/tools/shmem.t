#!/usr/bin/python3
"""
Huge pages of shared memory as programs get them: where shmem_enabled, or a tmpfs's huge=, says so; and random programs
print what Linux prints when they have them.
"""
import os

from tap import check, end, equal, machine, tool

PROGRAM = os.path.join(machine.BUILD, "user/shmem_huge")
SEEDS = ["31000", "5", "3000"]


def figures(done):
    """The numbers of the lines about huge pages: kB here, of all that are mapped, of all there are."""
    return [tuple(int(word) for word in line.split() if word.isdigit())
            for line in done.out.decode().splitlines() if line.endswith("in blocks")]


# Of shared anonymous memory and of a memfd. What smaps tells is of the first 2 MB of 8.
WANT = {
    "always": [(2048, 8192, 8192)] * 4 + [(2048, 6144, 6144)],
    "advise": [(0, 2048, 2048)] * 4 + [(0, 0, 0)],
    "never": [(0, 0, 0)] * 5,
}
for mode, want in WANT.items():
    done = tool("qrun", "-m", "256M", "-a", "transparent_hugepage_shmem=" + mode, PROGRAM, "figures")
    equal((done.status, figures(done)), (0, want), f"shmem_enabled={mode}: who gets huge pages", done.err)

done = tool("qrun", "-m", "256M", "-f", PROGRAM, "busybox", "sh", "-c", """
    cd /sys/kernel/mm/transparent_hugepage; cat shmem_enabled; echo advise > shmem_enabled; cat shmem_enabled
    echo often > shmem_enabled 2>/dev/null || echo refused; echo never > shmem_enabled
    mkdir /m && mount -t tmpfs -o size=64m,huge=always none /m && mount | tail -n 1; /shmem_huge figures /m/f
    mount -o remount,huge=never none /m; mount | tail -n 1; rm /m/f; /shmem_huge figures /m/f
    mount -o remount,huge=often none /m 2>/dev/null || echo refused
    cat /proc/mm_verify""")
lines = [line for line in done.out.decode().splitlines() if "%" not in line and ": " not in line and line[:2] != "--"]
equal(lines, ["always within_size advise [never] deny force", "always within_size [advise] never deny force", "refused",
              "none on /m type tmpfs (rw,relatime,size=65536k,huge=always)", "none on /m type tmpfs (rw,relatime,size=65536k)",
              "refused", "ok"], "what is set is shown", done.out, done.err)
equal(figures(done), [(0, 0, 0)] * 5 + [(2048, 8192, 8192)] * 2 + [(2048, 6144, 6144)] + [(0, 0, 0)] * 8,
      "files of a tmpfs with huge=always", done.out, done.err)

done = tool("aspace-diff", *SEEDS, "-a", "transparent_hugepage_shmem=always")
check(done.status == 0, "random programs that have them print what Linux prints", done.out, done.err)
end()
