/* remap_file_pages: which page of the file is where, what is refused, and the mappings that come of it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGES	8
#define PAGE	4096ul

static int remap(void *at, size_t len, int prot, size_t pgoff, int flags)
{
	return syscall(SYS_remap_file_pages, at, len, prot, pgoff, flags) ? errno : 0;
}

static void show(const char *what, const char *p, int pages)
{
	unsigned char there[PAGES];

	mincore((void *)p, pages * PAGE, there);
	printf("%s:", what);
	for (int i = 0; i < pages; i++)
		printf(" %c%s", p[i * PAGE], there[i] & 1 ? "" : "-");
	printf("\n");
}

/* How many lines of /proc/self/maps the range has. */
static int lines(const char *p)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned long start, end;
	char line[256];
	int n = 0;

	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx", &start, &end) == 2)
			n += start < (unsigned long)p + PAGES * PAGE && end > (unsigned long)p;
	fclose(f);
	return n;
}

static char *fresh(int fd, int flags)
{
	char *p = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, flags, fd, 0);

	for (int i = 0; i < PAGES; i++)
		p[i * PAGE] = "abcdefgh"[i];
	return p;
}

static void turned(const char *what, char *p)
{
	for (int i = 0; i < PAGES; i++)
		printf("%d", remap(p + i * PAGE, PAGE, 0, PAGES - 1 - i, 0));
	printf(", %d mappings\n", lines(p));
	show(what, p, PAGES);
	p[0] = 'X';
	printf("%d, %d mapping\n", remap(p, PAGES * PAGE, 0, 0, 0), lines(p));
	show("and back", p, PAGES);
}

static void refused(int fd, char *p)
{
	char *private = fresh(fd, MAP_PRIVATE);

	printf("private %d, prot %d, length 0 %d, part of a page %d, wraps %d, not mapped %d\n",
	       remap(private, PAGE, 0, 1, 0), remap(p, PAGE, PROT_READ, 1, 0), remap(p, 0, 0, 1, 0),
	       remap(p, PAGE - 1, 0, 1, 0), remap(p, PAGE, 0, ~0ul, 0), remap((void *)PAGE, PAGE, 0, 1, 0));
	printf("an address inside of a page %d\n", remap(p + 5, PAGE, 0, 0, 0));
	munmap(private, PAGES * PAGE);
}

static void pieces(char *p)
{
	mprotect(p + 2 * PAGE, PAGE, PROT_READ);
	printf("of two rights %d, of one %d\n", remap(p, 4 * PAGE, 0, 4, 0), remap(p + 2 * PAGE, PAGE, 0, 7, 0));
	show("read-only too", p, PAGES);
	mprotect(p, PAGES * PAGE, PROT_READ | PROT_WRITE);
	printf("all of them, with that one %d, %d mappings\n", remap(p, 3 * PAGE, 0, 0, 0), lines(p));
	munmap(p + 4 * PAGE, PAGE);
	printf("with a hole %d\n", remap(p + 3 * PAGE, 3 * PAGE, 0, 0, 0));
	show("before the hole", p, 4);
}

static void sealed(void)
{
	int fd = memfd_create("sealed", MFD_ALLOW_SEALING);
	char *p;

	ftruncate(fd, PAGES * PAGE);
	p = fresh(fd, MAP_SHARED);
	printf("a seal while it is mapped %d, one for the future %d, ", fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) ? errno : 0,
	       fcntl(fd, F_ADD_SEALS, 0x10) ? errno : 0);
	printf("then %d, and read-only %d, ", remap(p, PAGE, 0, 3, 0),
	       mprotect(p, PAGE, PROT_READ) || remap(p, PAGE, 0, 3, 0) ? errno : 0);
	printf("which may not be written: %d\n", mprotect(p, PAGE, PROT_READ | PROT_WRITE) ? errno : 0);
	show("sealed", p, PAGES);
}

int main(void)
{
	int fd = memfd_create("pages", 0);
	char *p;

	ftruncate(fd, PAGES * PAGE);
	p = fresh(fd, MAP_SHARED);
	turned("a file", p);
	refused(fd, p);
	printf("behind the end %d, not at once %d\n", remap(p + 7 * PAGE, PAGE, 0, PAGES, 0),
	       remap(p + 6 * PAGE, PAGE, 0, 0, MAP_NONBLOCK));
	remap(p, PAGES * PAGE, 0, 0, 0);
	pieces(p);
	turned("memory that is no file", fresh(-1, MAP_SHARED | MAP_ANONYMOUS));
	sealed();
	return 0;
}
