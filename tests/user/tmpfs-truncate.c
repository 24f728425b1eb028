/* flags: -pthread */
/*
 * A file of a tmpfs is cut and grown again under mappings of each kind: SIGBUS past the end, zeros behind it in its
 * last page, zeros where it comes back, private copies that go with the page; after fork; while threads write.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "place.h"

#define PAGES	8ul
#define RW	(PROT_READ | PROT_WRITE)

static __thread sigjmp_buf back;
static __thread void *fault;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)context;
	fault = info->si_addr;
	siglongjmp(back, sig == SIGBUS ? (info->si_code == BUS_ADRERR ? 1 : 2) : 3);
}

/* The byte at p, or what came instead. */
static const char *look(volatile unsigned char *p, char *out)
{
	static const char *const why[] = { "", "bus", "bus of another kind", "segv" };
	int r = sigsetjmp(back, 1);

	if (!r)
		sprintf(out, "%u", *p);
	else
		sprintf(out, "%s%s", why[r], fault == p ? "" : " elsewhere");
	return out;
}

/* Does a write go through? */
static bool set(volatile unsigned char *p, unsigned char v)
{
	if (sigsetjmp(back, 1))
		return false;
	*p = v;
	return true;
}

static void row(const char *name, unsigned char *p, unsigned long off)
{
	char a[32], b[32], c[32];

	printf("%s: first %s, at %lu %s, last page %s\n", name, look(p, a), off, look(p + off, b), look(p + (PAGES - 1) * PAGE, c));
}

static int fd;
static unsigned char *shared, *private, *reader;

static unsigned char *map(int prot, int flags)
{
	return mmap(NULL, PAGES * PAGE, prot, flags, fd, 0);
}

static void fill(void)
{
	for (unsigned long i = 0; i < PAGES * PAGE; i++)
		shared[i] = (unsigned char)(i / PAGE + 1);
}

static void all(const char *when, unsigned long off)
{
	printf("-- %s\n", when);
	row("shared", shared, off);
	row("private", private, off);
	row("read-only", reader, off);
}

static void begin(const char *name)
{
	fd = open(name, O_CREAT | O_EXCL | O_RDWR, 0600);
	if (fd < 0 || ftruncate(fd, PAGES * PAGE))
		perror(name);
	shared = map(RW, MAP_SHARED);
	private = map(RW, MAP_PRIVATE);
	reader = map(PROT_READ, MAP_SHARED);
	fill();
}

static void finish(void)
{
	munmap(shared, PAGES * PAGE);
	munmap(private, PAGES * PAGE);
	munmap(reader, PAGES * PAGE);
	close(fd);
}

static void kinds(void)
{
	begin("kinds");
	private[0] = 101;			/* copies: in the first page, in the one that is cut, in the last one */
	private[2 * PAGE] = 103;
	private[2 * PAGE + 200] = 104;
	private[(PAGES - 1) * PAGE] = 108;
	all("whole", 2 * PAGE + 200);
	CALL(ftruncate, fd, 2 * PAGE + 100);
	all("cut within the third page", 2 * PAGE + 200);
	printf("the fourth page: %d %d %d\n", set(shared + 3 * PAGE, 1), set(private + 3 * PAGE, 1), set(reader, 1));
	shared[2 * PAGE + 150] = 77;		/* behind the end: nobody's */
	CALL(ftruncate, fd, PAGES * PAGE);
	all("grown again", 2 * PAGE + 150);
	printf("written: %d %d\n", set(shared + 5 * PAGE, 55), set(private + 6 * PAGE, 66));
	all("and written", 5 * PAGE);
	CALL(ftruncate, fd, 0);
	all("cut to nothing", 2 * PAGE);
	CALL(pwrite64, fd, "x", 1, 3 * PAGE);
	all("a byte in the fourth page", 3 * PAGE);
	CALL(fallocate, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 3 * PAGE, PAGE);
	all("and a hole there", 3 * PAGE);
	finish();
}

/* A name that goes, and O_TRUNC by another open file. */
static void names(void)
{
	begin("names");
	private[PAGE] = 99;
	CALL(open, "names", O_RDWR | O_TRUNC);
	all("cut by open", PAGE);
	CALL(truncate, "names", PAGE + 1);
	all("and grown by name", PAGE);
	CALL(unlink, "names");
	CALL(ftruncate, fd, PAGES * PAGE);
	printf("written: %d\n", set(shared + PAGE, 42));
	close(fd);
	all("without a name", PAGE);
	munmap(shared, PAGES * PAGE);
	row("the others", reader, PAGE);
	munmap(private, PAGES * PAGE);
	munmap(reader, PAGES * PAGE);
}

static void forked(void)
{
	begin("forked");
	private[0] = 101;
	private[4 * PAGE] = 105;
	fflush(stdout);
	if (!fork()) {				/* the child cuts, the parent looks */
		private[5 * PAGE] = 106;
		CALL(ftruncate, fd, 3 * PAGE);
		all("in the child", 4 * PAGE);
		CALL(ftruncate, fd, PAGES * PAGE);
		shared[4 * PAGE] = 200;
		all("in the child, grown", 4 * PAGE);
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	all("in the parent", 4 * PAGE);
	finish();
}

#define WRITERS	3
static atomic_bool over;
static atomic_uint buses, odd;

/* What it wrote is there, or nothing is, or the page is not. */
static void *writer(void *arg)
{
	unsigned char mine = (unsigned char)(uintptr_t)arg, got;
	unsigned char *p = mine & 1 ? shared : private;

	while (!atomic_load(&over))
		for (unsigned long i = 0; i < PAGES; i++) {
			volatile unsigned char *at = p + i * PAGE + mine;

			if (sigsetjmp(back, 1)) {
				atomic_fetch_add(&buses, 1);
				if ((uintptr_t)fault < (uintptr_t)p || (uintptr_t)fault >= (uintptr_t)p + PAGES * PAGE)
					atomic_fetch_add(&odd, 1);
				continue;
			}
			*at = mine;
			got = *at;
			if (got != mine && got)
				atomic_fetch_add(&odd, 1);
		}
	return NULL;
}

static void *forker(void *arg)
{
	(void)arg;
	while (!atomic_load(&over)) {
		pid_t pid = fork();
		char out[32];

		if (!pid) {
			look(private + 6 * PAGE, out);
			_exit(strcmp(out, "segv") == 0);
		}
		int status;

		if (waitpid(pid, &status, 0) != pid || status)
			atomic_fetch_add(&odd, 1);
	}
	return NULL;
}

static void raced(void)
{
	pthread_t t[WRITERS + 1];
	char out[32];

	begin("raced");
	for (uintptr_t i = 0; i < WRITERS; i++)
		pthread_create(&t[i], NULL, writer, (void *)(i + 1));
	pthread_create(&t[WRITERS], NULL, forker, NULL);
	for (int i = 0; i < 300; i++) {
		unsigned long to = (unsigned long)i * 7 % PAGES;

		if (ftruncate(fd, (long)(to * PAGE + 10)) || ftruncate(fd, PAGES * PAGE))
			atomic_fetch_add(&odd, 1);
	}
	if (ftruncate(fd, 0) || ftruncate(fd, PAGES * PAGE))
		atomic_fetch_add(&odd, 1);
	atomic_store(&over, true);
	for (int i = 0; i <= WRITERS; i++)
		pthread_join(t[i], NULL);
	printf("-- raced\nodd: %u; a byte that nobody writes: %s, in the last page %s\n", odd, look(shared + 100, out), look(shared + 7 * PAGE + 100, out));
	finish();
}

int main(void)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	place_enter();
	kinds();
	names();
	forked();
	raced();
	place_leave();
	return 0;
}
