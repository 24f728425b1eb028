/* close_range: which numbers are closed, or marked; and readahead, fadvise: what they say of each kind of file. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define UNSHARE	2u
#define CLOEXEC	4u

static int close_some(unsigned first, unsigned last, unsigned flags)
{
	return syscall(SYS_close_range, first, last, flags) ? errno : 0;
}

/* '-' for a number that is not open, 'x' for one that execve closes. */
static void show(const char *what, int result)
{
	printf("%s: %d, ", what, result);
	for (int fd = 10; fd < 20; fd++) {
		int flags = fcntl(fd, F_GETFD);

		putchar(flags < 0 ? '-' : flags & FD_CLOEXEC ? 'x' : 'o');
	}
	printf("\n");
}

static void ranges(void)
{
	for (int fd = 10; fd < 20; fd++)
		dup2(1, fd);
	show("the other way round", close_some(12, 11, 0));
	show("unknown flags", close_some(12, 13, 8));
	show("marked", close_some(12, 13, CLOEXEC));
	show("closed", close_some(13, 14, 0));
	show("again", close_some(13, 14, 0));
	show("a table of its own", close_some(16, 16, UNSHARE));
	show("both", close_some(17, 17, UNSHARE | CLOEXEC));
	show("to the end", close_some(18, ~0u, 0));
	show("behind all", close_some(1 << 20, ~0u, 0));
}

static void advice(const char *what, int fd)
{
	printf("%s: readahead %d", what, syscall(SYS_readahead, fd, 0, 4096) ? errno : 0);
	for (int advice = -1; advice < 7; advice++)
		printf(" %d", posix_fadvise(fd, 0, 100, advice));
	printf(", of a negative length %d\n", posix_fadvise(fd, 0, -1, POSIX_FADV_NORMAL));
}

int main(void)
{
	int p[2], s[2];

	ranges();
	advice("a file", memfd_create("file", 0));
	advice("not for reading", open("/tmp/close_range-test", O_WRONLY | O_CREAT | O_TRUNC, 0600));
	unlink("/tmp/close_range-test");
	advice("a directory", open("/", O_RDONLY | O_DIRECTORY));
	pipe(p);
	advice("a pipe", p[0]);
	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	advice("a socket", s[0]);
	advice("a device", open("/dev/null", O_RDWR));
	advice("none", 99);
	return 0;
}
