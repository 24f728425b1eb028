#!/usr/bin/python3
"""tools/qrun: statuses, streams, files, environment, limits; nothing is left behind."""
import os
import pty
import signal
import subprocess
import time

from tap import MARK, WORK, check, c_program, end, equal, machine, qemus_left, run, tool

QRUN = os.path.join(machine.ROOT, "tools/qrun")


def qrun(*args, **kwargs):
    return tool("qrun", *args, **kwargs)


def write(name, data):
    path = os.path.join(WORK, name)
    with open(path, "wb") as file:
        file.write(data)
    return path


about = c_program("about", r"""
#include <stdio.h>
#include <unistd.h>
extern char **environ;
int main(int argc, char **argv)
{
	char cwd[256] = "?";

	for (int i = 0; i < argc; i++)
		printf("arg %s\n", argv[i]);
	for (char **e = environ; *e; e++)
		printf("env %s\n", *e);
	printf("cwd %s\n", getcwd(cwd, sizeof(cwd)) ? cwd : "?");
	return 0;
}""")
status = c_program("status", "#include <stdlib.h>\nint main(int c, char **v) { return c > 1 ? atoi(v[1]) : 0; }")
segv = c_program("segv", "int main(void) { *(volatile int *)8 = 1; return 0; }")
loop = c_program("loop", "int main(void) { for (;;) __asm__ volatile(\"\"); }")
chatty = c_program("chatty", r"""
#include <unistd.h>
int main(void) { for (;;) if (write(1, "many words and no end\n", 22) < 0) return 1; }""")
streams = c_program("streams", r"""
#include <unistd.h>
int main(void) { return isatty(0) | isatty(1) << 1 | isatty(2) << 2 | (write(2, "err\r\n", 5) == 5) << 3; }""")
clocks = c_program("clocks", r"""
#include <stdio.h>
#include <time.h>
int main(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	printf("%ld.%09ld %llu\n", (long)ts.tv_sec, ts.tv_nsec, (unsigned long long)__builtin_ia32_rdtsc());
	return 0;
}""")

# What the program is told.
done = qrun(about, "a b", "", "-m", "c")
equal(done.out.decode(), "arg /bin/about\narg a b\narg \narg -m\narg c\n"
      "env PATH=/bin:/sbin:/usr/bin:/usr/sbin\nenv HOME=/\ncwd /\n", "arguments, environment, folder", done.err)
done = qrun("-e", "A=1", "-e", "B=x y=z", "-e", "HOME=/tmp", about)
check(b"env A=1\n" in done.out and b"env B=x y=z\n" in done.out and b"env HOME=/tmp\n" in done.out,
      "-e adds and replaces", done.out, done.err)

# How it ends.
for number in (0, 1, 77, 200, 255):
    equal(qrun(status, str(number)).status, number, f"exit status {number}")
equal(qrun("busybox", "false").status, 1, "a program from PATH: busybox false")
done = qrun(segv)
equal((done.status, done.out), (139, b""), "SIGSEGV is status 139", done.err)

# What cannot be run.
done = qrun("./nosuch")
equal((done.status, b"./nosuch" in done.err), (127, True), "a file that is not there", done.err)
equal(qrun("no-such-program-anywhere").status, 127, "a name that is not in PATH")
equal(qrun(WORK).status, 126, "a folder")
script = write("script", b"#!/bin/sh\necho no\n")
equal(qrun(script).status, 126, "a file that is not executable")
os.chmod(script, 0o755)
equal(qrun(script).status, 126, "a script")
with open(status, "rb") as file:
    elf = bytearray(file.read())
elf[18] = 183                           # e_machine: AArch64
os.chmod(write("alien", elf), 0o755)
equal(qrun(os.path.join(WORK, "alien")).status, 126, "an ELF file for another machine")
dynamic = c_program("dynamic", "int main(void) { return 0; }", ("gcc",))
done = qrun(dynamic)
equal((done.status, b"-static" in done.err), (126, True), "a dynamic program is refused with advice", done.err)
for bad in ([], ["-q"], ["-m"], ["-m", "12parsec", about], ["-c", "0", about], ["-t", "0", about],
            ["-t", "x", about], ["-e", "novalue", about], ["-f", "./nosuch", about]):
    done = qrun(*bad)
    check(done.status == 2 and done.err.startswith(b"qrun: "), f"usage error: {bad[:2]}", done.status, done.err)
done = qrun("--help")
equal((done.status, b"--icount" in done.out), (0, True), "--help")

# Streams, byte for byte.
every = bytes(range(256)) * 64 + b"\xff\xff\xff\x00\xff" + bytes(reversed(range(256)))
done = qrun("busybox", "cat", stdin=every)
check(done.out == every and done.status == 0, "all byte values through stdin and stdout",
      f"{len(done.out)} bytes of {len(every)}", done.err)
file = write("every", every)
done = qrun("-f", file, "busybox", "cat", "/every")
check(done.out == every, "all byte values out of a file", f"{len(done.out)} bytes of {len(every)}", done.err)
done = qrun("busybox", "cat", stdin=b"")
equal((done.status, done.out), (0, b""), "an empty input ends at once", done.err)
done = run("sh", "-c", f"'{QRUN}' busybox cat <&-")
equal((done.status, done.out), (0, b""), "a closed input ends at once", done.err)
done = run("sh", "-c", f"(sleep 1; echo late) | '{QRUN}' busybox cat")
equal(done.out, b"late\n", "input that comes late", done.err)
done = qrun(streams)
equal((done.status, done.out), (8, b"err\r\n"), "pipes are no terminals; stderr arrives unchanged", done.err)
with subprocess.Popen([QRUN, chatty], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as talker:
    first = talker.stdout.readline()
    talker.stdout.close()
    talker.stdout = None
    errors = talker.communicate(timeout=120)[1]
equal((first, talker.returncode), (b"many words and no end\n", 141), "a reader that leaves ends it (SIGPIPE)", errors)


def on_terminal():
    """Run `streams` with fds 0-2 on a terminal; returns status and output."""
    pid, master = pty.fork()
    if pid == 0:
        os.execv(QRUN, [QRUN, streams])
    out = b""
    try:
        while data := os.read(master, 4096):
            out += data
    except OSError:
        pass
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), out


equal(on_terminal()[0], 15, "fds 0-2 are terminals where they are on the host")

# Files.
os.makedirs(os.path.join(WORK, "tree/sub"))
write("tree/sub/leaf", b"leaf\n")
os.symlink("sub/leaf", os.path.join(WORK, "tree/link"))
tree = os.path.join(WORK, "tree")
done = qrun("-f", tree, "-f", f"{file}:/a/b/", "-f", f"{file}:c", "busybox", "cat", "/tree/link")
equal(done.out, b"leaf\n", "-f with a folder, links inside it", done.err)
done = qrun("-f", f"{tree}/sub/leaf:/a/b/", "busybox", "cat", "/a/b/leaf")
equal(done.out, b"leaf\n", "-f HOST:GUEST/", done.err)
done = qrun("-f", f"{tree}/sub/leaf:etc/name", "busybox", "cat", "/etc/name")
equal(done.out, b"leaf\n", "-f HOST:GUEST", done.err)
done = qrun("-f", f"{tree}/sub/leaf:/x", "-f", f"{file}:/x", "busybox", "true")
equal(done.status, 2, "two files at one place are refused", done.err)

# The log, and a kernel that fails.
log = os.path.join(WORK, "log")
done = qrun("--log", log, status, "3")
with open(log, "rb") as kept:
    words = kept.read()
check(done.status == 3 and not done.out and b"# quire: exit 3" in words, "--log", done.status, words)
done = qrun("-a", "test=selftest_panic", about)
check(done.status == 125 and b"panic" in done.err, "a panic is 125 and shows the log", done.status, done.err)

# The same digits at each run.
done = [qrun("--icount", clocks, stdin=subprocess.DEVNULL) for _ in range(2)]
check(done[0].out == done[1].out and done[0].status == 0 and done[0].out.count(b" ") == 1,
      "--icount gives the same digits twice", done[0].out, done[1].out, done[0].err)

# Time, signals, and nothing left behind.
begin = time.monotonic()
done = qrun("-t", "3", loop)
equal(done.status, 124, "an endless loop with -t 3 ends with 124", done.err)
print(f"# it took {time.monotonic() - begin:.1f} s")
equal(qemus_left(), [], "no QEMU is left after the time limit")
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
    with subprocess.Popen([QRUN, chatty], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          env=dict(os.environ, **{MARK: os.environ[MARK]})) as victim:
        victim.stdout.readline()
        victim.send_signal(number)
        victim.stdout.close()
        victim.stdout = None
        code = victim.wait(60)
    check(code in (128 + number, -number), f"{number.name} ends it", code)
    equal(qemus_left(), [], f"no QEMU is left after {number.name}")
end()
