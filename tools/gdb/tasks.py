"""vm tasks: every thread, and whose address space it has."""
import gdb

import target


def current():
    """The thread that the selected CPU runs, or 0 before the scheduler is up."""
    cpu = target.symbol("arch_cpus")[0]
    n = gdb.selected_thread().num - 1 if gdb.selected_thread() else 0
    if n:
        cpu = target.symbol("arch_cpus")[n]
    return int(cpu["current"]) if int(cpu) else 0


def threads():
    head = target.symbol("threads")
    if int(head["tqh_last"]) == 0:      # not initialised yet
        return
    yield from target.tailq(head, "all_link")


def mm_of(thread):
    """The struct mm of a thread (its aspace is embedded in one), or None for a kernel thread."""
    asp = thread["aspace"]
    if not int(asp) or asp["kernel"]:
        return None
    t = gdb.lookup_type("struct mm")
    offset = next(f.bitpos // 8 for f in t.fields() if f.name == "as")
    return gdb.Value(int(asp) - offset).cast(t.pointer())


class Tasks(gdb.Command):
    """vm tasks
Lists every thread: * marks the running one, then tid, state, name, the root
of its address space and how much it has mapped."""

    def __init__(self):
        super().__init__("vm tasks", gdb.COMMAND_DATA)

    def invoke(self, arg, from_tty):
        now = current()
        print("    TID STATE    NAME              ROOT             MAPPED   VMAS")
        for t in threads():
            mm = mm_of(t)
            state = str(t["state"]).replace("THREAD_", "").lower()
            where = "kernel thread" if mm is None else "0x%-14x %8s %6d" % (
                int(t["aspace"]["root"]["v"]), target.size(int(mm["size_pages"]) * 4096),
                int(mm["nvmas"]))
            print("%s %5d %-8s %-17s %s" %
                  ("*" if int(t) == now else " ", int(t["tid"]), state,
                   target.text(t["name"]), where))


Tasks()
