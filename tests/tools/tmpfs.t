#!/usr/bin/python3
"""The file system in memory: a shell's work over 2,000 files is the host's; full, it loses nothing; swapped, too."""
import os
import shutil
import subprocess

from tap import WORK, check, c_program, end, equal, tool

HERE = os.path.dirname(os.path.realpath(__file__))
BUSYBOX = shutil.which("busybox")

# ---- a script of applets -------------------------------------------------------------------

script = os.path.join(HERE, "applets.sh")
empty = os.path.join(WORK, "empty")
os.mkdir(empty)
as_root = str(int(os.getuid() == 0))
host = subprocess.run([BUSYBOX, "sh", script], cwd=empty, env={**os.environ, "AS_ROOT": as_root}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                      stderr=subprocess.STDOUT, timeout=300, check=False)
wrapper = os.path.join(WORK, "wrapper.sh")
with open(wrapper, "w") as file:
    file.write("mkdir -p /etc && echo daemon:x:1:1:daemon:/:/bin/sh >/etc/passwd\n"
               "mkdir /tmp/empty && cd /tmp/empty && . /applets.sh\n"
               "cat /proc/mm_verify\n")
quire = tool("qrun", "-t", "500", "-f", script, "-f", wrapper, "-e", f"AS_ROOT={as_root}", "busybox", "sh", "/wrapper.sh")
theirs, ours = host.stdout.decode().splitlines(), quire.out.decode().splitlines()
check(quire.status == 0 and host.returncode == 0, "both scripts end well", quire.err)
check(ours[-1:] == ["ok"], "mm_verify is content after it", ours[-5:])
for number, (want, got) in enumerate(zip(theirs + ["<end>"], ours[:-1] + ["<end>"])):
    if want != got:
        check(False, "they print the same", f"line {number + 1}", f"host:  {want}", f"quire: {got}")
        break
else:
    check(len(theirs) > 250, f"they print the same, {len(theirs)} lines")

# ---- full ----------------------------------------------------------------------------------

full = c_program("full", r"""
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES	256
static char page[4096], back[4096];

static long room(void)
{
	struct statfs s;

	statfs("/dev/shm", &s);
	return (long)s.f_bfree;
}

static void fill(char c)
{
	memset(page, c, sizeof(page));
}

/* Whole pages until there is no room: how many. */
static int write_all(int fd)
{
	int n = 0;

	for (; write(fd, page, sizeof(page)) == (ssize_t)sizeof(page); n++)
		fill('a' + (n + 1) % 26);
	printf("%d pages, then %s\n", n, strerror(errno));
	return n;
}

static int good(int fd, int pages)
{
	for (int i = 0; i < pages; i++) {
		fill('a' + i % 26);
		if (pread(fd, back, 4096, i * 4096l) != 4096 || memcmp(page, back, 4096))
			return 0;
	}
	return 1;
}

int main(void)
{
	int fd, other, n, status;
	char *map;

	printf("room for %ld\n", room());
	fd = open("/dev/shm/a", O_CREAT | O_RDWR, 0666);
	fill('a');
	n = write_all(fd);
	printf("room %ld, content %s\n", room(), good(fd, n) ? "good" : "lost");
	other = open("/dev/shm/b", O_CREAT | O_RDWR, 0666);
	printf("a file more: %s, one byte more: %ld\n", other < 0 ? "no" : "yes", (long)write(other, "x", 1));
	printf("within: %ld\n", (long)pwrite(fd, "a", 1, 0));
	printf("rename: %d, mkdir: %d\n", rename("/dev/shm/b", "/dev/shm/c"), mkdir("/dev/shm/d", 0777));
	ftruncate(other, 4096);
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, other, 0);
	printf("read of the hole: %d\n", pread(other, back, 1, 0) == 1 && !back[0]);
	if (!fork()) {
		*map = 1;
		_exit(0);
	}
	wait(&status);
	printf("a write to the mapping: %s\n", WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "done");
	printf("fallocate: %d", fallocate(other, 0, 0, 3 * 4096));
	printf(" %s\n", strerror(errno));
	ftruncate(fd, (n - 2) * 4096l);
	printf("room %ld\n", room());
	printf("fallocate: %d", fallocate(other, 0, 0, 3 * 4096));
	printf(" %s, room %ld\n", strerror(errno), room());
	printf("fallocate: %d", fallocate(other, 0, 0, 2 * 4096));
	printf(", room %ld\n", room());
	*map = 1;
	printf("content %s\n", good(fd, n - 2) ? "good" : "lost");
	unlink("/dev/shm/a");
	printf("unlinked: room %ld", room());
	close(fd);
	printf(", closed: room %ld\n", room());
	unlink("/dev/shm/c");
	close(other);
	printf("mapped: room %ld", room());
	munmap(map, 4096);
	rmdir("/dev/shm/d");
	printf(", unmapped: room %ld\n", room());
	return 0;
}
""".replace("#include <unistd.h>", "#include <sys/stat.h>\n#include <unistd.h>"))
done = tool("qrun", "-t", "100", "-a", "shm_size=1M", full)
equal(done.out.decode().splitlines(), [
    "room for 256", "256 pages, then No space left on device", "room 0, content good",
    "a file more: yes, one byte more: -1", "within: 1", "rename: 0, mkdir: 0", "read of the hole: 1",
    "a write to the mapping: Bus error", "fallocate: -1 No space left on device", "room 2",
    "fallocate: -1 No space left on device, room 2", "fallocate: 0, room 0", "content good",
    "unlinked: room 0, closed: room 254", "mapped: room 254, unmapped: room 256"],
    "a full file system says so, loses nothing, and gets its room back", done.err)

# ---- in swap -------------------------------------------------------------------------------

swapped = tool("qrun", "-t", "300", "-m", "256M", "-a", "swap=160M", "-a", "root_size=120M", "busybox", "sh", "-c",
               "cd /tmp; for i in 1 2 3 4; do yes line $i | head -c 25000000 >f$i; done; md5sum f1 f2 f3 f4;"
               "rm f2; md5sum f1 f3 f4; cat /proc/mm_verify")
want = []
for i in (1, 2, 3, 4):
    text = (f"line {i}\n" * (25000000 // 7 + 1))[:25000000].encode()
    digest = subprocess.run(["md5sum"], input=text, stdout=subprocess.PIPE, check=True).stdout.split()[0].decode()
    want.append(f"{digest}  f{i}")
equal(swapped.out.decode().splitlines(), want + [want[0]] + want[2:] + ["ok"],
      "100 MB of files in 96 MB of memory, the rest of the machine is swap", swapped.err)

# ---- POSIX shared memory in swap ----------------------------------------------------------------

shm = c_program("shm", r"""
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE	4096ul
#define PAGES	(100ul << 20 >> 12)

static unsigned long word(unsigned long page, unsigned long round)
{
	return (page + 1) * 0x9e3779b97f4a7c15ul ^ round;
}

static long meminfo(const char *key)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[128];
	long kb = -1;

	while (kb < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			sscanf(line + strlen(key), ": %ld", &kb);
	fclose(f);
	return kb;
}

static char *map(int prot)
{
	int fd = shm_open("/big", O_RDWR, 0);
	char *p = mmap(NULL, PAGES * PAGE, prot, MAP_SHARED, fd, 0);

	close(fd);
	return p;
}

/* Every step-th page from `from` on gets the words of that round. */
static void writer(unsigned long from, unsigned long step, unsigned long round)
{
	char *p = map(PROT_READ | PROT_WRITE);

	for (unsigned long i = from; i < PAGES; i += step)
		for (unsigned long j = 0; j < PAGE; j += 512)
			*(unsigned long *)(p + i * PAGE + j) = word(i, round);
	_exit(0);
}

/* Pages that have other words than those of their round: by a mapping, or by read(2). */
static unsigned long wrong(int by_read)
{
	static char page[PAGE];
	char *p = map(PROT_READ);
	int fd = shm_open("/big", O_RDONLY, 0);
	unsigned long n = 0;

	for (unsigned long i = 0; i < PAGES; i++) {
		char *at = by_read ? page : p + i * PAGE;
		unsigned long w = word(i, i % 2 ? 1 : 2);

		if (by_read && pread(fd, page, PAGE, (long)(i * PAGE)) != (long)PAGE)
			n++;
		n += *(unsigned long *)at != w || *(unsigned long *)(at + 3584) != w;
	}
	munmap(p, PAGES * PAGE);
	close(fd);
	return n;
}

int main(void)
{
	long swap = meminfo("SwapFree");
	int fd = shm_open("/big", O_CREAT | O_EXCL | O_RDWR, 0600), status, bad = 0;
	struct stat st;

	if (ftruncate(fd, PAGES * PAGE))
		perror("ftruncate");
	for (unsigned long i = 0; i < 2; i++)
		if (!fork())
			writer(i, 2, 1);
	while (wait(&status) > 0)
		bad |= status;
	if (!fork())
		writer(0, 2, 2);
	wait(&status);
	printf("written: %d, in swap: %s\n", bad | status, swap - meminfo("SwapFree") > 30000 ? "much" : "little");
	fstat(fd, &st);
	printf("blocks: %ld, by mapping: %lu, by read: %lu\n", (long)st.st_blocks, wrong(0), wrong(1));
	if (!fork())				/* another process sees the same, and takes half away */
		_exit(wrong(0) != 0 || ftruncate(fd, PAGES / 2 * PAGE));
	wait(&status);
	fstat(fd, &st);
	printf("half: %d, blocks: %ld, shmem: %s\n", status, (long)st.st_blocks, meminfo("Shmem") > 51200 ? "more" : "not more");
	shm_unlink("/big");
	close(fd);
	printf("swap is free again: %d, shmem: %ld\n", swap == meminfo("SwapFree"), meminfo("Shmem"));
	return 0;
}
""")
for cpus in "1", "4":
    done = tool("qrun", "-t", "300", "-m", "200M", "-c", cpus, "-a", "swap=130M", "-a", "shm_size=110M", shm)
    equal(done.out.decode().splitlines(), [
        "written: 0, in swap: much", "blocks: 204800, by mapping: 0, by read: 0",
        "half: 0, blocks: 102400, shmem: not more", "swap is free again: 1, shmem: 0"],
        f"100 MB of shared memory on a machine with less, {cpus} CPU(s)", done.err)
end()
