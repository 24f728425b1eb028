"""What all commands need: registers, physical memory, walks of C structures."""
import re
import struct

import gdb

MASK64 = (1 << 64) - 1


def parse(text):
    """An address from any expression that GDB understands, as an unsigned number."""
    v = gdb.parse_and_eval(text)
    if v.type.strip_typedefs().code in (gdb.TYPE_CODE_FUNC, gdb.TYPE_CODE_ARRAY):
        v = v.address
    return int(v) & MASK64


def register(name):
    """A control register; QEMU's stub describes them to GDB."""
    v = gdb.parse_and_eval("$" + name)
    if v.type.code == gdb.TYPE_CODE_FLAGS or v.type.code == gdb.TYPE_CODE_INT:
        return int(v) & MASK64
    return int(v.cast(gdb.lookup_type("unsigned long"))) & MASK64


def levels():
    return 5 if register("cr4") & (1 << 12) else 4


class Physical:
    """Reads physical memory: `with Physical() as mem: mem.u64(addr)`."""

    def __enter__(self):
        self._mode("1")
        return self

    def __exit__(self, *exc):
        self._mode("0")

    @staticmethod
    def _mode(v):
        r = gdb.execute("maintenance packet Qqemu.PhyMemMode:" + v, to_string=True)
        if '"OK"' not in r:
            raise gdb.GdbError("physical memory cannot be read: the target is not QEMU's stub")
        # GDB caches code and stack by address: what it holds is of the other space.
        gdb.execute("maintenance flush dcache", to_string=True)

    @staticmethod
    def read(addr, n):
        return bytes(gdb.selected_inferior().read_memory(addr, n))

    def u64(self, addr):
        return struct.unpack("<Q", self.read(addr, 8))[0]


def symbol(name):
    """The value of a global of the kernel, or an error that says what is missing."""
    try:
        return gdb.parse_and_eval(name)
    except gdb.error as e:
        raise gdb.GdbError("no symbol %s in this kernel (%s)" % (name, e))


def tailq(head, link):
    """The elements of a <sys/queue.h> TAILQ, in order."""
    e = head["tqh_first"]
    while int(e):
        yield e
        e = e[link]["tqe_next"]


def rbtree(root, link):
    """The elements of a <sys/tree.h> RB tree, in order."""
    stack, e = [], root["rbh_root"]
    while stack or int(e):
        while int(e):
            stack.append(e)
            e = e[link]["rbe_left"]
        e = stack.pop()
        yield e
        e = e[link]["rbe_right"]


def text(value):
    """A char array or char pointer as a Python string."""
    return value.string(errors="replace") if value.type.code == gdb.TYPE_CODE_PTR \
        else re.sub(r"\0.*", "", value.string(errors="replace"), flags=re.S)


def size(n):
    """Bytes in the largest unit that divides them."""
    for unit, shift in (("GB", 30), ("MB", 20), ("kB", 10)):
        if n and n % (1 << shift) == 0:
            return "%d %s" % (n >> shift, unit)
    return "%d B" % n
