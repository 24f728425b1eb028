/* RLIMIT_NPROC: as many processes as one user may have; root may have more. And getpriority. */
#define _GNU_SOURCE
#include "call.h"
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define USER	54321			/* who else has no process */

/* How many children can be had. */
static int children(void)
{
	int n = 0;
	pid_t pid = 0;

	while (n < 20 && (pid = fork()) > 0)
		n++;
	if (!pid)
		for (;;)
			pause();
	if (pid < 0)
		call_show("refused", pid);
	return n;
}

static void with_limit(rlim_t limit, uid_t uid)
{
	struct rlimit r = { limit, limit };
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		if (setrlimit(RLIMIT_NPROC, &r) || (uid && setresuid(uid, uid, uid)))
			exit(1);
		printf("limit %d, user %d: %d children\n", (int)limit, (int)uid, children());
		fflush(stdout);
		kill(0, SIGKILL);
	}
	waitpid(pid, &status, 0);
	while (!kill(-pid, 0))			/* they end by and by */
		usleep(1000);
	printf("%#x\n", status);
}

/* A zombie counts until it is waited for. */
static void zombies(void)
{
	struct rlimit r = { 2, 2 };
	pid_t pid;

	if (setrlimit(RLIMIT_NPROC, &r) || setresuid(USER, USER, USER))
		exit(1);
	pid = fork();
	if (!pid)
		_exit(0);
	waitid(P_PID, (id_t)pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT);
	call_show("beside a zombie", fork());
	waitpid(pid, NULL, 0);
	pid = fork();
	if (!pid)
		_exit(0);
	printf("when it is gone: %d\n", pid > 0);
	fflush(stdout);
	_exit(0);
}

int main(void)
{
	with_limit(5, USER);
	with_limit(1, USER);
	with_limit(0, USER);
	with_limit(3, 0);
	fflush(stdout);
	if (!fork())
		zombies();
	wait(NULL);
	CALL(getpriority, PRIO_PROCESS, 0);
	CALL(getpriority, PRIO_PGRP, 0);
	CALL(getpriority, PRIO_PROCESS, 0x7ffffff0);
	CALL(getpriority, PRIO_PGRP, 0x7ffffff0);
	CALL(getpriority, 7, 0);
	return 0;
}
