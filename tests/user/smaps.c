/* /proc/PID/smaps: what a mapping has in memory, and whose it is; smaps_rollup, RssShmem, clear_refs. */
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
#define N	700ul		/* pages: more than one table */

static const char *const fields[] = {
	"Size", "KernelPageSize", "MMUPageSize", "Rss", "Pss", "Pss_Dirty", "Shared_Clean", "Shared_Dirty",
	"Private_Clean", "Private_Dirty", "Anonymous", "Swap", "Locked",
};

/* With a page on either side that nothing is joined with. */
static char *map(size_t pages, int prot, int flags, int fd)
{
	char *p = mmap(NULL, (pages + 2) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || mmap(p + PAGE, pages * PAGE, prot, flags | MAP_FIXED, fd, 0) == MAP_FAILED)
		exit(1);
	return p + PAGE;
}

/* A field of the mapping that begins at p, in pid's smaps; -1: there is none. */
static long field(pid_t pid, const void *p, const char *name)
{
	char path[64], line[600], head[32];
	long v = -1;
	int in = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, p ? "smaps" : "smaps_rollup");
	snprintf(head, sizeof(head), "%lx-", (unsigned long)p);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		size_t n = strlen(name);

		if (line[0] < 'A' || line[0] > 'Z')
			in = !p || !strncmp(line, head, strlen(head));
		else if (in && !strncmp(line, name, n) && line[n] == ':')
			v = atol(line + n + 1);
	}
	if (f)
		fclose(f);
	return v;
}

static void show(const char *what, pid_t pid, const void *p)
{
	printf("%s:", what);
	for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		printf(" %s %ld", fields[i], field(pid, p, fields[i]));
	printf("\n");
}

/* VmFlags without those that depend on how a kernel is built. */
static void flags(const char *what, const void *p)
{
	char line[600], head[32];
	FILE *f = fopen("/proc/self/smaps", "r");
	int in = 0;

	snprintf(head, sizeof(head), "%lx-", (unsigned long)p);
	while (f && fgets(line, sizeof(line), f)) {
		if (line[0] < 'A' || line[0] > 'Z')
			in = !strncmp(line, head, strlen(head));
		if (!in || strncmp(line, "VmFlags:", 8))
			continue;
		printf("%s:", what);
		for (char *w = strtok(line + 8, " \n"); w; w = strtok(NULL, " \n"))
			if (strcmp(w, "sd") && strcmp(w, "ac") && strcmp(w, "nh") && strcmp(w, "hg"))
				printf(" %s", w);
		printf("\n");
	}
	if (f)
		fclose(f);
}

static pid_t child(void (*fn)(char *), char *p, int done)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	fn(p);
	(void)!write(done, "x", 1);
	pause();
	_exit(0);
}

static void nothing(char *p)
{
	(void)p;
}

static void write_some(char *p)
{
	for (int i = 0; i < 10; i++)
		p[i * PAGE] = 'c';
}

static void write_all(char *p)
{
	for (unsigned long i = 0; i < N; i++)
		p[i * PAGE] = 'd';
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void forked(void)
{
	char *p = map(N, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1), c;
	pid_t a, b, d;
	int done[2];

	madvise(p, N * PAGE, MADV_NOHUGEPAGE);
	if (pipe(done))
		exit(1);
	fflush(stdout);
	show("untouched", getpid(), p);
	memset(p, 1, 600 * PAGE);
	show("touched", getpid(), p);
	printf("referenced %ld\n", field(getpid(), p, "Referenced"));
	a = child(nothing, p, done[1]);
	(void)!read(done[0], &c, 1);
	show("one child", getpid(), p);
	show("the child", a, p);
	b = child(nothing, p, done[1]);
	(void)!read(done[0], &c, 1);
	show("two children", getpid(), p);
	memset(p + 5 * PAGE, 2, 10 * PAGE);
	show("ten written", getpid(), p);
	show("a child", a, p);
	d = child(write_some, p, done[1]);
	(void)!read(done[0], &c, 1);
	show("a third that writes", d, p);
	show("its parent", getpid(), p);
	show("its sibling", b, p);
	end(a);
	show("one is gone", getpid(), p);
	show("its sibling", b, p);
	end(d);
	end(b);
	show("all are gone", getpid(), p);
	a = child(write_all, p, done[1]);
	(void)!read(done[0], &c, 1);
	show("a child that wrote all", a, p);
	show("its parent", getpid(), p);
	end(a);
	munmap(p, N * PAGE);
	close(done[0]);
	close(done[1]);
}

static long status(const char *name)
{
	char line[200];
	long v = -1;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ':')
			v = atol(line + strlen(name) + 1);
	if (f)
		fclose(f);
	return v;
}

static void shared(void)
{
	int fd = memfd_create("m", 0);
	long before = status("RssShmem"), file = status("RssFile");
	char *p, *q, *r, c;
	int done[2];
	pid_t a;

	if (ftruncate(fd, 20 * PAGE) || pipe(done))
		exit(1);
	p = map(20, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	q = map(20, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd);
	r = map(30, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
	memset(p, 1, 12 * PAGE);
	memset(r, 1, 7 * PAGE);
	show("a memory file", getpid(), p);
	printf("RssShmem %ld more, RssFile %ld more\n", status("RssShmem") - before, status("RssFile") - file);
	for (int i = 0; i < 4; i++)
		q[i * PAGE] = 2;
	show("private of it", getpid(), q);
	show("shared memory", getpid(), r);
	printf("RssShmem %ld more, RssFile %ld more\n", status("RssShmem") - before, status("RssFile") - file);
	fflush(stdout);
	a = child(write_some, r, done[1]);
	(void)!read(done[0], &c, 1);
	show("shared with a child", getpid(), r);
	end(a);
	mprotect(p, 20 * PAGE, PROT_NONE);
	show("without rights", getpid(), p);
	munmap(p, 20 * PAGE);
	munmap(q, 20 * PAGE);
	munmap(r, 30 * PAGE);
	printf("RssShmem %ld more\n", status("RssShmem") - before);
	close(fd);
	close(done[0]);
	close(done[1]);
}

static void locked(void)
{
	char *p = map(8, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	char *q = map(9, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1);

	flags("rw", p);
	flags("shared", q);
	mlock(p, 3 * PAGE);
	show("locked", getpid(), p);
	flags("locked", p);
	munlock(p, 3 * PAGE);
	madvise(p, 8 * PAGE, MADV_DONTFORK);
	flags("dontfork", p);
	madvise(p, 8 * PAGE, MADV_DOFORK);
	madvise(p, 8 * PAGE, MADV_WIPEONFORK);
	flags("wipeonfork", p);
	madvise(p, 8 * PAGE, MADV_RANDOM);
	madvise(p, 8 * PAGE, MADV_DONTDUMP);
	flags("random, not dumped", p);
	madvise(p, 8 * PAGE, MADV_SEQUENTIAL);
	flags("sequential", p);
	madvise(p, 8 * PAGE, MADV_NORMAL);
	madvise(p, 8 * PAGE, MADV_DODUMP);
	flags("normal, dumped", p);
	mprotect(p, 8 * PAGE, PROT_NONE);
	flags("none", p);
	mprotect(p, 8 * PAGE, PROT_READ | PROT_EXEC);
	flags("rx", p);
	munmap(p, 8 * PAGE);
	munmap(q, 9 * PAGE);
	p = map(8, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_GROWSDOWN, -1);
	flags("noreserve, grows", p);
	munmap(p, 8 * PAGE);
}

static void clear(const char *what)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY);

	if (write(fd, what, strlen(what)) < 0)
		printf("clear_refs %s: %s\n", what, strerror(errno));
	else
		printf("clear_refs %s\n", what);
	close(fd);
}

/* Linux leaves what the CPU remembers: it would not note the next use of p. */
static void forget(char *p, size_t pages)
{
	mprotect(p, pages * PAGE, PROT_READ);
	mprotect(p, pages * PAGE, PROT_READ | PROT_WRITE);
}

static void referenced(void)
{
	char *p = map(20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	char *q = map(21, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);

	memset(p, 1, 20 * PAGE);
	memset(q, 1, 20 * PAGE);
	clear("2");
	printf("%ld %ld\n", field(getpid(), p, "Referenced"), field(getpid(), q, "Referenced"));
	forget(p, 20);
	memset(p, 1, 20 * PAGE);
	clear("3");
	printf("%ld %ld\n", field(getpid(), p, "Referenced"), field(getpid(), q, "Referenced"));
	clear("1");
	forget(p, 20);
	p[0] = p[5 * PAGE] = 2;
	printf("%ld %ld, dirty %ld\n", field(getpid(), p, "Referenced"), field(getpid(), q, "Referenced"),
	       field(getpid(), p, "Private_Dirty"));
	clear("0");
	clear("6");
	clear("x");
	munmap(p, 20 * PAGE);
	munmap(q, 21 * PAGE);
}

static void rollup(void)
{
	char *p = map(40, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	char *q = map(30, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
	long anon, shmem, private;

	memset(p, 1, 2 * PAGE);
	memset(q, 1, PAGE);
	anon = field(getpid(), NULL, "Pss_Anon");
	shmem = field(getpid(), NULL, "Pss_Shmem");
	private = field(getpid(), NULL, "Private_Dirty");
	memset(p, 1, 40 * PAGE);
	memset(q, 1, 30 * PAGE);
	printf("rollup: %ld %ld %ld more\n", field(getpid(), NULL, "Pss_Anon") - anon,
	       field(getpid(), NULL, "Pss_Shmem") - shmem, field(getpid(), NULL, "Private_Dirty") - private);
	printf("there: %d %d %d\n", field(getpid(), NULL, "Rss") > 0, field(getpid(), NULL, "Pss_File") >= 0,
	       field(getpid(), NULL, "Locked") == 0);
	munmap(p, 40 * PAGE);
	munmap(q, 30 * PAGE);
}

int main(void)
{
	forked();
	shared();
	locked();
	referenced();
	rollup();
	return 0;
}
