/* flags: -pthread */
/*
 * A process of several threads is stopped, continued and killed as a whole: none of its threads
 * counts on while it is stopped, wherever the signal found them.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS	4

static volatile long *counts;		/* shared with the parent */

static void *count(void *arg)
{
	long me = (long)arg;

	for (;;) {
		counts[me * 8]++;
		if (me == 1)
			usleep(100);
		if (me == 2)
			sched_yield();
	}
	return NULL;
}

static void run(void)
{
	pthread_t t;

	for (long i = 0; i < THREADS; i++)
		pthread_create(&t, NULL, count, (void *)i);
	for (;;)
		pause();
}

/* How many of them count within a while. */
static int counting(void)
{
	long before[THREADS];
	int n = 0;

	for (int i = 0; i < THREADS; i++)
		before[i] = counts[i * 8];
	usleep(60000);
	for (int i = 0; i < THREADS; i++)
		n += counts[i * 8] != before[i];
	return n;
}

static void wait_until(int n)
{
	while (counting() != n)
		;
}

static void wait_for(pid_t pid, int options, const char *what)
{
	int status;

	if (waitpid(pid, &status, options) != pid)
		printf("%s: nothing\n", what);
	else
		printf("%s: stopped %d, continued %d, killed %d\n", what, WIFSTOPPED(status) ?
		       WSTOPSIG(status) : 0, WIFCONTINUED(status), WIFSIGNALED(status) ?
		       WTERMSIG(status) : 0);
}

int main(void)
{
	pid_t pid;

	counts = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = fork();
	if (!pid)
		run();
	wait_until(THREADS);
	for (int i = 0; i < 5; i++) {
		kill(pid, SIGSTOP);
		wait_for(pid, WUNTRACED, "stop");
		printf("%d count\n", counting());
		kill(pid, SIGCONT);
		wait_for(pid, WCONTINUED, "continue");
		wait_until(THREADS);
	}
	kill(pid, SIGSTOP);
	wait_for(pid, WUNTRACED, "stop");
	kill(pid, SIGKILL);
	wait_for(pid, WUNTRACED | WCONTINUED, "kill");
	return 0;
}
