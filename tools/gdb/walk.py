"""vm walk ADDR [ROOT]: the translation of one address, a line for each level."""
import gdb

import target
import pte


class Walk(gdb.Command):
    """vm walk ADDR [ROOT]
Prints what the CPU's page walk for ADDR reads: each level's table, index,
entry and flags in words, then the physical address or why there is none.
ROOT: physical address of another top table (default: CR3 of this CPU)."""

    def __init__(self):
        super().__init__("vm walk", gdb.COMMAND_DATA)

    def invoke(self, arg, from_tty):
        args = gdb.string_to_argv(arg)
        if not 1 <= len(args) <= 2:
            raise gdb.GdbError("usage: vm walk ADDR [ROOT]")
        va = target.parse(args[0])
        if not target.register("cr0") & (1 << 31):
            raise gdb.GdbError("paging is off: addresses are physical")
        levels = target.levels()
        top = 12 + 9 * levels - 1
        sign = va >> top
        if sign not in (0, (1 << (64 - top)) - 1):
            raise gdb.GdbError("0x%x is not canonical: bits 63 to %d must be equal" % (va, top))
        root = target.parse(args[1]) if len(args) == 2 else target.register("cr3")
        self.walk(va, root & pte.ADDR, levels)

    @staticmethod
    def walk(va, table, levels):
        print("0x%016x, %d levels, root 0x%x" % (va, levels, table))
        rights = pte.W | pte.U
        nx = 0
        with target.Physical() as mem:
            for level in range(levels, 0, -1):
                index = (va >> pte.shift(level)) & 511
                e = mem.u64(table + 8 * index)
                print("%-4s 0x%012x [%3d] 0x%016x  %s" %
                      (pte.NAMES[level], table, index, e, pte.words(e, level)))
                if not e & pte.P:
                    print("=> no translation: an access raises #PF")
                    return
                rights &= e
                nx |= e & pte.NX
                if pte.is_leaf(e, level):
                    span = 1 << pte.shift(level)
                    pa = (e & pte.ADDR & ~(span - 1)) | (va & (span - 1))
                    print("=> physical 0x%x, frame %d; %s, %s, %s" %
                          (pa, pa >> 12, "user" if rights & pte.U else "supervisor",
                           "writable" if rights & pte.W else "read-only",
                           "no-execute" if nx else "executable"))
                    return
                table = e & pte.ADDR


Walk()
