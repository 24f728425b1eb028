#!/usr/bin/python3
"""tools/deps: silent when all is there, clear when it can do nothing."""
from tap import check, end, equal, tool

done = tool("deps", "build", "run", "test")
equal((done.status, done.out, done.err), (0, b"", b""), "silent when nothing is missing")
done = tool("deps", "--list", "run")
equal(done.out, b"qemu-system-x86\n", "--list")
done = tool("deps", "cellar")
check(done.status == 2 and b"cellar" in done.err, "an unknown group is refused", done.err)
done = tool("deps", "run", "gdb", env={"PATH": "/nonexistent"})
check(done.status == 1 and b"apt-get install qemu-system-x86 gdb" in done.err,
      "where there is no apt, it says what to install", done.err)
done = tool("deps", "--help")
check(done.status == 0 and b"usage: tools/deps" in done.out, "--help", done.out)
end()
