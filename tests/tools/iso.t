#!/usr/bin/python3
"""The ISO: the same bytes at each build, small, and both kinds of firmware boot it to a prompt, and `poweroff` ends it."""
import hashlib
import os
import re
import time

from tap import WORK, check, end, equal, machine, tool
from terminal import Gone, Run

KERNEL, INITRAMFS = machine.built("quire.elf"), os.path.join(machine.BUILD, "initramfs.cpio")
ISO = machine.built("quire.iso")


def read(path):
    with open(path, "rb") as file:
        return file.read()


# Reproducible: made again in another folder, seconds later, with another umask.
os.umask(0o077)
time.sleep(2.1)                         # FAT stores times in steps of 2 s
cpio, iso = os.path.join(WORK, "i.cpio"), os.path.join(WORK, "q.iso")
done = tool("mkinitramfs", cpio, os.path.join(machine.ROOT, "iso/initramfs"), "/bin/busybox")
equal(done.status, 0, "the initramfs can be made again", done.err)
check(read(cpio) == read(INITRAMFS), "and is the same to the byte")
done = tool("mkiso", iso, KERNEL, cpio)
equal(done.status, 0, "the ISO can be made again", done.err)
check(read(iso) == read(ISO), "and is the same to the byte")
check(os.path.getsize(ISO) < 5_000_000, f"it has {os.path.getsize(ISO)} bytes, under 5 MB")

DIGEST = hashlib.sha256(read("/bin/busybox")).hexdigest().encode()


def boots(name, **env):
    """To a prompt, by which some commands run, and back."""
    with Run(**dict({"CPUS": "1", "MEM": "512M", "CMDLINE": ""}, **env)) as run:
        try:
            for command in b"uname -a", b"sha256sum /bin/busybox", b"poweroff":
                run.expect(rb"quire:~# ", 300)
                run.type(command + b"\r")
            status = run.wait()
        except Gone as gone:
            status = str(gone)
    text = run.shown.replace(b"\r", b"")
    equal(status, 0, f"{name}: boots to a prompt, switches off", text[-3000:])
    check(re.search(rb"^Linux .*6\.\d+\.\d+-quire.*Quire", text, re.MULTILINE), f"{name}: busybox uname -a",
          text[-3000:])
    check(DIGEST + b"  /bin/busybox" in text, f"{name}: busybox sha256sum, the host's digest", text[-3000:])
    return text


text = boots("BIOS")
check(b"multiboot2" in text, "BIOS: came by multiboot2", text)
text = boots("BIOS, la57", CMDLINE="la57")
check(re.search(rb"(?i)(5|five)[- ]level", text), "BIOS, la57: the log says five levels", text)
boots("UEFI", UEFI="1")
done = tool("run", env={"CMDLINE": "test=option,string", "MEM": "512M", "CPUS": "1"}, stdin=b"", timeout=300)
check(done.status == 0 and b"# quire: tests passed" in done.out, "CMDLINE reaches the kernel, commas and all",
      done.out[-3000:], done.err)
end()
