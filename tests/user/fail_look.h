/*
 * What a process sees of itself, for failure injection: its mappings, what its memory and its files
 * hold, its signals, each as a number that changes if anything there does. And the places where
 * acts work.
 */
#ifndef TESTS_USER_FAIL_LOOK_H
#define TESTS_USER_FAIL_LOOK_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE		4096ul
#define TABLE		(512 * PAGE)	/* what a last-level table spans */
#define AREA		0x100000000000ul /* where acts work: a place with no tables of any level */
#define DEST		0x200000000000ul
#define AREA_SIZE	(2 * TABLE)
#define SHARED_PAGES	100		/* more than fork copies at once */

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#define MADV_POPULATE_WRITE	23
#endif
#define RW		(PROT_READ | PROT_WRITE)
#define ANON		(MAP_PRIVATE | MAP_ANONYMOUS)

/* What can be seen of a process. */
struct sight { uint64_t maps, content, files, signals; };

static int mem_fd = -1;			/* an act's memory file */

static uint64_t mix(uint64_t h, uint64_t v)
{
	return (h ^ v) * 0x9e3779b97f4a7c15ul ^ h >> 29;
}

static size_t read_file(const char *path, char *text, size_t max)
{
	int fd = open(path, O_RDONLY);
	size_t n = 0;
	ssize_t r = 0;

	while (fd >= 0 && n < max - 1 && (r = read(fd, text + n, max - 1 - n)) > 0)
		n += (size_t)r;
	text[n] = 0;
	if (fd < 0 || r < 0) {
		printf("not ok %s: %s\n", path, strerror(errno));
		exit(1);
	}
	close(fd);
	return n;
}

/* Reads it as a system call does: what cannot be read is no fault. */
static uint64_t page_content(uint64_t h, unsigned long at, int ends[2])
{
	uint64_t word[8] = { 0 };
	ssize_t n = write(ends[1], (void *)at, sizeof(word));

	if (n > 0 && read(ends[0], word, (size_t)n) != n)
		return 0;
	for (int i = 0; i < 8; i++)
		h = mix(h, word[i] + (uint64_t)n);
	return mix(h, at);
}

static bool in_area(unsigned long at)
{
	return (at >= AREA - AREA_SIZE && at < AREA + AREA_SIZE) || (at >= DEST && at < DEST + AREA_SIZE);
}

static void look_memory(struct sight *s)
{
	static char text[16384];
	unsigned long start, end;
	char prot[8];
	int ends[2];

	if (pipe(ends))
		return;
	read_file("/proc/self/maps", text, sizeof(text));
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		if (sscanf(line, "%lx-%lx %4s", &start, &end, prot) != 3 || !in_area(start))
			continue;
		strstr(line, " 00:")[6] = 0;	/* without the inode: each memfd has another */
		for (char *c = line; *c; c++)
			s->maps = mix(s->maps, (uint64_t)*c);
		for (; prot[0] == 'r' && start < end; start += PAGE)
			s->content = page_content(s->content, start, ends);
	}
	s->maps = mix(s->maps, (uint64_t)syscall(SYS_brk, 0));
	read_file("/proc/self/status", text, sizeof(text));
	s->maps = mix(s->maps, strtoul(strstr(text, "VmLck:") + 6, NULL, 10));
	close(ends[0]);
	close(ends[1]);
}

static void look_files(struct sight *s)
{
	uint64_t word;
	struct stat st;

	for (int fd = 0; fd < 40; fd++)
		s->files = mix(s->files, (uint64_t)fcntl(fd, F_GETFD));
	if (mem_fd < 0 || fstat(mem_fd, &st))
		return;
	s->files = mix(s->files, (uint64_t)st.st_size);
	for (off_t at = 0; at < st.st_size && at < 256 * (off_t)PAGE; at += PAGE)
		s->files = mix(s->files, pread(mem_fd, &word, 8, at) == 8 ? word : 0);
}

static struct sight look(void)
{
	struct sight s = { 0 };
	struct sigaction a;
	sigset_t set;

	look_files(&s);
	look_memory(&s);
	sigpending(&set);
	for (int sig = 1; sig < 64; sig++) {
		memset(&a, 0, sizeof(a));
		if (sigaction(sig, NULL, &a))
			continue;
		s.signals = mix(s.signals, (uint64_t)a.sa_handler + (uint64_t)sigismember(&set, sig));
	}
	return s;
}

#endif
