/*
 * A file is mapped into a gap between pages that parent and child share since the fork, and cut:
 * what is around it stays.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE	4096ul
#define SPAN	(512 * PAGE)
#define SIDE	100ul			/* pages on either side of the gap */

static unsigned char *map(unsigned char *at, size_t pages)
{
	unsigned char *p = mmap(at, pages * PAGE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	for (size_t i = 0; i < pages; i++)
		p[i * PAGE] = (unsigned char)(i + 1);
	return p;
}

static int wrong(const unsigned char *p)
{
	int n = 0;

	for (size_t i = 0; i < SIDE; i++)
		n += p[i * PAGE] != (unsigned char)(i + 1);
	return n;
}

int main(void)
{
	unsigned char *room = mmap(NULL, 2 * SPAN, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char *base = (unsigned char *)(((unsigned long)room + SPAN - 1) & -SPAN), *gap = base + SIDE * PAGE;
	int fd = memfd_create("gap", 0), go[2], status;
	char c = 0;

	munmap(room, 2 * SPAN);
	map(base, SIDE);
	map(base + SPAN - SIDE * PAGE, SIDE);
	if (pipe(go) || ftruncate(fd, 8 * PAGE))
		return 1;
	if (!fork()) {
		close(go[1]);
		c = (char)read(go[0], &c, 1);
		_exit(c || wrong(base) || wrong(base + SPAN - SIDE * PAGE));
	}
	for (int flags = MAP_SHARED; flags <= MAP_PRIVATE; flags++) {
		if (mmap(gap, 8 * PAGE, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0) != gap)
			return 1;
		if (ftruncate(fd, 0) || ftruncate(fd, 8 * PAGE))
			return 1;
		printf("cut, and read as %d\n", gap[PAGE]);
		munmap(gap, 8 * PAGE);
	}
	printf("%d, %d pages wrong in the parent\n", wrong(base), wrong(base + SPAN - SIDE * PAGE));
	close(go[1]);
	wait(&status);
	printf("child: %x\n", status);
	return 0;
}
