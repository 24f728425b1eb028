/*
 * Races about explicit huge pages. A private one: a writer counts up in it, readers look that what they see never goes
 * back but to zero, while another thread gives it up, and finds zeros then, and one forks children that write, too. A file of them: threads
 * write each page's own mark by shared and private mappings, while one cuts, punches and allocates it.
 * At the end no more is in use or promised than before. argv[1]: seconds for each.
 */
#include "hugetlb.h"
#include <linux/falloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/wait.h>
#include <time.h>

#define PAGES	3ul			/* of the file */

static volatile int stop;
static unsigned long wrong, done;	/* atomic */
static volatile uint64_t *page;		/* the private one */
static char *shared, *private;		/* the file's */
static int fd;
static __thread sigjmp_buf back;
static __thread volatile int armed;

static void on_bus(int sig)
{
	(void)sig;
	if (!armed)
		_exit(7);
	siglongjmp(back, 1);
}

static void count(unsigned long *n)
{
	__atomic_fetch_add(n, 1, __ATOMIC_RELAXED);
}

/* ---- one private page ---- */

static void *writer(void *arg)
{
	for (uint64_t n = 1; !stop; n++)
		*page = n;
	return arg;
}

static void *reader(void *arg)
{
	for (uint64_t last = 0; !stop; count(&done)) {
		uint64_t now = *page;

		if (now && now < last)
			count(&wrong);
		last = now ? now : last;
	}
	return arg;
}

static void *giver(void *arg)
{
	for (uint64_t n = 1; !stop; n++) {
		page[2] = n;		/* nobody else writes there */
		usleep(n * 37 % 500);
		if (madvise((void *)page, SIZE, MADV_DONTNEED) || page[2])
			count(&wrong);
	}
	return arg;
}

static void *forker(void *arg)
{
	while (!stop) {
		pid_t pid = fork();
		int status;

		if (!pid) {
			page[1] = 42;	/* may be refused: no page is promised to a child */
			_exit(page[1] != 42);
		}
		if (pid > 0 && (waitpid(pid, &status, 0) != pid || (status && status != 7 << 8)))
			count(&wrong);
	}
	return arg;
}

/* ---- a file ---- */

static void mark(volatile char *p, unsigned long i)
{
	char was;

	armed = 1;
	if (!sigsetjmp(back, 1)) {
		was = *p;
		if (was && was != (char)(i + 1))
			count(&wrong);
		*p = (char)(i + 1);
		count(&done);
	}
	armed = 0;
}

static void *marker(void *arg)
{
	char *map = arg;

	for (unsigned long n = 0; !stop; n++)
		mark(map + n % PAGES * SIZE + n % 512 * 4096, n % PAGES);
	return arg;
}

static void *cutter(void *arg)
{
	for (unsigned n = 0; !stop; n++) {
		unsigned at = n % PAGES;

		if (ftruncate(fd, (off_t)(at * SIZE)) || ftruncate(fd, PAGES * SIZE))
			count(&wrong);
		fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, SIZE);
		fallocate(fd, 0, 0, SIZE);
		madvise(n % 2 ? shared : private, PAGES * SIZE, n % 4 < 2 ? MADV_DONTNEED : MADV_REMOVE);
	}
	return arg;
}

/* ---- the whole ---- */

struct task { void *(*run)(void *); void *arg; };

static void together(const struct task *task, unsigned n, unsigned seconds)
{
	pthread_t thread[8];
	struct timespec left = { seconds, 0 };

	stop = 0;
	for (unsigned i = 0; i < n; i++)
		pthread_create(&thread[i], NULL, task[i].run, task[i].arg);
	nanosleep(&left, NULL);
	stop = 1;
	for (unsigned i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
}

static void tell(const char *what)
{
	verify();
	printf("%s: wrong %lu, done %d\n", what, wrong, done > 100);
	fflush(stdout);
	done = 0;
}

int main(int argc, char **argv)
{
	unsigned seconds = argc > 1 ? (unsigned)atoi(argv[1]) : 1;
	const struct task one[] = { { writer, 0 }, { reader, 0 }, { reader, 0 }, { giver, 0 }, { forker, 0 } };
	struct task two[6] = { { cutter, 0 }, { forker, 0 } };
	long used = pool("nr") - pool("free"), promised = pool("resv");
	void *p = mmap(NULL, SIZE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	signal(SIGBUS, on_bus);
	page = p;
	together(one, 5, seconds);
	tell("private");
	fd = memfd_create("file", MFD_HUGETLB);
	if (ftruncate(fd, PAGES * SIZE))
		return 4;
	shared = mmap(NULL, PAGES * SIZE, RW, MAP_SHARED, fd, 0);
	private = mmap(NULL, PAGES * SIZE, RW, MAP_PRIVATE, fd, 0);
	for (int i = 2; i < 6; i++)
		two[i] = (struct task){ marker, i % 2 ? shared : private };
	together(two, 6, seconds);
	tell("a file");
	munmap(shared, PAGES * SIZE);
	munmap(private, PAGES * SIZE);
	munmap(p, SIZE);
	close(fd);
	verify();
	printf("%ld in use, %ld promised\n", pool("nr") - pool("free") - used, pool("resv") - promised);
	return 0;
}
