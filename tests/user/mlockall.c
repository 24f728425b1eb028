/* Locked memory: the present and the future, limits, fork, mremap; ranges with holes. As root. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT	1
#endif
#ifndef MCL_ONFAULT
#define MCL_ONFAULT	4
#endif
#define PAGE	4096ul
#define ANON	(MAP_PRIVATE | MAP_ANONYMOUS)
#define RW	(PROT_READ | PROT_WRITE)

static void say(const char *what, long r)
{
	printf("%s: %s\n", what, r == -1 ? strerror(errno) : "ok");
}

static unsigned long locked_pages(void)
{
	char line[200];
	unsigned long kb = 0;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "VmLck: %lu", &kb);
	if (f)
		fclose(f);
	return kb / 4;
}

static unsigned resident(char *p, size_t pages)
{
	unsigned char vec[64];
	unsigned n = 0;

	mincore(p, pages * PAGE, vec);
	for (size_t i = 0; i < pages; i++)
		n += vec[i] & 1;
	return n;
}

static char *map(size_t pages)
{
	return mmap(NULL, pages * PAGE, RW, ANON, -1, 0);
}

static void ranges(void)
{
	char *p = map(16);

	say("mlock", mlock(p + 100, 3 * PAGE));
	printf("locked %lu, resident %u\n", locked_pages(), resident(p, 16));
	say("mlock again", mlock(p, 8 * PAGE));
	printf("locked %lu, resident %u\n", locked_pages(), resident(p, 16));
	say("munlock", munlock(p + 2 * PAGE, PAGE));
	printf("locked %lu, resident %u\n", locked_pages(), resident(p, 16));
	munmap(p + 12 * PAGE, PAGE);
	say("a hole", mlock(p + 8 * PAGE, 8 * PAGE));
	printf("locked %lu\n", locked_pages());
	say("nothing mapped", mlock(p + 12 * PAGE, PAGE));
	say("no length", mlock(p + 12 * PAGE, 0));
	say("round the end", mlock(p, -PAGE));
	mprotect(p, PAGE, PROT_NONE);
	munlock(p, PAGE);
	say("no rights", mlock(p, PAGE));
	say("madvise DONTNEED", madvise(p + PAGE, PAGE, MADV_DONTNEED));
	say("madvise COLD", madvise(p + PAGE, PAGE, 20));
	say("msync INVALIDATE", msync(p + PAGE, PAGE, MS_ASYNC | MS_INVALIDATE));
	say("munlockall", munlockall());
	printf("locked %lu\n", locked_pages());
}

static void on_fault(void)
{
	char *p = map(8);

	say("flags of mlock2", syscall(SYS_mlock2, p, PAGE, 2));
	say("mlock2 ONFAULT", syscall(SYS_mlock2, p, 8 * PAGE, MLOCK_ONFAULT));
	printf("locked %lu, resident %u\n", locked_pages(), resident(p, 8));
	p[PAGE] = 1;
	printf("resident %u\n", resident(p, 8));
	say("mlock2", syscall(SYS_mlock2, p, 4 * PAGE, 0));
	printf("resident %u\n", resident(p, 8));
	munlockall();
}

static void all(void)
{
	char *p;

	say("mlockall of nothing", mlockall(0));
	say("mlockall ONFAULT alone", mlockall(MCL_ONFAULT));
	say("mlockall of what there is not", mlockall(8));
	say("mlockall FUTURE", mlockall(MCL_FUTURE));
	p = map(8);
	printf("locked %lu, resident %u\n", locked_pages(), resident(p, 8));
	say("mlockall FUTURE ONFAULT", mlockall(MCL_FUTURE | MCL_ONFAULT));
	p = map(8);
	printf("locked %lu, resident %u\n", locked_pages(), resident(p, 8));
	p = mmap(NULL, 8 * PAGE, RW, ANON | MAP_POPULATE, -1, 0);
	printf("populated: resident %u\n", resident(p, 8));
	p = mmap(NULL, 8 * PAGE, PROT_NONE, ANON, -1, 0);
	printf("locked %lu\n", locked_pages());
	munlockall();
	p = map(8);
	printf("locked %lu\n", locked_pages());
	p = mmap(NULL, 8 * PAGE, RW, ANON | MAP_LOCKED, -1, 0);
	printf("locked %lu, resident %u\n", locked_pages(), resident(p, 8));
	p = mremap(p, 8 * PAGE, 16 * PAGE, MREMAP_MAYMOVE);
	printf("locked %lu, resident %u\n", locked_pages(), resident(p, 16));
	fflush(stdout);
	if (fork() == 0) {
		printf("child: locked %lu\n", locked_pages());
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	printf("parent: locked %lu\n", locked_pages());
}

/* Root is not bound by it. */
static void limits(void)
{
	struct rlimit none = { 0, 0 };
	char *p = map(4);

	setrlimit(RLIMIT_MEMLOCK, &none);
	say("mlock with no limit to use", mlock(p, PAGE));
	say("mlockall", mlockall(MCL_CURRENT));
	munlockall();
}

int main(void)
{
	ranges();
	on_fault();
	all();
	limits();
	return 0;
}
