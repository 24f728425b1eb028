/* System calls that a handler interrupts: again with SA_RESTART, EINTR without; sleeps; timers. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int calls;

static void handler(int sig)
{
	(void)sig;
	calls++;
}

static void set(int flags)
{
	struct sigaction a = { .sa_handler = handler, .sa_flags = flags };

	sigaction(SIGALRM, &a, NULL);
	calls = 0;
}

static void ring_in(int ms, int every)
{
	struct itimerval v = {
		{ every / 1000, every % 1000 * 1000 }, { ms / 1000, ms % 1000 * 1000 },
	};

	if (setitimer(ITIMER_REAL, &v, NULL))
		printf("setitimer: %d\n", errno);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void sleeping(const char *what, int flags)
{
	struct timespec t = { 0, 300000000 }, rest = { 9, 9 };
	double start = now();
	int err;

	set(flags);
	ring_in(50, 0);
	errno = 0;
	err = nanosleep(&t, &rest);
	start = now() - start;
	printf("%s: nanosleep %d %d, calls %d, early: %d, rest: %d\n", what, err, errno, calls,
	       start < 0.25, rest.tv_sec == 0 && rest.tv_nsec > 0 && rest.tv_nsec <= 260000000);
}

static void until(void)
{
	struct timespec t;
	double start = now();
	int err;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += 5;
	set(SA_RESTART);
	ring_in(20, 0);
	err = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
	printf("until: %d, early: %d\n", err, now() - start < 2);
}

static void ignored(void)
{
	struct timespec t = { 0, 100000000 };
	struct sigaction a = { .sa_handler = SIG_IGN };
	double start = now();
	int err;

	sigaction(SIGALRM, &a, NULL);
	ring_in(20, 20);
	err = nanosleep(&t, NULL);
	ring_in(0, 0);
	printf("ignored: %d, whole: %d\n", err, now() - start >= 0.1);
}

static void polling(void)
{
	struct timespec t = { 5, 0 };
	sigset_t none, block;
	int err;

	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGALRM);
	set(SA_RESTART);
	ring_in(20, 0);
	errno = 0;
	err = poll(NULL, 0, 5000);
	printf("poll: %d %d, calls %d\n", err, errno, calls);
	set(SA_RESTART);
	sigprocmask(SIG_BLOCK, &block, NULL);
	ring_in(20, 0);
	errno = 0;
	err = ppoll(NULL, 0, &t, &none);
	sigprocmask(SIG_BLOCK, NULL, &none);
	printf("ppoll: %d %d, calls %d, blocked again: %d\n", err, errno, calls,
	       sigismember(&none, SIGALRM));
	sigprocmask(SIG_UNBLOCK, &block, NULL);
}

static void intervals(void)
{
	struct itimerval v;
	sigset_t none;
	unsigned left;

	set(0);
	sigemptyset(&none);
	ring_in(10, 10);
	getitimer(ITIMER_REAL, &v);
	printf("interval %ld, left: %d\n", (long)v.it_interval.tv_usec, v.it_value.tv_usec > 0);
	while (calls < 5)
		pause();
	ring_in(0, 0);
	getitimer(ITIMER_REAL, &v);
	printf("5 times, off: %ld %ld\n", (long)v.it_value.tv_usec, (long)v.it_interval.tv_usec);
	left = alarm(100);
	printf("alarm: %u ", left);
	left = alarm(0);
	printf("%u ", left);
	left = alarm(0);
	printf("%u\n", left);
	v.it_value.tv_usec = 1000000;
	printf("bad: %d", setitimer(ITIMER_REAL, &v, NULL));
	printf(" %d\n", errno);
}

static void busy(void)
{
	double start = now();

	set(0);
	ring_in(30, 0);
	while (!calls && now() - start < 5)
		;
	printf("busy: %d\n", calls);
}

int main(void)
{
	sleeping("no SA_RESTART", 0);
	sleeping("SA_RESTART", SA_RESTART);
	until();
	ignored();
	polling();
	intervals();
	busy();
	set(0);
	ring_in(20, 0);
	printf("pause: %d", pause());
	printf(" %d, calls %d\n", errno, calls);
	return 0;
}
