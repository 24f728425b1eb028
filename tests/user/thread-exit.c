/* flags: -pthread */
/*
 * The end of processes with several threads, where two of them decide at once: execve after
 * the first thread has gone, execve against exit_group and against signals that kill, fork
 * against a signal to the whole group, threads that come into a process that stops.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS	30

static volatile int *shared;		/* with the children */
static char self[4096];			/* this program: /proc/self is the first thread, which may be gone */

static void spin(unsigned n)
{
	for (volatile unsigned i = 0; i < n; i++)
		;
}

static void start(pthread_t *t, void *(*fn)(void *), void *arg)
{
	if (pthread_create(t, NULL, fn, arg)) {
		printf("no thread\n");
		exit(1);
	}
}

static void exec_self(const char *how)
{
	char *argv[] = { "thread-exit", (char *)how, NULL };

	execv(self, argv);
	_exit(98);
}

/* ---- execve by the only thread left, which is not the first ---- */

static void *exec_when_alone(void *arg)
{
	(void)arg;
	usleep(20000);
	exec_self("seven");
	return NULL;
}

static void first_gone(void)
{
	pthread_t t;

	start(&t, exec_when_alone, NULL);
	pthread_exit(NULL);
}

/* ---- execve against exit_group: whichever wins, the status is the winner's ---- */

static pthread_barrier_t barrier;
static unsigned delay;

static void *exec_now(void *arg)
{
	(void)arg;
	pthread_barrier_wait(&barrier);
	exec_self("seven");
	return NULL;
}

static void exec_or_exit(void)
{
	pthread_t t;

	pthread_barrier_init(&barrier, NULL, 2);
	start(&t, exec_now, NULL);
	pthread_barrier_wait(&barrier);
	spin(delay);
	_exit(3);
}

/* ---- execve against a signal that kills: it always does ---- */

static void exec_or_die(void)
{
	pthread_t t[3];

	pthread_barrier_init(&barrier, NULL, 2);
	start(&t[1], exec_now, NULL);
	pthread_barrier_wait(&barrier);
	spin(delay);
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

/* ---- a thread dies of a fault while another one is in execve ---- */

static volatile int *volatile nowhere = (int *)16;

static void exec_or_fault(void)
{
	pthread_t t;

	pthread_barrier_init(&barrier, NULL, 2);
	start(&t, exec_now, NULL);
	pthread_barrier_wait(&barrier);
	spin(delay);
	*nowhere = 1;
}

/* How many of the rounds ended with exit 7 or by `other`; a status of something else is told. */
static void duel(const char *what, void (*fn)(void), int exit_code, int sig)
{
	int good = 0;

	for (int i = 0; i < ROUNDS; i++) {
		int status;

		fflush(stdout);
		delay = (unsigned)(i * i * 240);
		if (!fork()) {
			alarm(20);
			fn();
			_exit(99);
		}
		wait(&status);
		if ((WIFEXITED(status) && WEXITSTATUS(status) == 7) ||
		    (exit_code && WIFEXITED(status) && WEXITSTATUS(status) == exit_code) ||
		    (sig && WIFSIGNALED(status) && WTERMSIG(status) == sig))
			good++;
		else
			printf("%s: status %#x\n", what, status);
	}
	printf("%s: %d\n", what, good);
}

/* ---- SIGKILL to a group whose members fork all the time: nobody is left ---- */

static void *fork_on(void *arg)
{
	for (;;) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		waitpid(pid, NULL, WNOHANG);
	}
	return arg;
}

static void group_of_forks(void)
{
	pthread_t t;

	setpgid(0, 0);
	shared[0] = 1;
	for (int i = 0; i < 3; i++)
		start(&t, fork_on, NULL);
	fork_on(NULL);
}

static void kill_forks(void)
{
	for (int i = 0; i < 4; i++) {
		pid_t pid;

		shared[0] = 0;
		pid = fork();
		if (!pid)
			group_of_forks();
		while (!shared[0])
			usleep(100);
		usleep(3000);
		kill(-pid, SIGKILL);
		waitpid(pid, NULL, 0);
		while (!kill(-pid, SIGKILL))	/* who has been told ends a little later */
			usleep(1000);
	}
	printf("groups are gone\n");
}

/* ---- threads are made, and masks changed, while the process is told to stop ---- */

static void *come_and_go(void *arg)
{
	shared[1]++;
	return arg;
}

static void *make_threads(void *arg)
{
	for (;;) {
		pthread_t t;

		if (!pthread_create(&t, NULL, come_and_go, arg))
			pthread_join(t, NULL);
	}
	return NULL;
}

static void *change_mask(void *arg)
{
	sigset_t set, old;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	for (;;) {
		pthread_sigmask(SIG_BLOCK, &set, &old);
		pthread_sigmask(SIG_SETMASK, &old, NULL);
		shared[2]++;
	}
	return arg;
}

static void busy(void)
{
	pthread_t t;

	start(&t, make_threads, NULL);
	start(&t, change_mask, NULL);
	start(&t, change_mask, NULL);
	shared[0] = 1;
	for (;;)
		pause();
}

static void stop_busy(void)
{
	int stopped = 0, still = 0, went_on = 0, status;
	pid_t pid;

	shared[0] = 0;
	pid = fork();
	if (!pid)
		busy();
	while (!shared[0])
		usleep(100);
	for (int i = 0; i < ROUNDS; i++) {
		int a, b;

		kill(pid, SIGSTOP);
		stopped += waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status);
		a = shared[1], b = shared[2];
		usleep(500);
		still += a == shared[1] && b == shared[2];
		kill(pid, SIGCONT);
		went_on += waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status);
		usleep(i * 20);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	printf("stopped %d, still %d, went on %d, then signal %d\n", stopped, still, went_on,
	       WTERMSIG(status));
}

/* ---- a thread waits for its vfork child while the process is stopped and goes on ---- */

static void *vfork_one(void *arg)
{
	int *order = arg;

	if (!vfork()) {
		usleep(60000);
		order[0] = 1;		/* in the parent's memory */
		_exit(0);
	}
	order[1] = order[0];		/* not before the child has left */
	return NULL;
}

static void vfork_and_stop(void)
{
	static int order[2];
	pthread_t t;

	start(&t, vfork_one, order);
	usleep(20000);
	kill(getpid(), SIGSTOP);
	pthread_join(t, NULL);
	_exit(order[1] ? 7 : 8);
}

static void vfork_stopped(void)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		vfork_and_stop();
	waitpid(pid, &status, WUNTRACED);
	printf("vfork: stopped %d, ", WIFSTOPPED(status));
	kill(pid, SIGCONT);
	waitpid(pid, &status, 0);
	printf("then exit %d\n", WEXITSTATUS(status));
}

int main(int argc, char **argv)
{
	int status;

	if (argc > 1 && !strcmp(argv[1], "seven"))
		return getpid() == syscall(SYS_gettid) ? 7 : 97;
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 1;
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!fork())
		first_gone();
	wait(&status);
	printf("the first is gone: status %#x\n", status);
	duel("execve, exit", exec_or_exit, 3, 0);
	duel("execve, SIGKILL", exec_or_die, 0, SIGKILL);
	duel("execve, fault", exec_or_fault, 0, SIGSEGV);
	kill_forks();
	stop_busy();
	vfork_stopped();
	return 0;
}
