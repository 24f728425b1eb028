#!/usr/bin/python3
"""tools/newc.py: what it packs, cpio(1) unpacks unchanged."""
import io
import os
import stat

from tap import WORK, check, end, equal, run, tool

import newc  # tools/newc.py, by tap's path


def write(path, data, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, mode)


def listing(root):
    """Name, kind, rights, content of everything below a folder."""
    found = []
    for where, folders, names in os.walk(root):
        for name in sorted(folders + names):
            path = os.path.join(where, name)
            st = os.lstat(path)
            content = os.readlink(path) if stat.S_ISLNK(st.st_mode) else b""
            if stat.S_ISREG(st.st_mode):
                with open(path, "rb") as file:
                    content = file.read()
            found.append((os.path.relpath(path, root), stat.S_IFMT(st.st_mode), stat.S_IMODE(st.st_mode), content))
    return sorted(found)


tree = os.path.join(WORK, "tree")
for size in (0, 1, 2, 3, 4, 5, 511, 512, 513, 70000):
    write(f"{tree}/sizes/{'n' * (size % 7 + 1)}-{size}", os.urandom(size))
write(f"{tree}/bin/tool", b"\x7fELF", 0o755)
os.makedirs(f"{tree}/empty")
os.symlink("../bin/tool", f"{tree}/sizes/link")
os.symlink("nowhere", f"{tree}/dangling")
out = os.path.join(WORK, "out.cpio")
with open(out, "wb") as file:
    archive = newc.Newc(file)
    archive.host_tree("t", tree)
    archive.finish()
equal(os.path.getsize(out) % 512, 0, "the archive is padded to 512 bytes")
unpacked = os.path.join(WORK, "unpacked")
os.makedirs(unpacked)
with open(out, "rb") as file:
    done = run("cpio", "-idm", "--quiet", stdin=file, cwd=unpacked)
equal(done.status, 0, "cpio takes it", done.err)
equal(listing(unpacked + "/t"), listing(tree), "cpio unpacks what was packed")


def refused(*steps):
    """The words of NewcError, or None."""
    archive = newc.Newc(io.BytesIO())
    try:
        for step, *args in steps:
            getattr(archive, step)(*args)
    except newc.NewcError as err:
        return str(err)
    return None


check("twice" in (refused(("file", "a", b""), ("file", "/a", b"")) or ""), "a name given twice is refused")
check("not a folder" in (refused(("file", "a", b""), ("file", "a/b", b"")) or ""), "a file below a file is refused")
equal(refused(("folder", "a"), ("folder", "/a/"), ("file", "a/b/c", b"")), None, "folders may be named again")
os.mkfifo(f"{tree}/fifo")
done = tool("mkinitramfs", out + "2", tree)
check(done.status == 1 and b"fifo" in done.err, "a FIFO is refused", done.err)
equal(sorted(os.listdir(WORK)), ["out.cpio", "tree", "unpacked"], "and nothing half-made stays")
end()
