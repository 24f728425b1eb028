/* AF_UNIX: what waits to be accepted: without a number for it, with a limit of time, and where nobody accepts any more. */
#define _GNU_SOURCE
#include "call.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

static struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "\0quire-accept" };
#define NAME	(struct sockaddr *)&name, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 13)

static int listener(int flags)
{
	int s = socket(AF_UNIX, SOCK_STREAM | flags, 0);

	if (bind(s, NAME) || listen(s, 0))
		exit(1);
	return s;
}

static int client(int flags)
{
	int s = socket(AF_UNIX, SOCK_STREAM | flags, 0);

	call_show("connect", connect(s, NAME));
	return s;
}

static void show_poll(const char *what, int s)
{
	struct pollfd p = { .fd = s, .events = POLLIN | POLLOUT | POLLRDHUP };

	poll(&p, 1, 0);
	printf("%s: %x\n", what, p.revents);
}

static void set_limit(int s, int which, long ms)
{
	struct timeval t = { ms / 1000, ms % 1000 * 1000 };

	if (setsockopt(s, SOL_SOCKET, which, &t, sizeof(t)))
		exit(1);
}

/* All numbers are taken: who waits to be accepted stays, and nobody is waited for. */
static void without_numbers(void)
{
	int s = listener(0), c = client(0), full[64], n = 0, a;
	struct rlimit before, few = { 32, 32 };
	char text[8] = "";
	struct ucred who = { 0 };
	socklen_t len = sizeof(who);

	call_show("who listens", getsockopt(s, SOL_SOCKET, SO_PEERCRED, &who, &len));
	printf("is me: %d\n", who.pid == getpid());
	getrlimit(RLIMIT_NOFILE, &before);
	few.rlim_max = before.rlim_max;
	setrlimit(RLIMIT_NOFILE, &few);
	while ((full[n] = dup(0)) >= 0)
		n++;
	call_show("accept", accept(s, NULL, NULL));
	call_show("accept", accept(s, NULL, NULL));
	close(full[--n]);
	a = accept(s, NULL, NULL);
	printf("accepted then: %d\n", a >= 0);
	call_show("write", write(c, "to you", 6));
	call_show("read", read(a, text, sizeof(text)));
	puts(text);
	call_show("accept, nobody there", accept(s, NULL, NULL));
	while (n)
		close(full[--n]);
	setrlimit(RLIMIT_NOFILE, &before);
	close(a);
	close(c);
	close(s);
}

static void on_alarm(int sig) { (void)sig; }

/* A wait with a limit ends at it, and at a signal whatever its SA_RESTART says. */
static void limits(void)
{
	struct sigaction act = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	struct itimerval soon = { { 0, 0 }, { 0, 100000 } };
	int s = listener(0), two[2], c[2], r;
	char one;

	set_limit(s, SO_RCVTIMEO, 100);
	call_show("accept", accept(s, NULL, NULL));
	c[0] = client(0);
	c[1] = socket(AF_UNIX, SOCK_STREAM, 0);
	set_limit(c[1], SO_SNDTIMEO, 100);
	call_show("connect, no room", connect(c[1], NAME));
	call_show("accept", accept(s, NULL, NULL) < 0);
	sigaction(SIGALRM, &act, NULL);
	socketpair(AF_UNIX, SOCK_STREAM, 0, two);
	set_limit(two[0], SO_RCVTIMEO, 20000);
	setitimer(ITIMER_REAL, &soon, NULL);
	call_show("read", read(two[0], &one, 1));
	set_limit(s, SO_RCVTIMEO, 20000);
	setitimer(ITIMER_REAL, &soon, NULL);
	call_show("accept", accept(s, NULL, NULL));
	set_limit(c[1], SO_SNDTIMEO, 20000);
	fcntl(two[1], F_SETFL, O_NONBLOCK);
	while ((r = write(two[1], "much", 4)) > 0)
		;
	fcntl(two[1], F_SETFL, 0);
	set_limit(two[1], SO_SNDTIMEO, 20000);
	setitimer(ITIMER_REAL, &soon, NULL);
	call_show("write", write(two[1], "more", 4));
	for (int i = 0; i < 2; i++) {
		close(two[i]);
		close(c[i]);
	}
	close(s);
}

static int shared;

static void *accepts(void *arg)
{
	(void)arg;
	return (void *)(long)(accept(shared, NULL, NULL) < 0 ? errno : 0);
}

static void *connects(void *arg)
{
	return (void *)(long)(connect(*(int *)arg, NAME) < 0 ? errno : 0);
}

static const char *end_of(pthread_t t)
{
	void *err;

	pthread_join(t, &err);
	return strerror((int)(long)err);
}

/* shutdown(2) of who listens ends the waits of those who accept, and wait for room; who waited to be accepted is. */
static void shut(void)
{
	int c[3];
	pthread_t t;

	shared = listener(0);
	pthread_create(&t, NULL, accepts, NULL);
	usleep(50000);
	call_show("shutdown", shutdown(shared, SHUT_RD));
	printf("the accept ended: %s\n", end_of(t));
	call_show("accept", accept(shared, NULL, NULL));
	show_poll("shut for reading", shared);
	client(0);
	close(shared);

	shared = listener(SOCK_NONBLOCK);
	c[0] = client(0);
	c[1] = socket(AF_UNIX, SOCK_STREAM, 0);
	pthread_create(&t, NULL, connects, &c[1]);
	usleep(50000);
	call_show("shutdown", shutdown(shared, SHUT_RDWR));
	show_poll("shut", shared);
	call_show("accept", accept(shared, NULL, NULL) < 0);
	printf("the connect ended: %s\n", end_of(t));
	call_show("accept", accept(shared, NULL, NULL));
	close(shared);

	shared = listener(0);
	call_show("shutdown", shutdown(shared, SHUT_WR));
	show_poll("shut for writing", shared);
	c[2] = client(0);
	call_show("accept", accept(shared, NULL, NULL) < 0);
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	signal(SIGPIPE, SIG_IGN);
	without_numbers();
	limits();
	shut();
	return 0;
}
