/* signalfd(2): signals read, what each says, poll and epoll, waiting, a set that changes, a child's own, errors. */
#define _GNU_SOURCE
#include "call.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>

static sigset_t set;

static void show_ready(const char *what, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

	printf("%s: poll %d, %x\n", what, poll(&p, 1, 0), p.revents);
}

static void show_next(const char *what, int fd)
{
	struct signalfd_siginfo i;
	ssize_t n = read(fd, &i, sizeof(i));

	if (n < 0) {
		call_show(what, n);
		return;
	}
	printf("%s: %zd bytes, signal %u, code %d, mine %d, uid %u, int %d, ptr %lx, status %d, overrun %u\n", what,
	       n, i.ssi_signo, i.ssi_code, i.ssi_pid == (unsigned)getpid(), i.ssi_uid, i.ssi_int,
	       (long)i.ssi_ptr, i.ssi_status, i.ssi_overrun);
}

static void kinds(int fd)
{
	union sigval v = { .sival_ptr = (void *)0x1234567890 };
	struct signalfd_siginfo many[4];
	int status;
	pid_t pid;

	show_ready("nothing", fd);
	show_next("nothing", fd);
	kill(getpid(), SIGUSR1);
	show_ready("sent", fd);
	show_next("kill", fd);
	raise(SIGUSR1);
	show_next("raise", fd);
	sigqueue(getpid(), SIGRTMIN, v);
	show_next("sigqueue", fd);
	for (int n = 1; n <= 3; n++)
		sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = n });
	printf("many: %zd", read(fd, many, sizeof(many)) / (ssize_t)sizeof(many[0]));
	printf(", %d %d %d\n", many[0].ssi_int, many[1].ssi_int, many[2].ssi_int);
	pid = fork();
	if (!pid)
		_exit(9);
	waitpid(pid, &status, 0);
	show_next("child", fd);
	show_next("no more", fd);
}

static void timers(int fd)
{
	struct sigevent e = { .sigev_signo = SIGUSR1, .sigev_value.sival_int = 77 };
	struct itimerspec v = { { 0, 0 }, { 0, 1000000 } };
	timer_t id;

	timer_create(CLOCK_MONOTONIC, &e, &id);
	timer_settime(id, 0, &v, NULL);
	fcntl(fd, F_SETFL, 0);
	show_next("timer", fd);
	timer_delete(id);
}

static void waiting(int fd)
{
	struct epoll_event e = { .events = EPOLLIN };
	int ep = epoll_create1(0), status;
	pid_t pid = fork();

	epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
	if (!pid) {
		usleep(20000);
		kill(getppid(), SIGUSR2);
		usleep(20000);
		kill(getppid(), SIGUSR2);
		_exit(0);
	}
	call_show("epoll", epoll_wait(ep, &e, 1, 5000));
	show_next("waited", fd);
	show_next("waited in read", fd);
	waitpid(pid, &status, 0);
	show_next("its end", fd);
	close(ep);
}

static void on_alarm(int sig) { (void)sig; }

static void changes(int fd)
{
	struct sigaction a = { .sa_handler = on_alarm };
	sigset_t other;
	pid_t pid;
	int status;

	sigaction(SIGALRM, &a, NULL);
	ualarm(20000, 0);
	show_next("interrupted", fd);
	sigemptyset(&other);
	sigaddset(&other, SIGUSR2);
	sigaddset(&other, SIGKILL);
	printf("changed: %d\n", signalfd(fd, &other, SFD_NONBLOCK) == fd);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	kill(getpid(), SIGUSR1);
	show_ready("not in the set", fd);
	show_next("not in the set", fd);
	signalfd(fd, &set, 0);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		show_ready("in a child", fd);
		kill(getpid(), SIGUSR2);
		show_next("the child's own", fd);
		exit(0);
	}
	waitpid(pid, &status, 0);
	show_next("mine", fd);
	show_next("the child's end", fd);
}

int main(void)
{
	char small[100];
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = syscall(SYS_signalfd4, -1, &set, 8, SFD_NONBLOCK | SFD_CLOEXEC);
	printf("cloexec %d, flags %o\n", fcntl(fd, F_GETFD), fcntl(fd, F_GETFL));
	kinds(fd);
	timers(fd);
	waiting(fd);
	changes(fd);
	CALL(signalfd4, -1, &set, 4, 0);
	CALL(signalfd4, -1, 8, 8, 0);
	CALL(signalfd4, -1, &set, 8, 1);
	CALL(signalfd4, 0, &set, 8, 0);
	CALL(signalfd4, 99, &set, 8, 0);
	call_show("small", read(fd, small, sizeof(small)));
	call_show("write", write(fd, small, sizeof(small)));
	return 0;
}
