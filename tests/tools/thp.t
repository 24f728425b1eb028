#!/usr/bin/python3
"""Huge pages without being asked: twice as much memory in use as there is, by processes that share blocks of it, cut
them and copy their pages; and khugepaged, which makes huge pages of small ones by itself."""
import re

from tap import WORK, c_program, check, end, equal, tool

COMMON = r"""
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <unistd.h>

#define PAGE	4096ul
#define MB	(1ul << 20)
#define RW	(PROT_READ | PROT_WRITE)
#define PRIVATE	(MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

static uint64_t *memory;		/* page p holds values made of its number and its age */
static size_t npages;
static unsigned char *age;

static uint64_t value(size_t p, size_t i)
{
	return (p * 512 + i) * 0x9e3779b97f4a7c15ul ^ age[p];
}

static void write_page(size_t p)
{
	age[p]++;
	for (size_t i = 0; i < 512; i++)
		memory[p * 512 + i] = value(p, i);
}

static void check_page(size_t p)
{
	for (size_t i = 0; i < 512; i++)
		if (memory[p * 512 + i] != value(p, i)) {
			printf("page %zu, word %zu: %lx, not %lx\n", p, i, memory[p * 512 + i], value(p, i));
			exit(1);
		}
}

static void check_all(void)
{
	for (size_t p = 0; p < npages; p++)
		check_page(p);
}

/* Room for n bytes at a border of 2 MB; in whole. */
static void map(size_t n)
{
	char *at = mmap(NULL, n + 2 * MB, RW, PRIVATE, -1, 0);

	memory = (uint64_t *)(((uintptr_t)at + 2 * MB - 1) & -(2 * MB));
	age = calloc(n / PAGE, 1);
	if (at == MAP_FAILED || !age)
		exit(2);
}

/* The sum of a figure in a file of /proc. */
static unsigned long figure(const char *path, const char *name)
{
	static char text[64 << 10];
	int fd = open(path, O_RDONLY);
	size_t n = 0, len = strlen(name);
	unsigned long sum = 0;
	ssize_t got;

	while ((got = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += got;
	text[n] = 0;
	close(fd);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		if (!strncmp(line, name, len) && strchr(": \t", line[len]))
			sum += strtoul(line + len + 1, NULL, 10);
	return sum;
}

static void show(const char *name)
{
	printf("%s %lu\n", name, figure("/proc/vmstat", name));
}

static void verify(void)
{
	char text[512];
	int fd = open("/proc/mm_verify", O_RDONLY);

	printf("%.*s", (int)read(fd, text, sizeof(text)), text);
	close(fd);
}
"""

crowd = c_program("crowd", COMMON + r"""
/* A page of a block gets other rights for a while, goes, or is replaced by a mapping of its own. */
static void cut(size_t p, unsigned how)
{
	void *at = memory + p * 512;

	switch (how % 3) {
	case 0:
		if (mprotect(at, PAGE, PROT_READ) || mprotect(at, PAGE, RW))
			exit(3);
		check_page(p);
		return;
	case 1:
		if (madvise(at, PAGE, MADV_DONTNEED))
			exit(3);
		break;
	default:
		if (mmap(at, PAGE, RW, PRIVATE | MAP_FIXED, -1, 0) != at)
			exit(3);
		break;
	}
	if (memory[p * 512] || memory[p * 512 + 511])
		exit(4);
	write_page(p);
}

static void work(unsigned rounds, uint64_t x)
{
	while (rounds--) {
		size_t p;

		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		p = (x >> 8) % npages;
		check_page(p);
		if (rounds % 100 == 0)
			cut(p, x >> 40);
		else if (x >> 62 == 0)
			write_page(p);
	}
	check_all();
}

static void child(unsigned n, unsigned rounds)
{
	size_t shared = npages;

	npages += npages / 3;
	for (size_t p = shared; p < npages; p++)
		write_page(p);
	work(rounds, 88172645463325252ul + n);
	exit(0);
}

int main(int argc, char **argv)
{
	size_t size = strtoul(argv[1], NULL, 10) * MB;
	unsigned children = atoi(argv[2]), rounds = atoi(argv[3]), bad = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	npages = size / PAGE;
	map(size + size / 3);
	madvise(memory, size + size / 3, MADV_HUGEPAGE);
	for (size_t p = 0; p < npages; p++)
		write_page(p);
	printf("huge %lu\n", figure("/proc/self/smaps", "AnonHugePages") / 1024);
	for (unsigned n = 0; n < children; n++)
		if (!fork())
			child(n, rounds);
	work(rounds, 1442695040888963407ul);
	for (unsigned n = 0; n < children; n++) {
		int status;

		bad += wait(&status) < 0 || status;
	}
	check_all();
	printf("bad %u\nMemTotal %lu\n", bad, figure("/proc/meminfo", "MemTotal") / 1024);
	show("thp_split_page");
	show("thp_split_pmd");
	show("pswpout");
	show("oom_kill");
	verify();
	return bad != 0;
}
""")

# A child cuts every block; then others need the memory.
mixed = c_program("mixed", COMMON + r"""
static void wait_byte(int fd)
{
	char byte;

	if (read(fd, &byte, 1) < 0)
		exit(2);
}

int main(int argc, char **argv)
{
	size_t size = strtoul(argv[1], NULL, 10) * MB;
	int ready[2], go[2], status = 1;
	char *more;

	map(size);
	npages = size / PAGE;
	madvise(memory, size, MADV_HUGEPAGE);
	for (size_t p = 0; p < npages; p++)
		write_page(p);
	if (pipe(ready) || pipe(go))
		return 2;
	if (!fork()) {
		for (size_t p = 7; p < npages; p += 512)
			write_page(p);
		close(ready[1]);
		close(go[1]);
		wait_byte(go[0]);
		check_all();
		exit(0);
	}
	close(ready[1]);
	wait_byte(ready[0]);
	printf("huge %lu\n", figure("/proc/self/smaps", "AnonHugePages") / 1024);
	fflush(stdout);
	more = mmap(NULL, size, RW, PRIVATE, -1, 0);
	if (mlock(more, size))
		return 3;
	for (size_t i = 0; i < size; i += PAGE)
		more[i] = i / PAGE;
	for (size_t i = 0; i < size; i += PAGE)
		if (more[i] != (char)(i / PAGE))
			return 1;
	check_all();
	close(go[1]);
	wait(&status);
	printf("bad %d\n", status);
	show("pswpout");
	show("oom_kill");
	verify();
	return 0;
}
""")

# What is said here is what Linux says.
advice = c_program("advice", COMMON + r"""
static void fresh(void)
{
	munmap(memory, 2 * MB);
	mmap(memory, 2 * MB, RW, PRIVATE | MAP_FIXED, -1, 0);
	madvise(memory, 2 * MB, MADV_HUGEPAGE);
	for (size_t p = 0; p < npages; p++)
		write_page(p);
}

static void say(const char *when)
{
	const char *smaps = "/proc/self/smaps";

	printf("%s: %lu %lu %lu\n", when, figure(smaps, "AnonHugePages"), figure(smaps, "LazyFree"), figure(smaps, "Swap"));
	fflush(stdout);
}

/* To n pages from p on. */
static void advise(const char *name, int what, size_t p, size_t n)
{
	if (madvise(memory + p * 512, n * PAGE, what))
		printf("refused\n");
	say(name);
}

static void family(const char *who, void (*child)(void))
{
	fflush(stdout);
	if (!fork()) {
		child();
		exit(0);
	}
	wait(NULL);
	say(who);
}

static void advise_all(void)
{
	advise("child FREE", MADV_FREE, 0, 512);
	advise("of a part", MADV_FREE, 3, 2);
	advise("child COLD", MADV_COLD, 0, 512);
	advise("of a part", MADV_COLD, 3, 2);
	advise("child PAGEOUT", MADV_PAGEOUT, 0, 512);
	advise("of a part", MADV_PAGEOUT, 3, 2);
	check_all();
}

static void write_one(void)
{
	say("its child");
	memory[7 * 512] = 1;
	say("writes");
}

int main(void)
{
	npages = 512;
	map(2 * MB);
	fresh();
	advise("COLD", MADV_COLD, 0, 512);
	advise("of a part", MADV_COLD, 3, 2);
	check_all();
	fresh();
	advise("FREE", MADV_FREE, 0, 512);
	check_all();
	write_page(9);
	say("written");
	advise("FREE", MADV_FREE, 0, 512);
	mprotect(memory + 512 * 100, PAGE, PROT_READ);
	say("cut");
	fresh();
	advise("FREE of a part", MADV_FREE, 3, 2);
	advise("PAGEOUT", MADV_PAGEOUT, 0, 512);
	printf("zeros %d\n", !memory[3 * 512] && !memory[4 * 512 + 511] && memory[5 * 512] == value(5, 0));
	fresh();
	advise("FREE", MADV_FREE, 0, 512);
	advise("PAGEOUT", MADV_PAGEOUT, 0, 512);
	printf("zeros %d\n", !memory[0] && !memory[512 * 512 - 1]);
	fresh();
	advise("PAGEOUT of a part", MADV_PAGEOUT, 3, 2);
	check_all();
	fresh();
	advise("PAGEOUT", MADV_PAGEOUT, 0, 512);
	check_all();
	fresh();
	family("parent", advise_all);
	advise("FREE", MADV_FREE, 0, 512);
	family("parent", write_one);
	verify();
	return 0;
}
""")

TUNED = COMMON + r"""
static void set(const char *name, const char *text)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/mm/transparent_hugepage/%s", name);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		exit(5);
	close(fd);
}
"""

collapse = c_program("collapse", TUNED + r"""
static unsigned long huge(void)
{
	return figure("/proc/self/smaps", "AnonHugePages") / 1024;
}

static void report(const char *when)
{
	check_all();
	printf("%s: %lu, %lu\n", when, huge(), figure("/proc/vmstat", "thp_collapse_alloc"));
}

/* Until khugepaged has done its work, or ten seconds. */
static void wait_for(unsigned long mb)
{
	for (int i = 0; i < 200 && huge() < mb; i++)
		usleep(50000);
}

int main(void)
{
	set("khugepaged/scan_sleep_millisecs", "10");
	map(8 * MB);
	npages = 8 * MB / PAGE;
	for (size_t p = 0; p < npages; p++)
		write_page(p);
	usleep(200000);
	report("not asked for");
	madvise(memory, 8 * MB, MADV_HUGEPAGE);
	wait_for(8);
	report("asked for");
	if (madvise(memory + 3 * MB / 8, PAGE, MADV_DONTNEED) ||
	    mmap(memory + 5 * MB / 8, PAGE, RW, PRIVATE | MAP_FIXED, -1, 0) == MAP_FAILED)
		return 2;
	printf("zeros %d\n", !memory[3 * MB / 8] && !memory[5 * MB / 8]);
	write_page(3 * MB / PAGE);
	write_page(5 * MB / PAGE);
	wait_for(6);
	usleep(200000);
	report("cut");			/* one has a page that does not want to be in it */
	madvise(memory, 8 * MB, MADV_HUGEPAGE);
	wait_for(8);
	report("asked for again");
	verify();
	return 0;
}
""")

# The same of shared memory, of which one part cannot be a huge page: its pages lie at odd places.
shared = c_program("shared", TUNED + r"""
static unsigned long huge(void)
{
	return figure("/proc/meminfo", "ShmemHugePages") / 1024;
}

static void report(const char *when)
{
	check_all();
	printf("%s: %lu, %lu, by leaves %lu\n", when, huge(), figure("/proc/vmstat", "thp_collapse_alloc"),
	       figure("/proc/meminfo", "ShmemPmdMapped") / 1024);
}

static void wait_for(unsigned long mb)
{
	for (int i = 0; i < 200 && huge() < mb; i++)
		usleep(50000);
	usleep(100000);
}

int main(void)
{
	int fd = memfd_create("m", 0);

	set("khugepaged/scan_sleep_millisecs", "10");
	set("khugepaged/max_ptes_none", "8");
	map(8 * MB);
	npages = 8 * MB / PAGE;
	if (ftruncate(fd, 8 * MB) || mmap(memory, 8 * MB, RW, MAP_SHARED | MAP_FIXED, fd, 0) != memory ||
	    mmap(NULL, 8 * MB, RW, MAP_SHARED, fd, PAGE) == MAP_FAILED)
		return 2;
	for (size_t p = npages; p-- > 0; )
		write_page(p);
	usleep(100000);
	report("not wanted");
	set("shmem_enabled", "advise");
	madvise(memory + 2 * MB / 8, 4 * MB, MADV_HUGEPAGE);
	wait_for(4);
	report("where advised");
	if (fallocate(fd, 3, 6 * MB, 9 * PAGE))	/* a hole */
		return 2;
	set("shmem_enabled", "always");
	wait_for(6);
	memset(memory + 6 * MB / 8, 0, 9 * PAGE);
	for (size_t p = 0; p < 9; p++)
		write_page(6 * MB / PAGE + p);
	wait_for(8);
	report("everywhere");
	verify();
	return 0;
}
""")

MEMORY, SWAP, SIZE, CHILDREN, ROUNDS = 112, 72, 36, 3, 5000
done = tool("qrun", "-t", "200", "-c", "4", "-m", f"{MEMORY}M", "-a", f"swap={SWAP}M", crowd, str(SIZE), str(CHILDREN),
            str(ROUNDS))
n = {k: int(v) for k, v in re.findall(r"^(\w+) (\d+)$", done.out.decode(), re.M)}
used = SIZE + CHILDREN * SIZE // 3
if equal((done.status, n.get("bad"), n.get("oom_kill"), done.out.decode().splitlines()[-1:]), (0, 0, 0, ["ok"]),
         f"{CHILDREN + 1} processes, 4 CPUs: every word is right", done.out, done.err):
    check(used >= 2 * n["MemTotal"], f"{used} MB of {n['MemTotal']} MB were in use")
    check(n["huge"] > SIZE // 2, f"{n['huge']} of {SIZE} MB were huge pages at first", done.out)
    check(n["thp_split_page"] >= n["huge"] // 4 and n["thp_split_pmd"] > n["thp_split_page"],
          f"{n['thp_split_page']} blocks of them were split, {n['thp_split_pmd']} leaves that named them", done.out)

done = tool("qrun", "-t", "200", "-m", f"{MEMORY}M", "-a", f"swap={SWAP}M", mixed, "22")
equal((done.status, done.out.decode().split()[:4], done.out.decode().split()[6:]),
      (0, ["huge", "22", "bad", "0"], ["oom_kill", "0", "ok"]), "blocks of which a child has cut each are swapped, too",
      done.out, done.err)
done = tool("qrun", "-t", "60", "-m", "64M", "-a", "swap=16M", advice)
equal((done.status, done.out.decode()), (0, """COLD: 2048 0 0
of a part: 0 0 0
FREE: 2048 2048 0
written: 2048 0 0
FREE: 2048 2048 0
cut: 0 2048 0
FREE of a part: 0 8 0
PAGEOUT: 0 0 2040
zeros 1
FREE: 2048 2048 0
PAGEOUT: 0 0 0
zeros 1
PAGEOUT of a part: 0 0 8
PAGEOUT: 0 0 2048
child FREE: 2048 0 0
of a part: 2048 0 0
child COLD: 2048 0 0
of a part: 2048 0 0
child PAGEOUT: 2048 0 0
of a part: 2048 0 0
parent: 2048 0 0
FREE: 2048 2048 0
its child: 2048 2048 0
writes: 0 2044 0
parent: 2048 2048 0
ok
"""), "MADV_COLD, MADV_FREE and MADV_PAGEOUT treat a huge page as one, or split it; what others have, too, stays", done.err)
done = tool("qrun", "-t", "60", "-m", "64M", collapse)
equal((done.status, done.out.decode()), (0, """not asked for: 0, 0
asked for: 8, 4
zeros 1
cut: 6, 5
asked for again: 8, 6
ok
"""), "khugepaged collapses what asks for it, and nothing else; contents stay", done.err)
done = tool("qrun", "-t", "60", "-m", "64M", shared)
equal((done.status, done.out.decode()), (0, """not wanted: 0, 0, by leaves 0
where advised: 4, 2, by leaves 4
everywhere: 8, 4, by leaves 8
ok
"""), "the same of shared memory; what is missing is made up within limits", done.err)

# Who reads what nobody has written shares one huge page, which stays for the next, but not when memory is wanted.
zeros = c_program("zeros", COMMON + r"""
int main(void)
{
	unsigned long sum = 0;
	int status = 1;

	map(8 * MB);
	madvise(memory, 8 * MB, MADV_HUGEPAGE);
	for (size_t i = 0; i < MB; i += PAGE / 8)
		sum += memory[i];
	if (!fork()) {
		for (size_t i = 0; i < MB; i += PAGE / 8)
			sum += memory[i];
		memory[7] = 1;
		exit(sum != 0);
	}
	wait(&status);
	printf("bad %lu\n", sum + memory[7] + status);
	show("thp_zero_page_alloc");
	verify();
	return 0;
}
""")
script = r"""
free() { awk '/^MemFree/ { print $2 }' /proc/meminfo; }
drop() { echo 2 >/proc/sys/vm/drop_caches; }
more() { echo "$1: $(($2 > $3 + 1500))"; }
begin=$(free)
/zeros
kept=$(free)
more "kept for the next" $begin $kept
drop
more "given back" $(free) $kept
/zeros
"""
with open(f"{WORK}/script", "w", encoding="utf-8") as file:
    file.write(script)
done = tool("qrun", "-t", "60", "-m", "64M", "-f", zeros + ":/zeros", "-f", f"{WORK}/script", "busybox", "sh", "/script")
ONCE = "bad 0\nthp_zero_page_alloc %d\nok\n"
equal((done.status, done.out.decode()), (0, ONCE % 1 + "kept for the next: 1\ngiven back: 1\n" + ONCE % 2),
      "the huge page of zeros is kept for the next who reads one, and given back", done.err)
end()
