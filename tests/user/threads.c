/* flags: -pthread */
/*
 * POSIX threads: creation and joining, a hundred at once, mutexes, condition variables, barriers,
 * read-write locks, semaphores, once, thread-local storage, cancellation, signals to threads
 * and to all of them, exit of the first thread, fork and exec among threads.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MANY	100
#define ROUNDS	200

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static long counter;
static __thread long own = 7;

static void start(pthread_t *t, void *(*fn)(void *), void *arg)
{
	int err = pthread_create(t, NULL, fn, arg);

	if (err) {
		printf("pthread_create: %s\n", strerror(err));
		exit(1);
	}
}

static void *add(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&lock);
		counter++;
		pthread_mutex_unlock(&lock);
		own += (long)arg;
	}
	return (void *)own;
}

static void many(void)
{
	pthread_t t[MANY];
	long sum = 0;
	void *r;

	for (long i = 0; i < MANY; i++)
		start(&t[i], add, (void *)i);
	for (int i = 0; i < MANY; i++) {
		pthread_join(t[i], &r);
		sum += (long)r;
	}
	printf("%d threads: counted %ld, own words %ld, mine %ld\n", MANY, counter, sum, own);
}

static int turn;

static void *take_turns(void *arg)
{
	int me = (int)(intptr_t)arg;

	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&lock);
		while (turn % 4 != me)
			pthread_cond_wait(&cond, &lock);
		turn++;
		pthread_cond_broadcast(&cond);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

static void turns(void)
{
	struct timespec until;
	pthread_t t[4];

	for (long i = 0; i < 4; i++)
		start(&t[i], take_turns, (void *)i);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 2000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&lock);
	printf("turns %d, then %s\n", turn, strerror(pthread_cond_timedwait(&cond, &lock, &until)));
	pthread_mutex_unlock(&lock);
}

static int arrived[8];

static void *meet(void *arg)
{
	int me = (int)(intptr_t)arg, serial = 0;

	for (int i = 0; i < 50; i++) {
		arrived[me]++;
		serial += pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD;
		for (int j = 0; j < 8; j++)
			if (arrived[j] != i + 1)
				printf("round %d: %d has arrived %d times\n", i, j, arrived[j]);
		pthread_barrier_wait(&barrier);
	}
	return (void *)(intptr_t)serial;
}

static void barriers(void)
{
	pthread_t t[8];
	long serial = 0;
	void *r;

	pthread_barrier_init(&barrier, NULL, 8);
	for (long i = 0; i < 8; i++)
		start(&t[i], meet, (void *)i);
	for (int i = 0; i < 8; i++) {
		pthread_join(t[i], &r);
		serial += (long)r;
	}
	printf("barrier: %ld times the last one\n", serial);
}

static pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
static sem_t sem;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static long pair[2];
static int onces;

static void first_time(void)
{
	onces++;
}

static void *read_or_write(void *arg)
{
	pthread_once(&once, first_time);
	for (int i = 0; i < ROUNDS; i++) {
		if (arg) {
			pthread_rwlock_wrlock(&rw);
			pair[0]++;
			sched_yield();
			pair[1]++;
		} else {
			pthread_rwlock_rdlock(&rw);
			if (pair[0] != pair[1])
				printf("half written\n");
		}
		pthread_rwlock_unlock(&rw);
	}
	sem_post(&sem);
	return NULL;
}

static void locks(void)
{
	pthread_t t[6];

	sem_init(&sem, 0, 0);
	for (long i = 0; i < 6; i++)
		start(&t[i], read_or_write, (void *)(i & 1));
	for (int i = 0; i < 6; i++)
		sem_wait(&sem);
	for (int i = 0; i < 6; i++)
		pthread_join(t[i], NULL);
	printf("written %ld %ld, once %d, semaphore %s\n", pair[0], pair[1], onces,
	       sem_trywait(&sem) ? strerror(errno) : "free");
}

static void cleanup(void *arg)
{
	printf("%s cleans up\n", (char *)arg);
}

static void *wait_for_ever(void *arg)
{
	pthread_cleanup_push(cleanup, arg);
	sem_post(&sem);
	for (;;)
		pause();
	pthread_cleanup_pop(0);
	return NULL;
}

static void *spin_for_ever(void *arg)
{
	int old;

	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
	sem_post(arg);
	for (;;)
		;
	return NULL;
}

static void cancellation(void)
{
	pthread_t t;
	void *r;

	start(&t, wait_for_ever, "a sleeper");
	sem_wait(&sem);
	pthread_cancel(t);
	pthread_join(t, &r);
	printf("cancelled %d, ", r == PTHREAD_CANCELED);
	start(&t, spin_for_ever, &sem);
	sem_wait(&sem);
	pthread_cancel(t);
	pthread_join(t, &r);
	printf("%d\n", r == PTHREAD_CANCELED);
}

static volatile int handled;
static volatile pid_t handler_tid;

static void handler(int sig)
{
	(void)sig;
	handled++;
	handler_tid = (pid_t)syscall(SYS_gettid);
}

static pid_t sleeper_tid;

static void *sleeper(void *arg)
{
	sigset_t set;

	(void)arg;
	sleeper_tid = (pid_t)syscall(SYS_gettid);
	sem_post(&sem);
	while (!handled)
		usleep(1000);
	sigemptyset(&set);
	pthread_sigmask(SIG_SETMASK, NULL, &set);
	return (void *)(intptr_t)sigismember(&set, SIGUSR2);
}

static void signals(void)
{
	struct sigaction act = { .sa_handler = handler };
	sigset_t set, old;
	pthread_t t;
	void *r;

	sigaction(SIGUSR1, &act, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, &old);
	start(&t, sleeper, NULL);
	sem_wait(&sem);
	pthread_kill(t, SIGUSR1);
	pthread_join(t, &r);
	printf("to a thread: %d, there %d, mask inherited %ld\n", handled, handler_tid == sleeper_tid,
	       (long)r);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	handled = 0;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	start(&t, sleeper, NULL);
	sem_wait(&sem);
	pthread_sigmask(SIG_BLOCK, &set, &old);
	kill(getpid(), SIGUSR1);
	pthread_join(t, &r);
	printf("to the process: %d, to the one that does not block it %d\n", handled,
	       handler_tid == sleeper_tid);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	while (!syscall(SYS_tgkill, getpid(), sleeper_tid, 0))	/* joined a little before its end */
		usleep(1000);
	printf("a thread that is gone: %s\n", strerror(errno));
}

/* What becomes of a child process whose threads do as fn says. */
static void child(const char *what, void (*fn)(void))
{
	int status;

	fflush(stdout);
	if (!fork()) {
		alarm(20);
		fn();
		_exit(99);
	}
	wait(&status);
	if (WIFEXITED(status))
		printf("%s: exit %d\n", what, WEXITSTATUS(status));
	else
		printf("%s: signal %d\n", what, WTERMSIG(status));
}

static void *leave_later(void *arg)
{
	usleep(20000);
	exit((int)(intptr_t)arg);
	return NULL;
}

static void first_leaves(void)
{
	pthread_t t;

	start(&t, leave_later, (void *)5);
	pthread_exit(NULL);
}

static void first_exits(void)
{
	pthread_t t;

	for (int i = 0; i < 10; i++)
		start(&t, wait_for_ever, "nobody");
	_exit(6);
}

static void *crash(void *arg)
{
	usleep(10000);
	*(volatile int *)arg = 1;
	return NULL;
}

static void one_crashes(void)
{
	pthread_t t;

	for (int i = 0; i < 5; i++)
		start(&t, wait_for_ever, "nobody");
	start(&t, spin_for_ever, &sem);
	start(&t, crash, (void *)16);
	for (;;)
		pause();
}

static void *exec_self(void *arg)
{
	char *argv[] = { "threads", "again", arg, NULL };

	usleep(10000);
	execv("/proc/self/exe", argv);
	printf("execv: %s\n", strerror(errno));
	return NULL;
}

static void first_execs(void)
{
	char pid[16];
	pthread_t t;

	snprintf(pid, sizeof(pid), "%d", getpid());
	for (int i = 0; i < 5; i++)
		start(&t, wait_for_ever, "nobody");
	exec_self(pid);
}

static void other_execs(void)
{
	static char pid[16];
	pthread_t t;

	snprintf(pid, sizeof(pid), "%d", getpid());
	for (int i = 0; i < 5; i++)
		start(&t, wait_for_ever, "nobody");
	start(&t, exec_self, pid);
	for (;;)
		pause();
}

static void *fork_one(void *arg)
{
	int status;

	(void)arg;
	if (!fork())
		_exit(own == 7 ? 3 : 4);
	wait(&status);
	return (void *)(intptr_t)WEXITSTATUS(status);
}

static void forks(void)
{
	pthread_t t[8];
	long sum = 0;
	void *r;

	for (int i = 0; i < 8; i++)
		start(&t[i], fork_one, NULL);
	for (int i = 0; i < 8; i++) {
		pthread_join(t[i], &r);
		sum += (long)r;
	}
	_exit((int)sum);
}

/* A detached thread's number and stack come back: many more than would fit. */
static void *nothing(void *arg)
{
	sem_post(&sem);
	return arg;
}

static void detached(void)
{
	pthread_attr_t attr;
	pthread_t t;
	int made = 0;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	for (int i = 0; i < 1000; i++) {
		made += !pthread_create(&t, &attr, nothing, NULL);
		sem_wait(&sem);
	}
	printf("%d detached\n", made);
}

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "again")) {
		printf("same number %d, one thread %d\n", atoi(argv[2]) == getpid(),
		       syscall(SYS_gettid) == getpid());
		return 8;
	}
	many();
	turns();
	barriers();
	locks();
	cancellation();
	signals();
	detached();
	child("the first ends, another exits", first_leaves);
	child("exit with others", first_exits);
	child("one crashes", one_crashes);
	child("the first runs another program", first_execs);
	child("another one does", other_execs);
	child("forks", forks);
	return 0;
}
