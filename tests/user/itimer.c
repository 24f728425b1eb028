/* ITIMER_VIRTUAL and ITIMER_PROF: CPU time passes, not time alone. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile int rang[65];

static void ring(int sig)
{
	rang[sig]++;
}

static void set(int which, long ms, long every_ms)
{
	struct itimerval v = {
		.it_value = { ms / 1000, ms % 1000 * 1000 },
		.it_interval = { every_ms / 1000, every_ms % 1000 * 1000 },
	};

	if (setitimer(which, &v, NULL))
		printf("setitimer: %s\n", strerror(errno));
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static double cpu(int kernel)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_utime.tv_sec + u.ru_utime.tv_usec / 1e6 +
	       (kernel ? u.ru_stime.tv_sec + u.ru_stime.tv_usec / 1e6 : 0);
}

/* Until the signal has come n times, or a long time is over. */
static int spin(int sig, int n)
{
	double end = seconds() + 20;

	while (rang[sig] < n && seconds() < end)
		for (volatile int i = 0; i < 1000; i++)
			;
	return rang[sig];
}

static void show(const char *what, int which)
{
	struct itimerval v;

	getitimer(which, &v);
	printf("%s: %s, every %ld.%06ld\n", what, v.it_value.tv_sec || v.it_value.tv_usec ? "on" : "off",
	       (long)v.it_interval.tv_sec, (long)v.it_interval.tv_usec);
}

static void one(const char *what, int which, int sig)
{
	struct timespec rest = { 0, 60000000 };
	double used;

	printf("-- %s\n", what);
	show("at first", which);
	rang[sig] = 0;
	set(which, 40, 0);
	show("set", which);
	nanosleep(&rest, NULL);
	printf("asleep: %d\n", rang[sig]);
	used = cpu(which == ITIMER_PROF);
	printf("busy: %d\n", spin(sig, 1));
	printf("early: %d\n", cpu(which == ITIMER_PROF) - used < 0.020);
	show("rang", which);
	rang[sig] = 0;
	set(which, 20, 10);
	printf("again and again: %d\n", spin(sig, 4) >= 4);
	show("still", which);
	set(which, 0, 0);
	show("off", which);
	set(which, 0, 10);
	show("no time, but an interval", which);
	set(which, 0, 0);
}

static void left(void)
{
	struct itimerval v = { .it_value = { 100, 0 } }, old;

	setitimer(ITIMER_PROF, &v, NULL);
	setitimer(ITIMER_PROF, &(struct itimerval){ 0 }, &old);
	printf("left of 100 s: %d\n", old.it_value.tv_sec >= 95 && old.it_value.tv_sec <= 100);
	setitimer(ITIMER_PROF, &(struct itimerval){ 0 }, &old);
	printf("then: %ld %ld\n", (long)old.it_value.tv_sec, (long)old.it_value.tv_usec);
}

static void wrong(void)
{
	struct itimerval v = { .it_value = { 0, 1000000 } };

	printf("microseconds: %d", setitimer(ITIMER_PROF, &v, NULL));
	printf(" %s\n", strerror(errno));
	v.it_value.tv_usec = -1;
	printf("negative: %d", setitimer(ITIMER_VIRTUAL, &v, NULL));
	printf(" %s\n", strerror(errno));
	v.it_value.tv_usec = 0;
	printf("no such timer: %d", setitimer(3, &v, NULL));
	printf(" %s\n", strerror(errno));
	printf("no such timer: %d", getitimer(3, &v));
	printf(" %s\n", strerror(errno));
	printf("bad pointer: %d", getitimer(ITIMER_PROF, (void *)8));
	printf(" %s\n", strerror(errno));
}

static void *busy_thread(void *arg)
{
	(void)arg;
	spin(SIGPROF, 1);
	return NULL;
}

/* Its time is that of all threads, and none is inherited. */
static void others(char *self)
{
	char *args[] = { self, "spin", NULL };
	pthread_t t;
	int status;
	pid_t pid;

	rang[SIGPROF] = 0;
	set(ITIMER_PROF, 30, 0);
	pthread_create(&t, NULL, busy_thread, NULL);
	pthread_join(t, NULL);
	printf("a thread's: %d\n", rang[SIGPROF]);
	set(ITIMER_VIRTUAL, 30, 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		show("child", ITIMER_VIRTUAL);
		set(ITIMER_VIRTUAL, 30, 0);
		fflush(stdout);
		execv("/proc/self/exe", args);
		_exit(1);
	}
	set(ITIMER_VIRTUAL, 0, 0);
	waitpid(pid, &status, 0);
	printf("the next program: signal %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return spin(SIGVTALRM, 1);
	signal(SIGVTALRM, ring);
	signal(SIGPROF, ring);
	one("virtual", ITIMER_VIRTUAL, SIGVTALRM);
	one("prof", ITIMER_PROF, SIGPROF);
	left();
	wrong();
	others(argv[0]);
	return 0;
}
