"""vm frames [PFN|ADDR]: what the frames of RAM are used for, or one frame in full."""
import struct

import gdb

import target

ORDERS = 19
KINDS = ("hole", "free", "tail", "percpu", "kernel", "slab", "table", "anon", "file")
FLAGS = ("busy", "uptodate", "dirty", "referenced", "lru", "active", "junk")
PAGE = 64       # sizeof(struct page)


def ranges():
    """(first, end) frame numbers of every range of RAM that has struct pages."""
    n = int(target.symbol("ram_nranges"))
    r = target.symbol("ram_ranges")
    return [(int(r[i]["start"]) >> 12, int(r[i]["end"]) >> 12) for i in range(n)]


def vmemmap():
    return int(gdb.parse_and_eval("0xffffc00000000000ul"))


def records(first, end):
    """The raw struct pages of a range of frames, some thousand at a read."""
    step = 16384
    for at in range(first, end, step):
        n = min(step, end - at)
        raw = bytes(gdb.selected_inferior().read_memory(vmemmap() + at * PAGE, n * PAGE))
        for i in range(n):
            yield at + i, raw[i * PAGE:(i + 1) * PAGE]


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
        count = [0] * len(KINDS)
        free = [0] * ORDERS
        total = 0
        for first, end in ranges():
            total += end - first
            head = 0
            for _, raw in records(first, end):
                kind, order = raw[4], raw[5]
                if kind >= len(KINDS):
                    raise gdb.GdbError("struct pages are not filled yet: go on beyond page_init")
                if KINDS[kind] == "tail":
                    count[head] += 1
                    continue
                head = kind
                count[kind] += 1
                if KINDS[kind] == "free":
                    free[min(order, ORDERS - 1)] += 1
        print("%d frames of RAM (%s)" % (total, target.size(total * 4096)))
        for name, n in zip(KINDS, count):
            if n:
                label = "reserved" if name == "hole" else name
                print("  %-9s %9d  %12s" % (label, n, target.size(n * 4096)))
        print("free blocks by order: " +
              " ".join("%d:%d" % (o, n) for o, n in enumerate(free) if n))

    @staticmethod
    def frame_number(v):
        direct = 0xffff800000000000
        if v >= vmemmap():
            return (v - vmemmap()) // PAGE
        return (v - direct) >> 12 if v >= direct else v

    def one(self, v):
        n = self.frame_number(v)
        if not any(first <= n < end for first, end in ranges()):
            raise gdb.GdbError("frame %d is not RAM" % n)
        _, raw = next(records(n, n + 1))
        flags, kind, order, limit = struct.unpack("<IBBH", raw[:8])
        name = KINDS[kind] if kind < len(KINDS) else "kind %d?" % kind
        print("frame %d, physical 0x%x, direct map 0x%x" % (n, n << 12, 0xffff800000000000 + (n << 12)))
        print("  %s, order %d, limit %d, flags: %s" %
              (name, order, limit,
               " ".join(f for i, f in enumerate(FLAGS) if flags >> i & 1) or "none"))
        if name == "table":
            level, dead, used, first, last = struct.unpack("<BBHHH", raw[16:24])
            anon, file, shmem, swap = struct.unpack("<4H", raw[24:32])
            base, owner = struct.unpack("<QQ", raw[32:48])
            print("  level %d%s, maps from 0x%x, upper slot 0x%x" %
                  (level, " (dead)" if dead else "", base, owner))
            print("  %d entries used, all within [%d, %d]; anon %d, file %d, shmem %d, swap %d" %
                  (used, first, last, anon, file, shmem, swap))
        else:
            refs, slots, slot = struct.unpack("<IIQ", raw[8:24])
            owner, index, _, nlocked = struct.unpack("<QQII", raw[40:64])
            print("  refs %d, slots %d, slot 0x%x, owner 0x%x, index 0x%x, locked by %d" %
                  (refs, slots, slot, owner, index, nlocked))


Frames()
