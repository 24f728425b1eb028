#!/usr/bin/python3
"""GDB's commands, in batch mode on a machine that runs busybox: vm walk, maps, tasks, frames."""
import re

from tap import check, end, equal, tool


def gdb(*commands):
    """The text that GDB prints for each command, at the first system call of a program."""
    args = ["--gdb", "-batch", "-ex", "break upcall_syscall", "-ex", "continue"]
    for command in commands:
        args += ["-ex", f"echo ==\\n", "-ex", command]
    done = tool("run", *args, timeout=120)
    return done, [part.strip() for part in done.out.decode("utf-8", "replace").split("==\n")[1:]]


done, texts = gdb("vm walk kernel_main", "vm walk tf->rip", "vm walk 0xffff800000000000", "vm walk 0",
                  "vm tasks", "vm maps", "vm frames", "vm frames $cr3>>12", "print/x tf->rip")
if not equal(len(texts), 9, "nine commands ran at the first system call", done.out, done.err):
    end()
kernel, user, direct, null, tasks, maps, frames, root, rip = texts

lines = kernel.splitlines()
equal([line.split()[0] for line in lines[1:-1]], ["PML4", "PDPT", "PD", "PT"],
      "the walk of a kernel address shows four levels", kernel)
check(re.search(r"\[511\].*table", lines[1]) and "=> physical 0x1" in lines[-1] and
      lines[-1].endswith("supervisor, read-only, executable"),
      "kernel text: physical address, supervisor, read-only, executable", kernel)
check(user.splitlines()[-1].endswith("user, read-only, executable"),
      "a program's text: user, read-only, executable", user)
check(re.search(r"\[256\]", direct) and direct.splitlines()[-1].endswith("supervisor, writable, no-execute"),
      "the direct map: supervisor, writable, no-execute", direct)
check(null.endswith("=> no translation: an access raises #PF"), "address 0 has no translation", null)

running = [line for line in tasks.splitlines() if line.startswith("*")]
check(len(running) == 1 and "busybox" in running[0] and "running" in running[0],
      "the running task is marked", tasks)
check(re.search(r"idle/0\s+kernel thread", tasks), "the idle thread is listed as a kernel thread", tasks)

at = int(rip.split()[2], 16)
spans = [tuple(int(x, 16) for x in m.groups()[:2]) + (m.group(3),)
         for m in re.finditer(r"^([0-9a-f]{16})-([0-9a-f]{16}) (\S{4})", maps, re.M)]
check([right for first, last, right in spans if first <= at < last] == ["r-xp"],
      "vm maps: the program counter lies in a mapping r-xp", maps)
check(spans == sorted(spans) and maps.rstrip().endswith("[stack]"), "sorted by address, the stack last", maps)

total = int(frames.split()[0])
parts = [int(m.group(1)) for m in re.finditer(r"^  \S.*?\s{2,}(\d+)\s{2,}", frames, re.M)]
equal(sum(parts), total, "vm frames: the kinds add up to all frames", frames)
orders = dict(map(int, o.split(":")) for o in frames.splitlines()[-1].split(": ", 1)[1].split())
free = int(re.search(r"^  free\s{2,}(\d+)", frames, re.M)[1])
equal(sum(n << o for o, n in orders.items()), free, "the free blocks add up to the free frames", frames)
check("table, order 0" in root and "level 4" in root, "the frame of CR3 is a table of level 4", root)
end()
