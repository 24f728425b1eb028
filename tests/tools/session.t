#!/usr/bin/python3
"""A session as `make run` gives it: a shell with job control, its programs, and each way to the machine's end."""
import os
import time

from tap import WORK, check, end, equal, machine
from terminal import Gone, Quire, Run

INITRD = os.path.join(machine.BUILD, "initramfs.cpio")
PROMPT = rb"quire:\S+# (\x1b\[6n)?"


class Shell:
    """Commands typed at the prompt of a terminal."""

    def __init__(self, terminal):
        self.terminal = terminal
        terminal.expect(PROMPT)

    def run(self, command, *keys):
        """What it shows until the next prompt; keys are typed while it runs, each half a second after the last."""
        at = self.terminal.at
        self.terminal.type(command + b"\r")
        if keys:
            self.terminal.expect(rb"\n")
        for some in keys:
            time.sleep(0.5)
            self.terminal.type(some)
        self.terminal.expect(PROMPT)
        return self.terminal.shown[at:self.terminal.at].replace(b"\r", b"")

    def shows(self, name, command, wanted, *keys):
        try:
            shown = self.run(command, *keys)
            check(all(part in shown for part in wanted), name, shown)
        except Gone as gone:
            check(False, name, str(gone))


with Quire(INITRD) as quire:
    sh = Shell(quire)
    sh.shows("the shell is the foreground group of a terminal", b"tty; echo $-; ps -o pid,comm",
             [b"/dev/ttyS0\n", b"mi", b" 1 init\n", b" 2 init\n"])
    sh.shows("ps knows its terminal and groups", b"ps -o pid,pgid,sid,tty,stat,comm",
             [b"    2     2     2 4,64   S    init\n", b"4,64   R    ps\n"])
    sh.shows("^C ends a program, not the shell", b"sleep 1000; echo not said", [b"^C\n"], b"\x03")
    sh.shows("and the program's end was SIGINT", b"echo $?", [b"\n130\n"])
    sh.shows("^\\ ends one, too", b"sleep 1000", [b"^\\Quit\n"], b"\x1c")
    sh.shows("^Z stops one", b"sleep 1000", [b"^Z[1]+  Stopped"], b"\x1a")
    sh.shows("and another", b"cat", [b"^Z[2]+  Stopped"], b"\x1a")
    sh.shows("jobs lists both", b"jobs", [b"[2]+  Stopped", b"cat\n", b"[1]-  Stopped", b"sleep 1000\n"])
    sh.shows("fg goes on, reads, ^D ends it", b"fg", [b"cat\n", b"to cat\nto cat\n"], b"to cat\r\x04")
    sh.shows("bg goes on behind", b"bg; sleep 1", [b"[1] sleep 1000"])
    sh.shows("kill ends a job", b"kill %1; wait %1; echo $?", [b"\n143\n"])
    sh.shows("what reads in the background is stopped", b"cat & sleep 1; jobs", [b"Stopped (tty input)"])
    sh.shows("and ends", b"kill -9 %1; wait; jobs", [])
    sh.shows("a pipeline is a group", b"yes | while read x; do :; done; echo not said", [b"^C\n"], b"\x03")
    sh.shows("scripts run by their first line", b"head -n 1 /init; PATH=/bin /bin/sh -c 'kill -l 15'", [b"#!/bin/sh\n", b"TERM\n"])
    sh.shows("top", b"top -b -n 1 | head -n 20", [b"Mem:", b"CPU:", b"Load average:", b"PPID USER     STAT", b"{init} /bin/sh /init"])
    sh.shows("free", b"free", [b"Mem:", b"Swap:"])
    sh.shows("vi ends", b"printf 'first\\nsecond\\n' >/tmp/text; vi /tmp/text", [b"second"],
             b"ofrom vi\x1b", b"ddpkA, at the end\x1b", b":wq\r")      # a pause: Escape, not a key that begins so
    sh.shows("and has edited a file", b"cat /tmp/text", [b"first\nsecond, at the end\nfrom vi\n"])
    sh.shows("memory is in order", b"cat /proc/mm_verify", [b"\nok\n"])
    quire.type(b"exit\r")
    equal(quire.wait(), machine.EXIT_PASS, "leaving the shell is the machine's end", quire.log()[-2000:])

# Each way to the end, from the release kernel as `make run` starts it.
with Run("--direct", CMDLINE="quiet") as run:
    Shell(run)
    run.type(b"reboot\r")
    try:
        run.expect(rb"Welcome to Quire")        # the shell may show another prompt before it ends
        Shell(run)
        check(True, "reboot starts again")
        run.type(b"poweroff\r")
        equal(run.wait(), 0, "poweroff ends `make run` well", run.shown[-2000:])
    except Gone as gone:
        check(False, "reboot starts again", str(gone))
for command in b"poweroff", b"poweroff -f":
    with Quire(INITRD, without=("isa-debug-exit,iobase=0xf4,iosize=4",)) as quire:
        Shell(quire)
        quire.type(command + b"\r")
        equal(quire.wait(), 0, f"{command.decode()} by ACPI where nothing else is there", quire.log()[-2000:])
with Quire(INITRD) as quire:
    Shell(quire)
    quire.type(b"halt\r")
    deadline = time.monotonic() + 20
    while b"power: halted" not in quire.log() and time.monotonic() < deadline:
        time.sleep(0.1)
    check(quire.proc.poll() is None and b"power: halted" in quire.log(), "halt stops the machine, and leaves it on", quire.log()[-2000:])

# A user's own files.
root = os.path.join(WORK, "root")
os.makedirs(os.path.join(root, "etc"))
with open(os.path.join(root, "etc/motd"), "wb") as file:
    file.write(b"a greeting of my own\n")
with open(os.path.join(root, "own"), "wb") as file:
    file.write(b"#!/usr/bin/awk -f\nBEGIN { print 6 * 7 }\n")
os.chmod(os.path.join(root, "own"), 0o755)
with Run(ROOT=root, CMDLINE="quiet") as run:
    Shell(run).shows("ROOT= adds files", b"/own", [b"\n42\n"])
    check(b"a greeting of my own\r\n" in run.shown, "and replaces some", run.shown)
    run.type(b"poweroff\r")
    equal(run.wait(), 0, "and ends as well", run.shown[-2000:])
done_wrong = Run(ROOT="/no/such/folder")
with done_wrong:
    equal(done_wrong.wait(), 2, "a folder that is not there is refused")
check(b"run: ROOT is '/no/such/folder'" in done_wrong.shown, "by name", done_wrong.shown)
end()
