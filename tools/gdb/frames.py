"""vm frames [PFN|ADDR]: what the frames of RAM are used for, or one frame in full."""
import gdb

import target

ORDERS = 19
VMEMMAP = 0xffffc00000000000    # arch/include/arch/layout.h
DIRECT = 0xffff800000000000
FLAGS = ("busy", "uptodate", "dirty", "referenced", "lru", "active", "junk", "waiters")


def ranges():
    """(first, end) frame numbers of every range of RAM that has struct pages."""
    ram = target.symbol("early_ram")
    return [(int(ram["r"][i]["start"]) >> 12, int(ram["r"][i]["end"]) >> 12)
            for i in range(int(ram["n"]))]


def kinds():
    """enum page_kind's names without PAGE_, by value."""
    return {f.enumval: f.name[5:].lower() for f in gdb.lookup_type("enum page_kind").fields()}


def field(name):
    """Where a field of struct page lies, in bytes."""
    return next(f.bitpos // 8 for f in gdb.lookup_type("struct page").fields() if f.name == name)


def records(first, end):
    """The raw struct pages of a range of frames, some thousand at a read."""
    step, one = 16384, gdb.lookup_type("struct page").sizeof
    for at in range(first, end, step):
        n = min(step, end - at)
        raw = bytes(gdb.selected_inferior().read_memory(VMEMMAP + at * one, n * one))
        for i in range(n):
            yield raw[i * one:(i + 1) * one]


def page(n):
    return gdb.Value(VMEMMAP + n * gdb.lookup_type("struct page").sizeof) \
        .cast(gdb.lookup_type("struct page").pointer())


class Frames(gdb.Command):
    """vm frames [PFN|ADDR]
Without an argument counts the frames of RAM by what they are used for, and the
free ones by the order of their blocks. With a frame number, or a kernel address
of the direct map or of a struct page: all of that frame's record."""

    def __init__(self):
        super().__init__("vm frames", gdb.COMMAND_DATA)

    def invoke(self, arg, from_tty):
        if arg.strip():
            self.one(target.parse(arg))
        else:
            self.summary()

    @staticmethod
    def summary():
        # A block's head says what it is; its tails follow the head.
        names, kind_at, order_at = kinds(), field("kind"), field("order")
        count = dict.fromkeys(names.values(), 0)
        free = [0] * ORDERS
        total = 0
        for first, end in ranges():
            total += end - first
            head = "hole"
            for raw in records(first, end):
                name = names.get(raw[kind_at])
                if name is None:
                    raise gdb.GdbError("struct pages are not filled yet: go on beyond page_init")
                if name != "tail":
                    head = name
                    if name == "free":
                        free[raw[order_at]] += 1
                count[head] += 1
        print("%d frames of RAM (%s)" % (total, target.size(total * 4096)))
        for name, n in count.items():
            if n:
                label = {"hole": "reserved", "percpu": "free, per CPU"}.get(name, name)
                print("  %-14s %9d  %12s" % (label, n, target.size(n * 4096)))
        print("free blocks by order: " +
              " ".join("%d:%d" % (o, n) for o, n in enumerate(free) if n))

    @staticmethod
    def frame_number(v):
        if v >= VMEMMAP:
            return (v - VMEMMAP) // gdb.lookup_type("struct page").sizeof
        return (v - DIRECT) >> 12 if v >= DIRECT else v

    def one(self, v):
        n = self.frame_number(v)
        if not any(first <= n < end for first, end in ranges()):
            raise gdb.GdbError("frame %d is not RAM" % n)
        p = page(n)
        name = kinds().get(int(p["kind"]), "of no kind")
        flags = int(p["flags"])
        print("frame %d, physical 0x%x, direct map 0x%x" % (n, n << 12, DIRECT + (n << 12)))
        print("  %s, order %d, limit %d, flags: %s" %
              (name, int(p["order"]), int(p["limit_id"]),
               " ".join(f for i, f in enumerate(FLAGS) if flags >> i & 1) or "none"))
        if name == "table":
            print("  level %d%s, maps from 0x%x, upper slot 0x%x" %
                  (int(p["level"]), " (dead)" if int(p["dead"]) else "", int(p["base"]),
                   int(p["owner_slot"])))
            print("  %d entries used, all within [%d, %d]; anon %d, file %d, shmem %d, swap %d" %
                  tuple(int(p[f]) for f in ("used", "first", "last", "anon", "file", "shmem", "swap")))
        elif name in ("anon", "file", "kernel"):
            print("  refs %d, slots %d, slot 0x%x, owner 0x%x, index 0x%x, locked by %d" %
                  tuple(int(p[f]) for f in ("refs", "slots", "slot", "owner", "index", "nlocked")))


Frames()
