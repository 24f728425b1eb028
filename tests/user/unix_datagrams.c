/* AF_UNIX datagrams: names, connections, who may send to whom, borders, what is along, limits, shutdown, ends that go, waiting. */
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
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

static int two[2];
static char big[70000];

static void make_pair(void)
{
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, two))
		exit(1);
}

static void drop_pair(void)
{
	close(two[0]);
	close(two[1]);
}

static struct sockaddr_un name;

/* Fills name in: an abstract one if it begins with '@'. Returns its length. */
static socklen_t name_of(const char *text)
{
	memset(&name, 0, sizeof(name));
	name.sun_family = AF_UNIX;
	strcpy(name.sun_path, text);
	if (*text != '@')
		return offsetof(struct sockaddr_un, sun_path) + strlen(text) + 1;
	name.sun_path[0] = 0;
	return offsetof(struct sockaddr_un, sun_path) + strlen(text);
}

static int make(const char *bound)
{
	int s = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (bound) {
		socklen_t len = name_of(bound);

		call_show(bound, bind(s, (struct sockaddr *)&name, len));
	}
	return s;
}

static long send_to(int s, const char *where, const char *text)
{
	socklen_t len = name_of(where);

	return sendto(s, text, strlen(text), MSG_DONTWAIT, (struct sockaddr *)&name, len);
}

static long connect_to(int s, const char *where)
{
	socklen_t len = name_of(where);

	return connect(s, (struct sockaddr *)&name, len);
}

static void show_name(const struct sockaddr_un *n, socklen_t len)
{
	if (len <= offsetof(struct sockaddr_un, sun_path))
		printf(", from nobody (%u)", len);
	else
		printf(", from '%s%.*s' (%u)", n->sun_path[0] ? "" : "@", (int)(len - 3), n->sun_path + !n->sun_path[0], len);
}

/* Receives one of up to n bytes. */
static void receive(const char *what, int s, size_t n, int flags)
{
	struct sockaddr_un from = { 0 };
	socklen_t len = sizeof(from);
	char buf[100] = { 0 };
	ssize_t r = recvfrom(s, buf, n, flags | MSG_DONTWAIT, (struct sockaddr *)&from, &len);

	if (r < 0) {
		call_show(what, r);
		return;
	}
	printf("%s: %zd '%s'", what, r, buf);
	show_name(&from, len);
	printf("\n");
}

static void show_poll(const char *what, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP };
	int n = poll(&p, 1, 0);

	printf("%s: poll %d, %x\n", what, n, p.revents);
}

static int option(int s, int which)
{
	int v = -1;
	socklen_t len = sizeof(v);

	getsockopt(s, SOL_SOCKET, which, &v, &len);
	return v;
}

/* Looking, cutting, no bytes at all. */
static void borders(void)
{
	int n = 0;

	make_pair();
	printf("type %d\n", option(two[0], SO_TYPE));
	call_show("send", send(two[0], "first", 5, 0));
	call_show("write", write(two[0], "second", 6));
	call_show("none", send(two[0], "", 0, 0));
	call_show("fourth", send(two[0], "fourth", 6, 0));
	ioctl(two[1], FIONREAD, &n);
	printf("%d wait\n", n);
	receive("look", two[1], 100, MSG_PEEK);
	receive("look, cut", two[1], 2, MSG_PEEK);
	receive("cut", two[1], 3, 0);
	receive("cut, length", two[1], 3, MSG_TRUNC);
	receive("none", two[1], 10, 0);
	receive("no room", two[1], 0, 0);
	receive("nothing", two[1], 10, 0);
	call_show("much", send(two[0], big, 60000, 0));
	call_show("too much", send(two[0], big, 300000, 0));
	receive("much", two[1], 5, MSG_TRUNC);
	call_show("from nowhere", send(two[0], (void *)8, 10, 0));
	show_poll("pair", two[0]);
	drop_pair();
}

static void names(void)
{
	struct sockaddr_un n;
	socklen_t len;
	int a = make("@quire a"), b = make("quire.b"), c = make(NULL), s = socket(AF_UNIX, SOCK_STREAM, 0);

	call_show("again", bind(c, (struct sockaddr *)&name, name_of("quire.b")));
	call_show("a stream of that name", bind(s, (struct sockaddr *)&name, name_of("@quire a")));
	call_show("nobody is there", send(c, "x", 1, 0));
	call_show("c to a", send_to(c, "@quire a", "c to a"));
	call_show("a to b", send_to(a, "quire.b", "a to b"));
	call_show("b to a", send_to(b, "@quire a", "b to a"));
	call_show("to none", send_to(c, "@quire z", "x"));
	call_show("to no file", send_to(c, "quire.z", "x"));
	call_show("to no socket", send_to(c, "/dev/null", "x"));
	call_show("short name", sendto(c, "x", 1, 0, (struct sockaddr *)&name, 2));
	call_show("stream to a", send_to(s, "@quire a", "x"));
	call_show("stream connects", connect_to(s, "quire.b"));
	call_show("listen", listen(a, 5));
	call_show("accept", accept(a, NULL, NULL));
	receive("a", a, 100, 0);
	receive("a", a, 100, 0);
	receive("a", a, 100, 0);
	receive("b", b, 100, 0);
	len = sizeof(n);
	call_show("peer of c", getpeername(c, (struct sockaddr *)&n, &len));
	call_show("connect", connect_to(c, "quire.b"));
	len = sizeof(n);
	call_show("peer of c", getpeername(c, (struct sockaddr *)&n, &len));
	show_name(&n, len);
	printf("\n");
	unlink("quire.b");
	call_show("connected still", send(c, "c to b", 6, 0));
	receive("b", b, 100, 0);
	call_show("gone from the tree", send_to(c, "quire.b", "x"));
	close(a);
	close(b);
	close(c);
	close(s);
}

/* Who is connected hears nobody else. */
static void connections(void)
{
	int a = make("@quire a"), b = make("@quire b"), c = make("@quire c");
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	send_to(c, "@quire a", "before");
	call_show("a to b", connect_to(a, "@quire b"));
	call_show("c to a", send_to(c, "@quire a", "x"));
	call_show("c connects to a", connect_to(c, "@quire a"));
	call_show("b to a", send_to(b, "@quire a", "b to a"));
	receive("a", a, 100, 0);
	receive("a", a, 100, 0);
	call_show("a", send(a, "a to b", 6, 0));
	call_show("a to c", send_to(a, "@quire c", "a to c"));
	receive("b", b, 100, 0);
	receive("c", c, 100, 0);
	call_show("b connects to a", connect_to(b, "@quire a"));
	send(b, "lost", 4, 0);
	call_show("a leaves b", connect_to(a, "@quire c"));
	printf("b is told %d\n", option(b, SO_ERROR));
	printf("and told no more: %d\n", option(b, SO_ERROR));
	receive("a", a, 100, 0);
	call_show("b to a", send(b, "x", 1, 0));
	call_show("a has no peer", connect(a, &none, sizeof(none)));
	call_show("a", send(a, "x", 1, 0));
	call_show("b to a", send(b, "y", 1, 0));
	receive("a", a, 100, 0);
	call_show("to itself", connect_to(a, "@quire a"));
	call_show("to itself", send(a, "self", 4, 0));
	receive("a", a, 100, 0);
	close(a);
	call_show("a is gone", send(b, "x", 1, 0));
	call_show("once more", send(b, "x", 1, 0));
	close(b);
	close(c);
}

static void ends(void)
{
	make_pair();
	signal(SIGPIPE, SIG_DFL);	/* there is none */
	send(two[0], "left", 4, 0);
	close(two[0]);
	show_poll("the other one is closed", two[1]);
	receive("what it left", two[1], 100, 0);
	receive("no more", two[1], 100, 0);
	call_show("send", send(two[1], "x", 1, 0));
	call_show("once more", send(two[1], "x", 1, 0));
	close(two[1]);
	make_pair();
	send(two[0], "before", 6, 0);
	call_show("shut", shutdown(two[1], SHUT_RD));
	show_poll("shut", two[1]);
	receive("before", two[1], 100, 0);
	receive("no more", two[1], 100, 0);
	call_show("no more", recv(two[1], big, 10, 0));
	call_show("send there", send(two[0], "x", 1, 0));
	call_show("send back", send(two[1], "back", 4, 0));
	call_show("shut", shutdown(two[1], SHUT_WR));
	show_poll("shut", two[1]);
	show_poll("the other one", two[0]);
	call_show("send back", send(two[1], "x", 1, 0));
	receive("back", two[0], 100, 0);
	drop_pair();
}

/* How many a socket takes from whom it is not connected to: one more than max_dgram_qlen. */
static void limits(void)
{
	int a = make("@quire a"), c = make(NULL), e = epoll_create1(0), n = 0, most = 10;
	struct epoll_event event = { .events = EPOLLOUT | EPOLLET };
	FILE *file = fopen("/proc/sys/net/unix/max_dgram_qlen", "r");
	struct timeval t = { 0, 20000 };

	if (file && fscanf(file, "%d", &most) != 1)
		exit(1);
	if (file)
		fclose(file);
	connect_to(c, "@quire a");
	epoll_ctl(e, EPOLL_CTL_ADD, c, &event);
	printf("room %d", epoll_wait(e, &event, 1, 0));
	while (send(c, "x", 1, MSG_DONTWAIT) == 1)
		n++;
	printf(", as many as allowed: %d, %s\n", n == most + 1, strerror(errno));
	show_poll("full", c);
	setsockopt(c, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
	call_show("waits", send(c, "x", 1, 0));
	epoll_wait(e, &event, 1, 0);
	receive("one goes", a, 100, 0);
	show_poll("there is room", c);
	printf("told %d\n", epoll_wait(e, &event, 1, 100));
	call_show("one more", send(c, "x", 1, MSG_DONTWAIT));
	call_show("not two", send(c, "x", 1, MSG_DONTWAIT));
	call_show("another sender", send_to(two[0] = make(NULL), "@quire a", "x"));
	close(two[0]);
	close(a);
	show_poll("gone", c);
	close(c);
	close(e);
	make_pair();
	for (n = 0; n < 100; n++)
		if (send(two[0], "x", 1, MSG_DONTWAIT) != 1)
			break;
	printf("a pair takes more: %d\n", n);
	while (send(two[0], big, 20000, MSG_DONTWAIT) == 20000)
		n++;
	printf("not all: %d, %s\n", n > 100 && n < 200, strerror(errno));
	show_poll("full", two[0]);
	drop_pair();
}

/* A sender that waits goes on when there is room, and learns of the end. */
static void waits(void)
{
	int a = make("@quire a"), got = 0, status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		int c = make(NULL);

		close(a);
		connect_to(c, "@quire a");
		while (send(c, "x", 1, 0) == 1)
			;
		_exit(errno == ECONNREFUSED || errno == EPIPE ? 7 : 1);
	}
	for (; got < 100; got++)
		if (recv(a, big, 10, 0) != 1)
			break;
	close(a);
	waitpid(pid, &status, 0);
	printf("%d received, then the sender ends with %d\n", got, WEXITSTATUS(status));
}

/* Files and identities. */
static void along(void)
{
	union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int))]; } c = { 0 };
	int a = make("@quire a"), fd = open("/dev/null", O_WRONLY), on = 1;
	struct sockaddr_un from;
	char buf[10];
	struct iovec v = { "ab", 2 }, w = { buf, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = CMSG_SPACE(sizeof(int)),
			    .msg_name = &name, .msg_namelen = name_of("@quire a") };
	struct msghdr r = { .msg_iov = &w, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c),
			    .msg_name = &from, .msg_namelen = sizeof(from) };
	const struct cmsghdr head = { .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };

	c.h = head;
	memcpy(CMSG_DATA(&c.h), &fd, sizeof(fd));
	setsockopt(a, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	call_show("to itself", sendmsg(a, &m, 0));
	call_show("received", recvmsg(a, &r, 0));
	printf("flags %x", r.msg_flags);
	show_name(&from, r.msg_namelen);
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&r); h; h = CMSG_NXTHDR(&r, h)) {
		struct ucred u;

		memcpy(&u, CMSG_DATA(h), sizeof(u));
		if (h->cmsg_type == SCM_CREDENTIALS)
			printf(", of %s", u.pid == getpid() ? "mine" : "another");
		else
			printf(", a file: %d", close(*(int *)CMSG_DATA(h)));
	}
	printf("\n");
	c.h = head;
	memcpy(CMSG_DATA(&c.h), &fd, sizeof(fd));
	call_show("stays in the queue", sendmsg(a, &m, 0));
	close(fd);
	close(a);
}

int main(void)
{
	char dir[] = "/tmp/quire-XXXXXX";

	mkdir("/tmp", 0777);
	if (!mkdtemp(dir) || chdir(dir))
		return 1;
	borders();
	names();
	connections();
	ends();
	limits();
	waits();
	along();
	call_show("raw", close(socket(AF_UNIX, SOCK_RAW, 0)));
	return rmdir(dir);
}
