/* AF_UNIX streams: pairs, names in the tree and abstract ones, shutdown, ends that go, waiting, epoll. */
#define _GNU_SOURCE
#include "call.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

#define MUCH	300000

static void show_poll(const char *what, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP | POLLPRI };
	int n = poll(&p, 1, 0);

	printf("%s: poll %d, %x\n", what, n, p.revents);
}

static void show_read(const char *what, int fd)
{
	char buf[100];
	ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n < 0)
		call_show(what, n);
	else
		printf("%s: '%.*s'\n", what, (int)n, buf);
}

static int signals;
static void on_pipe(int sig) { (void)sig; signals++; }

static int two[2];

static void make_pair(int type)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | type, 0, two))
		exit(1);
}

static void drop_pair(void)
{
	close(two[0]);
	close(two[1]);
}

static void pairs(void)
{
	struct iovec v[2] = { { "of ", 3 }, { "pieces", 6 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };
	struct ucred who;
	socklen_t len = sizeof(who);
	struct stat st;
	int n = 0;

	make_pair(SOCK_CLOEXEC);
	fstat(two[0], &st);
	printf("mode %o, flags %o, cloexec %d\n", st.st_mode, fcntl(two[0], F_GETFL), fcntl(two[1], F_GETFD));
	call_show("seek", lseek(two[0], 0, SEEK_SET));
	show_poll("fresh", two[0]);
	show_read("nothing", two[0]);
	call_show("write", write(two[0], "hello", 5));
	call_show("send", send(two[0], " you", 4, 0));
	call_show("there", ioctl(two[1], FIONREAD, &n));
	printf("%d\n", n);
	show_poll("to read", two[1]);
	show_read("read", two[1]);
	call_show("sendmsg", sendmsg(two[1], &m, 0));
	show_read("read", two[0]);
	call_show("peer", getsockopt(two[0], SOL_SOCKET, SO_PEERCRED, &who, &len));
	printf("me %d, %d\n", who.pid == getpid(), len);
	call_show("shut", shutdown(two[0], SHUT_WR));
	show_poll("half", two[0]);
	show_poll("other half", two[1]);
	show_read("end", two[1]);
	call_show("write after it", send(two[0], "x", 1, MSG_NOSIGNAL));
	signal(SIGPIPE, on_pipe);
	call_show("and by signal", write(two[0], "x", 1));
	printf("SIGPIPE %d\n", signals);
	call_show("the other way", write(two[1], "still", 5));
	show_read("read", two[0]);
	call_show("shut both", shutdown(two[1], SHUT_RDWR));
	show_poll("closed", two[0]);
	call_show("shut how", shutdown(two[0], 7));
	drop_pair();
	make_pair(0);
	(void)!write(two[0], "left", 4);
	close(two[0]);
	show_poll("its end is gone", two[1]);
	show_read("what it left", two[1]);
	show_read("and no more", two[1]);
	call_show("write to nobody", send(two[1], "x", 1, MSG_NOSIGNAL));
	close(two[1]);
}

/* More than there is room for, while the other side reads. */
static void much(void)
{
	static char buf[MUCH];
	long sum = 0, want = 0;
	ssize_t n;
	pid_t pid;

	make_pair(0);
	for (int i = 0; i < MUCH; i++)
		want += (unsigned char)(buf[i] = (char)(i * 7 + i / 256));
	pid = fork();
	if (!pid) {
		close(two[1]);
		_exit(write(two[0], buf, MUCH) != MUCH);
	}
	close(two[0]);
	while ((n = read(two[1], buf, 5000)) > 0)
		for (ssize_t i = 0; i < n; i++)
			sum += (unsigned char)buf[i];
	waitpid(pid, NULL, 0);
	printf("all there: %d\n", sum == want);
	close(two[1]);
	make_pair(SOCK_NONBLOCK);
	while ((n = write(two[0], buf, 4096)) > 0)
		sum += n;
	call_show("full", n);
	drop_pair();
}

static socklen_t name_of(struct sockaddr_un *a, const char *path)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	if (*path == '@') {
		memcpy(a->sun_path + 1, path + 1, strlen(path) - 1);
		return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	}
	strcpy(a->sun_path, path);
	return sizeof(*a);
}

static void show_names(const char *what, int fd)
{
	struct sockaddr_un a;
	socklen_t len = sizeof(a);

	memset(&a, 0, sizeof(a));
	call_show(what, getsockname(fd, (struct sockaddr *)&a, &len));
	printf("  own: %u, %d '%s'\n", len, a.sun_family, a.sun_path + !a.sun_path[0]);
	len = sizeof(a);
	memset(&a, 0, sizeof(a));
	call_show("  peer", getpeername(fd, (struct sockaddr *)&a, &len));
	printf("  %u '%s'\n", len, a.sun_path + !a.sun_path[0]);
}

static void names(const char *path)
{
	int s = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0), a, b, v = 5;
	struct sockaddr_un n;
	socklen_t len = name_of(&n, path), vlen = sizeof(v);

	show_names("fresh", s);
	show_poll("fresh", s);
	call_show("connect to nobody", connect(c, (struct sockaddr *)&n, len));
	call_show("listen", listen(s, 2));
	call_show("bind", bind(s, (struct sockaddr *)&n, len));
	if (*path == '@')
		call_show("again", bind(s, (struct sockaddr *)&n, len));
	call_show("another", bind(c, (struct sockaddr *)&n, len));
	call_show("not listening", connect(c, (struct sockaddr *)&n, len));
	call_show("accept", accept(s, NULL, NULL));
	call_show("listen", listen(s, 2));
	call_show("is listening", getsockopt(s, SOL_SOCKET, SO_ACCEPTCONN, &v, &vlen));
	printf("%d\n", v);
	fcntl(s, F_SETFL, O_NONBLOCK);
	call_show("nobody", accept(s, NULL, NULL));
	show_poll("nobody", s);
	call_show("connect", connect(c, (struct sockaddr *)&n, len));
	call_show("twice", connect(c, (struct sockaddr *)&n, len));
	show_poll("somebody", s);
	call_show("write before", write(c, "early", 5));
	a = accept4(s, NULL, NULL, SOCK_CLOEXEC);
	printf("accepted %d, cloexec %d, flags %o\n", a >= 0, fcntl(a, F_GETFD), fcntl(a, F_GETFL));
	show_names("client", c);
	show_names("server", a);
	show_read("read", a);
	close(c);
	show_read("end", a);
	close(a);
	for (int i = 0; i < 4; i++) {
		c = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		call_show("in the queue", connect(c, (struct sockaddr *)&n, len));
		if (i < 3)
			b = c;
	}
	show_poll("queued", b);
	close(s);
	call_show("refused", connect(c, (struct sockaddr *)&n, len));
	for (int fd = 3; fd < 20; fd++)
		close(fd);
	if (*path != '@') {
		struct stat st;

		call_show("stat", stat(path, &st));
		printf("%o\n", st.st_mode & S_IFMT);
		call_show("open", open(path, O_RDWR));
		s = socket(AF_UNIX, SOCK_STREAM, 0);
		call_show("still there", bind(s, (struct sockaddr *)&n, len));
		call_show("unlink", unlink(path));
		call_show("bind", bind(s, (struct sockaddr *)&n, len));
		unlink(path);
		close(s);
	}
}

/* A server that serves clients by epoll, each in a process of its own. */
static void serve(void)
{
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), set = epoll_create1(0), done = 0, total = 0;
	struct epoll_event e = { .events = EPOLLIN | EPOLLET, .data.fd = s }, got[8];
	struct sockaddr_un n;
	socklen_t len = name_of(&n, "@served");
	char buf[64];

	if (bind(s, (struct sockaddr *)&n, len) || listen(s, 1) || epoll_ctl(set, EPOLL_CTL_ADD, s, &e))
		exit(1);
	for (int i = 0; i < 5; i++) {
		if (fork())
			continue;
		close(s);
		s = socket(AF_UNIX, SOCK_STREAM, 0);
		if (connect(s, (struct sockaddr *)&n, len))
			_exit(1);
		for (int k = 0; k < 10; k++)
			if (write(s, "12345678", 8) != 8 || read(s, buf, 8) != 8)
				_exit(2);
		_exit(0);
	}
	while (done < 5) {
		int k = epoll_wait(set, got, 8, 5000);

		if (k <= 0)
			break;
		for (int i = 0; i < k; i++) {
			int fd = got[i].data.fd;
			ssize_t r;

			while (fd == s && (e.data.fd = accept4(s, NULL, NULL, SOCK_NONBLOCK)) >= 0)
				epoll_ctl(set, EPOLL_CTL_ADD, e.data.fd, &e);
			while (fd != s && (r = read(fd, buf, sizeof(buf))) >= 0) {
				if (!r) {
					close(fd);
					done++;
					break;
				}
				total += (int)r;
				(void)!write(fd, buf, (size_t)r);
			}
		}
	}
	for (int i = 0, status; i < 5; i++) {
		wait(&status);
		if (status)
			printf("a client failed: %#x\n", status);
	}
	printf("served %d, %d bytes\n", done, total);
	close(s);
	close(set);
}

static void errors(void)
{
	struct sockaddr_un n;
	int s = socket(AF_UNIX, SOCK_STREAM, 0), v = 0;
	socklen_t len = name_of(&n, "/none/at/all");

	call_show("family", socket(77, SOCK_STREAM, 0));
	call_show("type", socket(AF_UNIX, 9, 0));
	call_show("protocol", socket(AF_UNIX, SOCK_STREAM, 5));
	call_show("not a socket", bind(0, (struct sockaddr *)&n, len));
	call_show("no file", listen(900, 1));
	call_show("no folder", bind(s, (struct sockaddr *)&n, len));
	call_show("nobody there", connect(s, (struct sockaddr *)&n, len));
	call_show("short", bind(s, (struct sockaddr *)&n, 1));
	call_show("long", bind(s, (struct sockaddr *)&n, 200));
	call_show("bad pointer", connect(s, (struct sockaddr *)8, 20));
	n.sun_family = AF_INET;
	call_show("another family", connect(s, (struct sockaddr *)&n, len));
	name_of(&n, "/");
	call_show("a folder", connect(s, (struct sockaddr *)&n, len));
	call_show("send", send(s, "x", 1, MSG_NOSIGNAL));
	call_show("receive", recv(s, &v, 1, MSG_DONTWAIT));
	call_show("shutdown", shutdown(s, SHUT_RD));
	call_show("option", setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &v, sizeof(v)));
	call_show("no option", setsockopt(s, SOL_SOCKET, 999, &v, sizeof(v)));
	call_show("short option", setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &v, 1));
	call_show("pair", syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, 8));
	call_show("none is left open", dup(0));
	close(s);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int fd = 3; fd < 20; fd++)
		close(fd);
	pairs();
	much();
	names("@abstract");
	names("/tmp/quire-test-socket");
	serve();
	errors();
	return 0;
}
