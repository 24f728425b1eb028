/* What the programs on explicit huge pages (hugetlb*.c) share. */
#ifndef TESTS_TOOLS_HUGETLB_H
#define TESTS_TOOLS_HUGETLB_H

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE	(2ul << 20)
#define RW	(PROT_READ | PROT_WRITE)

static inline long figure(const char *path)
{
	char text[32] = "";
	int fd = open(path, O_RDONLY);

	if (read(fd, text, sizeof(text) - 1) <= 0)
		exit(3);
	close(fd);
	return strtol(text, NULL, 10);
}

/* Of the pool of 2 MB: "nr", "free", "resv" or "surplus". */
static inline long pool(const char *what)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-2048kB/%s_hugepages", what);
	return figure(path);
}

/* Says what /proc/mm_verify finds, where there is one. */
static inline void verify(void)
{
	char text[512];
	int fd = open("/proc/mm_verify", O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text));

	if (n > 0 && (n != 3 || memcmp(text, "ok\n", 3)))
		printf("%.*s", (int)n, text);
	close(fd);
}

#endif
