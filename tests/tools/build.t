#!/usr/bin/python3
"""The Makefile: nothing is done twice, and what depends on a change is done again."""
import os
import re

from tap import check, end, equal, machine, run

PLAIN = {name: None for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "DEBUG", "QUIRE_DEPS_DONE")}


def make(*args):
    """make without what the make that runs the tests has exported."""
    compiler = ["CC=clang"] if os.environ.get("CLANG") else []
    return run("make", "-C", machine.ROOT, "--no-print-directory", f"B={machine.BUILD}", "V=1", *compiler, *args,
               env=PLAIN)


done = make("-q", "all", "user", "host")
equal(done.status, 0, "a second make finds nothing to do", done.out, done.err)
equal(make("-q", "DEBUG=1", "elf").status, 0, "nor does one of the debug kernel")


def compiled(*args):
    """The sources that would be compiled."""
    done = make("-n", *args)
    return set(re.findall(rb" -MP -c -o \S+ (\S+)$", done.out, re.MULTILINE)), done


files, done = compiled("elf", "-W", "lib/format.h")
check(b"lib/format.c" in files and b"boot/boot.S" not in files, "a header's users are compiled again, no others",
      sorted(files), done.err)
files, done = compiled("elf", "-W", "lib/format.c")
equal(files, {b"lib/format.c"}, "a source alone is compiled again alone", done.err)
check(b"quire.elf" in done.out, "and the kernel is linked", done.out)
files, done = compiled("elf", "CODEGEN_EXTRA=-DANOTHER=1")
check(len(files) > 20, "other flags: everything is compiled again", sorted(files), done.err)
done = make("help")
lines = done.out.decode().splitlines()
check(done.status == 0 and all(line.startswith("make ") for line in lines) and len(lines) > 8,
      "make help: one line for each target", done.out)
end()
