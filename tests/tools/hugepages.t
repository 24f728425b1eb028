#!/usr/bin/python3
"""Explicit huge pages, 2 MB and 1 GB: the pool's figures at each step, fork and copies, what is refused."""
from tap import c_program, end, equal, tool

program = c_program("hugepages", r"""
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE	4096ul
#define RW	(PROT_READ | PROT_WRITE)

static size_t size;
static int flags;

static unsigned long pool(const char *what)
{
	char path[128], text[32] = "";
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%zukB/%s_hugepages", size >> 10, what);
	fd = open(path, O_RDONLY);
	if (read(fd, text, sizeof(text) - 1) <= 0)
		exit(3);
	close(fd);
	return strtoul(text, NULL, 10);
}

static void show(const char *when)
{
	printf("%s: %lu, %lu free, %lu reserved\n", when, pool("nr"), pool("free"), pool("resv"));
	fflush(stdout);
}

static void *map(size_t n, int kind)
{
	return mmap(NULL, n * size, RW, flags | kind, -1, 0);
}

static const char *word(int failed)
{
	return failed ? strerrorname_np(errno) : "done";
}

/* A number for each small page; how many are not as they should be, but the first. */
static void fill(char *p)
{
	for (size_t i = 0; i < size; i += PAGE)
		*(size_t *)(p + i) = i;
}

static int wrong(const char *p)
{
	int n = 0;

	for (size_t i = PAGE; i < size; i += PAGE)
		n += *(const size_t *)(p + i) != i;
	return n;
}

static void finish(void)
{
	int status = 1;

	wait(&status);
	printf("child ended %d\n", status);
}

static void verify(void)
{
	char text[512];
	int fd = open("/proc/mm_verify", O_RDONLY);

	printf("%.*s", (int)read(fd, text, sizeof(text)), text);
	close(fd);
}

static void private_page(void)
{
	char *p = map(1, MAP_PRIVATE);

	show("mapped");
	printf("aligned %d\n", ((unsigned long)p & (size - 1)) == 0);
	printf("zeros %d\n", p[0] == 0 && p[size - 1] == 0);
	fill(p);
	show("written");
	fflush(stdout);
	if (!fork()) {
		printf("child reads, wrong %d\n", wrong(p));
		p[0] = 42;
		printf("child wrote, wrong %d\n", wrong(p));
		show("two of them");
		_exit(0);
	}
	finish();
	verify();
	printf("parent has its own %d, wrong %d\n", p[0] == 0, wrong(p));
	show("child gone");
	printf("no access: %s\n", word(mprotect(p, size, PROT_NONE)));
	printf("access: %s\n", word(mprotect(p, size, RW)));
	fill(p);
	printf("wrong %d\n", wrong(p));
	printf("munmap of a part: %s\n", word(munmap(p + PAGE, PAGE)));
	printf("mprotect of a part: %s\n", word(mprotect(p, PAGE, PROT_READ)));
	printf("given up: %s\n", word(madvise(p, size, MADV_DONTNEED)));
	show("given up");
	printf("zeros %d\n", p[0] == 0 && p[size - 1] == 0);
	munmap(p, size);
	show("unmapped");
}

static void shared_page(void)
{
	char *p = map(1, MAP_SHARED);

	verify();
	if (!fork()) {
		fill(p);
		strcpy(p, "said by the child");
		_exit(0);
	}
	finish();
	printf("%s, wrong %d\n", p, wrong(p));
	show("shared");
	munmap(p, size);
	show("unmapped");
}

static void moved_page(void)
{
	char *p = map(1, MAP_PRIVATE), *to = (char *)0x200000000000;

	fill(p);
	printf("moved: %s\n", word(mremap(p, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to));
	printf("wrong %d, written %d\n", wrong(to), to[1] = 7);
	verify();
	munmap(to, size);
	show("unmapped");
}

static void refused(void)
{
	unsigned long n = pool("nr");
	char *all = map(n, MAP_PRIVATE), *more;

	show("all promised");
	more = map(1, MAP_PRIVATE);
	printf("one more: %s\n", word(more == MAP_FAILED));
	more = map(1, MAP_SHARED);
	printf("one more, shared: %s\n", word(more == MAP_FAILED));
	munmap(all + size, size);
	show("a part unmapped");
	munmap(all, n * size);
	show("unmapped");
	more = mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | 13u << 26, -1, 0);
	printf("pages of 8 kB: %s\n", word(more == MAP_FAILED));
}

int main(int argc, char **argv)
{
	int shift = argc > 1 ? atoi(argv[1]) : 21;

	size = 1ul << shift;
	flags = MAP_ANONYMOUS | MAP_HUGETLB | shift << 26;
	private_page();
	shared_page();
	moved_page();
	refused();
	verify();
	return 0;
}
""", ("gcc", "-static"))

WANT = """mapped: 2, 2 free, 1 reserved
aligned 1
zeros 1
written: 2, 1 free, 0 reserved
child reads, wrong 0
child wrote, wrong 0
two of them: 2, 0 free, 0 reserved
child ended 0
ok
parent has its own 1, wrong 0
child gone: 2, 1 free, 0 reserved
no access: done
access: done
wrong 0
munmap of a part: EINVAL
mprotect of a part: EINVAL
given up: done
given up: 2, 2 free, 1 reserved
zeros 1
unmapped: 2, 2 free, 0 reserved
ok
child ended 0
said by the child, wrong 0
shared: 2, 1 free, 0 reserved
unmapped: 2, 2 free, 0 reserved
moved: done
wrong 0, written 7
ok
unmapped: 2, 2 free, 0 reserved
all promised: 2, 2 free, 2 reserved
one more: ENOMEM
one more, shared: ENOMEM
a part unmapped: 2, 2 free, 1 reserved
unmapped: 2, 2 free, 0 reserved
pages of 8 kB: EINVAL
ok
"""

for name, shift, memory, options in (("2 MB", "21", "128M", "hugepages=2"),
                                     ("1 GB", "30", "4096M", "hugepagesz=1G hugepages=2")):
    done = tool("qrun", "-t", "300", "-m", memory, "-a", options, program, shift)
    equal((done.status, done.out.decode()), (0, WANT), f"pages of {name}", done.err)
end()
