#!/usr/bin/python3
"""Swap devices from the user's side: /dev/ram0 and /dev/vda, mkswap, swapon, swapoff, swap=, --disk."""
import os

from tap import ROOT, WORK, c_program, check, end, equal, run, tool


def qrun(*args, **kwargs):
    """(Done, the kernel's log) of a program in Quire."""
    log = os.path.join(WORK, "log")
    done = tool("qrun", "-t", "200", "--log", log, *args, **kwargs)
    if not os.path.exists(log):
        return done, ""
    with open(log, encoding="utf-8", errors="replace") as file:
        return done, file.read()


def disk(name, size):
    path = os.path.join(WORK, name)
    with open(path, "wb") as file:
        file.truncate(size)
    return path


def script(text):
    path = os.path.join(WORK, "script")
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    return ["-f", path, "busybox", "sh", "/script"]


# Any offset, any length, and the end, against a copy in memory.
device = c_program("device", r"""
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MOST	200000u

static uint64_t seed = 7;
static uint64_t next(uint64_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (seed >> 33) % below;
}

#define CHECK(c) do { if (!(c)) { printf("line %d: %s (errno %d)\n", __LINE__, #c, errno); exit(1); } } while (0)

int main(int argc, char **argv)
{
	uint64_t size = strtoull(argv[2], NULL, 10), bytes;
	char *model = malloc(size + MOST), *buf = malloc(MOST);
	void *volatile nowhere = (void *)8;
	unsigned long sectors;
	int fd = open(argv[1], O_RDWR), n;
	struct stat st;

	CHECK(argc == 3 && fd >= 0);
	CHECK(!fstat(fd, &st) && S_ISBLK(st.st_mode) && st.st_size == 0);
	printf("%u,%u\n", major(st.st_rdev), minor(st.st_rdev));
	CHECK(!ioctl(fd, BLKGETSIZE64, &bytes) && bytes == size);
	CHECK(!ioctl(fd, BLKGETSIZE, &sectors) && sectors == size / 512);
	CHECK(!ioctl(fd, BLKSSZGET, &n) && n == 512);
	CHECK(!ioctl(fd, BLKROGET, &n) && n == 0);
	CHECK(!ioctl(fd, BLKFLSBUF, 0));
	CHECK(ioctl(fd, 0x5401, buf) == -1 && errno == ENOTTY);
	CHECK(ioctl(fd, BLKGETSIZE64, (void *)8) == -1 && errno == EFAULT);
	CHECK(lseek(fd, 0, SEEK_END) == (off_t)size);
	CHECK(lseek(fd, 1, SEEK_END) == -1 && errno == EINVAL);
	CHECK(lseek(fd, 0, SEEK_DATA) == -1 && errno == EINVAL);
	CHECK(read(fd, buf, 10) == 0);
	CHECK(write(fd, buf, 10) == -1 && errno == ENOSPC);
	CHECK(pread(fd, buf, 10, size - 3) == 3);
	CHECK(pwrite(fd, "abcdef", 6, size - 3) == 3);
	CHECK(pwrite(fd, nowhere, 6, 100) == -1 && errno == EFAULT);
	CHECK(pread(fd, nowhere, 6, 100) == -1 && errno == EFAULT);
	CHECK(pread(fd, model, size, 0) == (ssize_t)size);
	CHECK(!memcmp(model + size - 3, "abc", 3));
	for (int i = 0; i < 2000; i++) {
		uint64_t at = next(size), len = 1 + next(next(4) ? 9000 : MOST);
		uint64_t got = len < size - at ? len : size - at;

		if (next(2)) {
			for (uint64_t k = 0; k < len; k++)
				buf[k] = next(256);
			memcpy(model + at, buf, got);
			if (next(2)) {
				CHECK(lseek(fd, at, SEEK_SET) == (off_t)at);
				CHECK(write(fd, buf, len) == (ssize_t)got);
				CHECK(lseek(fd, 0, SEEK_CUR) == (off_t)(at + got));
			} else {
				CHECK(pwrite(fd, buf, len, at) == (ssize_t)got);
			}
		} else {
			CHECK(pread(fd, buf, len, at) == (ssize_t)got);
			CHECK(!memcmp(model + at, buf, got));
		}
	}
	CHECK(fsync(fd) == 0 && fdatasync(fd) == 0);
	CHECK(pread(fd, buf, 4096, 0) == 4096 && !memcmp(buf, model, 4096));
	puts("alike");
	return 0;
}""", ("gcc", "-static"))
image = disk("disk", (4 << 20) + 1536)
done, log = qrun("-a", "swap=4M", "-c", "2", "-f", device + ":/device",
                 *script(f"swapoff /dev/ram0; /device /dev/ram0 {4 << 20}"))
equal((done.status, done.out), (0, b"1,0\nalike\n"), "/dev/ram0: random reads and writes, sizes, ends", done.err)
done, log = qrun("--disk", image, "-c", "2", device, "/dev/vda", str((4 << 20) + 1536))
equal((done.status, done.out), (0, b"254,0\nalike\n"), "/dev/vda: random reads and writes, sizes, ends", done.err)

# What is written is in the file.
text = os.urandom(100000)
source = os.path.join(WORK, "text")
with open(source, "wb") as file:
    file.write(text)
done, log = qrun("--disk", image, "-f", source, "busybox", "dd", "if=/text", "of=/dev/vda", "bs=999", "seek=7")
with open(image, "rb") as file:
    equal((done.status, file.read()[7 * 999:7 * 999 + len(text)] == text), (0, True), "dd to the disk reaches the file", done.err)

# busybox's mkswap, swapon, swapoff, free.
done, log = qrun("-m", "64M", "-a", "swap=8M", "--disk", image, *script("""
cat /proc/swaps
mkswap /dev/vda | sed 's/UUID=.*/UUID/'
swapon /dev/vda && cat /proc/swaps
free | tail -1
swapon /dev/vda
swapoff /dev/ram0 && cat /proc/swaps
swapoff /dev/ram0
mkswap /dev/vda
swapoff /dev/vda && free | tail -1
grep Swap /proc/meminfo
dd if=/dev/zero of=/dev/ram0 bs=1k count=8 2>/dev/null
swapon /dev/ram0
swapon /dev/null
swapon /dev/nosuch
swapon /tmp
cat /proc/mm_verify
"""))
HEAD = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
RAM0 = "/dev/ram0                               partition\t8188\t\t0\t\t-2\n"
VDA = "/dev/vda                                partition\t4092\t\t0\t\t-3\n"
equal(done.out.decode(), HEAD + RAM0 + "Setting up swapspace version 1, size = 4191744 bytes\nUUID\n" + HEAD + RAM0 + VDA +
      "Swap:         12280           0       12280\nswapon: /dev/vda: Device or resource busy\n" + HEAD + VDA +
      "swapoff: /dev/ram0: Invalid argument\nSetting up swapspace version 1, size = 4191744 bytes\n"
      "mkswap: write error: Text file busy\n"
      "Swap:             0           0           0\n"
      "SwapCached:            0 kB\nSwapTotal:             0 kB\nSwapFree:              0 kB\n"
      "swapon: /dev/ram0: Invalid argument\nswapon: /dev/null: Invalid argument\n"
      "swapon: /dev/nosuch: No such file or directory\nswapon: /tmp: Is a directory\nok\n",
      "mkswap, swapon, swapoff, free, /proc/swaps", done.err, log)

# Flags and priorities.
calls = c_program("calls", r"""
#include <errno.h>
#include <stdio.h>
#include <sys/swap.h>
static void say(int r) { printf("%d\n", r ? errno : 0); }
int main(void)
{
	say(swapon("/dev/vda", 0x80000));
	say(swapon((char *)8, 0));
	say(swapon("/dev/vda", SWAP_FLAG_PREFER | 77));
	say(swapoff("/dev/ram0"));
	say(swapon("/dev/ram0", SWAP_FLAG_PREFER | 0));
	return 0;
}""")
done, log = qrun("-m", "64M", "-a", "swap=8M", "--disk", image, "-f", calls + ":/calls",
                 *script("mkswap /dev/vda >/dev/null; /calls; cat /proc/swaps"))
equal(done.out.decode(), "22\n14\n0\n0\n0\n" + HEAD + VDA.replace("-3", "77") + RAM0.replace("-2", "0"),
      "flags, priorities: the highest comes first", done.err)

# swap=: what is refused says why, and the system goes on.
for option, words in (("swap=64M", ("refused", "16384 KB", "give at most swap=")), ("swap=4K", ("refused", "smallest")),
                      ("swap=vdb", ("there is no disk /dev/vdb",)), ("swap=4M,4M", ("already",))):
    done, log = qrun("-m", "64M", "-a", option, "busybox", "grep", "-c", "/dev/", "/proc/swaps")
    equal((done.out.decode().strip(), [w for w in words if w not in log]), ("1" if "," in option else "0", []),
          f"{option} on 64 MB", done.err, log)
run("busybox", "mkswap", image)
done, log = qrun("-m", "64M", "-a", "swap=vda,8M", "--disk", image, "busybox", "cat", "/proc/swaps")
equal(done.out.decode(), HEAD + VDA.replace("-3", "-2") + RAM0.replace("-2", "-3"), "swap=vda,8M", done.err, log)
for name, at, data in (("magic", 4086, b"SWAPSPACE1"), ("version", 1024, b"\x02"), ("length", 1028, b"\xff\xff\xff\x7f")):
    run("busybox", "mkswap", image)
    with open(image, "r+b") as file:
        file.seek(at)
        file.write(data)
    done, log = qrun("-m", "64M", "-a", "swap=vda", "--disk", image, "busybox", "swapon", "/dev/vda")
    equal((done.status, done.out, "swap=vda: /dev/vda is not enabled" in log),
          (1, b"swapon: /dev/vda: Invalid argument\n", True), f"a header with a wrong {name} is refused", done.err, log)

# --disk.
for path, word in ((os.path.join(WORK, "nosuch"), "there is no such file"), (WORK, "that is no file"),
                   (disk("tiny", 512), "smaller than a page")):
    done, log = qrun("--disk", path, "busybox", "true")
    check(done.status == 2 and b"--disk" in done.err and word in done.err.decode(), f"--disk: {word}", done.status, done.err)

# A disk with a bad sector, and one that takes its time: by a QEMU with other words for the same file.
QEMU = os.path.join(WORK, "qemu")
with open(QEMU, "w", encoding="ascii") as file:
    file.write('#!/bin/bash\nargs=()\nfor a in "$@"; do [[ $a == if=none,id=disk,* ]] && '
               'a="${a/file=/$QUIRE_TEST_DRIVE}"; args+=("$a"); done\nexec qemu-system-x86_64 "${args[@]}"\n')
os.chmod(QEMU, 0o755)
conf = os.path.join(WORK, "blkdebug.conf")
with open(conf, "w", encoding="ascii") as file:
    file.write('[inject-error]\nevent = "none"\nerrno = "5"\nsector = "4096"\n')
done, log = qrun("--disk", image, *script("""
dd if=/dev/vda of=/dev/null bs=4k count=1 skip=511 2>/dev/null; echo $?
dd if=/dev/vda of=/dev/null bs=4k count=1 skip=512
dd if=/dev/zero of=/dev/vda bs=4k count=1 seek=512
dd if=/dev/vda of=/dev/null bs=4k count=1 skip=513 2>/dev/null; echo $?
"""), env={"QEMU": QEMU, "QUIRE_TEST_DRIVE": f"file=blkdebug:{conf}:"})
equal([line for line in done.out.decode().splitlines() if "records" not in line],
      ["0", "dd: /dev/vda: Input/output error", "dd: error writing '/dev/vda': Input/output error", "0"],
      "a bad sector is EIO, its neighbours are fine", done.err, log)
done, log = qrun("--disk", image, "busybox", "dd", "if=/dev/vda", "of=/dev/null", "bs=64k", "count=2",
                 env={"QEMU": QEMU, "QUIRE_TEST_DRIVE": "throttling.bps-total=5000,file="})
check(done.status == 0 and "/dev/vda: no answer for 10 s to a read of 16 pages at sector 128" in log,
      "a disk that does not answer is reported, and waited for", done.out, done.err, log)

# Every device at once on four CPUs.
done = run(os.path.join(ROOT, "tools/test-run"), "block", env={"CPUS": "4", "CMDLINE": "swap=12M"})
check(done.status == 0, "the suite block on a RAM disk and a disk, 4 CPUs", done.out, done.err)
end()
