/* SIGSTOP and SIGCONT of a child, and what its parent is told; default actions' exit statuses. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int child_news;

static void chld(int sig, siginfo_t *si, void *u)
{
	(void)sig;
	(void)u;
	child_news = si->si_code * 1000 + si->si_status;
}

static void show(const char *what, int pid, int options)
{
	int status, got = waitpid(pid, &status, options);

	printf("%s: waited %d, exited %d, killed %d, stopped %d, continued %d, number %d, "
	       "news %d\n",
	       what, got == pid, WIFEXITED(status), WIFSIGNALED(status), WIFSTOPPED(status),
	       !!WIFCONTINUED(status), WIFEXITED(status) ? WEXITSTATUS(status) :
	       WIFSIGNALED(status) ? status & 0xff : WIFSTOPPED(status) ? WSTOPSIG(status) : 0,
	       WIFCONTINUED(status) ? 0 : child_news);
}

static void stopping(void)
{
	int p[2], pid;
	char c;

	if (pipe(p))
		return;
	pid = fork();
	if (!pid) {
		close(p[1]);
		_exit(read(p[0], &c, 1) == 1 ? c : 99);
	}
	kill(pid, SIGSTOP);
	show("SIGSTOP", pid, WUNTRACED);
	printf("no more news: %d\n", waitpid(pid, NULL, WNOHANG | WUNTRACED));
	kill(pid, SIGCONT);
	show("SIGCONT", pid, WCONTINUED);
	while (child_news != CLD_CONTINUED * 1000 + SIGCONT)	/* else the next one may be lost behind it */
		usleep(1000);
	c = 7;
	printf("written %zd\n", write(p[1], &c, 1));
	show("end", pid, 0);
	pid = fork();
	if (!pid)
		for (;;)
			pause();
	kill(pid, SIGSTOP);
	show("SIGSTOP", pid, WUNTRACED);
	kill(pid, SIGTERM);
	printf("stays stopped: %d\n", waitpid(pid, NULL, WNOHANG));
	kill(pid, SIGKILL);
	show("SIGKILL", pid, 0);
}

static void statuses(void)
{
	for (int sig = 1; sig <= SIGRTMAX; sig++) {
		int status, pid;

		if (sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU)
			continue;
		if (sig == 32 || sig == 33 || sig == 34)	/* the C library's own */
			continue;
		pid = fork();
		if (!pid) {
			raise(sig);
			_exit(1);
		}
		waitpid(pid, &status, 0);
		printf("%d: %x\n", sig, status);
	}
}

static void groups(void)
{
	int pid[3], status;

	for (int i = 0; i < 3; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			for (;;)
				pause();
		}
		setpgid(pid[i], i == 1 ? pid[0] : pid[i]);
	}
	printf("kill the group: %d\n", kill(-pid[0], SIGTERM));
	for (int i = 0; i < 2; i++) {
		waitpid(pid[i], &status, 0);
		printf("member %d: %x\n", i, status);
	}
	printf("the other: %d\n", waitpid(pid[2], NULL, WNOHANG));
	kill(pid[2], SIGINT);
	waitpid(pid[2], &status, 0);
	printf("the other: %x\n", status);
	printf("nobody left: %d", kill(-pid[0], 0));
	printf(" %d\n", errno);
}

int main(void)
{
	struct sigaction a = { .sa_sigaction = chld, .sa_flags = SA_SIGINFO | SA_RESTART };

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int sig = 1; sig <= SIGRTMAX; sig++)	/* who started it in the background ignores some */
		signal(sig, SIG_DFL);
	sigaction(SIGCHLD, &a, NULL);
	stopping();
	groups();
	statuses();
	return 0;
}
