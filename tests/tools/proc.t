#!/usr/bin/python3
"""/proc and /sys: the files' shape is the host's, their figures are sane, busybox's tools work on them."""
import os
import re
import struct
import subprocess

from tap import c_program, check, end, equal, tool

HERE = os.path.dirname(os.path.realpath(__file__))

# One boot for all: a static program that reads the files, with a line before each.
FILES = ("meminfo", "vmstat", "uptime", "version", "loadavg", "stat", "cpuinfo", "buddyinfo", "slabinfo", "mounts",
         "filesystems", "mm_verify", "self/status", "self/statm", "self/stat", "self/limits", "self/maps", "self/comm",
         "sys/vm/overcommit_memory", "sys/vm/overcommit_ratio", "sys/vm/max_map_count", "sys/vm/mmap_min_addr",
         "sys/kernel/ostype", "sys/kernel/osrelease", "sys/kernel/pid_max")
reader = c_program("reader", r"""
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static char buf[1 << 16];

	for (int i = 1; i < argc; i++) {
		int fd = open(argv[i], O_RDONLY);
		ssize_t n = 0, got;

		while (fd >= 0 && (got = read(fd, buf + n, sizeof(buf) - n)) > 0)
			n += got;
		printf("== %s\n%.*s\n", argv[i], (int)n, buf);
		close(fd);
	}
	return 0;
}""")


def read_all(paths):
    done = tool("qrun", reader, *paths)
    check(done.status == 0 and not done.err, f"{len(paths)} files can be read", done.err)
    parts = re.split(r"^== (\S+)\n", done.out.decode(), flags=re.MULTILINE)
    return {path: text[:-1] for path, text in zip(parts[1::2], parts[2::2])}


def host(name):
    with open(f"/proc/{name}", encoding="utf-8", errors="replace") as file:
        return file.read()


def keys(text):
    return [re.split(r"[:\s]", line, maxsplit=1)[0] for line in text.splitlines() if line]


def same_order(name, own=()):
    """The keys that are Linux's, in Linux's order; the others are those named."""
    there, here = keys(host(name)), [key for key in keys(quire[name]) if key not in own]
    unknown = [key for key in here if key not in there]
    equal(unknown, [], f"{name}: every key is one of Linux's")
    at = [there.index(key) for key in here if key in there]
    equal(at, sorted(at), f"{name}: they come in Linux's order")


def shape(line):
    """What a line looks like: figures and words replaced by a letter each."""
    return re.sub(r"\d+", "9", re.sub(r"[ \t]+", " ", line))


got = read_all([f"/proc/{name}" for name in FILES])
quire = {name: got.get(f"/proc/{name}", "") for name in FILES}
equal([name for name in FILES if not quire[name]], [], "no file is empty")

same_order("meminfo")
same_order("self/status")
same_order("vmstat", ("fault_zero_page", "fault_anon", "fault_copy", "fault_file", "fault_around", "fault_spurious",
                      "stack_grown", "alloc_fail", "allocwait", "pcp_refill", "pcp_drain",
                      # Linux's where it is built with CONFIG_DEBUG_TLBFLUSH, and two of our own
                      "nr_tlb_remote_flush", "nr_tlb_remote_flush_received", "nr_tlb_local_flush_all",
                      "nr_tlb_local_flush_one", "tlb_ipi_sent", "tlb_lazy_skipped", "vma_lock_miss", "vma_lock_wait",
                      *re.findall(r"^lock_contended_\w+", quire["vmstat"], re.M)))
for name in ("meminfo", "self/status"):
    theirs = {line.split(":")[0]: shape(line) for line in host(name).splitlines()}
    for line in quire[name].splitlines():
        key = line.split(":")[0]
        if theirs.get(key, "").endswith(" kB"):
            if not re.fullmatch(r"\S+:\s+\d+ kB", line) or len(line) < 16:
                check(False, f"{name}: {key} is written as on Linux", line)
width = {len(line) for line in host("meminfo").splitlines() if line.startswith(("MemTotal", "Slab"))}
equal({len(line) for line in quire["meminfo"].splitlines() if line.startswith(("MemTotal", "Slab"))}, width,
      "meminfo: columns are Linux's")
equal(shape(quire["self/statm"]).strip(), shape(host("self/statm")).strip(), "statm: seven figures")
equal(len(quire["self/stat"].rsplit(")", 1)[1].split()), len(host("self/stat").rsplit(")", 1)[1].split()),
      "stat: as many fields as on Linux")
equal([line[:26] for line in quire["self/limits"].splitlines()], [line[:26] for line in host("self/limits").splitlines()],
      "limits: the names are Linux's")
equal(quire["self/limits"].splitlines()[0], host("self/limits").splitlines()[0], "limits: so is the head")
equal(quire["slabinfo"].splitlines()[:1], ["slabinfo - version: 2.1"], "slabinfo: version 2.1")
check(re.fullmatch(r"Node 0, zone +\w+ ( +\d+ )+", quire["buddyinfo"].splitlines()[0].replace("  ", " ") + "")
      or re.match(r"Node 0, zone +\w+( +\d+)+ *$", quire["buddyinfo"].splitlines()[0]), "buddyinfo: blocks of each order",
      quire["buddyinfo"])
equal(shape(quire["uptime"]).strip(), "9.9 9.9", "uptime: two figures")
equal(shape(quire["loadavg"]).strip(), "9.9 9.9 9.9 9/9 9", "loadavg: as on Linux")
equal(quire["mm_verify"], "ok\n", "mm_verify finds nothing")
equal(quire["self/comm"], "reader\n", "comm: the program's name")
equal(quire["sys/kernel/ostype"], "Linux\n", "ostype")
check(re.match(r"6\.1\.\d", quire["sys/kernel/osrelease"]), "osrelease", quire["sys/kernel/osrelease"])
equal((quire["sys/vm/overcommit_memory"], quire["sys/vm/overcommit_ratio"], quire["sys/vm/max_map_count"],
       quire["sys/vm/mmap_min_addr"]), ("0\n", "50\n", "65530\n", "65536\n"), "Linux's defaults of vm")

memory = {line.split(":")[0]: int(line.split()[1]) for line in quire["meminfo"].splitlines()}
check(400000 < memory["MemTotal"] <= 512 << 10, "MemTotal of 512 MB", memory["MemTotal"])
check(memory["MemAvailable"] <= memory["MemFree"] + memory["Cached"] and memory["MemFree"] < memory["MemTotal"],
      "what is free is less than all", memory)
status = {line.split(":")[0]: (line.split() + [""])[1] for line in quire["self/status"].splitlines()}
equal(int(status["VmRSS"]), sum(int(status[key]) for key in ("RssAnon", "RssFile", "RssShmem")), "VmRSS is its parts' sum")
check(int(status["VmPeak"]) >= int(status["VmSize"]) > int(status["VmRSS"]) > 0, "VmPeak, VmSize, VmRSS", status)

LINE = re.compile(r"[0-9a-f]{8,}-[0-9a-f]{8,} [r-][w-][x-][ps] [0-9a-f]{8} [0-9a-f]{2}:[0-9a-f]{2} \d+ (| +(/|\[).*)")
wrong = [line for line in quire["self/maps"].splitlines() if not LINE.fullmatch(line)]
equal(wrong, [], "maps: every line is of Linux's form")
named = [line for line in quire["self/maps"].splitlines() if line[-1] != " "]
equal({line.find(line.split()[-1]) for line in named}, {73}, "maps: names begin in column 73", quire["self/maps"])
size = sum(int(b, 16) - int(a, 16) for a, b in re.findall(r"^([0-9a-f]+)-([0-9a-f]+)", quire["self/maps"], re.MULTILINE))
equal(size >> 10, int(status["VmSize"]), "maps: their sum is VmSize")

# ---- what can be written ----

writer = c_program("writer", r"""
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC);
	ssize_t n = write(fd, text, strlen(text));
	int e = errno;
	char now[64];

	close(fd);
	fd = open(path, O_RDONLY);
	now[read(fd, now, sizeof(now) - 1)] = '\0';
	close(fd);
	printf("%s %s-> %s, %s", path, text, n < 0 ? strerror(e) : "written", now);
}

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
static int fail(int n)
{
	char text[16];
	int fd = open("/proc/self/fail_alloc", O_RDWR), faults = 0;
	char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (write(fd, text, sprintf(text, "%d\n", n)) < 0)
		perror("fail_alloc");
	/* Must allocate tables and pages. The fault path tries again where a cache had something to give. */
	if (madvise(p, 1 << 20, MADV_POPULATE_WRITE))
		faults = errno;
	lseek(fd, 0, SEEK_SET);
	text[read(fd, text, sizeof(text) - 1)] = '\0';
	close(fd);
	if (faults || n == 0)
		printf("fail: left %d, %s\n", atoi(text), strerror(faults));
	return faults;
}

int main(void)
{
	put("/proc/sys/vm/overcommit_memory", "1\n");
	put("/proc/sys/vm/overcommit_memory", "3\n");
	put("/proc/sys/vm/overcommit_memory", "x\n");
	put("/proc/sys/vm/overcommit_memory", " 0 \n");
	put("/proc/sys/vm/overcommit_ratio", "80\n");
	put("/proc/sys/vm/max_map_count", "100000\n");
	put("/sys/kernel/debug/fault_around_bytes", "4096\n");
	put("/sys/kernel/debug/fault_around_bytes", "20000\n");
	put("/sys/kernel/debug/fault_around_bytes", "0\n");
	put("/sys/kernel/debug/fault_around_bytes", "4194304\n");
	put("/proc/self/comm", "other\n");
	for (int n = 1; n < 20 && !fail(n); n++)
		;
	return 0;
}""")
done = tool("qrun", writer)
equal(done.out.decode().splitlines(), [
    "/proc/sys/vm/overcommit_memory 1", "-> written, 1",
    "/proc/sys/vm/overcommit_memory 3", "-> Invalid argument, 1",
    "/proc/sys/vm/overcommit_memory x", "-> Invalid argument, 1",
    "/proc/sys/vm/overcommit_memory  0 ", "-> written, 0",
    "/proc/sys/vm/overcommit_ratio 80", "-> written, 80",
    "/proc/sys/vm/max_map_count 100000", "-> written, 100000",
    "/sys/kernel/debug/fault_around_bytes 4096", "-> written, 4096",
    "/sys/kernel/debug/fault_around_bytes 20000", "-> written, 16384",
    "/sys/kernel/debug/fault_around_bytes 0", "-> written, 4096",
    "/sys/kernel/debug/fault_around_bytes 4194304", "-> Invalid argument, 4096",
    "/proc/self/comm other", "-> written, other",
    "fail: left 0, Out of memory",
], "what is written is checked, and read back", done.err)

# ---- frames ----

with open(os.path.join(HERE, "frames.c"), encoding="utf-8") as file:
    frames = c_program("frames", file.read())
done = tool("qrun", frames)
want = ["never touched: no frame", "read: the zero page", "private: 1 times: mapped anonymous swap-backed",
        "the next: 1 times: mapped anonymous swap-backed", "with a child that reads: 2 times: mapped anonymous swap-backed",
        "with a child that writes: 1 times: mapped anonymous swap-backed", "after both: 1 times: mapped anonymous swap-backed",
        "locked: 1 times: mapped anonymous swap-backed locked", "shared: 1 times: mapped swap-backed",
        "with a child, shared: 2 times: mapped swap-backed", "of a file in memory: 1 times: mapped swap-backed",
        "odd places: -1, odd lengths: -1, far behind: 0"]
equal(done.out.decode().splitlines(), want, "pagemap, kpagecount, kpageflags of known pages", done.err)
if os.getuid() == 0:
    host_frames = subprocess.run([frames], stdout=subprocess.PIPE, timeout=60, check=False)
    equal(host_frames.stdout.decode().splitlines(), want, "are the host's")
done = tool("qrun", "-m", "128M", "busybox", "sh", "-c", "grep MemFree /proc/meminfo; cat /proc/kpageflags; cat /proc/kpagecount")
line, words = done.out.split(b"\n", 1)
words = struct.unpack(f"={len(words) // 8}Q", words)
flags, counts = words[:len(words) // 2], words[len(words) // 2:]
check(31 << 10 < len(flags) <= 32 << 10, "a word for each frame of 128 MB", len(flags))
free = sum(word == 1 << 10 for word in flags) * 4
check(abs(free - int(line.split()[1])) < 1024, "what is free is MemFree", free, line)
check(all(word & 1 << 11 for word, count in zip(flags, counts) if count) and sum(counts) > 100, "what is mapped says so")
check(all(any(word >> bit & 1 for word in flags) for bit in (7, 12, 14, 24, 26, 32)),
      "there are slabs, anonymous pages, the zero page, tables, reserved frames")

# ---- figures of the CPUs ----

done = tool("qrun", "-c", "4", "-t", "100", "busybox", "sh", "-c", """
    (while :; do :; done) & (while :; do :; done) & sleep 11
    cat /proc/stat; echo; cat /proc/uptime /proc/loadavg; kill %1 %2; taskset 5 grep allowed /proc/self/status""")
stat, rest = done.out.decode().split("\n\n")
rows = {line.split()[0]: [int(word) for word in line.split()[1:]] for line in stat.splitlines()}
uptime, idle, load, load5, load15, running, last = rest.split()[:7]
equal(list(rows), ["cpu", "cpu0", "cpu1", "cpu2", "cpu3", "intr", "ctxt", "btime", "processes", "procs_running", "procs_blocked"],
      "stat: its lines")
for column, name in enumerate(("user", "nice", "system", "idle")):
    parts = [rows[f"cpu{i}"][column] for i in range(4)]
    check(abs(rows["cpu"][column] - sum(parts)) <= 16, f"stat: {name} is the CPUs' sum", rows)
check(all(abs(sum(rows[f"cpu{i}"]) - float(uptime) * 100) < 60 for i in range(4)), "stat: each CPU's parts are the time that is up", rows)
busy = sorted(rows[f"cpu{i}"][0] for i in range(4))
check(busy[3] > 800 and busy[2] > 800 and busy[0] < 300, "stat: two CPUs were busy", busy)
check(abs(float(idle) * 100 - rows["cpu"][3]) < 60, "uptime: the idle time is the same", idle, rows)
check(0.1 < float(load) < 1 and float(load) > float(load5) >= float(load15), "loadavg: rises towards 2, the first one fastest", rest)
check(rows["ctxt"][0] > 10 and rows["intr"][0] > 1000 and rows["processes"][0] >= 5, "stat: switches, interrupts, tasks", rows)
equal(rest.splitlines()[2:], ["Cpus_allowed:\t5", "Cpus_allowed_list:\t0,2", "Mems_allowed:\t1", "Mems_allowed_list:\t0"],
      "status: the CPUs that it may use")

for cpus, want in ("1", "0"), ("3", "0-2"):
    done = tool("qrun", "-c", cpus, "busybox", "sh", "-c", "cd /sys/devices/system/cpu; cat possible present online")
    equal(done.out.decode().split(), 3 * [want], f"/sys/devices/system/cpu: {cpus}", done.err)

# ---- Debian's procps ----

for words, want in (
        (("ps", "aux"), r"USER +PID %CPU %MEM +VSZ +RSS TTY +STAT START +TIME COMMAND\n(.*\n)*0 +2 +.* R\w* .*/bin/ps aux\n"),
        (("ps", "-eo", "pid,ni,pri,psr,nlwp,vsz,rss,stat,comm"), r" +PID +NI PRI PSR NLWP +VSZ +RSS STAT COMMAND\n +1 (.*\n)*.* ps\n"),
        (("free", "-k"), r" +total +used +free +shared +buff/cache +available\nMem: +\d+ +\d+ +\d+ +\d+ +\d+ +\d+\nSwap: +0 +0 +0\n"),
        (("vmstat",), r"procs -+memory.*\n r  b +swpd +free .*\n *\d+ +0 +0 +\d+( +\d+){13}\n"),
        (("vmstat", "-s"), r" +\d+ K total memory\n(.*\n)* +\d+ (forks|CPU context switches)\n(.*\n)*"),
        (("pmap", "-x", "2"), r"2: +/bin/pmap -x 2\nAddress +Kbytes +RSS +Dirty Mode +Mapping\n(.*\n)*.*\[ stack \]\n(.*\n)*total kB +\d+ +\d+ +\d+\n"),
        (("uptime",), r" \d\d:\d\d:\d\d up .*, +\d+ users?, +load average: [\d., ]+\n"),
        (("slabtop", "-o"), r" Active / Total Objects .*\n(.*\n)* +OBJS ACTIVE .*\n(.*\n)*.* node +\n(.*\n)*")):
    done = tool("qrun", "--with-libs", *words)
    check(done.status == 0 and re.fullmatch(want, done.out.decode()), "procps: " + " ".join(words), done.out, done.err)

# ---- busybox on it ----

for words, want in (
        (("cat", "/proc/self/maps"), r"00400000-.* /bin/busybox\n(.*\n)*.*\[stack\]\n"),
        (("free",), r"\s+total +used +free.*\nMem: +\d+ +\d+ +\d+.*\n(.*\n)*"),
        (("ps",), r"PID +USER +COMMAND\n(.*\n)*.* \S*busybox ps\n"),
        (("uptime",), r" \d\d:\d\d:\d\d up \d+ min.*load average: [\d., ]+\n"),
        (("top", "-b", "-n1"), r"Mem: \d+K used, \d+K free.*\nCPU:.*\n(.*\n)*.*busybox top(.*\n)*"),
        (("readlink", "/proc/self/exe"), r"/bin/busybox\n"),
        (("ls", "/proc/self/fd"), r"0\n1\n2\n3\n"),
        (("find", "/proc/self/", "-name", "status"), r"/proc/self/task/\d+/status\n/proc/self/status\n")):
    done = tool("qrun", "busybox", *words)
    check(done.status == 0 and re.fullmatch(want, done.out.decode()), " ".join(("busybox",) + words), done.out, done.err)
end()
