/* /proc/self/maps of many mappings: the same in reads of any size, and at places of their own, forth and back. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES	2048
#define PAGE	4096ul

static char whole[4 << 20], again[4 << 20];

static long slurp(char *to, size_t piece)
{
	int fd = open("/proc/self/maps", O_RDONLY);
	long size = 0, n;

	while ((n = read(fd, to + size, piece)) > 0)
		size += n;
	close(fd);
	return size;
}

/* How many of 3,000 reads somewhere differ. */
static int differ(long size)
{
	int fd = open("/proc/self/maps", O_RDONLY), bad = 0;
	unsigned r = 1;
	char c[64];

	for (int i = 0; i < 3000; i++) {
		long off = ((r = r * 1103515245 + 12345) >> 8) % (size + 1000);
		long n = pread(fd, c, sizeof(c), off);

		bad += n < (off < size) || (off >= size && n) || (n > 0 && memcmp(c, whole + off, n));
	}
	close(fd);
	return bad;
}

static int missing(const char *p)
{
	int n = 0;

	for (int i = 0; i < PAGES; i++) {
		char start[64];

		sprintf(start, "%08lx-", (unsigned long)p + i * PAGE);
		n += !strstr(whole, start);
	}
	return n;
}

int main(void)
{
	char *p = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	long size;

	for (int i = 0; i < PAGES; i += 2)
		mprotect(p + i * PAGE, PAGE, PROT_READ);
	size = slurp(whole, 100);
	printf("in large reads %s\n", slurp(again, sizeof(again)) == size && !memcmp(whole, again, size) ? "the same" : "other");
	printf("%d of 3000 places differ, %d of %d mappings are missing\n", differ(size), missing(p), PAGES);
	return 0;
}
