"""What the tests of the tools share: TAP output, running a command, small C programs.

A test is a Python program NAME.t that calls `plan` functions below; each check prints one
TAP line, and what explains a failure goes to standard error, where prove shows it.
"""
import os
import subprocess
import sys
import tempfile
import time
import uuid

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
TOOLS = os.path.join(ROOT, "tools")
sys.path.insert(0, TOOLS)

import machine  # noqa: E402  (tools/machine.py)

MARK = "QUIRE_TEST_MARK"
_mark = os.environ.setdefault(MARK, uuid.uuid4().hex)
_count = _failed = 0
_work = tempfile.TemporaryDirectory(prefix="quire-test-")
WORK = _work.name                       # removed when the test ends


def check(good, name, *why):
    """One result; `why` explains a failure."""
    global _count, _failed
    _count += 1
    print(f"{'ok' if good else 'not ok'} {_count} - {name}", flush=True)
    if not good:
        _failed += 1
        text = "\n".join(w.decode("utf-8", "replace") if isinstance(w, bytes) else str(w) for w in why)
        sys.stderr.write("".join(f"# {line}\n" for line in [f"not ok: {name}"] + text.splitlines()[-40:]))
    return good


def equal(got, want, name, *why):
    return check(got == want, name, f"got:  {got!r}"[:2000], f"want: {want!r}"[:2000], *why)


def skip(name, why):
    global _count
    _count += 1
    print(f"ok {_count} - {name} # SKIP {why}", flush=True)


def end():
    """Print the plan and leave."""
    print(f"1..{_count}", flush=True)
    _work.cleanup()
    sys.exit(1 if _failed or not _count else 0)


class Done:
    """A command that ended: its status (128+N for signal N), output and errors."""

    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err


def run(*args, stdin=b"", timeout=600, env=None, **kwargs):
    """Run a command to its end; `stdin` is bytes, or a file."""
    given = dict(os.environ, **(env or {}))
    given = {name: value for name, value in given.items() if value is not None}
    feed = {"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin}
    done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, env=given,
                          check=False, **feed, **kwargs)
    return Done(done.returncode if done.returncode >= 0 else 128 - done.returncode, done.stdout, done.stderr)


def tool(name, *args, **kwargs):
    """Run one of tools/; returns what `run` returns."""
    return run(os.path.join(TOOLS, name), *args, **kwargs)


def c_program(name, source, compiler=("musl-gcc", "-static", "-no-pie", "-fno-pie")):
    """Compile a small static program into the work folder; returns its path."""
    path = os.path.join(WORK, name)
    with open(path + ".c", "w", encoding="utf-8") as file:
        file.write(source)
    subprocess.run([*compiler, "-O2", "-o", path, path + ".c"], check=True)
    return path


def qemus_left(seconds=5):
    """Command lines of QEMUs that this test started and that still run after some seconds."""
    deadline = time.monotonic() + seconds
    while True:
        left = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    cmdline = file.read()
                with open(f"/proc/{pid}/environ", "rb") as file:
                    marked = f"{MARK}={_mark}".encode() in file.read().split(b"\0")
            except OSError:
                continue
            if marked and b"qemu-system" in cmdline:
                left.append(cmdline.replace(b"\0", b" "))
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.1)
