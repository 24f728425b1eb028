/* A parent that waits for its vfork child: what kills it does so at once, a handler has to wait. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t calls;

static void handler(int sig)
{
	(void)sig;
	calls++;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Its child sleeps for so long; says how many handlers had run when that was over. */
static void parent(int ms)
{
	struct sigaction a = { .sa_handler = handler };
	pid_t pid;

	sigaction(SIGUSR1, &a, NULL);
	pid = vfork();
	if (!pid) {
		const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

		nanosleep(&t, NULL);
		_exit(calls);
	}
	_exit(pid > 0 ? 7 + 10 * calls : 99);
}

static void try(const char *what, int ms, int first, int second)
{
	double start;
	int status;
	pid_t pid = fork();

	if (!pid)
		parent(ms);
	usleep(100000);
	start = now();
	kill(pid, first);
	if (second)
		kill(pid, second);
	waitpid(pid, &status, 0);
	printf("%s: status %x, at once: %d\n", what, status, now() - start < 2);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	try("SIGKILL", 5000, SIGKILL, 0);
	try("SIGTERM", 5000, SIGTERM, 0);
	try("a handler", 300, SIGUSR1, 0);
	try("a handler, then SIGKILL", 5000, SIGUSR1, SIGKILL);
	try("ignored", 300, SIGCHLD, 0);
	return 0;
}
