/* memfd_create, seals, sizes; what they allow of mappings, writes and truncation. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "call.h"

#define MAP(len, prot, flags, fd, off) \
	call_show_at("mmap " #len ", " #prot ", " #flags ", at " #off, \
		     mmap(NULL, len, prot, flags, fd, off), NULL)
#define RW (PROT_READ | PROT_WRITE)

static sigjmp_buf back;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)info;
	(void)context;
	siglongjmp(back, sig);
}

static void look(const char *what, volatile char *p)
{
	int sig = sigsetjmp(back, 1);

	if (!sig)
		printf("%s: %d\n", what, *p);
	else
		printf("%s: %s\n", what, strsignal(sig));
}

static void size_of(int fd)
{
	struct stat st;

	fstat(fd, &st);
	printf("size %ld, blocks %ld, mode %o, links %ld\n", (long)st.st_size, (long)st.st_blocks,
	       st.st_mode & 0170000, (long)st.st_nlink);
}

static void creation(void)
{
	static char name[300];

	memset(name, 'n', 249);
	printf("249: %d\n", memfd_create(name, 0) >= 0);
	name[249] = 'n';
	CALL(memfd_create, name, 0);
	CALL(memfd_create, (char *)8, 0);
	CALL(memfd_create, "x", 0x8000);
	CALL(memfd_create, "x", -1);
	printf("empty name: %d\n", memfd_create("", MFD_CLOEXEC) >= 0);
}

static void seals(void)
{
	int fd = memfd_create("plain", 0), sealed = memfd_create("sealed", MFD_ALLOW_SEALING);

	CALL(fcntl, fd, F_GET_SEALS);
	CALL(fcntl, fd, F_ADD_SEALS, F_SEAL_GROW);
	CALL(fcntl, 0, F_GET_SEALS);
	CALL(fcntl, sealed, F_GET_SEALS);
	CALL(fcntl, sealed, F_ADD_SEALS, 0);
	CALL(fcntl, sealed, F_ADD_SEALS, 0x100);
	CALL(ftruncate, sealed, 3 * PAGE);
	CALL(fcntl, sealed, F_ADD_SEALS, F_SEAL_SHRINK);
	CALL(ftruncate, sealed, 2 * PAGE);
	CALL(ftruncate, sealed, 3 * PAGE);
	CALL(ftruncate, sealed, 4 * PAGE);
	CALL(fcntl, sealed, F_ADD_SEALS, F_SEAL_GROW);
	CALL(ftruncate, sealed, 5 * PAGE);
	CALL(pwrite64, sealed, "abc", 3, 4 * PAGE);
	CALL(pwrite64, sealed, "abc", 3, 4 * PAGE - 3);
	CALL(pwrite64, sealed, "abc", 3, PAGE);
	CALL(fcntl, sealed, F_GET_SEALS);
	CALL(fcntl, sealed, F_ADD_SEALS, F_SEAL_SEAL);
	CALL(fcntl, sealed, F_ADD_SEALS, F_SEAL_WRITE);
	CALL(fcntl, sealed, F_GET_SEALS);
	size_of(sealed);
}

static void sealed_writes(void)
{
	int fd = memfd_create("w", MFD_ALLOW_SEALING);
	char *shared, *read_only, *private;

	CALL(ftruncate, fd, 2 * PAGE);
	shared = MAP(PAGE, RW, MAP_SHARED, fd, 0);
	CALL(fcntl, fd, F_ADD_SEALS, F_SEAL_WRITE);
	CALL(mprotect, shared, PAGE, PROT_READ);
	CALL(fcntl, fd, F_ADD_SEALS, F_SEAL_WRITE);
	CALL(munmap, shared, PAGE);
	private = MAP(PAGE, RW, MAP_PRIVATE, fd, 0);
	private[0] = 7;
	CALL(fcntl, fd, F_ADD_SEALS, F_SEAL_WRITE);
	CALL(pwrite64, fd, "abc", 3, 0);
	CALL(pwrite64, fd, "abc", 0, 0);
	CALL(ftruncate, fd, PAGE);
	MAP(PAGE, RW, MAP_SHARED, fd, 0);
	private[1] = 8;
	look("private", private);
	read_only = MAP(PAGE, RW, MAP_PRIVATE, fd, 0);
	look("another", read_only);

	fd = memfd_create("f", MFD_ALLOW_SEALING);
	CALL(ftruncate, fd, PAGE);
	shared = MAP(PAGE, RW, MAP_SHARED, fd, 0);
	CALL(fcntl, fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE);
	shared[5] = 9;
	CALL(pwrite64, fd, "abc", 3, 0);
	MAP(PAGE, RW, MAP_SHARED, fd, 0);
	read_only = MAP(PAGE, PROT_READ, MAP_SHARED, fd, 0);
	look("through the other mapping", read_only + 5);
	CALL(mprotect, read_only, PAGE, RW);
	CALL(mprotect, read_only, PAGE, PROT_READ | PROT_EXEC);
}

static void truncation(void)
{
	int fd = memfd_create("t", 0);
	char *shared, *private, byte = 0;

	CALL(ftruncate, fd, 4 * PAGE);
	shared = MAP(4 * PAGE, RW, MAP_SHARED, fd, 0);
	private = MAP(4 * PAGE, RW, MAP_PRIVATE, fd, 0);
	memset(shared, 3, 4 * PAGE);
	private[PAGE] = 4;
	private[3 * PAGE] = 5;
	size_of(fd);
	CALL(ftruncate, fd, PAGE + 100);
	size_of(fd);
	look("inside", shared + PAGE + 99);
	look("behind the end, in the last page", shared + PAGE + 100);
	look("in the page behind", shared + 2 * PAGE);
	look("the private copy inside", private + PAGE);
	look("the private copy behind", private + 3 * PAGE);
	shared[PAGE + 200] = 6;
	CALL(ftruncate, fd, 4 * PAGE);
	look("what was cut", shared + PAGE + 150);
	look("what was written behind the end", shared + PAGE + 200);
	look("there again", shared + 2 * PAGE);
	look("the private one reads the file", private + 3 * PAGE);
	CALL(pread64, fd, &byte, 1, 4 * PAGE);
	CALL(pread64, fd, &byte, 1, 4 * PAGE - 1);
	CALL(ftruncate, fd, -1l);
	CALL(ftruncate, fd, 1ul << 62);
	CALL(ftruncate, fd, 0);
	size_of(fd);
	look("nothing is left", shared);
}

static void holes(void)
{
	int fd = memfd_create("h", 0);

	CALL(pwrite64, fd, "abc", 3, 10 * PAGE);
	size_of(fd);
	CALL(lseek, fd, 0, SEEK_DATA);
	CALL(lseek, fd, 0, SEEK_HOLE);
	CALL(lseek, fd, 10 * PAGE, SEEK_HOLE);
	CALL(lseek, fd, 11 * PAGE, SEEK_DATA);
	CALL(lseek, fd, 0, SEEK_END);
	CALL(pwrite64, fd, "abc", 3, 0x7ffffffffffffffful);
	CALL(pwrite64, fd, (char *)8, 3, 0);
	CALL(pread64, fd, (char *)8, 3, 0);
	CALL(mmap, 0, PAGE, PROT_READ, MAP_SHARED, fd, 100);
	CALL(mmap, 0, PAGE, PROT_READ, MAP_PRIVATE, fd, 0x7ffffffffffff000ul);
	CALL(mmap, 0, PAGE, PROT_READ, MAP_PRIVATE, fd, 0x8000000000000000ul);
	printf("at the last page: %d\n",
	       mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0x7fffffffffffe000l) != MAP_FAILED);
}

/* Two pieces at `at` of a file of one page and 100 bytes that must not grow. */
static void pieces(const char *what, long at, size_t a, size_t b, int how)
{
	static char buf[2 * PAGE];
	struct iovec v[3] = { { buf, a }, { buf, 0 }, { buf + 1, b } };
	int fd = memfd_create("v", MFD_ALLOW_SEALING);
	char end[3] = { 0 };
	long r;

	memset(buf, 'x', sizeof(buf));
	if (ftruncate(fd, PAGE + 100))
		return;
	fcntl(fd, F_ADD_SEALS, F_SEAL_GROW);
	fcntl(fd, F_SETFL, how);
	lseek(fd, at, SEEK_SET);
	r = writev(fd, v, 3);
	printf("%s: %ld %s, at %ld", what, r, r < 0 ? strerror(errno) : "done", (long)lseek(fd, 0, SEEK_CUR));
	r = pread(fd, end, 2, PAGE + 98);
	printf(", last bytes %ld %d %d\n", r, end[0], end[1]);
	close(fd);
}

/* What is in one page is written whole, or not at all; the pages before it stay written. */
static void vectors(void)
{
	struct iovec v[2] = { { "abc", 3 }, { "defg", 4 } };
	int fd = memfd_create("a", 0);
	char text[20] = { 0 };

	pieces("inside", PAGE, 50, 50, 0);
	pieces("the second one ends outside", PAGE, 50, 51, 0);
	pieces("in the page before", PAGE - 30, 10, 10, 0);
	pieces("over the page's edge", PAGE - 30, 30, 100, 0);
	pieces("over the edge, and outside", PAGE - 30, 30, 101, 0);
	pieces("the first one is over the edge", PAGE - 30, 31, 200, 0);
	pieces("behind", PAGE + 200, 1, 1, 0);
	pieces("to the end", 0, 1, 1, O_APPEND);
	printf("two: %zd\n", writev(fd, v, 2));
	lseek(fd, 1, SEEK_SET);
	fcntl(fd, F_SETFL, O_APPEND);
	printf("more: %zd, at %ld\n", writev(fd, v, 2), (long)lseek(fd, 0, SEEK_CUR));
	v[1].iov_base = (char *)8;
	printf("half: %zd, at %ld\n", writev(fd, v, 2), (long)lseek(fd, 0, SEEK_CUR));
	printf("%zd: %s\n", pread(fd, text, 19, 0), text);
	CALL(lseek, fd, 0x7fffffffffffffff, SEEK_SET);
	fcntl(fd, F_SETFL, 0);
	v[1].iov_base = "defg";
	CALL(writev, fd, v, 2);
	CALL(write, fd, "a", 1);
}

int main(void)
{
	struct sigaction action = { .sa_flags = SA_SIGINFO };

	action.sa_sigaction = on_fault;
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	creation();
	seals();
	sealed_writes();
	truncation();
	holes();
	vectors();
	return 0;
}
