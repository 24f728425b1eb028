/* flags: -pthread */
/*
 * One table of open files, one position, one pipe, one directory, and several threads that use
 * and change them at once.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS	4
#define ROUNDS	400

static int file, ends[2], *volatile nowhere = (int *)16;
static volatile int done;

static long together(void *(*fn)(void *))
{
	pthread_t t[THREADS];
	long sum = 0;
	void *r;

	for (long i = 0; i < THREADS; i++)
		if (pthread_create(&t[i], NULL, fn, (void *)i))
			exit(1);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(t[i], &r);
		sum += (long)r;
	}
	return sum;
}

/*
 * ---- one position: every byte is read once. Of a file opened by its name: Linux keeps one
 * position of a memfd's first descriptor for nobody.
 */

static long sum_of(const uint8_t *bytes, ssize_t n)
{
	long sum = 0;

	for (ssize_t i = 0; i < n; i++)
		sum += bytes[i] + 1;
	return sum;
}

static void *read_on(void *arg)
{
	uint8_t bytes[60];
	long sum = 0;
	ssize_t n;

	(void)arg;
	while ((n = read(file, bytes, sizeof(bytes))) > 0)
		sum += sum_of(bytes, n);
	return (void *)sum;
}

static void positions(void)
{
	uint8_t bytes[256];
	long want = 0, end = 0, sum;
	ssize_t n;

	file = open("/proc/self/exe", O_RDONLY);
	while ((n = pread(file, bytes, sizeof(bytes), end)) > 0) {
		want += sum_of(bytes, n);
		end += n;
	}
	sum = together(read_on);
	printf("one position: each byte once %d, to the end %d\n", sum == want,
	       lseek(file, 0, SEEK_CUR) == end);
	close(file);
}

static void *read_records(void *arg)
{
	uint64_t record[8];
	long sum = 0;

	(void)arg;
	while (read(file, record, sizeof(record)) == sizeof(record)) {
		for (int j = 1; j < 8; j++)
			if (record[j] != record[0])
				printf("torn\n");
		sum += (long)record[0] + 1;
	}
	return (void *)sum;
}

/* ---- open files of their own that append to one file ---- */

static void *append_records(void *arg)
{
	uint64_t record[8];
	char path[32];
	long bad = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	fd = open(path, O_WRONLY | O_APPEND);
	if (fd < 0)
		return (void *)1000;
	for (uint64_t i = 0; i < ROUNDS; i++) {
		for (int j = 0; j < 8; j++)
			record[j] = (uint64_t)arg * ROUNDS + i;
		if (i & 1)
			bad += write(fd, record, sizeof(record)) != sizeof(record);
		else
			bad += pwrite(fd, record, sizeof(record), 0) != sizeof(record);
	}
	close(fd);
	return (void *)bad;
}

static void appends(void)
{
	struct stat st;
	long bad, sum;

	file = memfd_create("appended", 0);
	bad = together(append_records);
	fstat(file, &st);
	sum = (long)read_records(NULL);
	printf("appended: bad %ld, size %ld, sum %ld\n", bad, (long)st.st_size, sum);
	close(file);
}

/* ---- a pipe with several writers and readers ---- */

static void *write_pipe(void *arg)
{
	uint64_t record[8];

	for (uint64_t i = 0; i < ROUNDS; i++) {
		for (int j = 0; j < 8; j++)
			record[j] = (uint64_t)arg * ROUNDS + i;
		if (write(ends[1], record, sizeof(record)) != sizeof(record))
			printf("short write\n");
	}
	return NULL;
}

static void *read_pipe(void *arg)
{
	(void)arg;
	uint64_t record[8];
	long sum = 0;
	ssize_t n;

	while ((n = read(ends[0], record, sizeof(record))) > 0) {
		if (n != sizeof(record))
			printf("read %zd\n", n);
		for (int j = 1; j < 8; j++)
			if (record[j] != record[0])
				printf("torn\n");
		sum += (long)record[0] + 1;
	}
	return (void *)sum;
}

static void *all_readers(void *arg)
{
	(void)arg;
	return (void *)together(read_pipe);
}

static void *poll_pipe(void *arg)
{
	struct pollfd p = { .fd = ends[0], .events = POLLIN };

	while (!done)
		poll(&p, 1, 50);
	return arg;
}

static void pipes(void)
{
	pthread_t readers, poller;
	void *sum;

	if (pipe(ends))
		exit(1);
	done = 0;
	pthread_create(&poller, NULL, poll_pipe, NULL);
	pthread_create(&readers, NULL, all_readers, NULL);
	together(write_pipe);
	close(ends[1]);
	pthread_join(readers, &sum);
	done = 1;
	pthread_join(poller, NULL);
	close(ends[0]);
	printf("pipe: sum %ld\n", (long)sum);
}

/* ---- the table: numbers that come and go ---- */

static void *change_table(void *arg)
{
	long me = (long)arg, bad = 0;

	for (int i = 0; i < ROUNDS; i++) {
		int a = open("/", O_RDONLY | O_DIRECTORY), b = dup(a), two[2];
		char c = 0;

		bad += a < 0 || b < 0 || a == b;
		bad += dup2(b, 100 + (int)me * 37) != 100 + (int)me * 37;
		if (pipe(two))
			return (void *)9999;
		bad += pipe(nowhere) != -1 || errno != EFAULT;
		bad += write(two[1], "x", 1) != 1 || read(two[0], &c, 1) != 1 || c != 'x';
		fcntl(two[0], F_SETFD, FD_CLOEXEC);
		bad += fcntl(two[0], F_GETFD) != FD_CLOEXEC;
		bad += close(a) || close(b) || close(two[0]) || close(two[1]);
	}
	bad += close(100 + (int)me * 37);
	return (void *)bad;
}

/* All use the number 200, which another one may have closed or replaced. */
static void *fight_for_one(void *arg)
{
	long me = (long)arg;
	char buf[16];

	for (int i = 0; i < ROUNDS; i++) {
		int fd = memfd_create("one", 0);
		struct pollfd p = { .fd = 200, .events = POLLIN | POLLOUT };
		struct stat st;

		switch ((i + me) % 4) {
		case 0:
			dup2(fd, 200);
			break;
		case 1:
			if (write(200, "something", 9) == 9)
				pread(200, buf, sizeof(buf), 0);
			break;
		case 2:
			poll(&p, 1, 0);
			fstat(200, &st);
			break;
		case 3:
			close(200);
		}
		close(fd);
	}
	return NULL;
}

static void *fork_files(void *arg)
{
	long bad = 0;

	(void)arg;
	for (int i = 0; i < 8; i++) {
		pid_t pid = fork();
		int status;

		if (!pid)
			_exit(fcntl(0, F_GETFD) < -1);
		waitpid(pid, &status, 0);
		bad += status;
	}
	return (void *)bad;
}

static void tables(void)
{
	pthread_t t;
	void *bad;
	long r;

	pthread_create(&t, NULL, fork_files, NULL);
	r = together(change_table);
	pthread_join(t, &bad);
	together(fight_for_one);
	close(200);
	printf("table: bad %ld, forks %ld, next number %d\n", r, (long)bad, dup(0) > 2);
}

/* ---- the working directory, and paths that begin there ---- */

static void *walk(void *arg)
{
	long me = (long)arg, bad = 0;
	char cwd[64];

	for (int i = 0; i < ROUNDS; i++) {
		struct stat st;

		if (me == 0)
			bad += chdir(i & 1 ? "/proc" : "/proc/self") != 0;
		else if (me == 1)
			bad += !getcwd(cwd, sizeof(cwd)) || strncmp(cwd, "/proc", 5);
		else
			bad += stat(".", &st) || stat("../..", &st);
	}
	return (void *)bad;
}

/* ---- one open file of /proc: a line is told once ---- */

static void *read_maps(void *arg)
{
	char c;
	long n = 0;

	while (read(file, &c, 1) == 1)
		n += c;
	return (void *)(n + (long)arg * 0);
}

static void proc_positions(void)
{
	long sum = 0, parts;
	char c;

	file = open("/proc/self/limits", O_RDONLY);
	while (read(file, &c, 1) == 1)
		sum += c;
	lseek(file, 0, SEEK_SET);
	parts = together(read_maps);
	close(file);
	printf("one file of /proc: %s\n", sum == parts ? "the same" : "not the same");
}

/* ---- poll tells its result and nothing else ---- */

static struct pollfd polled;

static void *change_polled(void *arg)
{
	usleep(20000);
	polled.events = POLLOUT;
	usleep(20000);
	if (write(ends[1], "x", 1) != 1)
		printf("write\n");
	return arg;
}

static void results(void)
{
	pthread_t t;
	int n;

	if (pipe(ends))
		exit(1);
	polled = (struct pollfd){ .fd = ends[0], .events = POLLIN };
	pthread_create(&t, NULL, change_polled, NULL);
	n = poll(&polled, 1, 5000);
	pthread_join(t, NULL);
	printf("poll: %d, revents %d, events %d\n", n, polled.revents, polled.events);
}

int main(void)
{
	positions();
	appends();
	pipes();
	tables();
	chdir("/proc");
	printf("paths: bad %ld\n", together(walk));
	chdir("/");
	proc_positions();
	results();
	return 0;
}
