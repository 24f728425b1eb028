/* mmap, munmap, mprotect, madvise: what they do and what they say to wrong arguments. */
/* files: tree */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE	4096ul
#define RW	(PROT_READ | PROT_WRITE)
#define ANON	(MAP_PRIVATE | MAP_ANONYMOUS)

/*
 * Asks the kernel whether the byte at p can be read, and written: it says EFAULT,
 * and nobody dies.
 */
static const char *can(volatile char *p)
{
	int in = open("/dev/zero", O_RDONLY);
	bool r = !(syscall(SYS_chdir, p) < 0 && errno == EFAULT), w;
	char saved = r ? *p : 0;

	w = read(in, (char *)p, 1) == 1;
	if (w && r)
		*p = saved;
	close(in);
	return r ? (w ? "rw" : "r") : w ? "w" : "-";
}

static void show(const char *what, void *p, void *base)
{
	if (p == MAP_FAILED)
		printf("%s: %s\n", what, strerror(errno));
	else if (base)
		printf("%s: at %+ld pages\n", what, (long)((char *)p - (char *)base) / (long)PAGE);
	else
		printf("%s: given\n", what);
}

static void result(const char *what, int r)
{
	printf("%s: %s\n", what, r ? strerror(errno) : "ok");
}

static void anonymous(void)
{
	char *p = mmap(NULL, 10 * PAGE, RW, ANON, -1, 0);
	unsigned long sum = 0;

	for (unsigned long i = 0; i < 10 * PAGE; i++)
		sum += (unsigned char)p[i];
	printf("zero: %lu, aligned: %d\n", sum, !((uintptr_t)p % PAGE));
	memset(p, 1, 10 * PAGE);
	result("unmap the middle", munmap(p + 3 * PAGE, 2 * PAGE));
	printf("%s %s %s %s\n", can(p + 2 * PAGE), can(p + 3 * PAGE), can(p + 4 * PAGE),
	       can(p + 5 * PAGE));
	show("again there", mmap(p + 3 * PAGE, 2 * PAGE, RW, ANON | MAP_FIXED, -1, 0), p);
	printf("zero again: %d, kept: %d %d\n", p[3 * PAGE] + p[5 * PAGE - 1], p[3 * PAGE - 1],
	       p[5 * PAGE]);
	show("over it", mmap(p + PAGE, 4 * PAGE, RW, ANON | MAP_FIXED, -1, 0), p);
	printf("%d %d %d\n", p[0], p[PAGE], p[5 * PAGE]);
	show("no replace, taken", mmap(p + 9 * PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0),
	     p);
	result("unmap the last", munmap(p + 9 * PAGE, PAGE));
	show("no replace, free", mmap(p + 9 * PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0),
	     p);
	show("hint, free", (munmap(p + 9 * PAGE, PAGE), mmap(p + 9 * PAGE, PAGE, RW, ANON, -1, 0)),
	     p);
	result("unmap all and more", munmap(p, 10 * PAGE));
	result("unmap nothing", munmap(p, 10 * PAGE));
	printf("%s\n", can(p));
}

static void rights(void)
{
	char *p = mmap(NULL, 8 * PAGE, RW, ANON, -1, 0);

	memset(p, 7, 8 * PAGE);
	result("read-only", mprotect(p + 2 * PAGE, 2 * PAGE, PROT_READ));
	result("none", mprotect(p + 4 * PAGE, 2 * PAGE, PROT_NONE));
	printf("%s %s %s %s %s\n", can(p + PAGE), can(p + 2 * PAGE), can(p + 4 * PAGE),
	       can(p + 5 * PAGE), can(p + 6 * PAGE));
	result("back", mprotect(p, 8 * PAGE, RW));
	printf("%s %d %s %d\n", can(p + 2 * PAGE), p[2 * PAGE], can(p + 4 * PAGE), p[5 * PAGE]);
	munmap(p + 4 * PAGE, PAGE);
	result("over a hole", mprotect(p, 8 * PAGE, PROT_READ));
	printf("before the hole %s, behind it %s\n", can(p + PAGE), can(p + 6 * PAGE));
	result("odd address", mprotect(p + 1, PAGE, RW));
	result("no length", mprotect(p, 0, RW));
	result("odd rights", mprotect(p, PAGE, 0x40));
	munmap(p, 8 * PAGE);
	result("not mapped", mprotect(p, PAGE, RW));
	p = mmap(NULL, PAGE, PROT_NONE, ANON, -1, 0);
	printf("reserved %s\n", can(p));
	mprotect(p, PAGE, RW);
	printf("given %s %d\n", can(p), p[0]);
}

static void code(void)
{
	/* mov eax, 42; ret */
	static const unsigned char forty_two[] = { 0xb8, 42, 0, 0, 0, 0xc3 };
	unsigned char *p = mmap(NULL, PAGE, RW, ANON, -1, 0);

	memcpy(p, forty_two, sizeof(forty_two));
	result("executable", mprotect(p, PAGE, PROT_READ | PROT_EXEC));
	printf("returns %d\n", ((int (*)(void))(void *)p)());
	mprotect(p, PAGE, RW);
	p[1] = 43;
	mprotect(p, PAGE, PROT_READ | PROT_EXEC);
	printf("returns %d\n", ((int (*)(void))(void *)p)());
}

static void files(void)
{
	int fd = open("tree/odd", O_RDONLY), zero = open("/dev/zero", O_RDWR);
	char *p = mmap(NULL, 3 * PAGE, RW, MAP_PRIVATE, fd, 0), *q, file[16];
	unsigned long sum = 0;

	for (unsigned long i = 0; i < 3 * PAGE; i++)
		sum = sum * 31 + (unsigned char)p[i];
	printf("file %lx, behind its end %d\n", sum, p[10001] | p[3 * PAGE - 1]);
	p[5] = 99;
	p[10002] = 98;
	pread(fd, file, 16, 0);
	printf("private: %d in memory, %d in the file\n", p[5], file[5]);
	q = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 2 * PAGE);
	printf("at an offset: %d %d\n", q[0] == p[2 * PAGE], q[10002 - 2 * PAGE]);
	show("shared and writable, read-only file", mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0), NULL);
	result("made writable", mprotect(q, PAGE, RW));
	close(fd);
	printf("after close: %d %d\n", p[6], p[5]);
	madvise(p, PAGE, MADV_DONTNEED);
	printf("dropped: the file's again: %d\n", p[5] == file[5]);
	p = mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE, zero, 0);
	p[0] = 1;
	printf("/dev/zero: %d %d\n", p[0], p[PAGE]);
	show("folder", mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, open("tree", O_RDONLY), 0), NULL);
	show("closed", mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, 99, 0), NULL);
	show("odd offset", mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, zero, 100), NULL);
}

static void wrong(void)
{
	void *p = mmap(NULL, PAGE, RW, ANON, -1, 0);

	show("no length", mmap(NULL, 0, RW, ANON, -1, 0), NULL);
	show("neither shared nor private", mmap(NULL, PAGE, RW, MAP_ANONYMOUS, -1, 0), NULL);
	show("all of memory", mmap(NULL, 1ul << 48, RW, ANON, -1, 0), NULL);
	show("length wraps round", mmap(NULL, ~0ul, RW, ANON, -1, 0), NULL);
	show("fixed, odd", mmap((char *)p + 1, PAGE, RW, ANON | MAP_FIXED, -1, 0), NULL);
	show("fixed, kernel", mmap((void *)0xffff800000000000ul, PAGE, RW, ANON | MAP_FIXED, -1, 0),
	     NULL);
	show("fixed, the last page",
	     mmap((void *)0x7ffffffff000ul, PAGE, RW, ANON | MAP_FIXED, -1, 0), NULL);
	show("odd hint", mmap((char *)p + 5, PAGE, RW, ANON, -1, 0), NULL);
	show("odd length", mmap(NULL, 5000, RW, ANON, -1, 0), NULL);
	result("unmap, odd", munmap((char *)p + 1, PAGE));
	result("unmap, no length", munmap(p, 0));
	result("unmap, kernel", munmap((void *)0xffff800000000000ul, PAGE));
	result("unmap, wraps round", munmap(p, ~0ul));
	result("advice, odd", madvise((char *)p + 1, PAGE, MADV_DONTNEED));
	result("advice, unknown", madvise(p, PAGE, 9999));
	result("advice, no length", madvise(p, 0, MADV_DONTNEED));
	result("advice, not mapped", (munmap(p, PAGE), madvise(p, PAGE, MADV_DONTNEED)));
}

static void advice(void)
{
	char *p = mmap(NULL, 4 * PAGE, RW, ANON, -1, 0);

	memset(p, 5, 4 * PAGE);
	result("dontneed", madvise(p + PAGE, 2 * PAGE, MADV_DONTNEED));
	printf("%d %d %d %d\n", p[0], p[PAGE], p[3 * PAGE - 1], p[3 * PAGE]);
	result("normal", madvise(p, PAGE, MADV_NORMAL));
	result("willneed", madvise(p, PAGE, MADV_WILLNEED));
	result("sequential", madvise(p, PAGE, MADV_SEQUENTIAL));
}

/* Far apart: each touches tables of its own. */
static void sparse(void)
{
	char *at[40];
	unsigned long sum = 0;

	for (int i = 0; i < 40; i++) {
		at[i] = mmap((void *)(0x100000000000ul + i * 0x2000000000ul), PAGE, RW,
			     ANON | MAP_FIXED_NOREPLACE, -1, 0);
		if (at[i] != MAP_FAILED)
			at[i][i] = (char)(i + 1);
	}
	for (int i = 0; i < 40; i++)
		sum += (unsigned long)(at[i][i] + at[i][4000]);
	printf("sparse %lu\n", sum);
	for (int i = 0; i < 40; i++)
		munmap(at[i], PAGE);
	printf("%s\n", can(at[7]));
}

int main(void)
{
	anonymous();
	rights();
	code();
	files();
	wrong();
	advice();
	sparse();
	return 0;
}
