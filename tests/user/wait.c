/* wait4 and waitid: how children ended, which are meant, what is not there. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t child_exit(int code)
{
	pid_t pid = fork();

	if (!pid)
		_exit(code);
	return pid;
}

/* A child that lives until its pipe is closed. */
static pid_t child_waiting(int *fd, int code)
{
	int p[2];
	pid_t pid;
	char c;

	if (pipe(p))
		exit(1);
	pid = fork();
	if (!pid) {
		close(p[1]);
		(void)!read(p[0], &c, 1);
		_exit(code);
	}
	close(p[0]);
	*fd = p[1];
	return pid;
}

static void codes(void)
{
	const int code[] = { 0, 1, 127, 128, 255, 256, -1, 0x1234 };

	for (unsigned i = 0; i < sizeof(code) / sizeof(*code); i++) {
		int status = -1;
		pid_t pid = child_exit(code[i]), r = wait(&status);

		printf("exit %d: %d status %x exited %d code %d\n", code[i], r == pid, status,
		       WIFEXITED(status), WEXITSTATUS(status));
	}
}

static volatile int *volatile bad = (volatile int *)8;

static void deaths(void)
{
	for (int how = 0; how < 5; how++) {
		int status = -1;
		struct rlimit none = { 0, 0 };
		pid_t pid = fork();

		if (!pid) {
			setrlimit(RLIMIT_CORE, &none);
			switch (how) {
			case 0: *bad = 1; break;
			case 1: __asm__ volatile("ud2"); break;
			case 2: __asm__ volatile("divl %0" :: "r"(0) : "eax", "edx"); break;
			case 3: kill(getpid(), SIGTERM); break;
			case 4: abort();
			}
			_exit(0);
		}
		wait(&status);
		printf("death %d: signalled %d by %d\n", how, WIFSIGNALED(status),
		       WTERMSIG(status));
	}
}

static void nothing_yet(void)
{
	int status = 1234, fd;
	pid_t pid = child_waiting(&fd, 3);

	printf("WNOHANG: %d, status untouched %d\n", waitpid(pid, &status, WNOHANG), status);
	printf("WNOHANG any: %d\n", waitpid(-1, &status, WNOHANG));
	close(fd);
	printf("then: %d", waitpid(pid, &status, 0) == pid);
	printf(" status %x\n", status);
	printf("again: %d %s\n", waitpid(pid, &status, WNOHANG), strerror(errno));
}

static void show_error(const char *what, long r)
{
	printf("%s: %s\n", what, r < 0 ? strerror(errno) : "?");
}

static void groups(void)
{
	int status, fd;
	pid_t own = child_waiting(&fd, 4), other = fork();

	if (!other) {
		setpgid(0, 0);
		_exit(5);
	}
	setpgid(other, other);
	printf("other group: %d", waitpid(-other, &status, 0) == other);
	printf(" status %x\n", status);
	show_error("gone group", waitpid(-other, &status, 0));
	printf("own group: %d\n", waitpid(0, &status, WNOHANG));
	close(fd);
	printf("own group: %d", waitpid(0, &status, 0) == own);
	printf(" status %x\n", status);
}

static void errors(void)
{
	pid_t pid = child_exit(0);
	int status;

	show_error("options", syscall(SYS_wait4, -1, &status, 0xff00, NULL));
	show_error("not a child", waitpid(1, &status, 0));
	show_error("bad pointer", syscall(SYS_wait4, pid, (void *)8, 0, NULL));
	show_error("none left", wait(&status));
	show_error("INT_MIN", syscall(SYS_wait4, -2147483647 - 1, &status, 0, NULL));
}

static void show(const char *what, int r, const siginfo_t *i, pid_t pid)
{
	printf("%s: %d signo %d code %d errno %d pid %d status %d\n", what, r, i->si_signo,
	       i->si_code, i->si_errno, i->si_pid == pid, i->si_status);
}

static void by_waitid(void)
{
	siginfo_t i;
	int fd, r;
	pid_t pid = child_waiting(&fd, 6);

	memset(&i, 0x55, sizeof(i));
	r = waitid(P_PID, (id_t)pid, &i, WEXITED | WNOHANG);
	show("waitid, nothing yet", r, &i, 0);
	close(fd);
	r = waitid(P_PID, (id_t)pid, &i, WEXITED | WNOWAIT);
	show("waitid WNOWAIT", r, &i, pid);
	r = waitid(P_ALL, 0, &i, WEXITED);
	show("waitid P_ALL", r, &i, pid);
	show_error("again", waitid(P_PID, (id_t)pid, &i, WEXITED));
	pid = fork();
	if (!pid) {
		kill(getpid(), SIGKILL);
		_exit(0);
	}
	r = waitid(P_PGID, (id_t)getpgrp(), &i, WEXITED);
	show("waitid of a killed one", r, &i, pid);
	show_error("no kind", waitid(P_ALL, 0, &i, 0));
	show_error("bad options", waitid(P_ALL, 0, &i, WEXITED | 0x40));
	show_error("bad whom", waitid((idtype_t)9, 0, &i, WEXITED));
	show_error("pid 0", waitid(P_PID, 0, &i, WEXITED));
}

static char touched[400 * 4096];

static void accounts(void)
{
	struct rusage r, before, after;
	int status;
	pid_t pid;

	getrusage(RUSAGE_CHILDREN, &before);
	pid = fork();
	if (!pid) {
		memset(touched, 1, sizeof(touched));
		for (volatile int i = 0; i < 20000000; i++)
			;
		_exit(0);
	}
	memset(&r, 0xff, sizeof(r));
	wait4(pid, &status, 0, &r);
	getrusage(RUSAGE_CHILDREN, &after);
	printf("faults %d, time %d\n", r.ru_minflt >= 400 && r.ru_minflt < 600,
	       r.ru_utime.tv_sec < 100 && r.ru_utime.tv_usec + r.ru_utime.tv_sec > 0);
	printf("children's: %d\n", after.ru_minflt - before.ru_minflt == r.ru_minflt);
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	codes();
	deaths();
	nothing_yet();
	groups();
	errors();
	by_waitid();
	accounts();
	return 0;
}
