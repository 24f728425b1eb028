#!/usr/bin/python3
"""tools/floors: the tree is in order, and what runs the wrong way is found."""
import os
import shutil
import subprocess

from tap import WORK, check, end, equal, machine, tool

done = tool("floors", os.path.join(machine.BUILD, "obj"))
equal(done.status, 0, "the tree and its objects are in order", done.err)

copy = os.path.join(WORK, "tree")
for folder in ("arch", "boot", "kernel", "lib", "mm", "tests/kernel"):
    shutil.copytree(os.path.join(machine.ROOT, folder), os.path.join(copy, folder))


def with_file(path, text):
    """What the check says about the tree with one file more."""
    full = os.path.join(copy, path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, "w", encoding="utf-8") as file:
        file.write(text)
    done = tool("floors", "--root", copy)
    os.remove(full)
    return done


for path, text, words in (
        ("mm/pt/wrong.c", "#include <mm/vm/mm_struct.h>\n",
         b"mm/pt/wrong.c:1: floor 5 includes mm/vm/mm_struct.h of floor 8"),
        ("lib/wrong.h", '\n#include "../kernel/core/thread.h"\n', b"lib/wrong.h:2: floor 0 includes"),
        ("boot/wrong.S", "#include <kernel/core/thread.h>\n", b"boot/wrong.S:1: floor 2 includes"),
        ("kernel/fs/wrong.c", "#include <mm/pt/pt.h>\n", b"kernel/fs/wrong.c:1: floor 9 sees memory"),
        ("kernel/cellar/wrong.c", "\n", b"kernel/cellar/wrong.c: stands on no floor")):
    done = with_file(path, text)
    check(done.status == 1 and words in done.err, f"refused: {path}", done.status, done.err)
done = with_file("tests/kernel/right.c", "#include <mm/pt/pt.h>\n")
equal(done.status, 0, "a test may include everything", done.err)

# Symbols: two objects, the lower one calls the upper one.
objects = os.path.join(WORK, "obj")
for path, text in (("lib/low.c", "int high(void);\nint low(void);\nint low(void) { return high(); }\n"),
                   ("mm/vm/high.c", "int high(void);\nint high(void) { return 1; }\n"),
                   ("arch/x86_64/entry.c",
                    "void upcall_timer(void);\nvoid enter(void);\nvoid enter(void) { upcall_timer(); }\n"),
                   ("kernel/core/tick.c", "void upcall_timer(void);\nvoid upcall_timer(void) { }\n")):
    out = os.path.join(objects, path + ".o")
    os.makedirs(os.path.dirname(out), exist_ok=True)
    subprocess.run(["gcc", "-x", "c", "-c", "-o", out, "-"], input=text.encode(), check=True)
done = tool("floors", objects)
check(done.status == 1 and b"lib/low.c: floor 0 uses high of mm/vm/high.c, floor 8" in done.err,
      "a symbol that runs the wrong way is refused", done.status, done.err)
check(b"upcall_timer" not in done.err, "the door up is open", done.err)
end()
