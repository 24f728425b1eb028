/*
 * What limits refuse: RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK, the number of
 * mappings. Each part in a child of its own.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE	4096ul
#define MB	(1ul << 20)
#define ANON	(MAP_PRIVATE | MAP_ANONYMOUS)
#define RW	(PROT_READ | PROT_WRITE)

static void say(const char *what, long r)
{
	printf("%s: %s\n", what, r == -1 ? strerror(errno) : "ok");
	fflush(stdout);
}

static void say_map(const char *what, void *p)
{
	say(what, p == MAP_FAILED ? -1 : 0);
}

static void limit(int which, unsigned long soft)
{
	struct rlimit r;

	getrlimit(which, &r);
	r.rlim_cur = soft;
	if (setrlimit(which, &r))
		say("setrlimit", -1);
}

/* The field of /proc/self/status, in bytes. */
static unsigned long status(const char *field)
{
	char line[200];
	unsigned long kb = 0;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, field, strlen(field)))
			sscanf(line + strlen(field), ": %lu", &kb);
	if (f)
		fclose(f);
	return kb * 1024;
}

static void address_space(void)
{
	char *p = mmap(NULL, 4 * MB, RW, ANON, -1, 0), *end;

	limit(RLIMIT_AS, status("VmSize") + MB);
	say_map("within RLIMIT_AS", mmap(NULL, MB / 2, PROT_NONE, ANON, -1, 0));
	say_map("above RLIMIT_AS", mmap(NULL, MB, PROT_NONE, ANON, -1, 0));
	say_map("in place of others", mmap(p, 4 * MB, PROT_READ, ANON | MAP_FIXED, -1, 0));
	say_map("mremap", mremap(p, 4 * MB, 5 * MB, MREMAP_MAYMOVE));
	end = sbrk(0);
	say("brk", syscall(SYS_brk, end + MB) == (long)(end + MB) ? 0 : (errno = ENOMEM, -1));
	say("munmap", munmap(p, 2 * MB));
	say_map("after munmap", mmap(NULL, MB, PROT_NONE, ANON, -1, 0));
}

static void data(void)
{
	char *p = mmap(NULL, 4 * MB, PROT_READ, ANON, -1, 0), *end = sbrk(0);

	limit(RLIMIT_DATA, status("VmData") + MB);
	say_map("data above RLIMIT_DATA", mmap(NULL, 2 * MB, RW, ANON, -1, 0));
	say_map("not to be written", mmap(NULL, 2 * MB, PROT_READ, ANON, -1, 0));
	say_map("shared", mmap(NULL, 2 * MB, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	say("mprotect", mprotect(p, 2 * MB, RW));
	say("mprotect within", mprotect(p, MB / 2, RW));
	say_map("mremap", mremap(p, MB / 2, 2 * MB, MREMAP_MAYMOVE));
	say("brk", syscall(SYS_brk, end + 2 * MB) == (long)(end + 2 * MB) ? 0 : (errno = ENOMEM, -1));
}

static __attribute__((noinline)) int deep(size_t bytes)
{
	volatile char buf[bytes];

	buf[0] = 1;
	return buf[0];
}

static void stack(void)
{
	limit(RLIMIT_STACK, MB);
	printf("half of the stack: %d\n", deep(MB / 2));
	fflush(stdout);
	limit(RLIMIT_STACK, 4 * MB);
	printf("a larger limit, at once: %d\n", deep(2 * MB));
	fflush(stdout);
	deep(5 * MB);
	printf("not reached\n");
}

static void stack_and_as(void)
{
	limit(RLIMIT_AS, status("VmSize") + MB);
	printf("stack within RLIMIT_AS: %d\n", deep(MB / 2));
	fflush(stdout);
	deep(3 * MB);
	printf("not reached\n");
}

/* Mappings of this process: without the page that is no mapping of anybody. */
static unsigned count(void)
{
	static char buf[65536];
	unsigned n = 0;
	FILE *f = fopen("/proc/self/maps", "r");

	while (f && fgets(buf, sizeof(buf), f))
		n += !strstr(buf, "[vsyscall]");
	if (f)
		fclose(f);
	return n;
}

static void mappings(void)
{
	static const size_t n = 70000;
	char *p = mmap(NULL, 2 * n * PAGE, PROT_NONE, ANON | MAP_NORESERVE, -1, 0);
	unsigned before;
	size_t i;

	before = count();		/* and its buffer is there */
	munmap(p, 2 * n * PAGE);
	for (i = 0; i < n; i++)
		if (mmap(p + 2 * i * PAGE, PAGE, PROT_READ, ANON | MAP_FIXED, -1, 0) == MAP_FAILED)
			break;
	say_map("one too many", mmap(p + 2 * n * PAGE, PAGE, PROT_READ, ANON | MAP_FIXED, -1, 0));
	printf("mappings at most: %zu\n", i + before - 1);
	say("one that is joined", mprotect(p, PAGE, PROT_READ));
	munmap(p, PAGE);
	munmap(p + 2 * PAGE, PAGE);
	munmap(p + 4 * PAGE, PAGE);
	say_map("three back, three pages", mmap(p, 3 * PAGE, PROT_READ, ANON | MAP_FIXED, -1, 0));
	say("a split in three", mprotect(p + PAGE, PAGE, PROT_NONE));
	say("one split more", munmap(p + PAGE, PAGE));
	say("all back", munmap(p, 2 * n * PAGE));
}

static void in_child(const char *name, void (*fn)(void))
{
	int st;

	printf("-- %s\n", name);
	fflush(stdout);
	if (fork() == 0) {
		fn();
		fflush(stdout);
		_exit(0);
	}
	wait(&st);
	printf("signal %d, status %d\n", WTERMSIG(st), WIFEXITED(st) ? WEXITSTATUS(st) : -1);
}

int main(void)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	in_child("address space", address_space);
	in_child("data", data);
	in_child("stack", stack);
	in_child("stack within the address space", stack_and_as);
	in_child("mappings", mappings);
	return 0;
}
