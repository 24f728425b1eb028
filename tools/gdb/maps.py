"""vm maps [TID]: the mappings of an address space, as /proc/PID/maps shows them."""
import gdb

import target
import tasks

READ, WRITE, EXEC, SHARED, GROWSDOWN, STACK, HEAP = 1, 2, 4, 8, 0x100, 0x400, 0x800


def rights(flags):
    return "".join(c if flags & bit else "-" for c, bit in (("r", READ), ("w", WRITE), ("x", EXEC))) \
        + ("s" if flags & SHARED else "p")


def label(v, flags):
    if int(v["obj"]):
        return "object 0x%x +0x%x" % (int(v["obj"]), int(v["pgoff"]) * 4096)
    if flags & (STACK | GROWSDOWN):
        return "[stack]"
    return "[heap]" if flags & HEAP else "anonymous"


class Maps(gdb.Command):
    """vm maps [TID]
Lists the mappings of the running thread, or of thread TID (see vm tasks)."""

    def __init__(self):
        super().__init__("vm maps", gdb.COMMAND_DATA)

    def invoke(self, arg, from_tty):
        want = target.parse(arg) if arg.strip() else None
        now = tasks.current()
        for t in tasks.threads():
            if int(t["tid"]) == want if want is not None else int(t) == now:
                break
        else:
            raise gdb.GdbError("no thread %d: see vm tasks" % want if want is not None
                               else "no thread runs yet: see vm tasks")
        mm = tasks.mm_of(t)
        if mm is None:
            raise gdb.GdbError("%s (tid %d) is a kernel thread: it has no mappings of its own"
                               % (target.text(t["name"]), int(t["tid"])))
        print("%s (tid %d), root 0x%x" % (target.text(t["name"]), int(t["tid"]),
                                          int(t["aspace"]["root"]["v"])))
        for v in target.rbtree(mm["vmas"], "node"):
            flags = int(v["flags"])
            start, end = int(v["start"]), int(v["end"])
            print("%016x-%016x %s %10s  %s" %
                  (start, end, rights(flags), target.size(end - start), label(v, flags)))


Maps()
