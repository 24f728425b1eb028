/* Pipes between processes: big transfers, writers that do not tear each other's lines, ends. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static uint8_t buf[100000];

static uint32_t next(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* Bytes that follow from their place, in pieces of all sizes. */
static void produce(int fd, long total)
{
	uint32_t sizes = 7;
	long at = 0;

	while (at < total) {
		size_t n = next(&sizes) % sizeof(buf) + 1;

		if (n > (size_t)(total - at))
			n = (size_t)(total - at);
		for (size_t i = 0; i < n; i++)
			buf[i] = (uint8_t)((at + (long)i) * 31 >> 3);
		if (write(fd, buf, n) != (ssize_t)n)
			_exit(1);
		at += (long)n;
	}
}

static void consume(int fd, long total)
{
	uint32_t sizes = 99;
	long at = 0, wrong = 0;
	ssize_t n;

	while ((n = read(fd, buf, next(&sizes) % sizeof(buf) + 1)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			wrong += buf[i] != (uint8_t)((at + i) * 31 >> 3);
		at += n;
	}
	printf("%ld of %ld bytes, %ld wrong\n", at, total, wrong);
}

static void transfer(long total)
{
	int p[2], status;

	if (pipe(p))
		exit(1);
	if (!fork()) {
		close(p[0]);
		produce(p[1], total);
		_exit(0);
	}
	close(p[1]);
	consume(p[0], total);
	close(p[0]);
	wait(&status);
	printf("producer %x\n", status);
}

/* Four writers, each its own letter, in lines of all lengths up to PIPE_BUF. */
static void lines(void)
{
	static char line[4096];
	int p[2], torn = 0, count[4] = { 0 };
	FILE *f;

	if (pipe(p))
		exit(1);
	for (int w = 0; w < 4; w++) {
		uint32_t state = (uint32_t)w;

		if (fork())
			continue;
		for (int i = 0; i < 300; i++) {
			size_t n = next(&state) % 4096;

			memset(line, 'a' + w, n);
			line[n] = '\n';
			if (write(p[1], line, n + 1) != (ssize_t)n + 1)
				_exit(1);
		}
		_exit(0);
	}
	close(p[1]);
	f = fdopen(p[0], "r");
	while (fgets((char *)buf, sizeof(buf), f)) {
		size_t n = strlen((char *)buf) - 1;

		for (size_t i = 1; i < n; i++)
			torn += buf[i] != buf[0];
		if (n)
			count[buf[0] - 'a']++;
	}
	for (int w = 0; w < 4; w++)
		wait(NULL);
	printf("torn %d, lines %d %d %d %d\n", torn, count[0] > 290, count[1] > 290, count[2] > 290,
	       count[3] > 290);
	fclose(f);
}

/* A byte goes to and fro. */
static void ping_pong(void)
{
	int to[2], fro[2];
	unsigned char c = 0;

	if (pipe(to) || pipe(fro))
		exit(1);
	if (!fork()) {
		close(to[1]);
		close(fro[0]);
		while (read(to[0], &c, 1) == 1) {
			c++;
			if (write(fro[1], &c, 1) != 1)
				_exit(1);
		}
		_exit(c);
	}
	close(to[0]);
	close(fro[1]);
	for (int i = 0; i < 1000; i++)
		if (write(to[1], &c, 1) != 1 || read(fro[0], &c, 1) != 1)
			exit(1);
	close(to[1]);
	close(fro[0]);
	wait(NULL);
	printf("ping pong: %d\n", c);
}

/* A writer that blocks is told when the reader goes away; a poller, when something comes. */
static void ends(void)
{
	int p[2], status;
	struct pollfd f;

	if (pipe(p))
		exit(1);
	if (!fork()) {
		signal(SIGPIPE, SIG_IGN);
		close(p[0]);
		while (write(p[1], buf, 30000) > 0)
			;
		_exit(errno == EPIPE ? 11 : 12);
	}
	usleep(20000);
	close(p[1]);
	close(p[0]);
	wait(&status);
	printf("blocked writer: %x\n", status);
	if (pipe(p))
		exit(1);
	if (!fork()) {
		usleep(20000);
		(void)!write(p[1], "x", 1);
		_exit(0);
	}
	close(p[1]);
	f = (struct pollfd){ p[0], POLLIN, 0 };
	printf("poll: %d", poll(&f, 1, -1));
	printf(" %x\n", f.revents & POLLIN);
	(void)!read(p[0], buf, 1);
	wait(NULL);
	printf("poll at the end: %d", poll(&f, 1, -1));
	printf(" %x\n", f.revents);
	close(p[0]);
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	transfer(1);
	transfer(65536);
	transfer(8 << 20);
	lines();
	ping_pong();
	ends();
	return 0;
}
