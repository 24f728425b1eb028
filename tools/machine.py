"""The machine that Quire runs on: QEMU's arguments, its start, and what its end means.

tools/run, tools/qrun and tools/test-run all start QEMU by this file, so that a test
sees the same machine as a user. No QEMU outlives its starter: it gets SIGKILL from the
kernel when the starter dies (PR_SET_PDEATHSIG), and from `Qemu.end` otherwise.
"""
import ctypes
import os
import re
import signal
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
BUILD = os.path.join(ROOT, os.environ.get("B") or "build")

OVMF_CODE = "/usr/share/OVMF/OVMF_CODE_4M.fd"
OVMF_VARS = "/usr/share/OVMF/OVMF_VARS_4M.fd"

# isa-debug-exit: the kernel writes v, QEMU ends with 2v+1. Nothing else is an orderly end.
EXIT_PASS, EXIT_FAIL, EXIT_PANIC = 33, 35, 37

# What makes `--icount` runs repeat to the last digit: time is the instruction count,
# the calendar starts at a fixed point, RDRAND is seeded.
ICOUNT = ["-icount", "shift=0,sleep=off", "-rtc", "base=2020-01-01T00:00:00,clock=vm", "-seed", "1"]


def built(name, debug=False):
    """A file of the gcc build, or of the clang build where CLANG=1 says so; release or debug."""
    clang = bool(os.environ.get("CLANG"))
    variant = ("clang-debug" if debug else "clang") if clang else ("debug" if debug else "")
    return os.path.join(BUILD, variant, name)


class BadValue(Exception):
    """A parameter that cannot be honoured, in words for the user."""


def parse_cpus(text):
    if not re.fullmatch(r"[0-9]{1,4}", text) or not 1 <= int(text) <= 255:
        raise BadValue(f"CPUS is '{text}', but must be a number from 1 to 255")
    return int(text)


def parse_mem(text):
    """Memory as QEMU takes it: 512M, 4G, or a number of MB. Returns MB."""
    match = re.fullmatch(r"([0-9]{1,9})([MmGg]?)", text)
    mb = int(match[1]) * (1024 if match[2] in ("G", "g") else 1) if match else 0
    if not 16 <= mb <= 512 * 1024:
        raise BadValue(f"MEM is '{text}', but must be from 16M to 512G (such as 512M or 4G)")
    return mb


def parse_accel(text):
    if text not in ("tcg", "kvm"):
        raise BadValue(f"ACCEL is '{text}', but must be tcg or kvm")
    return text


def parse_cmdline(text):
    if re.search(r"[\0-\x1f\x7f]", text):
        raise BadValue("CMDLINE holds a control character")
    if len(text) > 1024:
        raise BadValue("CMDLINE is longer than 1024 characters")
    return text


def parse_disk(text):
    """A file that is to be the machine's disk (a raw image); "" for none."""
    if not text:
        return None
    if not os.path.isfile(text):
        raise BadValue(f"DISK is '{text}', but {'that is no file' if os.path.exists(text) else 'there is no such file'}"
                       " (truncate -s 256M FILE makes one)")
    if not os.access(text, os.R_OK | os.W_OK):
        raise BadValue(f"DISK is '{text}', which cannot be read and written")
    if os.path.getsize(text) < 4096:
        raise BadValue(f"DISK is '{text}', which is smaller than a page of 4096 bytes")
    return os.path.abspath(text)


def parse_flag(name, text):
    if text not in ("", "0", "1"):
        raise BadValue(f"{name} is '{text}', but must be 0 or 1")
    return text == "1"


class Machine:
    """Size and kind of one machine; `from_env` takes CPUS, MEM, CMDLINE, ACCEL, UEFI and DISK."""

    def __init__(self, cpus="1", mem="512M", cmdline="", accel="tcg", uefi="", icount=False, disk=""):
        self.cpus = parse_cpus(cpus)
        self.mem = parse_mem(mem)
        self.cmdline = parse_cmdline(cmdline)
        self.accel = parse_accel(accel)
        self.uefi = parse_flag("UEFI", uefi)
        self.icount = icount
        self.disk = parse_disk(disk)
        self.reboots = False            # a reset of the machine starts it again, or is its end

    @classmethod
    def from_env(cls):
        names = {"cpus": "CPUS", "mem": "MEM", "cmdline": "CMDLINE", "accel": "ACCEL", "uefi": "UEFI",
                 "disk": "DISK"}
        given = {key: os.environ[env] for key, env in names.items() if os.environ.get(env)}
        return cls(**given)

    def base_args(self):
        args = [os.environ.get("QEMU") or "qemu-system-x86_64", "-nodefaults", "-no-user-config",
                "-M", "q35", "-cpu", "max", "-accel", self.accel,
                "-smp", str(self.cpus), "-m", f"{self.mem}M",
                "-display", "none", *([] if self.reboots else ["-no-reboot"]),
                "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
        if self.icount:
            args += ICOUNT
        if self.disk:
            args += ["-drive", "if=none,id=disk,format=raw,file=" + self.disk.replace(",", ",,"),
                     "-device", "virtio-blk-pci,drive=disk"]
        if self.uefi:
            pflash = "if=pflash,format=raw,"
            args += ["-drive", f"{pflash}readonly=on,file={OVMF_CODE}",
                     "-drive", f"{pflash}snapshot=on,file={OVMF_VARS}"]
        return args

    def direct_args(self, kernel, initrd, cmdline=""):
        """Boot the ELF itself by its PVH note: no loader, a quarter of a second."""
        if self.uefi:
            raise BadValue("UEFI=1 needs the ISO: the direct boot has no firmware to choose")
        line = " ".join(filter(None, (cmdline, self.cmdline)))
        args = self.base_args() + ["-kernel", kernel, "-append", line]
        return args + (["-initrd", initrd] if initrd else [])

    def iso_args(self, iso, cmdline=""):
        """Boot the ISO through GRUB; the command line goes by fw_cfg, so the ISO never changes."""
        line = " ".join(filter(None, (cmdline, self.cmdline)))
        args = self.base_args() + ["-cdrom", iso]
        if line:
            args += ["-fw_cfg", "name=opt/quire/cmdline,string=" + line.replace(",", ",,")]
        return args


def die_with_parent():
    """Between fork and exec: SIGKILL for QEMU when its starter is no more."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def memory_file(name):
    """A file without a name in the file system: returns its fd, and a path that QEMU can open."""
    fd = os.memfd_create(name)
    return fd, f"/proc/self/fd/{fd}"


def read_fd(fd):
    """All of a file in memory."""
    return os.pread(fd, os.fstat(fd).st_size, 0)


class Qemu:
    """A running QEMU, to be used in a `with`: it is gone when the block is left, however."""

    def __init__(self, args, **kwargs):
        try:
            self.proc = subprocess.Popen(args, preexec_fn=die_with_parent, **kwargs)
        except FileNotFoundError:
            raise BadValue(f"{args[0]} is not installed (tools/deps run installs it)") from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        """Kill it if it still runs. Returns its exit code, negative for a signal."""
        if self.proc.poll() is None:
            self.proc.kill()
        return self.proc.wait()


def meaning(code):
    """QEMU's exit code in words."""
    return {
        EXIT_PASS: "orderly end",
        EXIT_FAIL: "the kernel reported failed tests",
        EXIT_PANIC: "the kernel panicked",
        0: "QEMU ended without a word from the kernel (reset, triple fault, or QEMU was told to quit)",
    }.get(code, f"QEMU was killed by signal {-code}" if code < 0 else f"QEMU ended with exit code {code}")


def exit_on_signals():
    """Make SIGTERM, SIGHUP and SIGINT leave by SystemExit, so that every `with` cleans up."""
    def leave(number, _):
        raise SystemExit(128 + number)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, leave)


def tail(data, lines=40):
    """The last lines of a log (bytes) as text."""
    return "\n".join(data.decode("utf-8", "replace").splitlines()[-lines:])


def fail(tool, text, status=2):
    """End the program with one clear line."""
    print(f"{tool}: {text}", file=sys.stderr)
    raise SystemExit(status)
