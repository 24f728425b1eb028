/* oracle: none */
/* mem: 96M */
/*
 * /proc/PID/memory_limit: a process and what it forks have so much memory together. Whoever goes
 * beyond makes the one of them end that has the most, and nobody outside. For Quire alone.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE	4096ul
#define MB	(1ul << 20)

static int failed;

static void check(int good, const char *what, long a, long b)
{
	if (good)
		return;
	printf("not ok: %s: %ld, %ld\n", what, a, b);
	failed = 1;
}

static const char *text_of(const char *path)
{
	static char text[16384];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static long number_in(const char *path, const char *name)
{
	const char *at = strstr(text_of(path), name);

	return at ? strtol(at + strlen(name), NULL, 10) : -1;
}

static long usage(void) { return number_in("/proc/self/memory_usage", "usage "); }
static long free_kb(void) { return number_in("/proc/meminfo", "MemFree:"); }
/* What the kernel keeps for the next who wants it, some for each CPU: slabs and kernel stacks, those in use with them. */
static long kept_kb(void) { return number_in("/proc/meminfo", "Slab:") + number_in("/proc/meminfo", "KernelStack:"); }
static long kills(void) { return number_in("/proc/vmstat", "oom_kill "); }

/* 0, or the error. */
static int set_limit(const char *v)
{
	int fd = open("/proc/self/memory_limit", O_WRONLY);
	int err = write(fd, v, strlen(v)) < 0 ? errno : 0;

	close(fd);
	return err;
}

static void limit_or_end(const char *v)
{
	if (set_limit(v))
		_exit(99);
}

static char *map(unsigned long n)
{
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		_exit(98);
	return p;
}

static char *touch(unsigned long n)
{
	char *p = map(n);

	for (unsigned long i = 0; i < n; i += PAGE)
		p[i] = (char)(i >> 12);
	return p;
}

/* How fn ends in a child of its own: its status, as a shell shows it. */
static int run(int (*fn)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (!pid)
		_exit(fn());
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* ---- one process ---- */

static int values(void)
{
	static const char *const bad[] = { "", "x", "-1", "18446744073709551615" };

	check(!strcmp(text_of("/proc/self/memory_limit"), "max\n"), "none at first", 0, 0);
	check(usage() == 0, "nothing is charged without one", usage(), 0);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check(set_limit(bad[i]) == (i ? EINVAL : 0), bad[i], i, 0);
	check(!set_limit("max"), "max without one", 0, 0);
	check(!set_limit("8388608"), "8 MB", 0, 0);
	check(!strcmp(text_of("/proc/self/memory_limit"), "8388608\n"), "told back", 0, 0);
	check(!set_limit("max"), "max", 0, 0);
	check(!strcmp(text_of("/proc/self/memory_limit"), "max\n"), "max again", 0, 0);
	touch(20 * MB);
	check(usage() >= (long)(20 * MB), "counted on", usage(), 0);
	return failed;
}

static int counts(void)
{
	long before, with, after;
	char *p;

	limit_or_end("16777216");
	before = usage();
	p = touch(4 * MB);
	with = usage();
	munmap(p, 4 * MB);
	after = usage();
	check(with - before >= (long)(4 * MB) && with - before < (long)(4 * MB + 16 * PAGE),
	      "pages and tables are charged", with - before, 0);
	check(after - before >= 0 && after - before < (long)(8 * PAGE), "and come off", after, before);
	return failed;
}

static int goes_beyond(void)
{
	limit_or_end("8388608");
	touch(6 * MB);
	touch(6 * MB);
	return 1;
}

static int in_a_call(void)
{
	int fd = open("/dev/zero", O_RDONLY);

	limit_or_end("4194304");
	return read(fd, map(8 * MB), 8 * MB) < 0 ? 2 : 3;
}

static int is_raised(void)
{
	limit_or_end("4194304");
	touch(2 * MB);
	limit_or_end("12582912");
	touch(8 * MB);
	return 0;
}

/* ---- trees ---- */

static int to[2];

static void wait_for(int n)
{
	char c;

	while (n-- > 0)
		if (read(to[0], &c, 1) != 1)
			_exit(97);
}

/* Of a tree the largest ends, not who goes beyond, and its parent neither. */
static int tree(void)
{
	int status = -1, sizes[] = { 2, 6, 3 };
	pid_t pid[3];

	limit_or_end("16777216");
	if (pipe(to))
		return 2;
	for (int i = 0; i < 3; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			touch((unsigned long)sizes[i] * MB);
			if (write(to[1], "x", 1) != 1)
				_exit(1);
			for (;;)
				pause();
		}
	}
	wait_for(3);
	check(usage() >= (long)(11 * MB), "all are charged", usage(), 0);
	touch(5 * MB);
	check(wait(&status) == pid[1] && WIFSIGNALED(status), "the largest ends", status, 0);
	kill(pid[0], SIGKILL);
	kill(pid[2], SIGKILL);
	while (wait(&status) > 0)
		;
	check(usage() < (long)(6 * MB), "theirs came off", usage(), 0);
	return failed;
}

/* A limit within a limit: who goes beyond the inner one ends in it, beyond the outer one in all of it. */
static int inner(void)
{
	limit_or_end("4194304");
	touch(6 * MB);
	return 1;
}

static int inner_is_large(void)
{
	limit_or_end("1073741824");
	touch(14 * MB);
	return 1;
}

static int nested(void)
{
	limit_or_end("12582912");
	touch(4 * MB);
	check(run(inner) == 137, "the inner limit holds", 0, 0);
	check(run(inner_is_large) == 137, "so does the outer one", 0, 0);
	check(usage() < (long)(6 * MB), "the dead are not charged", usage(), 0);
	return failed;
}

/* What fork shares is the parent's; who writes pays for the copy. */
static int forks(void)
{
	char *p;
	long before, after;
	pid_t pid;

	limit_or_end("33554432");
	p = touch(8 * MB);
	before = usage();
	if (pipe(to))
		return 2;
	pid = fork();
	if (!pid) {
		for (unsigned long i = 0; i < 4 * MB; i += PAGE)
			p[i]++;
		if (write(to[1], "x", 1) != 1)
			_exit(1);
		pause();
	}
	wait_for(1);
	after = usage();
	check(after - before >= (long)(4 * MB) && after - before < (long)(5 * MB), "copies are charged",
	      after - before, 0);
	kill(pid, SIGKILL);
	return waitpid(pid, NULL, 0) == pid ? failed : 3;
}

static int execs(void)
{
	char *const argv[] = { "memory-limit", "told", NULL }, *const envp[] = { NULL };

	limit_or_end("9437184");
	execve("/proc/self/exe", argv, envp);
	return 1;
}

/* ---- a fork bomb ---- */

static void bomb(void)
{
	volatile char some[8 * PAGE];

	setpgid(0, 0);
	signal(SIGCHLD, SIG_IGN);	/* what is known of the dead is not charged */
	limit_or_end("4194304");
	for (;;) {
		for (unsigned i = 0; i < sizeof(some); i += PAGE)
			some[i] = 1;
		(void)!fork();
	}
}

static void bombs(void)
{
	long least = free_kb(), now, before = free_kb();
	int status;
	pid_t pid = fork();

	if (!pid)
		bomb();
	for (int i = 0; i < 40; i++) {
		usleep(50000);
		now = free_kb();
		least = now >= 0 && now < least ? now : least;
	}
	while (!kill(-pid, SIGKILL) || errno != ESRCH) {
		while (waitpid(-1, &status, WNOHANG) > 0)
			;
		usleep(1000);
	}
	while (waitpid(-1, &status, 0) > 0)
		;
	check(before - least < 16 << 10, "the bomb stays within its limit, kB", before, least);
}

/* ---- what a fault needs, and does not get all of ---- */

static unsigned odd;			/* pages, so that the limit is met at each step of a fault */

/* Each page with a table of its own. */
static int sparse(void)
{
	char *p = map(1ul << 30);

	limit_or_end("1048576");
	touch(odd * PAGE);
	for (unsigned long i = 0; i < 1ul << 30; i += 2 * MB)
		p[i] = 1;
	return 1;
}

/* Who has room for a page, but not for its table, ends as well. */
static void at_each_step(void)
{
	for (odd = 1; odd <= 4; odd++) {
		int r = run(sparse);

		check(r == 137, "sparse", r, odd);
	}
}

int main(int argc, char **argv)
{
	static char large[16 * MB];
	long before, after, killed, kept;
	int r;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (argc > 1 && !strcmp(argv[1], "told"))
		return strcmp(text_of("/proc/self/memory_limit"), "9437184\n") ? 1 : 42;
	memset(large, 1, sizeof(large));
	bombs();			/* the kernel keeps what it needed for so many */
	kept = kept_kb();
	before = free_kb() + kept;
	killed = kills();
	check(run(values) == 0, "values", 0, 0);
	check(run(counts) == 0, "counts", 0, 0);
	for (int i = 0; i < 20; i++) {
		r = run(goes_beyond);
		check(r == 137, "beyond", r, i);
		r = run(in_a_call);
		check(r == 137, "beyond, in a call", r, i);
	}
	check(kills() - killed == 40, "victims", kills() - killed, 40);
	at_each_step();
	check(kills() - killed == 44, "victims at each step", kills() - killed, 44);
	check(run(is_raised) == 0, "raised", 0, 0);
	check(run(tree) == 0, "tree", 0, 0);
	check(run(nested) == 0, "nested", 0, 0);
	check(run(forks) == 0, "forks", 0, 0);
	r = run(execs);
	check(r == 42, "a new program has it, too", r, 42);
	check(kills() - killed == 47, "victims in trees", kills() - killed, 47);
	printf("one by one\n");
	bombs();
	bombs();
	for (unsigned i = 0; i < sizeof(large); i++)
		if (large[i] != 1)
			check(0, "what is outside is left alone", i, large[i]);
	check(kills() > killed + 47, "the bomb's own ended", kills(), killed);
	for (int i = 0; i < 5000 && before - free_kb() - kept_kb() > 512; i++)
		usleep(1000);
	after = free_kb() + kept_kb();
	check(before - after <= 512, "memory is lost, kB", before, after);
	check(kept_kb() - kept <= 512 * sysconf(_SC_NPROCESSORS_ONLN), "the kernel keeps more, kB", kept, kept_kb());
	check(!strcmp(text_of("/proc/mm_verify"), "ok\n"), "mm_verify", 0, 0);
	printf("%s\n", failed ? "failed" : "all within their limits");
	return failed;
}
