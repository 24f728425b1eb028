/* Holes in memory files: fallocate's PUNCH_HOLE, and MADV_REMOVE; who maps them, copies, seals. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "call.h"

#define RW	(PROT_READ | PROT_WRITE)
#define PUNCH	(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)
#define PAGES	8

static char *shared, *private;
static int fd;

/* A file of 1s with both mappings; pages 1 and 5 of the private one are its own, 2s. */
static void fresh(void)
{
	if (shared) {
		munmap(shared, PAGES * PAGE);
		munmap(private, PAGES * PAGE);
		close(fd);
	}
	fd = memfd_create("p", MFD_ALLOW_SEALING);
	if (fd < 0 || ftruncate(fd, PAGES * PAGE))
		exit(1);
	shared = mmap(NULL, PAGES * PAGE, RW, MAP_SHARED, fd, 0);
	private = mmap(NULL, PAGES * PAGE, RW, MAP_PRIVATE, fd, 0);
	memset(shared, 1, PAGES * PAGE);
	for (volatile int i = 0; i < PAGES; i++)
		(void)*(volatile char *)(private + i * PAGE);
	memset(private + PAGE, 2, PAGE);
	memset(private + 5 * PAGE, 2, PAGE);
}

/* Of each page the first byte, one in the middle, the last one. */
static void line(const char *what, const char *p)
{
	printf("  %s:", what);
	for (int i = 0; i < PAGES; i++)
		printf(" %d%d%d", p[i * PAGE], p[i * PAGE + 2000], p[i * PAGE + PAGE - 1]);
	printf("\n");
}

static void look(void)
{
	static char buf[PAGES * PAGE];
	struct stat st;

	fstat(fd, &st);
	printf("  size %ld, blocks %ld, hole at %ld, then data at %ld\n", (long)st.st_size,
	       (long)st.st_blocks, (long)lseek(fd, 0, SEEK_HOLE), (long)lseek(fd, PAGE, SEEK_DATA));
	memset(buf, 9, sizeof(buf));
	if (pread(fd, buf, sizeof(buf), 0) != sizeof(buf))
		printf("  cannot be read\n");
	line("file", buf);
	line("shared", shared);
	line("private", private);
}

static void punch(const char *what, long at, long len)
{
	fresh();
	call_show(what, fallocate(fd, PUNCH, at, len));
	look();
}

static void holes(void)
{
	punch("a page", PAGE, PAGE);
	punch("three pages", 4 * PAGE, 3 * PAGE);
	punch("all", 0, PAGES * PAGE);
	punch("inside of a page", PAGE + 1990, 20);
	punch("over an edge", PAGE + 1990, PAGE);
	punch("parts of two, and one between", PAGE + 2001, 2 * PAGE);
	punch("to the end and behind", 6 * PAGE + 1000, 100 * PAGE);
	punch("behind the end", 20 * PAGE, PAGE);
	shared[3 * PAGE] = 7;
	line("written", private);
	punch("a hole", 3 * PAGE, PAGE);
	shared[3 * PAGE + 2000] = 7;
	look();
}

static void removal(void)
{
	char *anon = mmap(NULL, 4 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *mine = mmap(NULL, 4 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ends[2], back[2];
	char c = 0;

	fresh();
	CALL(madvise, shared + 2 * PAGE, 3 * PAGE, MADV_REMOVE);
	look();
	CALL(madvise, private, PAGE, MADV_REMOVE);
	CALL(madvise, mine, PAGE, MADV_REMOVE);
	CALL(madvise, shared + 1, PAGE, MADV_REMOVE);
	CALL(madvise, shared, 0, MADV_REMOVE);
	mlock(shared, PAGE);
	CALL(madvise, shared, PAGE, MADV_REMOVE);
	munlock(shared, PAGE);
	munmap(shared + 6 * PAGE, PAGE);
	CALL(madvise, shared + 5 * PAGE, 3 * PAGE, MADV_REMOVE);
	mmap(shared + 6 * PAGE, PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 6 * PAGE);
	look();

	memset(anon, 3, 4 * PAGE);
	if (pipe(ends) || pipe(back))
		exit(1);
	fflush(stdout);
	if (fork() == 0) {
		c = anon[PAGE];
		if (write(back[1], &c, 1) != 1 || read(ends[0], &c, 1) != 1)
			_exit(1);
		printf("child: %d %d %d\n", anon[0], anon[PAGE], anon[3 * PAGE]);
		anon[2 * PAGE] = 4;
		fflush(stdout);
		_exit(0);
	}
	if (read(back[0], &c, 1) != 1)
		exit(1);
	CALL(madvise, anon + PAGE, 2 * PAGE, MADV_REMOVE);
	fflush(stdout);
	if (write(ends[1], &c, 1) != 1)
		exit(1);
	wait(NULL);
	printf("parent: %d %d %d %d\n", anon[0], anon[PAGE], anon[2 * PAGE], anon[3 * PAGE]);
	munmap(anon, 4 * PAGE);
	munmap(mine, 4 * PAGE);
}

static void refusals(void)
{
	int ends[2], here = open("/", O_RDONLY), null = open("/dev/null", O_RDWR);

	fresh();
	if (pipe(ends))
		exit(1);
	CALL(fallocate, fd, PUNCH, -1l, PAGE);
	CALL(fallocate, fd, PUNCH, 0l, 0l);
	CALL(fallocate, fd, PUNCH, 0l, -1l);
	CALL(fallocate, fd, PUNCH, 0x7ffffffffffff000l, 2 * PAGE);
	CALL(fallocate, fd, FALLOC_FL_PUNCH_HOLE, 0l, PAGE);
	CALL(fallocate, fd, 0x4000, 0l, PAGE);
	CALL(fallocate, 99, PUNCH, 0l, PAGE);
	CALL(fallocate, here, PUNCH, 0l, PAGE);
	CALL(fallocate, null, PUNCH, 0l, PAGE);
	CALL(fallocate, ends[1], PUNCH, 0l, PAGE);
	CALL(fallocate, ends[0], PUNCH, 0l, PAGE);
	CALL(fcntl, fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
	CALL(fallocate, fd, PUNCH, 0l, PAGE);
	CALL(fcntl, fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE);
	CALL(fallocate, fd, PUNCH, 0l, PAGE);
	CALL(madvise, shared, PAGE, MADV_REMOVE);
	look();
}

int main(void)
{
	holes();
	removal();
	refusals();
	return 0;
}
