"""Write a newc cpio archive, the form in which Linux and Quire take an initramfs.

Every entry belongs to root, inode numbers count up, parents come before children:
the same input gives the same bytes. Format: cpio(5), Linux's
Documentation/driver-api/early-userspace/buffer-format.rst.
"""
import os
import stat


class NewcError(Exception):
    """What cannot be packed, in words for the user."""


class Newc:
    """An archive being written to the binary file `out`.

    With an `mtime`, every entry gets it, and rights are 755 or 644, whatever the host's
    umask was; without one, times and rights are the host's.
    """

    def __init__(self, out, mtime=None):
        self.out = out
        self.mtime = mtime
        self.names = {}             # name -> is a folder
        self.inode = 0

    def _pad(self):
        self.out.write(b"\0" * (-self.out.tell() % 4))

    def _header(self, name, mode, mtime, size):
        self.inode += 1
        raw = os.fsencode(name) + b"\0"
        nlink = 2 if stat.S_ISDIR(mode) else 1
        fields = (self.inode, mode, 0, 0, nlink, mtime, size, 0, 0, 0, 0, len(raw), 0)
        self.out.write(b"070701" + b"".join(b"%08X" % f for f in fields) + raw)
        self._pad()

    def _add(self, path, mode, mtime, data=b""):
        """One entry with its data in memory; a folder that is there already stays as it is."""
        name = os.path.normpath("/" + path).lstrip("/")
        is_dir = stat.S_ISDIR(mode)
        if not name or (is_dir and self.names.get(name)):
            return
        if name in self.names:
            raise NewcError(f"/{name} is given twice")
        parent = os.path.dirname(name)
        if parent:
            if self.names.get(parent) is False:
                raise NewcError(f"/{parent} is not a folder, but /{name} is below it")
            self.folder(parent)
        self.names[name] = is_dir
        when = self.mtime if self.mtime is not None else max(0, min(int(mtime), 0xffffffff))
        size = data if isinstance(data, int) else len(data)
        if size > 0xffffffff:
            raise NewcError(f"/{name}: an archive holds files below 4 GB only")
        self._header(name, mode, when, size)
        if not isinstance(data, int):
            self.out.write(data)
            self._pad()

    def _rights(self, st):
        if self.mtime is None:
            return stat.S_IMODE(st.st_mode)
        return 0o755 if st.st_mode & 0o100 else 0o644

    def folder(self, path, mode=0o755, mtime=0):
        self._add(path, stat.S_IFDIR | mode, mtime)

    def file(self, path, data, mode=0o644, mtime=0):
        self._add(path, stat.S_IFREG | mode, mtime, data)

    def symlink(self, path, target, mtime=0):
        self._add(path, stat.S_IFLNK | 0o777, mtime, os.fsencode(target))

    def host_file(self, path, host):
        """A regular file of the host, copied by the kernel where it can be."""
        if not stat.S_ISREG(os.stat(host).st_mode):     # before open, which waits on a FIFO
            raise NewcError(f"{host} is neither a regular file nor a folder")
        with open(host, "rb") as src:
            st = os.fstat(src.fileno())
            self._add(path, stat.S_IFREG | self._rights(st), st.st_mtime, st.st_size)
            self.out.flush()
            left, at = st.st_size, self.out.tell()
            while left:
                sent = os.sendfile(self.out.fileno(), src.fileno(), None, left)
                if not sent:
                    raise NewcError(f"{host} became shorter while it was read")
                left -= sent
            self.out.seek(at + st.st_size)
            self._pad()

    def host_tree(self, path, host):
        """A file or folder of the host (a link to one counts as that); links below a folder stay links."""
        if not os.path.isdir(host):
            self.host_file(path, host)
            return
        st = os.stat(host)
        self.folder(path, self._rights(st), st.st_mtime)
        self.host_children(path, host)

    def has(self, path):
        """Whether there is something of that name."""
        return os.path.normpath("/" + path).lstrip("/") in self.names

    def host_children(self, path, host, beside=False):
        """Everything in a folder of the host, but not the folder itself; beside: but what is there already."""
        for name in sorted(os.listdir(host)):
            inner, below = os.path.join(host, name), os.path.join(path, name)
            st = os.lstat(inner)
            if beside and self.has(below):
                if stat.S_ISDIR(st.st_mode):
                    self.host_children(below, inner, beside)
            elif stat.S_ISLNK(st.st_mode):
                self.symlink(below, os.readlink(inner), st.st_mtime)
            else:
                self.host_tree(below, inner)

    def finish(self):
        self._header("TRAILER!!!", 0, 0, 0)
        self.out.write(b"\0" * (-self.out.tell() % 512))
        self.out.flush()
