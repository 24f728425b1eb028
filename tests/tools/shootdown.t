#!/usr/bin/python3
"""Shootdowns on 8 CPUs: exactly those that run the memory are interrupted; what a call costs is printed, not judged."""
import os

from tap import check, end, machine, tool

done = tool("test-run", "exact", env={"CPUS": "8", "CMDLINE": ""})
check(done.status == 0 and b"SKIP" not in done.out, "exact: in the kernel, with 1, 3 and 7 CPUs", done.out, done.err)
done = tool("qrun", "-c", "8", "-t", os.environ.get("LIMIT") or "280", os.path.join(machine.BUILD, "user/shootdown"),
            timeout=3600)
check(done.status == 0, "mprotect of 1 and of 256 pages, with 0, 1, 3 and 7 threads that spin", done.out, done.err)
check(all(b"K=%d:" % k in done.out for k in (0, 1, 3, 7)), "all of these were counted", done.out)
for line in done.out.decode("utf-8", "replace").splitlines():
    print(f"# {line}")
end()
