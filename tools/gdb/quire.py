"""Quire's GDB commands: `vm walk`, `vm maps`, `vm tasks`, `vm frames`.

Loaded by `make gdb` (gdb -x tools/gdb/quire.py). All of them only read: they
work on a halted machine at any moment, before the kernel's own tables are up
as well, because tables are read as physical memory through QEMU's stub.
"""
import os
import sys

import gdb

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


class Vm(gdb.Command):
    """Looks at virtual memory. `vm walk ADDR`, `vm maps [TID]`, `vm tasks`, `vm frames [PFN|ADDR]`."""

    def __init__(self):
        super().__init__("vm", gdb.COMMAND_DATA, prefix=True)


Vm()

import frames  # noqa: E402,F401
import maps    # noqa: E402,F401
import tasks   # noqa: E402,F401
import walk    # noqa: E402,F401
