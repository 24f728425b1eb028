/* readv and writev on pipes: one piece of many parts is never torn; packets; F_SETPIPE_SZ. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include "call.h"
#include "pipes.h"

#define PARTS	16
#define ROUNDS	400

static char buf[1 << 20];

static void parts(void)
{
	struct iovec v[4] = { { "abc", 3 }, { "", 0 }, { "defgh", 5 }, { "i", 1 } }, none = { (void *)8, 4 };
	char a[8] = "", b[8] = "";
	struct iovec to[3] = { { a, 4 }, { NULL, 0 }, { b, 7 } }, bad[2] = { { "xyz", 3 }, { (void *)8, 4 } };
	int p[2];

	make(p, O_NONBLOCK);
	call_show("writev", writev(p[1], v, 4));
	printf("in it %d\n", waiting(p[0]));
	call_show("readv", readv(p[0], to, 3));
	printf("%.4s %.7s\n", a, b);
	call_show("readv of an empty one", readv(p[0], to, 3));
	call_show("writev", writev(p[1], v, 2));
	call_show("readv, less there", readv(p[0], to, 3));
	call_show("no parts", writev(p[1], v, 0));
	call_show("empty parts", writev(p[1], v + 1, 1));
	call_show("no parts, wrong end", writev(p[0], v, 0));
	call_show("wrong end", readv(p[1], to, 3));
	call_show("bad memory", writev(p[1], &none, 1));
	call_show("half bad memory", writev(p[1], bad, 2));
	printf("in it %d\n", waiting(p[0]));
	(void)!write(p[1], "0123456789", 10);
	to[2].iov_base = (void *)8;
	call_show("readv to half bad memory", readv(p[0], to, 3));
	printf("in it %d\n", waiting(p[0]));
	call_show("negative", writev(p[1], &(struct iovec){ buf, (size_t)-1 }, 1));
	call_show("too many", writev(p[1], v, 1025));
	call_show("kernel's", writev(p[1], &(struct iovec){ (void *)0xffff800000000000ul, 4 }, 1));
	drop(p);
}

/* Whether there is room is asked of the whole, not of each part. */
static void full(void)
{
	struct iovec v[3] = { { buf, 2000 }, { buf, 2000 }, { buf, 96 } };
	long n = 0, r;
	int p[2];

	make(p, O_NONBLOCK);
	while ((r = writev(p[1], v, 3)) > 0)
		n += r;
	printf("4096 in three parts: %ld, then %s\n", n, strerror(errno));
	call_show("1 read", read(p[0], buf, 1));
	call_show("one part", writev(p[1], v + 2, 1));
	call_show("a page read", read(p[0], buf, 4095));
	call_show("three parts", writev(p[1], v, 3));
	drop(p);
	make(p, O_NONBLOCK);
	v[0].iov_len = v[1].iov_len = v[2].iov_len = 30000;
	call_show("90000 in three parts", writev(p[1], v, 3));
	call_show("and again", writev(p[1], v, 3));
	drop(p);
}

/* Several writers, each with its letter in all parts of PIPE_BUF bytes. */
static void torn(void)
{
	int p[2], bad = 0, got = 0;
	static char piece[4096];

	make(p, 0);
	fflush(stdout);
	for (int w = 0; w < 3; w++) {
		struct iovec v[PARTS];

		if (fork())
			continue;
		memset(buf, 'a' + w, 4096);
		for (int i = 0; i < PARTS; i++)
			v[i] = (struct iovec){ buf + i * 256, 256 };
		for (int i = 0; i < ROUNDS; i++)
			if (writev(p[1], v, PARTS) != 4096)
				_exit(1);
		_exit(0);
	}
	close(p[1]);
	for (;;) {
		size_t n = 0;
		ssize_t r;

		while (n < sizeof(piece) && (r = read(p[0], piece + n, sizeof(piece) - n)) > 0)
			n += (size_t)r;
		if (!n)
			break;
		got++;
		for (size_t i = 1; i < n; i++)
			bad += piece[i] != piece[0];
	}
	while (wait(NULL) > 0)
		;
	printf("%d pieces, %d bytes out of place\n", got, bad);
	close(p[0]);
}

static void packets(void)
{
	int p[2];

	make(p, O_DIRECT | O_NONBLOCK);
	printf("flags %o\n", fcntl(p[1], F_GETFL));
	call_show("packet", write(p[1], "hello", 5));
	call_show("packet", write(p[1], "world!", 6));
	printf("in it %d\n", waiting(p[0]));
	call_show("a part of it", read(p[0], buf, 3));
	call_show("the next", read(p[0], buf, 100));
	printf("%.6s\n", buf);
	call_show("no more", read(p[0], buf, 100));
	call_show("10000 bytes", write(p[1], buf, 10000));
	call_show("a page", read(p[0], buf, 20000));
	call_show("a page", read(p[0], buf, 20000));
	call_show("the rest", read(p[0], buf, 20000));
	fcntl(p[1], F_SETFL, O_NONBLOCK);
	call_show("a stream", write(p[1], "ab", 2));
	call_show("goes on", write(p[1], "cd", 2));
	fcntl(p[1], F_SETFL, O_NONBLOCK | O_DIRECT);
	call_show("joined", write(p[1], "ef", 2));
	call_show("read", read(p[0], buf, 100));
	drop(p);
}

static short writable(int fd)
{
	struct pollfd f = { fd, POLLOUT, 0 };

	poll(&f, 1, 0);
	return f.revents;
}

static long fill(int p[2])
{
	long n = 0, r;

	while ((r = write(p[1], buf, 4096)) > 0)
		n += r;
	return n;
}

static void sizes(void)
{
	static const unsigned long size[] = { 0, 1, 4096, 4097, 65536, 100000, 1 << 20, 0x80000001ul };
	int p[2], fd = open("/dev/null", O_RDWR);

	make(p, O_NONBLOCK);
	call_show("at first", fcntl(p[0], F_GETPIPE_SZ));
	for (unsigned i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
		printf("%lx ", size[i]);
		call_show("set", fcntl(p[1], F_SETPIPE_SZ, size[i]));
		printf("now %d, takes %ld\n", fcntl(p[0], F_GETPIPE_SZ), fill(p));
		printf("writable %x, read %zd\n", writable(p[1]), read(p[0], buf, sizeof(buf)));
	}
	fcntl(p[1], F_SETPIPE_SZ, 16 << 12);
	for (int i = 0; i < 6; i++) {		/* not at the beginning of the ring */
		memset(buf, 'a' + i, 4096);
		(void)!write(p[1], buf, 4096);
	}
	(void)!read(p[0], buf, 2 * 4096 + 10);
	call_show("smaller than what is in it", fcntl(p[1], F_SETPIPE_SZ, 2 << 12));
	call_show("as small as that", fcntl(p[1], F_SETPIPE_SZ, 4 << 12));
	printf("writable %x, in it %d\n", writable(p[1]), waiting(p[0]));
	call_show("larger", fcntl(p[1], F_SETPIPE_SZ, 8 << 12));
	printf("writable %x, in it %d\n", writable(p[1]), waiting(p[0]));
	(void)!write(p[1], "the end", 7);
	call_show("read", read(p[0], buf, sizeof(buf)));
	printf("%c%c%c%c%.7s\n", buf[0], buf[4096], buf[8192], buf[12288], buf + 4 * 4096 - 10);
	call_show("no pipe", fcntl(fd, F_SETPIPE_SZ, 4096));
	call_show("no pipe", fcntl(fd, F_GETPIPE_SZ));
	close(fd);
	drop(p);
}

int main(void)
{
	parts();
	full();
	torn();
	packets();
	sizes();
	return 0;
}
