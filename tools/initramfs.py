"""What is in an initramfs: the skeleton in iso/initramfs, busybox and links for its programs, and whatever else is given."""
import os
import subprocess

import newc

EPOCH = 1577836800                      # 2020-01-01: the same input gives the same bytes
BUSYBOX = "/bin/busybox"
FOLDERS = ("bin", "dev", "etc", "proc", "sys", "tmp", "root")


def applets(busybox):
    """The paths under which a busybox wants to be found, such as usr/bin/awk."""
    done = subprocess.run([busybox, "--list-full"], stdout=subprocess.PIPE, check=True)
    return done.stdout.decode().split()


def pack(file, folder, files=(), busybox=None, root=None):
    """Write the archive. `files` are (HOST, GUEST); what is in the folder `root` stands above all of it."""
    archive = newc.Newc(file, mtime=EPOCH)
    for name in FOLDERS:
        archive.folder(name, {"tmp": 0o1777, "root": 0o700}.get(name, 0o755))
    if root:
        archive.host_children("", root)
    archive.host_children("", folder, beside=True)
    for host, guest in ([(busybox, BUSYBOX)] if busybox else []) + list(files):
        if not archive.has(guest):
            archive.host_file(guest, host)
    for path in applets(busybox) if busybox else []:
        if not archive.has(path):
            archive.symlink(path, BUSYBOX)
    archive.finish()
