/*
 * What a process without privileges may do to others, and to itself: signals, limits, niceness, pipes; and that a
 * signal tells whose it is.
 */
#define _GNU_SOURCE
#include "call.h"
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define NOBODY	65534

static pid_t root_child, own_child, session_child;
static struct rlimit limit;

static pid_t sleeper(int uid)
{
	int ready[2];
	pid_t pid;
	char c;

	if (pipe(ready))
		exit(1);
	pid = fork();
	if (!pid) {
		if (uid && setuid(uid))
			_exit(1);
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	if (read(ready[0], &c, 1) != 1)
		exit(1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void signals(void)
{
	siginfo_t i = { .si_code = SI_QUEUE };

	CALL(kill, root_child, 0);
	CALL(kill, root_child, SIGTERM);
	CALL(kill, root_child, 99);
	CALL(tgkill, root_child, root_child, SIGTERM);
	CALL(tkill, root_child, SIGTERM);
	CALL(rt_sigqueueinfo, root_child, SIGTERM, &i);
	CALL(kill, root_child, SIGCONT);
	CALL(kill, own_child, 0);
	CALL(kill, own_child, SIGCONT);
	CALL(kill, -getpgrp(), 0);
	CALL(kill, 1, 0);
	CALL(kill, 0x7ffffff, SIGTERM);
}

static void limits(void)
{
	struct rlimit r = { 1000000, 2000000 };

	CALL(prlimit64, root_child, RLIMIT_FSIZE, NULL, &limit);
	CALL(prlimit64, own_child, RLIMIT_FSIZE, NULL, &limit);
	CALL(prlimit64, 0, RLIMIT_FSIZE, &r, NULL);
	r.rlim_cur = r.rlim_max = 2000001;
	CALL(prlimit64, 0, RLIMIT_FSIZE, &r, NULL);
	r.rlim_cur = r.rlim_max = 4096;
	CALL(prlimit64, 0, RLIMIT_MEMLOCK, &r, NULL);
	call_show("one page", mlock((void *)((uintptr_t)&limit & -PAGE), 1));
	call_show("more", mlock((void *)((uintptr_t)&limit & -PAGE), 4 * PAGE));
}

static void niceness(void)
{
	CALL(getpriority, PRIO_PROCESS, 0);
	CALL(getpriority, PRIO_PROCESS, root_child);
	CALL(setpriority, PRIO_PROCESS, root_child, 1);
	CALL(setpriority, PRIO_PROCESS, own_child, 1);
	CALL(getpriority, PRIO_PROCESS, own_child);
	CALL(setpriority, PRIO_PROCESS, 0, 3);
	CALL(setpriority, PRIO_PROCESS, 0, 2);
	CALL(setpriority, PRIO_PROCESS, 0, 3);
	CALL(setpriority, PRIO_USER, 0, 4);
	CALL(getpriority, PRIO_USER, 0);
	CALL(setpriority, PRIO_PROCESS, 0, 99);
	CALL(getpriority, PRIO_PROCESS, 0);
	CALL(setpriority, 3, 0, 0);
	CALL(setpriority, PRIO_PROCESS, 0x7ffffff, 0);
	CALL(getpriority, PRIO_PGRP, 0x7ffffff);
}

static void pipes(void)
{
	int end[2];

	if (pipe(end))
		exit(1);
	CALL(fcntl, end[0], F_SETPIPE_SZ, 1 << 20);
	CALL(fcntl, end[0], F_SETPIPE_SZ, (1 << 20) + 1);
	CALL(fcntl, end[0], F_SETPIPE_SZ, 4 << 20);
	CALL(fcntl, end[0], F_SETPIPE_SZ, 1 << 16);
}

static void as_nobody(void)
{
	if (setgid(NOBODY) || setuid(NOBODY))
		exit(1);
	signals();
	limits();
	niceness();
	pipes();
	CALL(reboot, 0, 0, 0, NULL);
	CALL(swapoff, "/dev/null");
	CALL(swapon, "/dev/null", 0);
	fflush(stdout);
	_exit(0);
}

static void who_sends(void)
{
	siginfo_t i;
	sigset_t set;
	pid_t pid, me = getpid();
	int status;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	pid = fork();
	if (!pid) {
		if (setreuid(NOBODY, 0))
			_exit(1);
		kill(me, SIGUSR1);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	for (int n = 0; n < 2; n++) {
		int sig = sigwaitinfo(&set, &i);

		printf("signal %d of %d, user %u\n", sig, i.si_pid == pid, i.si_uid);
	}
}

int main(void)
{
	int status;
	pid_t pid;

	CALL(setpriority, PRIO_PROCESS, 0, -5);
	CALL(getpriority, PRIO_PROCESS, 0);
	CALL(setpriority, PRIO_PROCESS, 0, 0);
	root_child = sleeper(0);
	own_child = sleeper(NOBODY);
	session_child = sleeper(0);
	fflush(stdout);
	pid = fork();
	if (!pid)
		as_nobody();
	waitpid(pid, &status, 0);
	printf("status %x\n", status);
	CALL(setpriority, PRIO_PROCESS, own_child, -3);
	CALL(getpriority, PRIO_PROCESS, own_child);
	CALL(kill, root_child, SIGKILL);
	CALL(kill, own_child, SIGKILL);
	CALL(kill, session_child, SIGKILL);
	while (wait(&status) > 0)
		printf("status %x\n", status);
	who_sends();
	return 0;
}
