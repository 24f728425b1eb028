/* SIGCHLD: what it says; children that nobody waits for; waits that a signal interrupts. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t calls, code, status, from;

static void handler(int sig, siginfo_t *i, void *context)
{
	(void)sig;
	(void)context;
	calls++;
	code = i->si_code;
	status = i->si_status;
	from = i->si_pid;
}

static void handle(int sig, int flags)
{
	struct sigaction a = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags };

	calls = 0;
	sigaction(sig, &a, NULL);
}

static void told(void)
{
	pid_t pid;

	handle(SIGCHLD, SA_RESTART);
	if (!(pid = fork()))
		_exit(9);
	waitpid(pid, NULL, 0);
	printf("exit: called %d, code %d, status %d, pid %d\n", calls, code, status, from == pid);
	if (!(pid = fork()))
		for (;;)
			pause();
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	printf("killed: called %d, code %d, status %d, pid %d\n", calls, code, status, from == pid);
	if (!(pid = (pid_t)fork()))
		raise(SIGSTOP), usleep(20000), _exit(3);
	waitpid(pid, NULL, WUNTRACED);
	printf("stopped: called %d, code %d, status %d\n", calls, code, status == SIGSTOP);
	kill(pid, SIGCONT);
	waitpid(pid, NULL, 0);
	printf("gone: code %d, status %d\n", code, status);
}

static void unwanted(const char *what, int flags, void (*how)(int))
{
	struct sigaction a = { .sa_flags = flags };
	int p[2], r;
	char c;

	a.sa_handler = how;
	sigaction(SIGCHLD, &a, NULL);
	if (pipe(p))
		exit(1);
	for (int i = 0; i < 10; i++)
		if (!fork())
			_exit(i);
	if (!fork()) {
		close(p[0]);
		usleep(20000);
		_exit(0);
	}
	close(p[1]);
	r = wait(NULL);
	printf("%s: %s", what, r < 0 ? strerror(errno) : "?");
	printf(", all had ended: %zd\n", read(p[0], &c, 1));
	close(p[0]);
	signal(SIGCHLD, SIG_DFL);
}

static void after(unsigned us, int sig, pid_t to)
{
	if (fork())
		return;
	usleep(us);
	kill(to, sig);
	_exit(0);
}

static void interrupted(int flags)
{
	int p[2];
	ssize_t r;
	pid_t pid;
	char c;

	if (pipe(p))
		exit(1);
	handle(SIGUSR1, flags);
	pid = fork();
	if (!pid) {
		usleep(60000);
		(void)!write(p[1], "x", 1);
		usleep(60000);
		_exit(4);
	}
	after(20000, SIGUSR1, getpid());
	r = read(p[0], &c, 1);
	printf("read: %s, called %d\n", r == 1 ? "a byte" : strerror(errno), calls);
	r = wait(NULL);		/* after()'s */
	after(20000, SIGUSR1, getpid());
	r = waitpid(pid, NULL, 0);
	printf("wait: %s, called %d\n", r == pid ? "the child" : strerror(errno), calls);
	while (wait(NULL) > 0 || errno == EINTR)
		;
	close(p[0]);
	close(p[1]);
	signal(SIGUSR1, SIG_DFL);
}

static void death(void)
{
	int p[2], go[2];
	char c = 0;

	if (pipe(p) || pipe(go))
		exit(1);
	if (!fork()) {
		if (!fork()) {
			sigset_t set;
			int sig = 0;

			sigemptyset(&set);
			sigaddset(&set, SIGUSR2);
			sigprocmask(SIG_BLOCK, &set, NULL);
			prctl(PR_SET_PDEATHSIG, SIGUSR2);
			(void)!write(go[1], "g", 1);
			sigwait(&set, &sig);
			c = (char)sig;
			(void)!write(p[1], &c, 1);
			_exit(0);
		}
		(void)!read(go[0], &c, 1);
		_exit(0);
	}
	(void)!read(p[0], &c, 1);
	printf("at the parent's death: %d\n", c == SIGUSR2);
	wait(NULL);
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	told();
	unwanted("ignored", 0, SIG_IGN);
	unwanted("SA_NOCLDWAIT", SA_NOCLDWAIT, SIG_DFL);
	interrupted(0);
	interrupted(SA_RESTART);
	death();
	return 0;
}
