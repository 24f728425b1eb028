"""Programs on a terminal, driven like by a user: on this machine's Linux on a pseudo-terminal, or in Quire on its serial line."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

from tap import WORK, machine, tool

TIMEOUT = float(os.environ.get("LIMIT") or 60)


class Gone(Exception):
    """What was waited for did not come; the text is all that was shown since it was last found."""


class Terminal:
    """Shown text, and keys. `shown` is all that has come since the beginning, as it came."""

    def __init__(self):
        self.shown, self.at = b"", 0

    def read_some(self, seconds):
        """Adds what comes within some seconds; False: nothing came, or nothing comes any more."""
        raise NotImplementedError

    def type(self, keys):
        raise NotImplementedError

    def expect(self, pattern, seconds=TIMEOUT):
        """Waits until the pattern is shown behind what was found last; returns the match."""
        deadline = time.monotonic() + seconds
        while True:
            match = re.compile(pattern, re.DOTALL | re.MULTILINE).search(self.shown, self.at)
            if match:
                self.at = match.end()
                return match
            left = deadline - time.monotonic()
            if left <= 0 or not self.read_some(left):
                raise Gone(f"{pattern!r} did not come; shown: {self.shown[self.at:]!r}")

    def rest(self, seconds=TIMEOUT):
        """All that is shown until the end."""
        deadline = time.monotonic() + seconds
        while self.read_some(max(0, deadline - time.monotonic())):
            pass
        return self.shown


def read_fd(terminal, fd, seconds):
    ready, _, _ = select.select([fd], [], [], seconds)
    try:
        data = os.read(fd, 65536) if ready else b""
    except OSError:                     # a pseudo-terminal whose last user is gone
        data = b""
    terminal.shown += data
    return bool(data)


class Host(Terminal):
    """A program on a pseudo-terminal of this machine, with the settings that Quire's has at first."""

    def __init__(self, *args):
        super().__init__()
        self.pid, self.fd = pty.fork()
        if not self.pid:
            iflag, oflag, cflag, lflag, ispeed, ospeed, keys = termios.tcgetattr(0)
            iflag = termios.ICRNL | termios.IXON | getattr(termios, "IUTF8", 0o40000)
            termios.tcsetattr(0, termios.TCSANOW, [iflag, oflag, cflag, lflag, ispeed, ospeed, keys])
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
            os.execv(args[0], args)

    def read_some(self, seconds):
        return read_fd(self, self.fd, seconds)

    def type(self, keys):
        os.write(self.fd, keys)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        os.waitpid(self.pid, 0)
        os.close(self.fd)


class Piped(Terminal):
    """A program whose terminal is at the other ends of its standard input and output."""

    def __init__(self, proc):
        super().__init__()
        self.proc = proc

    def read_some(self, seconds):
        return read_fd(self, self.proc.stdout.fileno(), seconds)

    def type(self, keys):
        """All of it, while what is shown is read: else a long text could stop both sides."""
        fd, keys = self.proc.stdin.fileno(), memoryview(keys)
        os.set_blocking(fd, False)
        while keys:
            _, ready, _ = select.select([], [fd], [], 0.05)
            if ready:
                keys = keys[os.write(fd, keys[:4096]):]
            self.read_some(0)

    def wait(self, seconds=TIMEOUT):
        """Its exit code; None: it does not end."""
        try:
            self.rest(seconds)
            return self.proc.wait(1)
        except subprocess.TimeoutExpired:
            return None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.proc.kill()
        self.proc.wait()


class Quire(Piped):
    """A machine with the debug kernel that boots `initrd`; its serial line is the terminal, its log goes elsewhere."""

    def __init__(self, initrd, cmdline="", without=(), **size):
        self.log_fd, path = machine.memory_file("log")
        guest = machine.Machine(cmdline=f"log=debugcon {cmdline}", **size)
        args = guest.direct_args(machine.built("quire.elf", True), initrd)
        args += ["-chardev", "stdio,id=com1,signal=off", "-serial", "chardev:com1", "-debugcon", f"file:{path}"]
        for word in without:            # an option, and its value
            del args[args.index(word) - 1:args.index(word) + 1]
        super().__init__(machine.Qemu(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
                                      pass_fds=(self.log_fd,), start_new_session=True).proc)

    def log(self):
        return machine.read_fd(self.log_fd)


class Run(Piped):
    """tools/run, as `make run` calls it."""

    def __init__(self, *args, **env):
        super().__init__(subprocess.Popen(
            [os.path.join(machine.ROOT, "tools/run"), *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, bufsize=0, env=dict(os.environ, **env)))

    def __exit__(self, *_):
        self.proc.terminate()           # it ends its QEMU
        self.proc.wait()


def initramfs(*files, folder=None):
    """An initramfs of busybox and files (HOST:GUEST); its path."""
    path, empty = os.path.join(WORK, "terminal.cpio"), os.path.join(WORK, "empty")
    os.makedirs(empty, exist_ok=True)
    done = tool("mkinitramfs", path, folder or empty, "/bin/busybox", *files)
    if done.status:
        raise RuntimeError(done.err)
    return path
