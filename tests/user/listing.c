/* A large folder, listed through small buffers and resumed in the middle. */
/* files: /usr/include/linux */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct entry { uint64_t ino; int64_t off; uint16_t len; uint8_t type; char name[]; };

static char *names[5000];
static size_t count;

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/*
 * Reads on from where fd is, through a buffer of `size` bytes; at most `calls`
 * calls. The names, sorted, as a sum.
 */
static unsigned long list(int fd, size_t size, int calls)
{
	char buf[4096] __attribute__((aligned(8)));
	unsigned long s = 0;
	long n;

	count = 0;
	while (calls-- && (n = syscall(SYS_getdents64, fd, buf, size)) > 0)
		for (long at = 0; at < n; at += ((struct entry *)(buf + at))->len)
			names[count++] = strdup(((struct entry *)(buf + at))->name);
	qsort(names, count, sizeof(names[0]), by_name);
	for (size_t i = 0; i < count; i++) {
		for (char *c = names[i]; *c; c++)
			s = s * 31 + (unsigned char)*c;
		free(names[i]);
	}
	return s;
}

int main(void)
{
	int fd = open("linux", O_RDONLY | O_DIRECTORY);
	size_t first;
	long n;

	for (size_t size = 280; size <= 4096; size = size * 5 / 3) {
		lseek(fd, 0, SEEK_SET);
		printf("%lx", list(fd, size, -1));
		printf(" %zu names\n", count);
	}
	lseek(fd, 0, SEEK_SET);
	list(fd, 1000, 3);
	first = count;
	list(fd, 1000, -1);
	printf("in two parts %zu names\n", first + count);
	n = syscall(SYS_getdents64, fd, names, 4096);
	printf("at the end %ld\n", n);
	return 0;
}
