/* eventfd, timerfd, select, and epoll over all of them: level, edge, once; sets in sets; files that close. */
#define _GNU_SOURCE
#include "call.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>

static uint64_t ms_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void show_read(const char *what, int fd)
{
	uint64_t v = 0;
	long r = read(fd, &v, sizeof(v));

	if (r == 8)
		printf("%s: read %llu\n", what, (unsigned long long)v);
	else
		call_show(what, r);
}

static void add_to(const char *what, int fd, uint64_t v) { call_show(what, write(fd, &v, sizeof(v))); }

/* Writes v to fd after a while, in a child. */
static pid_t later(int fd, uint64_t v)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	usleep(100000);
	_exit(write(fd, &v, sizeof(v)) != sizeof(v));
}

static void name_of(int fd)
{
	char path[40], name[80];
	ssize_t n;
	struct stat st;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, name, sizeof(name) - 1);
	name[n > 0 ? n : 0] = '\0';
	fstat(fd, &st);
	printf("%s, mode %o, flags %o, size %ld\n", name, st.st_mode, fcntl(fd, F_GETFL), (long)st.st_size);
}

static void eventfds(void)
{
	int fd = eventfd(5, EFD_NONBLOCK), sem = eventfd(2, EFD_SEMAPHORE | EFD_CLOEXEC);
	char small[4];

	name_of(fd);
	printf("cloexec %d %d\n", fcntl(fd, F_GETFD), fcntl(sem, F_GETFD));
	show_read("first", fd);
	show_read("empty", fd);
	add_to("add", fd, 3);
	add_to("add", fd, 4);
	show_read("sum", fd);
	add_to("too large", fd, UINT64_MAX);
	add_to("largest", fd, UINT64_MAX - 1);
	add_to("full", fd, 1);
	call_show("small read", read(fd, small, 4));
	call_show("small write", write(fd, small, 4));
	call_show("bad read", read(fd, (void *)8, 8));
	call_show("pread", pread(fd, small, 4, 0));
	show_read("one of two", sem);
	show_read("two of two", sem);
	later(sem, 2);
	show_read("waited", sem);
	show_read("and another", sem);
	wait(NULL);
	call_show("flags", eventfd(0, 0x100));
	close(fd);
	close(sem);
}

static void set_timer(int fd, int flags, long ms, long every_ms)
{
	struct itimerspec t = {
		.it_value = { ms / 1000, ms % 1000 * 1000000 },
		.it_interval = { every_ms / 1000, every_ms % 1000 * 1000000 },
	};

	call_show("set", timerfd_settime(fd, flags, &t, NULL));
}

static void timerfds(void)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), slow = timerfd_create(CLOCK_REALTIME, 0);
	struct itimerspec t = { .it_value = { 100, 0 }, .it_interval = { 3, 4 } }, was;
	struct timespec now;
	uint64_t began = ms_now();

	name_of(fd);
	show_read("not set", fd);
	call_show("set", timerfd_settime(fd, 0, &t, NULL));
	call_show("get", timerfd_gettime(fd, &was));
	printf("left %d, every %ld.%ld\n", was.it_value.tv_sec >= 98, (long)was.it_interval.tv_sec, was.it_interval.tv_nsec);
	set_timer(fd, 0, 0, 0);
	call_show("get", timerfd_gettime(fd, &was));
	printf("left %ld %ld\n", (long)was.it_value.tv_sec, was.it_value.tv_nsec);
	set_timer(slow, 0, 100, 0);
	show_read("waited", slow);
	printf("%d\n", ms_now() - began >= 100);
	clock_gettime(CLOCK_REALTIME, &now);
	set_timer(slow, TFD_TIMER_ABSTIME, now.tv_sec * 1000 + now.tv_nsec / 1000000 + 50, 0);
	show_read("absolute", slow);
	set_timer(slow, TFD_TIMER_ABSTIME, 1000, 0);
	show_read("long ago", slow);
	began = ms_now();
	set_timer(fd, 0, 20, 20);
	usleep(110000);
	{
		uint64_t n = 0;

		call_show("periodic", read(fd, &n, 8));
		printf("%d\n", n >= 5 && n <= (ms_now() - began) / 20);
	}
	set_timer(fd, 8, 1, 0);
	call_show("bad clock", timerfd_create(77, 0));
	call_show("bad flags", timerfd_create(CLOCK_MONOTONIC, 1));
	call_show("no timer", timerfd_settime(0, 0, &t, NULL));
	call_show("write", write(fd, &t, 8));
	close(fd);
	close(slow);
}

static void selects(void)
{
	struct timeval soon = { 0, 50000 }, none = { 0, 0 };
	int p[2], e = eventfd(0, 0), max;
	fd_set in, out;

	if (pipe(p))
		exit(1);
	max = e > p[1] ? e : p[1];
	for (int i = 0; i < 3; i++) {
		FD_ZERO(&in);
		FD_ZERO(&out);
		FD_SET(p[0], &in);
		FD_SET(e, &in);
		FD_SET(p[1], &out);
		if (i)
			FD_SET(e, &out);
		call_show("select", select(max + 1, &in, i == 2 ? NULL : &out, NULL, i == 2 ? &soon : &none));
		printf("in %d %d, out %d %d\n", !!FD_ISSET(p[0], &in), !!FD_ISSET(e, &in),
		       !!FD_ISSET(p[1], &out), !!FD_ISSET(e, &out));
	}
	printf("left %ld\n", soon.tv_sec * 1000000 + soon.tv_usec);
	later(e, 1);
	FD_SET(e, &in);
	call_show("wakes", select(e + 1, &in, NULL, NULL, NULL));
	wait(NULL);
	close(p[1]);
	FD_ZERO(&in);
	FD_SET(p[0], &in);
	call_show("end of a pipe", select(max + 1, &in, NULL, NULL, NULL));
	FD_SET(25, &in);
	call_show("no such file", select(1000, &in, NULL, NULL, &none));
	call_show("below 0", select(-1, NULL, NULL, NULL, &none));
	none.tv_usec = -1;
	call_show("bad time", select(0, NULL, NULL, NULL, &none));
	call_show("bad pointer", select(3, (void *)8, NULL, NULL, NULL));
	close(p[0]);
	close(e);
}

/* ---- epoll ---- */

static int ask(int set, int op, int fd, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.fd = fd };

	return epoll_ctl(set, op, fd, &e);
}

static int order(const void *a, const void *b)
{
	return ((const struct epoll_event *)a)->data.fd - ((const struct epoll_event *)b)->data.fd;
}

static void wait_for(const char *what, int set, int ms)
{
	struct epoll_event e[8];
	int n = epoll_wait(set, e, 8, ms);

	call_show(what, n);
	if (n > 0)
		qsort(e, (size_t)n, sizeof(*e), order);
	for (int i = 0; i < n; i++)
		printf("  %d: %x\n", e[i].data.fd, e[i].events);
}

static void levels(void)
{
	int set = epoll_create1(0), a = eventfd(0, 0), p[2];

	if (pipe(p))
		exit(1);
	name_of(set);
	call_show("add", ask(set, EPOLL_CTL_ADD, a, EPOLLIN));
	call_show("add", ask(set, EPOLL_CTL_ADD, p[0], EPOLLIN | EPOLLOUT));
	call_show("add", ask(set, EPOLL_CTL_ADD, p[1], EPOLLOUT));
	call_show("again", ask(set, EPOLL_CTL_ADD, a, EPOLLIN));
	wait_for("room", set, 0);
	call_show("other events", ask(set, EPOLL_CTL_MOD, p[1], EPOLLIN));
	wait_for("none", set, 10);
	add_to("add", a, 1);
	wait_for("one", set, -1);
	wait_for("still", set, -1);
	(void)!write(p[1], "x", 1);
	wait_for("two", set, -1);
	show_read("take", a);
	wait_for("one left", set, -1);
	close(p[1]);
	wait_for("closed", set, -1);
	call_show("take away", ask(set, EPOLL_CTL_DEL, p[0], 0));
	call_show("and again", ask(set, EPOLL_CTL_DEL, p[0], 0));
	call_show("change", ask(set, EPOLL_CTL_MOD, p[0], EPOLLIN));
	later(a, 1);
	wait_for("waited", set, -1);
	wait(NULL);
	close(a);
	wait_for("gone with its file", set, 10);
	close(p[0]);
	close(set);
}

static void edges(void)
{
	int set = epoll_create1(EPOLL_CLOEXEC), p[2], a = eventfd(0, EFD_NONBLOCK);
	char buf[8];

	if (pipe2(p, O_NONBLOCK))
		exit(1);
	ask(set, EPOLL_CTL_ADD, p[0], EPOLLIN | EPOLLET);
	ask(set, EPOLL_CTL_ADD, a, EPOLLIN | EPOLLET);
	wait_for("nothing", set, 0);
	(void)!write(p[1], "abc", 3);
	wait_for("edge", set, -1);
	wait_for("no second one", set, 10);
	call_show("some", read(p[0], buf, 1));
	wait_for("nor by reading", set, 10);
	call_show("the rest", read(p[0], buf, 8));
	(void)!write(p[1], "d", 1);
	wait_for("the next", set, -1);
	add_to("add", a, 1);
	wait_for("another's", set, -1);
	add_to("add more", a, 1);
	wait_for("once more", set, -1);
	ask(set, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLET);
	wait_for("asked anew", set, -1);
	ask(set, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLONESHOT);
	wait_for("once", set, -1);
	wait_for("and no more", set, 10);
	ask(set, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLONESHOT);
	wait_for("once again", set, -1);
	close(a);
	close(p[0]);
	close(p[1]);
	close(set);
}

static void nested(void)
{
	int set[7], a = eventfd(0, 0), b = dup(a);
	struct pollfd p;

	for (int i = 0; i < 7; i++)
		set[i] = epoll_create(1);
	ask(set[0], EPOLL_CTL_ADD, a, EPOLLIN);
	call_show("the same by another number", ask(set[0], EPOLL_CTL_ADD, b, EPOLLIN));
	call_show("a set in a set", ask(set[1], EPOLL_CTL_ADD, set[0], EPOLLIN));
	call_show("in a circle", ask(set[0], EPOLL_CTL_ADD, set[1], EPOLLIN));
	call_show("in itself", ask(set[0], EPOLL_CTL_ADD, set[0], EPOLLIN));
	p = (struct pollfd){ .fd = set[1], .events = POLLIN };
	call_show("poll", poll(&p, 1, 0));
	add_to("add", a, 1);
	call_show("poll", poll(&p, 1, -1));
	wait_for("both numbers", set[0], -1);
	close(b);
	wait_for("a closed number counts as long as the file is open", set[0], -1);
	wait_for("the outer one", set[1], -1);
	for (int i = 0; i < 7; i++)
		close(set[i]);
	close(a);
}

static void exclusive(void)
{
	int set = epoll_create1(0), inner = epoll_create1(0), p[2];

	if (pipe(p))
		exit(1);
	call_show("exclusive, asked of what is not in it", ask(set, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLEXCLUSIVE));
	call_show("of a set", ask(set, EPOLL_CTL_ADD, inner, EPOLLIN | EPOLLEXCLUSIVE));
	call_show("which is not in it", ask(set, EPOLL_CTL_DEL, inner, 0));
	call_show("and only once", ask(set, EPOLL_CTL_ADD, p[0], EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT));
	call_show("of a pipe", ask(set, EPOLL_CTL_ADD, p[0], EPOLLIN | EPOLLET | EPOLLEXCLUSIVE));
	call_show("then it stays so", ask(set, EPOLL_CTL_MOD, p[0], EPOLLIN));
	close(p[1]);
	wait_for("the other end is gone", set, -1);
	close(p[0]);
	close(inner);
	close(set);
}

/* What finds no place to be told at is told later. */
static void untold(void)
{
	int set = epoll_create1(0), a = eventfd(1, 0), b = eventfd(1, 0);

	ask(set, EPOLL_CTL_ADD, a, EPOLLIN | EPOLLET);
	ask(set, EPOLL_CTL_ADD, b, EPOLLIN | EPOLLONESHOT);
	call_show("bad place", epoll_wait(set, (void *)8, 2, -1));
	wait_for("edge and once", set, -1);
	wait_for("no more", set, 10);
	ask(set, EPOLL_CTL_MOD, a, 0);
	ask(set, EPOLL_CTL_MOD, b, EPOLLONESHOT);
	wait_for("nothing is asked", set, 10);
	close(a);
	close(b);
	close(set);
}

static void on_alarm(int sig) { (void)sig; }

static void errors(void)
{
	int set = epoll_create1(0), file = open("/proc/self/exe", O_RDONLY), dir = open("/", O_RDONLY);
	int a = eventfd(0, 0);
	struct epoll_event e;
	sigset_t usr1;

	call_show("a file", ask(set, EPOLL_CTL_ADD, file, EPOLLIN));
	call_show("a directory", ask(set, EPOLL_CTL_ADD, dir, EPOLLIN));
	call_show("no file", ask(set, EPOLL_CTL_ADD, 800, EPOLLIN));
	call_show("no set", ask(800, EPOLL_CTL_ADD, a, EPOLLIN));
	call_show("not a set", ask(a, EPOLL_CTL_ADD, set, EPOLLIN));
	call_show("no such change", ask(set, 9, a, EPOLLIN));
	call_show("bad pointer", epoll_ctl(set, EPOLL_CTL_ADD, a, (void *)8));
	call_show("no room", epoll_wait(set, &e, 0, 0));
	call_show("no set", epoll_wait(800, &e, 1, 0));
	call_show("not a set", epoll_wait(a, &e, 1, 0));
	call_show("size", epoll_create(0));
	call_show("flags", epoll_create1(1));
	call_show("read", read(set, &e, 8));
	ask(set, EPOLL_CTL_ADD, a, EPOLLIN);
	ask(a, EPOLL_CTL_ADD, a, EPOLLIN);
	add_to("add", a, 1);
	call_show("bad place", epoll_wait(set, (void *)8, 1, -1));
	show_read("take", a);
	signal(SIGALRM, on_alarm);
	ualarm(50000, 0);
	call_show("interrupted", epoll_wait(set, &e, 1, -1));
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGALRM);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	ualarm(50000, 0);
	sigemptyset(&usr1);
	call_show("let in", epoll_pwait(set, &e, 1, -1, &usr1));
	close(set);
	close(a);
	close(file);
	close(dir);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int fd = 3; fd < 20; fd++)		/* numbers are shown */
		close(fd);
	eventfds();
	timerfds();
	selects();
	levels();
	edges();
	nested();
	exclusive();
	untold();
	errors();
	return 0;
}
