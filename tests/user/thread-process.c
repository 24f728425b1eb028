/* flags: -pthread */
/*
 * What threads of a process have in common and change at once: the timer, the mask for files,
 * limits, children to wait for, names.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define THREADS	4
#define ROUNDS	1000
#define CHILDREN 80

static pthread_barrier_t barrier;

/* Runs fn(0) .. fn(THREADS - 1) at once; the sum of what they return. */
static long together(void *(*fn)(void *))
{
	pthread_t t[THREADS];
	long sum = 0;
	void *r;

	pthread_barrier_init(&barrier, NULL, THREADS);
	for (long i = 0; i < THREADS; i++)
		if (pthread_create(&t[i], NULL, fn, (void *)i))
			exit(1);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(t[i], &r);
		sum += (long)r;
	}
	return sum;
}

static void *set_timer(void *arg)
{
	long me = (long)arg, odd = 0;

	for (long i = 0; i < ROUNDS; i++) {
		struct itimerval v = { .it_value.tv_sec = (i + me) % 3 ? 1000 : 0 }, old;

		setitimer(ITIMER_REAL, &v, &old);
		odd += old.it_value.tv_sec > 1000;
	}
	return (void *)odd;
}

static void timers(void)
{
	const struct itimerval off = { 0 };
	struct itimerval now;
	long odd = together(set_timer);

	setitimer(ITIMER_REAL, &off, NULL);
	getitimer(ITIMER_REAL, &now);
	printf("timers: odd %ld, left %ld\n", odd, (long)(now.it_value.tv_sec + now.it_value.tv_usec));
}

/* Every value that is set is the old one of exactly one other call. */
static void *set_mask(void *arg)
{
	long me = (long)arg, sum = 0;

	for (long i = 0; i < ROUNDS; i++) {
		mode_t next = (mode_t)(me * 64 + i % 64);

		sum += (long)next - (long)umask(next);
	}
	return (void *)sum;
}

static void masks(void)
{
	mode_t first = umask(0), last;
	long sum;

	umask(first);
	sum = together(set_mask);
	last = umask(022);
	printf("masks: %ld\n", sum - ((long)last - (long)first));
}

/* Each limit goes down and up again; when all are up, memory must know it. */
static void *set_limit(void *arg)
{
	static const int which[THREADS] = { RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_NOFILE };
	long me = (long)arg, refused = 0;
	struct rlimit high, low;

	getrlimit(which[me], &high);
	for (int i = 0; i < ROUNDS / 2; i++) {
		low = high;
		low.rlim_cur = me == 3 ? 100 : 64 << 20;
		setrlimit(which[me], &low);
		pthread_barrier_wait(&barrier);
		setrlimit(which[me], &high);
		pthread_barrier_wait(&barrier);
		if (!me) {
			void *p = mmap(NULL, 256 << 20, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

			refused += p == MAP_FAILED;
			if (p != MAP_FAILED)
				munmap(p, 256 << 20);
		}
		pthread_barrier_wait(&barrier);
	}
	return (void *)refused;
}

static void *wait_for_some(void *arg)
{
	long n = 0, sum = 0;
	int status;

	pthread_barrier_wait(&barrier);
	while (wait4((long)arg & 1 ? -1 : 0, &status, 0, NULL) > 0) {
		n++;
		sum += WEXITSTATUS(status);
	}
	if (errno != ECHILD)
		printf("wait4: %s\n", strerror(errno));
	return (void *)(n * 1000 + sum);
}

static void children(void)
{
	long r;

	fflush(stdout);
	for (int i = 0; i < CHILDREN; i++) {
		if (!fork()) {
			usleep((unsigned)(i * 37 % 16) * 500);
			_exit(i % 5);
		}
	}
	r = together(wait_for_some);
	printf("children: %ld, sum of their codes %ld\n", r / 1000, r % 1000);
}

/* A name is one of those given, never parts of two, in Quire; some versions of Linux read it while it changes. */
static void *name_self(void *arg)
{
	long me = (long)arg, mixed = 0;
	char path[64], name[32], c;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/comm");
	for (int i = 0; i < ROUNDS / 4; i++) {
		ssize_t n;

		if (me < 2) {
			memset(name, me ? 'a' + i % 26 : 'A' + i % 26, 15);
			fd = open(path, O_WRONLY);
			n = write(fd, name, (size_t)(4 + i % 12));
			close(fd);
			continue;
		}
		fd = open(path, O_RDONLY);
		n = read(fd, name, sizeof(name));
		close(fd);
		c = name[0];
		for (ssize_t j = 0; j < n && name[j] != '\n'; j++)
			mixed += i && name[j] != c && name[0] != 't';
	}
	return (void *)mixed;
}

/* The process's clock counts what all its threads do, a thread's only its own. */
static void *burn(void *arg)
{
	struct timespec now;

	do
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	while (!now.tv_sec && now.tv_nsec < 40000000);
	pthread_barrier_wait(&barrier);
	return arg;
}

static void clocks(void)
{
	struct timespec own, all;
	struct rusage thread;
	long ms, own_ms;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &all);
	ms = -(all.tv_sec * 1000 + all.tv_nsec / 1000000);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &own);
	own_ms = -(own.tv_sec * 1000 + own.tv_nsec / 1000000);
	together(burn);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &all);
	ms += all.tv_sec * 1000 + all.tv_nsec / 1000000;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &own);
	own_ms += own.tv_sec * 1000 + own.tv_nsec / 1000000;
	getrusage(RUSAGE_THREAD, &thread);
	printf("clocks: process %d, thread %d, rusage %d\n", ms >= THREADS * 40 - 2, own_ms < ms - 100,
	       thread.ru_utime.tv_sec + thread.ru_stime.tv_sec <= own.tv_sec + 1);
}

int main(void)
{
	long mixed;

	clocks();
	timers();
	masks();
	printf("limits: refused %ld\n", together(set_limit));
	children();
	mixed = together(name_self);
	printf("names: mixed %ld\n", access("/proc/mm_verify", F_OK) ? 0 : mixed);
	return 0;
}
