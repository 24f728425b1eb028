/* Pipes: what goes in comes out; the ends of both sides; full and empty; what is refused. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "call.h"
#include "pipes.h"

static char buf[256 << 10];

static void ends(void)
{
	struct stat st;
	int p[2];
	char c;

	make(p, 0);
	fstat(p[0], &st);
	printf("fifo %d, mode %o, size %ld, same node %d\n", S_ISFIFO(st.st_mode),
	       st.st_mode & 0777, (long)st.st_size, (int)(fstat(p[1], &st) == 0 && S_ISFIFO(st.st_mode)));
	printf("flags %o %o, cloexec %d\n", fcntl(p[0], F_GETFL), fcntl(p[1], F_GETFL),
	       fcntl(p[0], F_GETFD));
	call_show("read of the write end", read(p[1], &c, 1));
	call_show("write to the read end", write(p[0], "a", 1));
	call_show("seek", lseek(p[0], 0, SEEK_SET));
	call_show("pread", pread(p[0], &c, 1, 0));
	call_show("pwrite", pwrite(p[1], &c, 1, 0));
	call_show("mmap", mmap(NULL, 4096, PROT_READ, MAP_SHARED, p[0], 0) == MAP_FAILED ? -1 : 0);
	call_show("ioctl", ioctl(p[0], TIOCGWINSZ, buf));
	call_show("write nothing", write(p[1], "", 0));
	call_show("write", write(p[1], "hello", 5));
	printf("in it: %d %d\n", waiting(p[0]), waiting(p[1]));
	call_show("read nothing", read(p[0], buf, 0));
	call_show("read some", read(p[0], buf, 3));
	call_show("read the rest", read(p[0], buf + 3, 100));
	printf("%.5s\n", buf);
	close(p[1]);
	call_show("read at the end", read(p[0], buf, 100));
	close(p[0]);
	make(p, O_CLOEXEC | O_NONBLOCK);
	printf("flags %o %o, cloexec %d %d\n", fcntl(p[0], F_GETFL), fcntl(p[1], F_GETFL),
	       fcntl(p[0], F_GETFD), fcntl(p[1], F_GETFD));
	drop(p);
	call_show("bad flags", pipe2(p, O_APPEND));
	call_show("bad pointer", syscall(SYS_pipe2, 8, 0));
}

/* How much a pipe takes in pieces of n bytes. */
static void fill(size_t n)
{
	long total = 0, r, pieces = 0;
	int p[2];

	make(p, O_NONBLOCK);
	while ((r = write(p[1], buf, n)) > 0) {
		total += r;
		pieces++;
	}
	printf("in pieces of %zu: %ld bytes, %ld pieces, then %s, in it %d\n", n, total, pieces,
	       strerror(errno), waiting(p[0]));
	call_show(" one byte more", write(p[1], buf, 1));
	call_show(" read one", read(p[0], buf, 1));
	call_show(" write one", write(p[1], buf, 1));
	call_show(" read a page", read(p[0], buf, 4096));
	call_show(" write a page", write(p[1], buf, 4096));
	call_show(" write two", write(p[1], buf, 2));
	call_show(" read all", read(p[0], buf, sizeof(buf)));
	call_show(" and again", read(p[0], buf, sizeof(buf)));
	drop(p);
}

static void broken(void)
{
	int p[2], status;

	make(p, 0);
	close(p[0]);
	fflush(stdout);
	if (!fork()) {
		(void)!write(p[1], "x", 1);
		_exit(1);
	}
	wait(&status);
	printf("SIGPIPE: %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : -1);
	signal(SIGPIPE, SIG_IGN);
	call_show("ignored", write(p[1], "x", 1));
	call_show("nothing", write(p[1], "x", 0));
	close(p[1]);
	signal(SIGPIPE, SIG_DFL);
}

static short poll_now(int fd, short events)
{
	struct pollfd f = { fd, events, 0 };

	poll(&f, 1, 0);
	return f.revents;
}

static void polled(void)
{
	int p[2];

	make(p, O_NONBLOCK);
	printf("empty: %x %x\n", poll_now(p[0], POLLIN), poll_now(p[1], POLLOUT));
	(void)!write(p[1], "x", 1);
	printf("not empty: %x %x\n", poll_now(p[0], POLLIN), poll_now(p[1], POLLOUT));
	while (write(p[1], buf, 4096) > 0)
		;
	printf("full: %x %x\n", poll_now(p[0], POLLIN), poll_now(p[1], POLLOUT));
	(void)!read(p[0], buf, 4096);
	(void)!read(p[0], buf, 4096);
	printf("not full: %x %x\n", poll_now(p[0], POLLIN), poll_now(p[1], POLLOUT));
	close(p[1]);
	printf("no writer: %x\n", poll_now(p[0], POLLIN));
	while (read(p[0], buf, 65536) > 0)
		;
	printf("and empty: %x\n", poll_now(p[0], POLLIN));
	close(p[0]);
	make(p, 0);
	close(p[0]);
	printf("no reader: %x\n", poll_now(p[1], POLLOUT));
	close(p[1]);
}

/* Memory that cannot be written or read: nothing is lost. */
static void bad_memory(void)
{
	char *edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int p[2];

	munmap(edge + 4096, 4096);
	make(p, O_NONBLOCK);
	(void)!write(p[1], "abcdefgh", 8);
	call_show("read to nowhere", read(p[0], (void *)8, 8));
	call_show("read over the edge", read(p[0], edge + 4092, 8));
	call_show("still there", read(p[0], edge + 4088, 8));
	printf("%.8s\n", edge + 4088);
	call_show("write from nowhere", write(p[1], (void *)8, 8));
	call_show("write over the edge", write(p[1], edge + 4092, 8));
	call_show("nothing came", read(p[0], buf, 8));
	drop(p);
}

static void many(void)
{
	int p[600][2], n = 0;

	while (n < 600 && pipe(p[n]) == 0)
		n++;
	printf("many: %d\n", n > 500);
	while (n--)
		drop(p[n]);
}

int main(void)
{
	ends();
	fill(1);
	fill(1000);
	fill(3000);
	fill(4096);
	fill(5000);
	fill(65536);
	fill(100000);
	broken();
	polled();
	bad_memory();
	many();
	return 0;
}
