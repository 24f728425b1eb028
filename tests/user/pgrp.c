/* Process groups and sessions: who is in which, who may move whom. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>
#include "call.h"

static const char *self;

/* A child that waits until fd ends; with exec, as another program. */
static pid_t waiting(int *fd, int exec)
{
	int p[2], ready[2];
	pid_t pid;
	char c;

	if (pipe(p) || pipe(ready))
		exit(1);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		close(p[1]);
		close(ready[0]);
		dup2(p[0], 0);
		dup2(ready[1], 3);
		if (exec)
			execl(self, "pgrp", "wait", NULL);
		(void)!write(3, "r", 1);
		(void)!read(0, &c, 1);
		_exit(0);
	}
	close(p[0]);
	close(ready[1]);
	(void)!read(ready[0], &c, 1);
	close(ready[0]);
	*fd = p[1];
	return pid;
}

static void stop(int fd)
{
	close(fd);
	wait(NULL);
}

static void inheritance(void)
{
	pid_t group = getpgrp(), session = getsid(0);
	int fd, status;
	pid_t pid = waiting(&fd, 0);

	printf("child: group %d, session %d\n", getpgid(pid) == group, getsid(pid) == session);
	call_show("move it", setpgid(pid, pid));
	printf("now: group %d, session %d\n", getpgid(pid) == pid, getsid(pid) == session);
	call_show("back", setpgid(pid, group));
	printf("now: group %d\n", getpgid(pid) == group);
	call_show("into a group that is none", setpgid(pid, 999999));
	call_show("negative", setpgid(pid, -2));
	call_show("nobody", setpgid(999999, 0));
	call_show("getpgid of nobody", getpgid(999999));
	call_show("getsid of nobody", getsid(999999));
	call_show("init, not ours", setpgid(1, 0));
	stop(fd);
	pid = waiting(&fd, 1);
	call_show("after its exec", setpgid(pid, pid));
	stop(fd);
	call_show("a zombie's", (pid = fork()) ? (usleep(10000), setpgid(pid, pid)) : (_exit(0), 0));
	wait(&status);
}

static void sessions(void)
{
	int status;

	fflush(stdout);
	if (!fork()) {
		pid_t pid = getpid();

		printf("setsid: %d, group %d, session %d\n", setsid() == pid, getpgrp() == pid,
		       getsid(0) == pid);
		call_show("again", setsid());
		call_show("setpgid of a leader", setpgid(0, 0));
		if (!fork()) {
			printf("its child: %d %d\n", getpgrp() == pid, getsid(0) == pid);
			call_show("setpgid", setpgid(0, 0));
			call_show("setsid of a group's leader", setsid());
			call_show("to the session's group", setpgid(0, pid));
			call_show("setsid", setsid() == getpid());
			exit(0);
		}
		wait(&status);
		fflush(stdout);
		if (!fork()) {
			call_show("another session's process", setpgid(getppid(), 0));
			exit(0);
		}
		wait(&status);
		exit(0);
	}
	wait(&status);
}

/* A number stays taken as long as it is a group's. */
static void lasting_group(void)
{
	int fd, status;
	pid_t leader, member;

	leader = fork();
	if (!leader) {
		setpgid(0, 0);
		_exit(0);
	}
	setpgid(leader, leader);
	member = waiting(&fd, 0);
	setpgid(member, leader);
	waitpid(leader, &status, 0);
	printf("leader gone, group there: %d", getpgid(member) == leader);
	printf(", waited for by it: %d\n", waitpid(-leader, &status, WNOHANG));
	stop(fd);
}

int main(int argc, char **argv)
{
	char c;

	(void)argv;
	self = (const char *)getauxval(AT_EXECFN);
	if (argc > 1) {
		(void)!write(3, "r", 1);
		return (int)read(0, &c, 1);
	}
	inheritance();
	sessions();
	lasting_group();
	return 0;
}
