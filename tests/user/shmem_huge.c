/*
 * Shared memory in which huge pages may be: made, shared, cut, moved, emptied, made longer and shorter. What it holds is printed
 * after each step, and does not depend on whether they are there. With the argument "figures" what smaps and meminfo say of
 * huge pages is printed, too, and a file of a tmpfs (argument 2) takes part.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE	4096ul
#define HUGE	(2ul << 20)
#define SIZE	(4 * HUGE)
#define RW	(PROT_READ | PROT_WRITE)

static int figures;
static char *at;			/* of the mapping, at a multiple of HUGE */

static void die(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	exit(1);
}

static void must(int failed, const char *what)
{
	if (failed)
		die(what);
}

static char *map(char *where, size_t n, int fd, size_t off, int kind)
{
	char *p = mmap(where, n, RW, kind | MAP_FIXED | (fd < 0 ? MAP_ANONYMOUS : 0), fd, (off_t)off);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

/* Room for n bytes and more, at a multiple of HUGE. */
static char *room(size_t n)
{
	char *p = mmap(NULL, n + HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return (char *)(((uintptr_t)p + HUGE - 1) & -HUGE);
}

static uint64_t sum(const char *p, size_t n)
{
	uint64_t s = 0;

	for (size_t i = 0; i < n; i += 64)
		s = (s ^ *(const uint64_t *)(p + i)) * 0x100000001b3;
	return s;
}

static void fill(char *p, size_t n, uint64_t seed)
{
	for (size_t i = 0; i < n; i += 64)
		*(uint64_t *)(p + i) = seed += 0x9e3779b97f4a7c15;
}

static void show(const char *step)
{
	printf("%s: %016lx\n", step, (unsigned long)sum(at, SIZE));
	fflush(stdout);
}

/* Of the field of the mapping at p in smaps; of all of meminfo if p is NULL. */
static long field(const char *p, const char *name)
{
	FILE *f = fopen(p ? "/proc/self/smaps" : "/proc/meminfo", "r");
	char line[256];
	int here = !p;
	long kb = -1;

	while (f && fgets(line, sizeof(line), f)) {
		unsigned long start, end;

		if (p && sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = start <= (uintptr_t)p && (uintptr_t)p < end;
		else if (here && !strncmp(line, name, strlen(name)) && kb < 0)
			kb = strtol(line + strlen(name) + 1, NULL, 10);
	}
	if (f)
		fclose(f);
	return kb;
}

static void show_huge(const char *when)
{
	if (!figures)
		return;
	printf("%s: %ld kB by huge leaves here, %ld in all, %ld in blocks\n", when, field(at, "ShmemPmdMapped"),
	       field(NULL, "ShmemPmdMapped"), field(NULL, "ShmemHugePages"));
	fflush(stdout);
}

static void in_a_child(void)
{
	pid_t pid = fork();
	int status;

	must(pid < 0, "fork");
	if (!pid) {
		show("the child sees");
		show_huge("the child");
		fill(at + HUGE + 5 * PAGE, 3 * PAGE, 77);
		_exit(0);
	}
	must(waitpid(pid, &status, 0) < 0 || status, "the child");
	show("after the child");
}

static void private_copies(int fd)
{
	char *p = map(room(SIZE), SIZE, fd, 0, MAP_PRIVATE);

	for (size_t i = 0; i < SIZE; i += HUGE + 9 * PAGE)
		fill(p + i, PAGE, i);
	printf("private: %016lx\n", (unsigned long)sum(p, SIZE));
	show("beside it");
	must(munmap(p, SIZE), "munmap");
}

static void cut(int fd)
{
	const size_t off = HUGE + 100 * PAGE;

	must(mprotect(at + off, 50 * PAGE, PROT_READ), "mprotect");
	show("a part read-only");
	must(mprotect(at + off, 50 * PAGE, RW), "mprotect");
	fill(at + off, 50 * PAGE, 3);
	show("written again");
	if (fd >= 0) {
		must(munmap(at + off, 9 * PAGE), "munmap");
		map(at + off, 9 * PAGE, fd, off, MAP_SHARED);
		show("a part unmapped and mapped");
	}
	must(mlock(at + 2 * HUGE - 3 * PAGE, 5 * PAGE) || munlock(at + 2 * HUGE, PAGE), "mlock");
	show("a part locked");
	must(munlock(at, SIZE), "munlock");
	must(madvise(at + 7 * PAGE, HUGE, MADV_DONTNEED), "MADV_DONTNEED");
	show("a part dropped");
	must(madvise(at, SIZE, MADV_COLD), "MADV_COLD");
	must(madvise(at + PAGE, HUGE, MADV_PAGEOUT), "MADV_PAGEOUT");
	show("paged out");
	must(madvise(at + 3 * HUGE - 8 * PAGE, 9 * PAGE, MADV_REMOVE), "MADV_REMOVE");
	show("a hole");
	must(madvise(at + 2 * HUGE, HUGE, MADV_REMOVE), "MADV_REMOVE");
	show("a large hole");
	fill(at + 2 * HUGE, HUGE, 9);
	show("filled");
}

static void move(void)
{
	char *odd = room(SIZE + HUGE) + 13 * PAGE, *even = at;

	must(mremap(at, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, odd) != odd, "mremap");
	at = odd;
	show("moved to an odd place");
	must(mremap(at, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, even) != even, "mremap");
	at = even;
	show("and back");
}

static void by_descriptor(int fd)
{
	static char buf[3 * PAGE];

	fill(buf, sizeof(buf), 5);
	must(pwrite(fd, buf, sizeof(buf), (off_t)(HUGE - PAGE - 8)) != sizeof(buf), "pwrite");
	show("written by descriptor");
	must(pread(fd, buf, sizeof(buf), (off_t)(3 * HUGE - PAGE)) != sizeof(buf), "pread");
	printf("read by descriptor: %016lx\n", (unsigned long)sum(buf, sizeof(buf)));
	must(ftruncate(fd, (off_t)(3 * HUGE + 200 * PAGE + 17)), "ftruncate");
	must(ftruncate(fd, (off_t)SIZE), "ftruncate");
	show("shorter and longer");
	must(ftruncate(fd, 0) || ftruncate(fd, (off_t)SIZE), "ftruncate");
	show("emptied");
	fill(at, SIZE, 8);
	show("filled anew");
	show_huge("filled anew");
}

static void exercise(const char *what, int fd)
{
	printf("-- %s\n", what);
	if (fd >= 0)
		must(ftruncate(fd, (off_t)SIZE), "ftruncate");
	at = map(room(SIZE), SIZE, fd, 0, MAP_SHARED);
	must(madvise(at + HUGE, HUGE, MADV_HUGEPAGE) && errno != EINVAL, "MADV_HUGEPAGE");
	fill(at, SIZE, 1);
	show("filled");
	show_huge("filled");
	in_a_child();
	if (fd >= 0)
		private_copies(fd);
	cut(fd);
	move();
	if (fd >= 0)
		by_descriptor(fd);
	must(munmap(at, SIZE), "munmap");
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	figures = argc > 1 && !strcmp(argv[1], "figures");
	exercise("shared anonymous memory", -1);
	exercise("memfd", memfd_create("m", 0));
	if (argc > 2)
		exercise("a file", open(argv[2], O_RDWR | O_CREAT, 0600));
	return 0;
}
