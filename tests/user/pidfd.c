/* Processes as files: waiting by poll, epoll and waitid, signals, files and advice for another; close_range. */
#define _GNU_SOURCE
#include "call.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>

#define WAIT_BY_FILE	3		/* P_PIDFD */

static int open_process(pid_t pid, unsigned flags)
{
	return syscall(SYS_pidfd_open, pid, flags);
}

static int ready(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n = poll(&p, 1, ms);

	return n < 0 ? -errno : n ? p.revents & POLLIN : 0;
}

static pid_t sleeper(void)
{
	pid_t pid = fork();

	if (!pid)
		for (;;)
			pause();
	return pid;
}

static void ends(void)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u32 = 5 };
	int ep = epoll_create1(0), fd;
	siginfo_t i = { 0 };
	pid_t pid = sleeper();

	fd = open_process(pid, 0);
	printf("open %d, cloexec %d, flags %o, ready %d\n", fd >= 0, fcntl(fd, F_GETFD), fcntl(fd, F_GETFL), ready(fd, 0));
	epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
	call_show("signal 0", syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
	call_show("signal", syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0));
	printf("ready %d\n", ready(fd, 5000));
	printf("epoll %d, %d\n", epoll_wait(ep, &e, 1, 5000), (int)e.data.u32);
	call_show("a zombie", syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0));
	call_show("look", waitid(WAIT_BY_FILE, fd, &i, WEXITED | WNOWAIT));
	printf("%d, signal %d, code %d, status %d\n", i.si_pid == pid, i.si_signo, i.si_code, i.si_status);
	call_show("wait", waitid(WAIT_BY_FILE, fd, &i, WEXITED));
	call_show("again", waitid(WAIT_BY_FILE, fd, &i, WEXITED));
	call_show("nobody", syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0));
	printf("ready %d\n", ready(fd, 0));
	call_show("read", read(fd, &i, sizeof(i)));
	close(fd);
	close(ep);
}

static void no_wait(void)
{
	pid_t pid = sleeper();
	int fd = open_process(pid, O_NONBLOCK);
	siginfo_t i = { 0 };

	printf("flags %o\n", fcntl(fd, F_GETFL));
	call_show("lives", waitid(WAIT_BY_FILE, fd, &i, WEXITED));
	call_show("lives, WNOHANG", waitid(WAIT_BY_FILE, fd, &i, WEXITED | WNOHANG));
	kill(pid, SIGKILL);
	ready(fd, 5000);
	call_show("ended", waitid(WAIT_BY_FILE, fd, &i, WEXITED));
	close(fd);
}

static void info(void)
{
	siginfo_t i = { .si_signo = SIGUSR1, .si_code = SI_QUEUE };
	int fd = open_process(getpid(), 0), other;
	pid_t pid = sleeper();
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	i.si_value.sival_int = 42;
	call_show("to oneself", syscall(SYS_pidfd_send_signal, fd, SIGUSR1, &i, 0));
	memset(&i, 0, sizeof(i));
	sigwaitinfo(&set, &i);
	printf("code %d, value %d\n", i.si_code, i.si_value.sival_int);
	other = open_process(pid, 0);
	call_show("another number", syscall(SYS_pidfd_send_signal, other, SIGUSR2, &i, 0));
	i.si_code = SI_USER;
	call_show("as kill's", syscall(SYS_pidfd_send_signal, other, SIGUSR1, &i, 0));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(fd);
	close(other);
}

static void others(void)
{
	int pipes[2], fd, got;
	char *page = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec v[2] = { { page, PAGE }, { page + 2 * PAGE, PAGE } };
	char c = 0;
	pid_t pid;

	if (pipe(pipes))
		exit(1);
	memset(page, 7, 4 * PAGE);
	pid = sleeper();
	fd = open_process(pid, 0);
	got = syscall(SYS_pidfd_getfd, fd, pipes[1], 0);
	printf("got a file %d, cloexec %d\n", got >= 0, fcntl(got, F_GETFD));
	close(pipes[1]);
	call_show("write", write(got, "z", 1));
	call_show("read", read(pipes[0], &c, 1));
	call_show("none", syscall(SYS_pidfd_getfd, fd, 99, 0));
	CALL(process_madvise, fd, v, 2, MADV_COLD, 0);
	CALL(process_madvise, fd, v, 2, MADV_DONTNEED, 0);
	CALL(process_madvise, fd, v, 2, MADV_COLD, 1);
	CALL(process_madvise, pipes[0], v, 2, MADV_COLD, 0);
	v[1].iov_base = (void *)0x1000;
	CALL(process_madvise, fd, v, 2, MADV_COLD, 0);
	CALL(process_madvise, fd, v + 1, 1, MADV_COLD, 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	v[1].iov_base = page;
	CALL(process_madvise, fd, v, 2, MADV_COLD, 0);
	close(fd);
}

static void errors(void)
{
	CALL(pidfd_open, 0, 0);
	CALL(pidfd_open, -5, 0);
	CALL(pidfd_open, 0x7ffffff, 0);
	CALL(pidfd_open, getpid(), 1);
	CALL(pidfd_send_signal, 99, 0, NULL, 0);
	call_show("no process's file", waitid(WAIT_BY_FILE, 99, NULL, WEXITED));
	call_show("below 0", waitid(WAIT_BY_FILE, -1, NULL, WEXITED));
}

static int is_open(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	return flags < 0 ? 0 : 1 + flags;
}

static void ranges(void)
{
	for (int fd = 100; fd < 110; fd++)
		dup2(1, fd);
	CALL(close_range, 102, 104, 0);
	CALL(close_range, 106, ~0u, 4);
	CALL(close_range, 5, 4, 0);
	CALL(close_range, 5, 6, 8);
	CALL(close_range, 108, 108, 2);
	for (int fd = 100; fd < 110; fd++)
		printf("%d", is_open(fd));
	CALL(close_range, 100, ~0u, 0);
}

/* One without privileges may not do so to root's. */
static void unprivileged(void)
{
	pid_t root = sleeper(), pid;
	int fd = open_process(root, 0);
	char c;
	struct iovec v = { &c, 1 };

	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (setuid(1000))
			exit(1);
		CALL(pidfd_getfd, fd, 1, 0);
		CALL(pidfd_send_signal, fd, SIGTERM, NULL, 0);
		CALL(process_vm_readv, root, &v, 1, &v, 1, 0);
		CALL(process_madvise, fd, &v, 1, MADV_COLD, 0);
		exit(0);
	}
	waitpid(pid, NULL, 0);
	kill(root, SIGKILL);
	waitpid(root, NULL, 0);
	close(fd);
}

int main(void)
{
	ends();
	no_wait();
	info();
	others();
	errors();
	ranges();
	unprivileged();
	return 0;
}
