/*
 * vfork and clone: the child runs in the parent's memory while that waits, until
 * it ends or runs another program.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int seen;
static char stack[65536] __attribute__((aligned(16)));
static char *program;

static void end(const char *what, pid_t pid)
{
	int status = 0, r = waitpid(pid, &status, 0);

	printf("%s: own child %d, status %x, seen %d\n", what, r == pid, status, seen);
}

static void exits(void)
{
	pid_t pid;

	seen = 0;
	pid = vfork();
	if (!pid) {
		seen = 1;
		_exit(5);
	}
	printf("after vfork: %d\n", seen);
	end("exits", pid);
}

static void executes(void)
{
	char *argv[] = { "prog", "second", NULL };
	char *env[] = { "A=b", NULL };
	pid_t pid;

	seen = 0;
	fflush(stdout);
	pid = vfork();
	if (!pid) {
		seen = 2;
		execve(program, argv, env);
		_exit(99);
	}
	end("executes", pid);
}

static void cannot_execute(void)
{
	char *argv[] = { "prog", NULL };
	pid_t pid;

	pid = vfork();
	if (!pid) {
		execve("/no/such/program", argv, argv + 1);
		seen = errno;
		_exit(6);
	}
	end("cannot execute", pid);
}

static int child(void *arg)
{
	seen = *(int *)arg;
	return 7;
}

static void clones(void)
{
	int value = 44, tid = 0, ctid = 55;
	pid_t pid;

	pid = clone(child, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, &value);
	end("clone with a stack", pid);
	value = 45;
	pid = clone(child, stack + sizeof(stack), SIGCHLD, &value);
	end("clone without memory", pid);
	pid = clone(child, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | CLONE_PARENT_SETTID |
		    CLONE_CHILD_CLEARTID | SIGCHLD, &value, &tid, NULL, &ctid);
	printf("parent's copy of the number %d, cleared %d\n", tid == pid, ctid);
	end("clone with numbers", pid);
	pid = (pid_t)syscall(SYS_clone, CLONE_CHILD_SETTID | SIGCHLD, NULL, NULL, &ctid, 0);
	if (!pid)
		_exit(ctid == getpid() ? 8 : 9);
	end("child's number", pid);
}

static void refused(void)
{
	long r = syscall(SYS_clone, CLONE_THREAD | SIGCHLD, NULL, NULL, NULL, 0);

	printf("thread without its memory: %s\n", r < 0 ? strerror(errno) : "?");
	r = syscall(SYS_clone, CLONE_SIGHAND | SIGCHLD, NULL, NULL, NULL, 0);
	printf("handlers without memory: %s\n", r < 0 ? strerror(errno) : "?");
}

static void spawns(void)
{
	char *argv[] = { "prog", "second", NULL };
	char *env[] = { "A=spawned", NULL };
	pid_t pid = 0;
	int err;

	fflush(stdout);
	err = posix_spawn(&pid, program, NULL, NULL, argv, env);
	printf("posix_spawn: %d\n", err);
	end("spawned", pid);
	err = posix_spawn(&pid, "/no/such/program", NULL, NULL, argv, env);
	printf("posix_spawn: %s\n", strerror(err));
}

int main(int argc, char **argv, char **env)
{
	program = (char *)getauxval(AT_EXECFN);
	if (argc > 1) {
		printf("second program: %d %s %s\n", argc, argv[0], env[0]);
		return 12;
	}
	exits();
	executes();
	cannot_execute();
	clones();
	refused();
	spawns();
	return 0;
}
