/*
 * Explicit huge pages (2 MB) as a program meets them: memfds of them, what is promised and when, changes of size under
 * mappings, mremap, advice, fork. Prints what happened and how many pages are in use and promised more than at the
 * beginning: the same on Linux and in Quire. Needs 8 free ones.
 */
#include "hugetlb.h"
#include <errno.h>
#include <linux/falloc.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#define PAGE	4096ul
#define ANON	(MAP_ANONYMOUS | MAP_HUGETLB)
#define PUNCH	(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)
#define AT	((char *)0x20000000000)

static long used, promised;		/* at the beginning */

static long in_use(void)
{
	return pool("nr") - pool("free");
}

static void show(const char *when)
{
	printf("%-36s %ld in use, %ld promised\n", when, in_use() - used, pool("resv") - promised);
	fflush(stdout);
}

static const char *word(long r)
{
	return r == -1 ? strerrorname_np(errno) : r ? "yes" : "0";
}

#define DO(call)	(printf("%s: %s\n", #call, word((long)(call))), fflush(stdout))

static sigjmp_buf back;

static void on_signal(int sig)
{
	siglongjmp(back, sig);
}

/* Writes `value`, if that is not 0, and reads. */
static void touch(const char *what, volatile char *p, int value)
{
	int sig = sigsetjmp(back, 1);

	if (!sig && value)
		*p = (char)value;
	if (!sig)
		printf("%s: %d\n", what, *p);
	else
		printf("%s: %s\n", what, strsignal(sig));
	fflush(stdout);
}

#define TOUCH(p, value)	touch(value ? "write " #p : "read " #p, p, value)

static char *map(int fd, unsigned long first, unsigned long n, int flags)
{
	char *p = mmap(NULL, n * SIZE, RW, flags, fd, (off_t)(first * SIZE));

	if (p == MAP_FAILED)
		printf("mmap of %lu at %lu: %s\n", n, first, strerrorname_np(errno));
	return p;
}

static void stat_of(int fd)
{
	struct stat st;

	fstat(fd, &st);
	printf("size %ld, block size %ld, blocks %ld\n", (long)st.st_size, (long)st.st_blksize, (long)st.st_blocks);
}

static void creation(void)
{
	int fd = memfd_create("x", MFD_HUGETLB);
	struct statfs fs;
	char text[8];

	DO(memfd_create("x", MFD_HUGETLB | 13u << 26));
	DO(memfd_create("x", MFD_HUGETLB | 21u << 26));
	DO(memfd_create("x", 21u << 26));
	stat_of(fd);
	fstatfs(fd, &fs);
	printf("file system 0x%lx, blocks of %ld\n", (long)fs.f_type, (long)fs.f_bsize);
	DO(ftruncate(fd, PAGE));
	DO(ftruncate(fd, 3 * SIZE));
	DO(write(fd, "a", 1));
	DO(read(fd, text, 4));
	DO(lseek(fd, 5, SEEK_DATA));
	DO(lseek(fd, 0, SEEK_HOLE) == 3 * SIZE);
	DO(lseek(fd, 3 * SIZE, SEEK_DATA));
	close(fd);
}

static void shared_and_private(int fd, char **shared, char **private)
{
	char *p, *q, text[8] = "";

	DO(ftruncate(fd, 3 * SIZE));
	show("3 long");
	p = map(fd, 0, 2, MAP_SHARED);
	show("2 shared");
	q = map(fd, 1, 2, MAP_SHARED);
	show("2 more, from 1 on");
	munmap(q, 2 * SIZE);
	show("unmapped");
	q = map(fd, 0, 3, MAP_PRIVATE);
	show("3 private");
	TOUCH(p, 1);
	show("one written, shared");
	TOUCH(q, 0);
	show("and read, private");
	TOUCH(q, 2);
	show("and written, private");
	TOUCH(p, 0);
	TOUCH(q + SIZE, 0);
	show("a hole read, private");
	TOUCH(p + SIZE, 5);
	TOUCH(q + SIZE, 0);
	show("and written, shared");
	lseek(fd, SIZE - 1, SEEK_SET);
	DO(read(fd, text, 3));
	printf("read %d %d %d\n", text[0], text[1], text[2]);
	stat_of(fd);
	*shared = p;
	*private = q;
}

static void sizes(int fd, char *p, char *q)
{
	DO(fallocate(fd, PUNCH, 0, SIZE));
	show("a hole");
	TOUCH(q, 0);
	TOUCH(p, 0);
	show("read again");
	DO(fallocate(fd, PUNCH, SIZE + 100, SIZE));
	TOUCH(p + SIZE, 0);
	p[SIZE + 99] = 7;
	p[SIZE + 100] = 8;
	DO(fallocate(fd, PUNCH, SIZE + 100, 50));
	printf("%d %d\n", p[SIZE + 99], p[SIZE + 100]);
	show("a small hole");
	DO(fallocate(fd, 0, 4 * SIZE + 100, 10));
	stat_of(fd);
	show("allocated behind the end");
	DO(fallocate(fd, FALLOC_FL_KEEP_SIZE, 5 * SIZE, 1));
	stat_of(fd);
	DO(fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, SIZE));
	DO(fallocate(fd, 0, 0, 1000 * SIZE));
	DO(ftruncate(fd, SIZE));
	show("cut to 1");
	TOUCH(q + SIZE, 0);
	TOUCH(p + SIZE, 0);
	TOUCH(p, 0);
	stat_of(fd);
	DO(ftruncate(fd, 0));
	show("cut to 0");
	DO(ftruncate(fd, 2 * SIZE));
	TOUCH(p, 0);
	TOUCH(q, 0);
	show("2 again, both read");
	munmap(p, 2 * SIZE);
	munmap(q, 3 * SIZE);
	show("unmapped");
	close(fd);
	show("closed");
}

static void places(void)
{
	int fd = memfd_create("y", MFD_HUGETLB | MFD_ALLOW_SEALING);
	char *p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0), *q;

	stat_of(fd);
	show("4 KB of it, to read");
	TOUCH(p, 0);
	q = mmap(NULL, PAGE, RW, MAP_SHARED, fd, SIZE);
	stat_of(fd);
	show("4 KB of it, to write");
	TOUCH(q + SIZE - 1, 3);
	DO(mmap(NULL, PAGE, RW, MAP_SHARED, fd, PAGE));
	DO(mmap(p + PAGE, PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0));
	DO(mmap(AT + PAGE, PAGE, RW, MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0));
	DO(munmap(p, PAGE));
	printf("at %p\n", mmap(AT + PAGE, PAGE, RW, MAP_SHARED, fd, 0));
	munmap(AT + SIZE, SIZE);
	munmap(p, SIZE);
	DO(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	munmap(q, SIZE);
	DO(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK));
	DO(mmap(NULL, SIZE, RW, MAP_SHARED, fd, 0));
	DO(mprotect(mmap(AT, SIZE, PROT_READ, MAP_SHARED, fd, 0), SIZE, RW));
	DO(ftruncate(fd, 8 * SIZE));
	DO(ftruncate(fd, SIZE));
	DO(fallocate(fd, PUNCH, 0, SIZE));
	DO(fallocate(fd, 0, 0, 2 * SIZE));
	DO(fallocate(fd, 0, 0, 3 * SIZE));
	munmap(AT, SIZE);
	close(fd);
	fd = memfd_create("n", MFD_HUGETLB);
	p = map(fd, 0, 2, MAP_SHARED | MAP_NORESERVE);
	show("not promised");
	TOUCH(p, 1);
	show("and written");
	munmap(p, 2 * SIZE);
	DO(mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE | MAP_HUGETLB, open("/proc/self/exe", O_RDONLY), 0));
	close(fd);
	show("closed");
}

static void advice(char *p)
{
	unsigned char there[3 * SIZE / PAGE];

	DO(madvise(p, PAGE, MADV_DONTNEED));
	DO(madvise(p + PAGE, SIZE, MADV_DONTNEED));
	TOUCH(p, 0);
	DO(madvise(p, SIZE + PAGE, MADV_DONTNEED));
	show("one given up");
	mincore(p, 3 * SIZE, there);
	printf("%d %d %d\n", there[0], there[SIZE / PAGE], there[3 * SIZE / PAGE - 1]);
	TOUCH(p, 0);
	DO(madvise(p, SIZE, MADV_FREE));
	DO(madvise(p, SIZE, MADV_COLD));
	DO(madvise(p, SIZE, MADV_PAGEOUT));
	DO(madvise(p, SIZE, MADV_WILLNEED));
	DO(madvise(p, SIZE, MADV_REMOVE));
	DO(madvise(p, PAGE, MADV_DONTDUMP));
	DO(madvise(p, SIZE, MADV_DONTDUMP));
	DO(madvise(p, SIZE, MADV_DODUMP));
	DO(madvise(p, SIZE, MADV_WIPEONFORK));
	DO(madvise(p, PAGE, MADV_POPULATE_WRITE));
	DO(madvise(p, PAGE, MADV_SEQUENTIAL));
	DO(mprotect(p, PAGE, PROT_READ));
	DO(mprotect(p, SIZE + PAGE, PROT_READ));
	DO(mprotect(p, 3 * SIZE, RW));
	DO(munmap(p, PAGE));
	DO(munmap(p + SIZE, SIZE + PAGE));
	madvise(p, SIZE, MADV_DONTNEED);
	DO(mlock(p, PAGE));
	show("locked");
	DO(munlock(p, SIZE));
	DO(msync(p, SIZE, MS_SYNC));
	printf("%d %d\n", p[SIZE], p[2 * SIZE]);
}

static void moves(void)
{
	char *p = map(-1, 0, 3, MAP_PRIVATE | ANON);

	show("3 mapped");
	TOUCH(p, 1);
	TOUCH(p + SIZE, 2);
	TOUCH(p + 2 * SIZE, 3);
	advice(p);
	DO(mremap(p, 3 * SIZE, 4 * SIZE, MREMAP_MAYMOVE));
	DO(mremap(p, SIZE, 3 * SIZE, 0));
	DO(mremap(p + PAGE, SIZE, SIZE, 0));
	DO(mremap(p, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP));
	DO(mremap(p, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, AT + PAGE));
	p[0] = 4;
	DO(mremap(p, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, AT));
	TOUCH(p, 0);
	TOUCH(AT, 0);
	DO(mremap(p + SIZE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, AT + SIZE));
	TOUCH(AT + SIZE, 0);
	DO(mremap(p + SIZE, PAGE, SIZE, 0));
	show("moved");
	DO(mremap(AT, 2 * SIZE, PAGE, 0));
	TOUCH(AT + SIZE, 0);
	show("one cut off");
	DO(mremap(AT, 2 * SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, AT + 8 * SIZE));
	TOUCH(AT + 8 * SIZE, 0);
	munmap(p, 3 * SIZE);
	munmap(AT, 16 * SIZE);
	show("unmapped");
	p = map(-1, 0, 2, MAP_PRIVATE | ANON);
	DO(mremap(p, 2 * SIZE, 2 * SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, AT));
	show("moved unread");
	TOUCH(AT, 1);
	munmap(AT, 2 * SIZE);
	show("unmapped");
}

static void shared_anonymous(void)
{
	char *p = map(-1, 0, 1, MAP_SHARED | ANON);

	TOUCH(p, 3);
	DO(mremap(p, 0, SIZE, MREMAP_MAYMOVE));
	DO(madvise(p, SIZE, MADV_DONTNEED));
	TOUCH(p, 0);
	DO(madvise(p, SIZE, MADV_REMOVE));
	show("removed");
	TOUCH(p, 0);
	munmap(p, SIZE);
	show("unmapped");
}

static void child_of(char *p, int from_parent, int to_parent)
{
	char c;

	TOUCH(p, 0);
	write(to_parent, "x", 1);
	read(from_parent, &c, 1);
	TOUCH(p, 0);
	TOUCH(p + SIZE, 0);
	TOUCH(p + SIZE, 5);
	_exit(0);
}

/* The owner writes to pages that he shares, and the pool is empty: he keeps them. */
static void owner_first(void)
{
	unsigned long n = (unsigned long)(pool("free") - pool("resv"));
	char *p = map(-1, 0, n, MAP_PRIVATE | ANON), c;
	int up[2], down[2];

	for (unsigned long i = 0; i < n; i++)
		p[i * SIZE] = (char)(i + 1);
	pipe(up);
	pipe(down);
	if (!fork())
		child_of(p, down[0], up[1]);
	read(up[0], &c, 1);
	TOUCH(p, 9);
	write(down[1], "x", 1);
	wait(NULL);
	TOUCH(p, 0);
	TOUCH(p + SIZE, 0);
	munmap(p, n * SIZE);
	show("unmapped");
}

int main(void)
{
	char *shared, *private;
	int fd;

	signal(SIGBUS, on_signal);
	signal(SIGSEGV, on_signal);
	used = in_use();
	promised = pool("resv");
	creation();
	fd = memfd_create("x", MFD_HUGETLB);
	shared_and_private(fd, &shared, &private);
	verify();
	sizes(fd, shared, private);
	verify();
	places();
	moves();
	verify();
	shared_anonymous();
	owner_first();
	verify();
	return 0;
}
