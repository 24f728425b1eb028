/* Ranges that end where no address and no file can be: each call refuses them as on Linux, and nothing else is touched. */
#define _GNU_SOURCE
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "call.h"

#define RW		(PROT_READ | PROT_WRITE)
#define PAGES		64
#define AT		20		/* the page that all is about */
#define FILE_END	(1ul << 63)

static char *base, *other;

static bool holds(const char *p, int from, int to)
{
	for (int i = from; i < to; i++)
		if (p[i * PAGE] != i + 1)
			return false;
	return true;
}

/* In a child: what was mapped before and behind is what it was. */
static void remap(size_t old, size_t new, int flags, char *to)
{
	char text[80];

	fflush(stdout);
	if (fork() == 0) {
		snprintf(text, sizeof(text), "mremap of 0x%lx to 0x%lx, flags %d", old, new, flags);
		call_show_at(text, (void *)syscall(SYS_mremap, base + AT * PAGE, old, new, flags, to), base);
		if (!holds(base, 0, PAGES) || !holds(other, 0, PAGES))
			printf("something is lost\n");
		munmap(base + (AT - 1) * PAGE, PAGE);
		mmap(base + (AT - 1) * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		base[(AT - 1) * PAGE] = AT;
		if (!holds(base, 0, PAGES))
			printf("something is lost by then\n");
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
}

static char *filled(void)
{
	char *p = mmap(NULL, PAGES * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (int i = 0; i < PAGES; i++)
		p[i * PAGE] = (char)(i + 1);
	return p;
}

static void remaps(void)
{
	static const size_t lengths[] = {
		-PAGE, -2 * PAGE, -10 * PAGE, -1ul, FILE_END, 1ul << 48, 1ul << 47, (1ul << 47) - PAGE,
	};

	for (unsigned i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		remap(lengths[i], PAGE, 0, NULL);
		remap(lengths[i], PAGE, MREMAP_MAYMOVE, NULL);
		remap(lengths[i], PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, other);
		remap(lengths[i], PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, NULL);
		remap(lengths[i], (1ul << 47) - 2 * PAGE, MREMAP_MAYMOVE, NULL);
	}
}

/* A mapping of the file where it can be no longer, grown beyond that. */
static void holes(int fd, size_t off)
{
	char *p = mmap(NULL, PAGE, RW, MAP_SHARED, fd, off);

	printf("at 0x%lx: %s\n", off, p == MAP_FAILED ? strerror(errno) : "mapped");
	if (p == MAP_FAILED)
		return;
	p = mremap(p, PAGE, 3 * PAGE, MREMAP_MAYMOVE);
	for (int i = 0; i < 3; i++)
		CALL(madvise, p + i * PAGE, PAGE, MADV_REMOVE);
	CALL(madvise, p, 3 * PAGE, MADV_REMOVE);
	CALL(madvise, p, 3 * PAGE, MADV_DONTNEED);
	munmap(p, 3 * PAGE);
}

static void file_pages(int fd)
{
	static const size_t firsts[] = { 1ul << 50, (1ul << 51) - 2, (1ul << 51) - 1, 1ul << 51, (1ul << 52) - 1, -2ul };
	char *p = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);

	p[0] = 'a';
	for (unsigned i = 0; i < sizeof(firsts) / sizeof(*firsts); i++) {
		printf("page 0x%lx: ", firsts[i]);
		CALL(remap_file_pages, p + PAGE, PAGE, 0, firsts[i], 0);
		CALL(madvise, p + PAGE, PAGE, MADV_REMOVE);
	}
	printf("the first holds %c\n", p[0]);
}

int main(void)
{
	int fd = memfd_create("far", 0);

	base = filled();
	other = filled();
	remaps();
	CALL(ftruncate, fd, 16 * PAGE);
	holes(fd, FILE_END - 2 * PAGE);
	holes(fd, FILE_END - PAGE);
	holes(fd, FILE_END);
	holes(fd, FILE_END / 2);
	file_pages(fd);
	return 0;
}
