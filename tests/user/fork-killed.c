/* flags: -pthread */
/*
 * Threads fork without end while their process is killed: whoever the signal finds, no fork says
 * anything but a number, or that there is no room.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define THREADS	4
#define TIMES	40

static volatile int *strange;		/* shared: an errno that nobody knows */

static void *forks(void *arg)
{
	for (;;) {
		pid_t pid = (pid_t)syscall(SYS_fork);

		if (!pid)
			_exit(0);
		if (pid > 0)
			waitpid(pid, NULL, 0);
		else if (errno != EAGAIN && errno != ENOMEM)
			*strange = errno;
	}
	return arg;
}

static void victim(void)
{
	pthread_t t;

	for (int i = 1; i < THREADS; i++)
		pthread_create(&t, NULL, forks, NULL);
	forks(NULL);
}

int main(void)
{
	int killed = 0;

	strange = mmap(NULL, sizeof(*strange), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < TIMES; i++) {
		struct timespec t = { 0, 1000000 + i * 70000l };
		int status;
		pid_t pid = fork();

		if (!pid)
			victim();
		nanosleep(&t, NULL);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		killed += status == SIGKILL;
	}
	printf("%d of %d killed, strange error %d\n", killed, TIMES, *strange);
	return 0;
}
