/* /proc/self/pagemap, /proc/kpagecount and /proc/kpageflags of pages whose uses are known. As root; the same on Linux and in Quire. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE	4096ul

/* Of <linux/kernel-page-flags.h>, which not every compiler of small programs finds. */
enum { KPF_SLAB = 7, KPF_BUDDY = 10, KPF_MMAP = 11, KPF_ANON = 12, KPF_SWAPBACKED = 14, KPF_HUGE = 17, KPF_NOPAGE = 20,
       KPF_ZERO_PAGE = 24, KPF_PGTABLE = 26, KPF_MLOCKED = 33 };

static uint64_t word(const char *path, uint64_t index)
{
	int fd = open(path, O_RDONLY);
	uint64_t v = 0;

	if (fd < 0 || pread(fd, &v, 8, (long)(8 * index)) != 8)
		perror(path);
	close(fd);
	return v;
}

static uint64_t frame(void *p)
{
	return word("/proc/self/pagemap", (uintptr_t)p / PAGE) & ((1ul << 55) - 1);
}

static void show(const char *what, void *p)
{
	static const struct { int bit; const char *name; } flags[] = {
		{ KPF_MMAP, "mapped" }, { KPF_ANON, "anonymous" }, { KPF_SWAPBACKED, "swap-backed" },
		{ KPF_ZERO_PAGE, "zero" }, { KPF_BUDDY, "free" }, { KPF_SLAB, "slab" }, { KPF_NOPAGE, "none" },
		{ KPF_HUGE, "huge" }, { KPF_MLOCKED, "locked" }, { KPF_PGTABLE, "table" },
	};
	uint64_t f = frame(p), word_flags = word("/proc/kpageflags", f);

	printf("%s: %ld times:", what, (long)word("/proc/kpagecount", f));
	for (unsigned i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if (word_flags >> flags[i].bit & 1)
			printf(" %s", flags[i].name);
	printf("\n");
	fflush(stdout);
}

static int away[2], here[2];

/* A child looks at p (writing to it, if told to), and waits until the parent has looked, too. */
static void with_child(const char *what, char *p, int writes)
{
	char c;
	int pid;

	pipe(away);
	pipe(here);
	pid = fork();
	if (!pid) {
		c = *(volatile char *)p;
		if (writes)
			*(volatile char *)p = (char)(c + 1);
		write(here[1], &c, 1);
		read(away[0], &c, 1);
		_exit(0);
	}
	read(here[0], &c, 1);
	show(what, p);
	write(away[1], &c, 1);
	waitpid(pid, NULL, 0);
	for (int i = 0; i < 2; i++) {
		close(away[i]);
		close(here[i]);
	}
}

static char *map(int flags)
{
	return mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | flags, -1, 0);
}

int main(void)
{
	char *p = map(MAP_PRIVATE), *s = map(MAP_SHARED), *f;
	int fd = memfd_create("file", 0);

	printf("never touched: %s\n", frame(p) ? "a frame" : "no frame");
	(void)*(volatile char *)p;
	madvise(p, 64 * PAGE, MADV_NOHUGEPAGE);
	printf("read: %s\n", word("/proc/kpageflags", frame(p)) >> KPF_ZERO_PAGE & 1 ? "the zero page" : "another");
	for (unsigned i = 0; i < 64; i++)
		p[i * PAGE] = s[i * PAGE] = 1;
	show("private", p);
	show("the next", p + PAGE);
	with_child("with a child that reads", p, 0);
	with_child("with a child that writes", p, 1);
	show("after both", p);
	mlock(p, PAGE);
	show("locked", p);
	munlock(p, PAGE);
	show("shared", s);
	with_child("with a child, shared", s, 1);
	ftruncate(fd, PAGE);
	f = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	*f = 1;
	show("of a file in memory", f);
	fd = open("/proc/kpageflags", O_RDONLY);
	printf("odd places: %ld", (long)pread(fd, f, 8, 4));
	printf(", odd lengths: %ld", (long)pread(fd, f, 7, 0));
	printf(", far behind: %ld\n", (long)pread(fd, f, 8, 1l << 60));
	return 0;
}
