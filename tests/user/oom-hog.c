/* oracle: none */
/* mem: 64M */
/* flags: -pthread */
/*
 * Out of memory, again and again: each time one process takes all that there is, and it alone is
 * killed, however it takes it and whether it runs or sleeps. Small processes beside it keep what
 * they have, and all of the memory comes back. For Quire alone: on Linux everybody would
 * feel it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE	4096ul
#define MANY	(1ul << 30)
#define NSMALL	4
#define WORDS	(64 * PAGE / sizeof(long))
#define TIMES	20		/* of each kind */

static int failed;

static void check(int good, const char *what, long a, long b)
{
	if (!good) {
		printf("not ok: %s: %ld, %ld\n", what, a, b);
		failed = 1;
	}
}

static long number_in(const char *path, const char *name)
{
	static char text[16384];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	char *at;

	close(fd);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	at = strstr(text, name);
	return at ? strtol(at + strlen(name), NULL, 10) : -1;
}

static void set_adj(const char *v)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);

	if (write(fd, v, strlen(v)) < 0)
		_exit(3);
	close(fd);
}

/* ---- those who must live ---- */

struct small { pid_t pid; int to, from; } small[NSMALL];

static void be_small(int n, int from, int to)
{
	long *w = malloc(WORDS * sizeof(long)), round;

	for (unsigned i = 0; i < WORDS; i++)
		w[i] = (long)i * n;
	while (read(from, &round, sizeof(round)) == sizeof(round)) {
		for (unsigned i = 0; i < WORDS; i++)
			if (w[i] != (long)i * n + round)
				_exit(4);
			else
				w[i]++;
		if (write(to, &round, sizeof(round)) != sizeof(round))
			_exit(5);
	}
	_exit(0);
}

static void begin_small(void)
{
	for (int i = 0; i < NSMALL; i++) {
		int a[2], b[2];

		if (pipe(a) || pipe(b))
			exit(2);
		small[i].pid = fork();
		if (!small[i].pid) {
			close(a[1]);
			for (int j = 0; j < i; j++)
				close(small[j].to);
			be_small(i + 1, a[0], b[1]);
		}
		close(a[0]);
		close(b[1]);
		small[i].to = a[1];
		small[i].from = b[0];
	}
}

/* Each looks at all it has, and changes it. */
static void ask_small(void)
{
	static long round;

	for (int i = 0; i < NSMALL; i++) {
		long back = -1;

		if (write(small[i].to, &round, sizeof(round)) != sizeof(round) ||
		    read(small[i].from, &back, sizeof(back)) != sizeof(back))
			back = -2;
		check(back == round, "a small process answers", back, round);
	}
	round++;
}

static void end_small(void)
{
	for (int i = 0; i < NSMALL; i++) {
		int status = -1;

		close(small[i].to);
		close(small[i].from);
		waitpid(small[i].pid, &status, 0);
		check(status == 0, "a small process ends", i, status);
	}
}

/* ---- hogs ---- */

static char *map(unsigned long n, int flags)
{
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		_exit(6);
	return p;
}

static void touch(char *p, unsigned long n)
{
	for (unsigned long i = 0; i < n; i += PAGE)
		p[i] = 1;
}

static void hog(void)
{
	touch(map(MANY, MAP_PRIVATE), MANY);
}

/* What another process maps as well. */
static void hog_shared(void)
{
	touch(map(MANY, MAP_SHARED), MANY);
}

/* In system calls. */
static void hog_by_read(void)
{
	char *p = map(MANY, MAP_PRIVATE);
	int fd = open("/dev/zero", O_RDONLY);

	for (unsigned long i = 0; i < MANY; i += 256 * PAGE)
		if (read(fd, p + i, 256 * PAGE) < 0)
			_exit(7);
}

static void *thread_touches(void *arg)
{
	hog();
	return arg;
}

static void *thread_sleeps(void *arg)
{
	pause();
	return arg;
}

static void hog_in_threads(void)
{
	pthread_t t;

	pthread_create(&t, NULL, thread_sleeps, NULL);
	pthread_create(&t, NULL, thread_touches, NULL);
	pthread_create(&t, NULL, thread_touches, NULL);
	thread_sleeps(NULL);
}

/* It has the most, and sleeps; whoever comes after it gets its memory. */
static int told[2];

static void hog_asleep(void)
{
	unsigned long n = (unsigned long)number_in("/proc/meminfo", "MemFree:") * 1024;

	signal(SIGTERM, SIG_IGN);
	touch(map(n, MAP_PRIVATE), n / 4 * 3);
	if (write(told[1], "x", 1) != 1)
		_exit(8);
	for (;;)
		pause();
}

/* The children of vfork run in its memory. */
static void hog_waits_for_vfork(void)
{
	if (!vfork()) {
		hog();
		_exit(9);
	}
	_exit(10);
}

static pid_t begin(void (*fn)(void))
{
	pid_t pid = fork();

	if (pid) {
		check(pid > 0, "fork", errno, 0);
		return pid;
	}
	fn();
	_exit(11);
}

/* As wait4(2) says it. */
static int end(pid_t pid)
{
	int status = -1;

	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* A process that shared its memory may end after it; then there is enough again for whoever asks. */
static void is_killed(pid_t pid, const char *what)
{
	int status = end(pid);

	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, what, status, 0);
	for (int i = 0; i < 10000 && number_in("/proc/meminfo", "MemFree:") < 12 << 10; i++)
		usleep(1000);
	ask_small();
}

/* It gets all there is but some: with what the sleeper has. */
static void taker(void)
{
	unsigned long n = (unsigned long)number_in("/proc/meminfo", "MemFree:") * 1024 + (4ul << 20);

	touch(map(n, MAP_PRIVATE), n);
	_exit(0);
}

static void while_one_sleeps(void)
{
	pid_t sleeper;
	char c;

	if (pipe(told))
		exit(2);
	sleeper = begin(hog_asleep);
	check(read(told[0], &c, 1) == 1, "the sleeper has its memory", 0, 0);
	check(end(begin(taker)) == 0, "another one gets it", 0, 0);
	is_killed(sleeper, "the sleeper is killed");
	close(told[0]);
	close(told[1]);
}

/* ---- oom_score_adj ---- */

static void precious(void)
{
	set_adj("-1000");
	hog_asleep();
}

static void worthless(void)
{
	set_adj("1000");
	touch(map(8ul << 20, MAP_PRIVATE), 8ul << 20);
	if (write(told[1], "x", 1) != 1)
		_exit(8);
	for (;;)
		pause();
}

static void with_one_beside(void (*fn)(void), int which)
{
	pid_t beside, one;
	char c;
	int status = 0;

	if (pipe(told))
		exit(2);
	beside = begin(fn);
	check(read(told[0], &c, 1) == 1, "it has its memory", 0, 0);
	one = begin(hog);
	is_killed(one, "the hog is killed");
	check((waitpid(beside, &status, WNOHANG) == beside) == which, "oom_score_adj tells who else", which, status);
	kill(beside, SIGKILL);
	end(beside);
	close(told[0]);
	close(told[1]);
}

static const struct { void (*fn)(void); const char *name; } kinds[] = {
	{ hog, "touches" }, { hog_shared, "touches shared memory" },
	{ hog_by_read, "reads" }, { hog_in_threads, "in threads" },
	{ hog_waits_for_vfork, "vfork" },
};
#define NKINDS	(sizeof(kinds) / sizeof(kinds[0]))

int main(void)
{
	long kills, free_before, free_after, used = 0;
	char verify[100] = "";
	int fd;

	setvbuf(stdout, NULL, _IONBF, 0);
	begin_small();
	for (unsigned k = 0; k < NKINDS; k++)
		is_killed(begin(kinds[k].fn), "the first");
	free_before = number_in("/proc/meminfo", "MemFree:");
	kills = number_in("/proc/vmstat", "oom_kill ");
	for (unsigned k = 0; k < NKINDS; k++) {
		for (int i = 0; i < TIMES; i++)
			is_killed(begin(kinds[k].fn), kinds[k].name);
		used += TIMES;
		check(number_in("/proc/vmstat", "oom_kill ") - kills == used, kinds[k].name,
		      number_in("/proc/vmstat", "oom_kill ") - kills, used);
		printf("%s\n", kinds[k].name);
	}
	for (int i = 0; i < TIMES / 4; i++)
		while_one_sleeps();
	with_one_beside(precious, 0);
	with_one_beside(worthless, 1);
	used += TIMES / 4 + 1 + 2;
	check(number_in("/proc/vmstat", "oom_kill ") - kills == used, "victims",
	      number_in("/proc/vmstat", "oom_kill ") - kills, used);
	free_after = number_in("/proc/meminfo", "MemFree:");
	check(free_before - free_after < 512, "memory is lost, kB", free_before, free_after);
	end_small();
	fd = open("/proc/mm_verify", O_RDONLY);
	if (read(fd, verify, sizeof(verify) - 1) <= 0 || strcmp(verify, "ok\n"))
		printf("not ok: mm_verify: %s\n", verify);
	printf("%s\n", failed ? "failed" : "all others live");
	return failed;
}
