/* AF_UNIX: files and identities sent along, looking without taking, records, ends that go with bytes unread, time limits. */
#define _GNU_SOURCE
#include "call.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

static int two[2];

static void make_pair(int type)
{
	if (socketpair(AF_UNIX, type, 0, two))
		exit(1);
}

static void drop_pair(void)
{
	close(two[0]);
	close(two[1]);
}

/* Sends text with n files. */
static long send_files(int s, const char *text, const int *fd, int n)
{
	union { struct cmsghdr h; char room[CMSG_SPACE(300 * sizeof(int))]; } c = { 0 };
	struct iovec v = { (void *)text, strlen(text) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	if (n) {
		m.msg_control = &c;
		m.msg_controllen = CMSG_SPACE(n * sizeof(int));
		c.h = (struct cmsghdr){ .cmsg_len = CMSG_LEN(n * sizeof(int)), .cmsg_level = SOL_SOCKET,
					.cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(&c.h), fd, n * sizeof(int));
	}
	return sendmsg(s, &m, MSG_NOSIGNAL);
}

static int got[300], ngot;

/* Receives up to n bytes, with so much room for what comes along; the files are in got. */
static void receive(const char *what, int s, size_t n, size_t room, int flags)
{
	union { struct cmsghdr h; char room[CMSG_SPACE(300 * sizeof(int))]; } c = { 0 };
	char buf[100] = { 0 };
	struct iovec v = { buf, n };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = room ? &c : NULL, .msg_controllen = room };
	ssize_t r = recvmsg(s, &m, flags | MSG_DONTWAIT);

	ngot = 0;
	if (r < 0) {
		call_show(what, r);
		return;
	}
	printf("%s: %zd '%s', flags %x, control %zu", what, r, buf, m.msg_flags & ~MSG_CMSG_CLOEXEC, (size_t)m.msg_controllen);
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) {
		if (h->cmsg_type == SCM_RIGHTS) {
			ngot = (int)((h->cmsg_len - CMSG_LEN(0)) / sizeof(int));
			memcpy(got, CMSG_DATA(h), ngot * sizeof(int));
			printf(", %d files", ngot);
		} else if (h->cmsg_type == SCM_CREDENTIALS) {
			struct ucred u;

			memcpy(&u, CMSG_DATA(h), sizeof(u));
			printf(", from %s, %u, %u", u.pid == getpid() ? "me" : "another", u.uid, u.gid);
		}
	}
	printf("\n");
}

static void drop_files(void)
{
	while (ngot)
		close(got[--ngot]);
}

static void files(void)
{
	int ends[2], many[253];
	char c = 0;

	make_pair(SOCK_STREAM);
	if (pipe(ends))
		exit(1);
	call_show("send a pipe", send_files(two[0], "pipe", ends, 2));
	close(ends[1]);
	receive("receive", two[1], 100, 100, 0);
	printf("cloexec %d\n", fcntl(got[0], F_GETFD));
	call_show("write", write(got[1], "!", 1));
	call_show("read", read(ends[0], &c, 1));
	drop_files();
	send_files(two[0], "closed at exec", ends, 1);
	receive("receive", two[1], 100, 100, MSG_CMSG_CLOEXEC);
	printf("cloexec %d\n", fcntl(got[0], F_GETFD));
	drop_files();
	for (int i = 0; i < 253; i++)
		many[i] = ends[0];
	call_show("many", send_files(two[0], "many", many, 253));
	receive("receive", two[1], 100, CMSG_SPACE(253 * sizeof(int)), 0);
	drop_files();
	many[3] = 999;
	call_show("one is not open", send_files(two[0], "x", many, 10));
	close(ends[0]);
	receive("nothing came", two[1], 100, 100, 0);
	drop_pair();
}

/* Reads do not go beyond what comes with files. */
static void borders(void)
{
	int fd = open("/dev/null", O_RDONLY);

	make_pair(SOCK_STREAM);
	send_files(two[0], "ab", NULL, 0);
	send_files(two[0], "cd", &fd, 1);
	send_files(two[0], "ef", &fd, 1);
	send_files(two[0], "gh", NULL, 0);
	send_files(two[0], "ij", NULL, 0);
	receive("up to the first", two[1], 100, 100, 0);
	drop_files();
	receive("part", two[1], 1, 100, 0);
	drop_files();
	receive("the rest of it", two[1], 100, 100, 0);
	drop_files();
	send_files(two[0], "no room", &fd, 1);
	receive("no room", two[1], 100, 0, 0);
	send_files(two[0], "little room", &fd, 1);
	receive("little room", two[1], 100, CMSG_LEN(0) + 2, 0);
	int three[3] = { fd, fd, fd };
	send_files(two[0], "room for two", three, 3);
	receive("room for two", two[1], 100, CMSG_SPACE(2 * sizeof(int)), 0);
	drop_files();
	send_files(two[0], "by read", &fd, 1);
	char buf[10] = { 0 };
	call_show("by read", read(two[1], buf, 10));
	send_files(two[0], "unread", &fd, 1);
	drop_pair();
	call_show("none is left open", dup(fd));
	close(fd);
	close(fd + 1);
}

static void peek(void)
{
	int fd = open("/dev/null", O_RDONLY);
	char buf[20] = { 0 };

	make_pair(SOCK_STREAM);
	send_files(two[0], "hello ", NULL, 0);
	receive("look", two[1], 3, 100, MSG_PEEK);
	send_files(two[0], "world", &fd, 1);
	receive("look at all", two[1], 100, 100, MSG_PEEK);
	drop_files();
	receive("take", two[1], 100, 100, 0);
	drop_files();
	call_show("look at nothing", recv(two[1], buf, 5, MSG_PEEK | MSG_DONTWAIT));
	drop_pair();
	close(fd);
}

static void identities(void)
{
	union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(struct ucred))]; } c = { 0 };
	struct ucred u = { getpid(), 0, 0 };
	struct iovec v = { "me", 2 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c) };
	int on = 1, status;
	socklen_t len = sizeof(on);
	pid_t pid;

	make_pair(SOCK_STREAM);
	call_show("passcred", setsockopt(two[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	on = 0;
	getsockopt(two[1], SOL_SOCKET, SO_PASSCRED, &on, &len);
	printf("is on %d\n", on);
	send_files(two[0], "unsaid", NULL, 0);
	receive("unsaid", two[1], 100, 100, 0);
	c.h = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(u)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_CREDENTIALS };
	memcpy(CMSG_DATA(&c.h), &u, sizeof(u));
	call_show("said", sendmsg(two[0], &m, 0));
	receive("said", two[1], 100, 100, 0);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (setresgid(7, 7, 7) || setresuid(5, 5, 5))
			exit(1);
		call_show("a lie", sendmsg(two[0], &m, 0));
		send_files(two[0], "child", NULL, 0);
		exit(0);
	}
	waitpid(pid, &status, 0);
	send_files(two[0], "parent", NULL, 0);
	receive("one sender at a time", two[1], 100, 100, 0);
	receive("the other one", two[1], 100, 100, 0);
	c.h.cmsg_type = 77;
	call_show("unknown", sendmsg(two[0], &m, 0));
	c.h.cmsg_level = 77;
	call_show("another level", sendmsg(two[0], &m, 0));
	c.h.cmsg_len = 3;
	call_show("short", sendmsg(two[0], &m, 0));
	c.h.cmsg_len = 300;
	call_show("long", sendmsg(two[0], &m, 0));
	drop_pair();
}

static int writer_of(const char *text, int pieces, int ms)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		for (int i = 0; i < pieces; i++) {
			usleep(ms * 1000);
			if (write(two[0], text, strlen(text)) < 0)
				_exit(1);
		}
		_exit(0);
	}
	return pid;
}

static void waits(void)
{
	struct timeval limit = { 0, 40000 };
	socklen_t len = sizeof(limit);
	char buf[20] = { 0 };
	pid_t pid;

	make_pair(SOCK_STREAM);
	pid = writer_of("abcd", 3, 10);
	call_show("all of it", recv(two[1], buf, 10, MSG_WAITALL));
	printf("'%s'\n", buf);
	waitpid(pid, NULL, 0);
	call_show("the rest", recv(two[1], buf, 10, 0));
	pid = writer_of("ab", 1, 10);
	waitpid(pid, NULL, 0);
	shutdown(two[0], SHUT_WR);
	call_show("as much as comes", recv(two[1], buf, 10, MSG_WAITALL));
	drop_pair();
	make_pair(SOCK_STREAM);
	call_show("limit", setsockopt(two[1], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)));
	memset(&limit, 0, sizeof(limit));
	getsockopt(two[1], SOL_SOCKET, SO_RCVTIMEO, &limit, &len);
	printf("%ld %ld, %u\n", (long)limit.tv_sec, (long)limit.tv_usec, len);
	call_show("in time", recv(two[1], buf, 10, 0));
	limit.tv_usec = 1000000;
	call_show("no time", setsockopt(two[1], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)));
	drop_pair();
}

static void show_poll(const char *what, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLRDHUP };

	poll(&p, 1, 0);
	printf("%s: %x\n", what, p.revents);
}

static void resets(int type)
{
	int err = 77;
	socklen_t len = sizeof(err);
	char buf[10];

	make_pair(type);
	send_files(two[0], "unread", NULL, 0);
	send_files(two[1], "for you", NULL, 0);
	close(two[1]);
	show_poll("reset", two[0]);
	call_show("what is there", recv(two[0], buf, 10, 0));
	call_show("then", recv(two[0], buf, 10, 0));
	call_show("and then", recv(two[0], buf, 10, 0));
	call_show("send", send_files(two[0], "x", NULL, 0));
	show_poll("over", two[0]);
	close(two[0]);
	make_pair(type);
	send_files(two[0], "unread", NULL, 0);
	close(two[1]);
	call_show("error", getsockopt(two[0], SOL_SOCKET, SO_ERROR, &err, &len));
	printf("%s\n", strerror(err));
	call_show("told", recv(two[0], buf, 10, 0));
	close(two[0]);
}

static void records(void)
{
	int fd = open("/dev/null", O_RDONLY), type = 0, s, c, a;
	struct sockaddr_un n = { .sun_family = AF_UNIX, .sun_path = "\0records" };
	socklen_t len = sizeof(type), size = offsetof(struct sockaddr_un, sun_path) + 8;

	make_pair(SOCK_SEQPACKET);
	getsockopt(two[0], SOL_SOCKET, SO_TYPE, &type, &len);
	printf("type %d\n", type);
	send_files(two[0], "first", NULL, 0);
	send_files(two[0], "second", &fd, 1);
	call_show("empty", send(two[0], "", 0, 0));
	send_files(two[0], "fourth", NULL, 0);
	receive("look", two[1], 100, 100, MSG_PEEK);
	receive("one", two[1], 100, 100, 0);
	receive("cut", two[1], 3, 100, 0);
	drop_files();
	receive("empty", two[1], 100, 100, 0);
	receive("its length", two[1], 2, 100, MSG_TRUNC);
	receive("no more", two[1], 100, 100, 0);
	signal(SIGPIPE, SIG_DFL);
	close(two[1]);
	call_show("to nobody", write(two[0], "x", 1));
	close(two[0]);
	s = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	call_show("not connected", send(s, "x", 1, 0));
	call_show("not connected", recv(s, &type, 1, 0));
	bind(s, (struct sockaddr *)&n, size);
	listen(s, 1);
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	call_show("another type", connect(c, (struct sockaddr *)&n, size));
	close(c);
	c = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	call_show("connect", connect(c, (struct sockaddr *)&n, size));
	send_files(c, "early", NULL, 0);
	send_files(c, "bird", NULL, 0);
	a = accept(s, NULL, NULL);
	receive("accepted", a, 100, 100, 0);
	receive("accepted", a, 100, 100, 0);
	close(c);
	receive("end", a, 100, 100, 0);
	c = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	connect(c, (struct sockaddr *)&n, size);
	close(s);
	show_poll("never accepted", c);
	close(c);
	close(a);
	close(fd);
}

/* A socket that is sent, and used where it arrives. */
static void socket_along(void)
{
	int other[2], status;
	char buf[10] = { 0 };
	pid_t pid;

	make_pair(SOCK_STREAM);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, other))
		exit(1);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		close(other[0]);
		close(other[1]);
		alarm(10);
		fcntl(two[1], F_SETFL, 0);
		while (!ngot) {
			usleep(1000);
			receive("in a child", two[1], 100, 100, 0);
			if (!ngot)
				continue;
		}
		fflush(stdout);
		_exit(write(got[0], "hi", 2) != 2);
	}
	send_files(two[0], "it", other + 1, 1);
	close(other[1]);
	call_show("from the child", recv(other[0], buf, 10, 0));
	waitpid(pid, &status, 0);
	printf("status %x\n", status);
	close(other[0]);
	drop_pair();
}

int main(void)
{
	for (int fd = 3; fd < 20; fd++)
		close(fd);
	files();
	borders();
	peek();
	identities();
	waits();
	resets(SOCK_STREAM);
	resets(SOCK_SEQPACKET);
	records();
	socket_along();
	return 0;
}
