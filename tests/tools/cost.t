#!/usr/bin/python3
"""What things cost in instructions of the guest, where there is a limit that must hold."""
import os
import re

from tap import check, end, equal, machine, tool

program = os.path.join(machine.BUILD, "user/cow-reuse")
done = tool("qrun", "--icount", "-m", "256M", program, "time")
equal(done.status, 0, "cow-reuse runs", done.err)
found = re.search(rb"^(\d+) ns per page", done.out, re.MULTILINE)
cost = int(found[1]) if found else None
print(f"# a write that takes a page back: {cost} instructions")
check(cost is not None and cost <= 400, "a page is taken back without a copy in 400 instructions",
      done.out)
end()
