#!/usr/bin/python3
"""The terminal: what a program sees of it is what it sees on Linux, key by key; and a long text comes through whole."""
import difflib
import hashlib
import os
import time

from tap import ROOT, WORK, c_program, check, end, equal
from terminal import TIMEOUT, Gone, Host, Quire, initramfs

HERE = os.path.join(ROOT, "tests", "tools")
STEPS = [                               # what is shown, and what is typed then
    (rb"lines>", b"one\x7f\x7fut\r\x04a longer line\rthr\x16\x03ee\x04"),
    (rb"3 0 ready", b"abcd"), (rb"0 2 ready", b"x"), (rb"4 1 ready", b"yz"),
    (rb"echo>.*ready", b"a\x01\r\tb"), (rb"nonblocking>.*ready", b"a line\r"),
    (rb"interrupt me", b"lost"), (rb"lost", b"\x03"), (rb"and go on", b"\x1c"),
    (rb"and once more", b"\x1a"), (rb"SIGTSTP 1", b"k\r"),
    (rb"type .*line", b"\x13\x11x\r"), (rb"end>", b""),
]

SIGNALS = b"\x03", b"\x1a", b"\x1c"


def play(terminal):
    for wanted, keys in STEPS:
        terminal.expect(wanted)
        if keys in SIGNALS:
            time.sleep(0.5)             # it is to end a call that waits, which begins about now
        if keys:
            terminal.type(keys)
    return terminal.rest(TIMEOUT)


def whole(name, terminal):
    """All that a program shows, or as much as came."""
    with terminal:
        try:
            return play(terminal).decode("utf-8", "replace").splitlines()
        except Gone as gone:
            check(False, f"{name} comes to its end", str(gone))
            return terminal.shown.decode("utf-8", "replace").splitlines()


with open(os.path.join(HERE, "terminal.c"), encoding="utf-8") as file:
    steps = c_program("steps", file.read())
linux = whole("Linux", Host(steps))
quire = whole("Quire", Quire(initramfs(f"{steps}:/bin/steps"), "init=/bin/steps"))
check(linux == quire, "each step shows what it shows on Linux", *difflib.unified_diff(linux, quire, "Linux", "Quire"))
check(len(linux) > 100, "which is enough", *linux)

# 100 KB typed as fast as the line takes them, while every byte is echoed.
folder = os.path.join(WORK, "paste", ".qrun")
os.makedirs(folder)
with open(os.path.join(folder, "argv"), "wb") as file:
    file.write(b"/bin/busybox\0sh\0-c\0echo ready; md5sum\0")
text = b"".join(b"%05d the quick brown fox jumps over the lazy dog, and once more\n" % i for i in range(1600))
with Quire(initramfs(folder=os.path.dirname(folder))) as quire:
    quire.expect(rb"ready\r\n")
    quire.type(text + b"\x04")
    try:
        equal(quire.expect(rb"([0-9a-f]{32})  -")[1].decode(), hashlib.md5(text).hexdigest(), "100 KB come through whole")
    except Gone as gone:
        check(False, "100 KB come through whole", str(gone)[-500:])
    check(text.replace(b"\n", b"\r\n") in quire.shown, "and are echoed whole")
end()
