/* What /proc/self says about mappings: maps, pagemap, statm and status, and the files' errors. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE	4096ul
#define BIG	2048ul

static char text[1 << 16];

static char *contents(const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t n, all = 0;

	if (fd < 0)
		return strcpy(text, "");
	while ((n = read(fd, text + all, sizeof(text) - 1 - all)) > 0)
		all += n;
	close(fd);
	text[all] = '\0';
	return text;
}

/* The line of the mapping that p lies in: rights, offset, whether a file is behind it, size. */
static void show_line(const char *what, const void *p)
{
	unsigned long start, end, off, ino;
	unsigned major, minor;
	char rights[8];

	for (char *line = contents("/proc/self/maps"); *line; line = strchr(line, '\n') + 1) {
		int name = 0, n = sscanf(line, "%lx-%lx %4s %lx %x:%x %lu %n", &start, &end, rights,
					 &off, &major, &minor, &ino, &name);
		int len = (int)(strchr(line, '\n') - line);

		if (n != 7 || (unsigned long)p < start || (unsigned long)p >= end)
			continue;
		if (name > len)
			name = len;
		printf("%s: %s, %lu pages, offset %lx, %s, name at %d: %.*s\n", what, rights,
		       (end - start) / PAGE, off, ino ? "inode" : "no inode",
		       name < len ? name : -1,
		       line[name] == '/' && off == 0 && ino && !strstr(line, "zero") ? 0
										     : len - name,
		       line + name);
		return;
	}
	printf("%s: not in maps\n", what);
}

static void maps(void)
{
	char *p = mmap(NULL, 16 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *shared =
		mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	long end = syscall(SYS_brk, 0);

	mprotect(p + 4 * PAGE, PAGE, PROT_READ);
	mprotect(p + 6 * PAGE, 2 * PAGE, PROT_READ | PROT_WRITE);
	mprotect(p + 10 * PAGE, PAGE, PROT_READ | PROT_EXEC);
	show_line("read", p + 4 * PAGE);
	show_line("write", p + 6 * PAGE);
	show_line("exec", p + 10 * PAGE);
	show_line("between", p + 5 * PAGE);
	show_line("shared", shared);
	munmap(p, 16 * PAGE);
	munmap(shared, 3 * PAGE);
	printf("stack: %d\n", strstr(contents("/proc/self/maps"), "[stack]\n") != NULL);
	syscall(SYS_brk, end + 2 * PAGE);
	printf("heap: %d\n", strstr(contents("/proc/self/maps"), "[heap]\n") != NULL);
}

/* ---- pagemap ---- */

/* Of the page that p lies in. */
static uint64_t word(const void *p)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t w = 0;

	if (pread(fd, &w, 8, (long)((uintptr_t)p / PAGE * 8)) != 8)
		printf("pagemap: %s\n", strerror(errno));
	close(fd);
	return w;
}

static void show_word(const char *what, const volatile char *p)
{
	uint64_t w = word((const void *)p);

	printf("%s: present %d swapped %d file %d\n", what, (int)(w >> 63), (int)(w >> 62 & 1),
	       (int)(w >> 61 & 1));
}

static void pagemap(void)
{
	volatile char *p =
		mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	volatile char *s =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t words[4];
	int fd = open("/proc/self/pagemap", O_RDONLY);

	p[PAGE] = 1;
	(void)p[2 * PAGE];
	s[0] = 1;
	show_word("untouched", p);
	show_word("written", p + PAGE);
	show_word("read", p + 2 * PAGE);
	show_word("shared", s);
	printf("four: %zd\n", pread(fd, words, 32, (long)((uintptr_t)p / PAGE * 8)));
	printf("present: %d%d%d%d\n", (int)(words[0] >> 63), (int)(words[1] >> 63),
	       (int)(words[2] >> 63), (int)(words[3] >> 63));
	printf("odd place: %d\n", pread(fd, words, 8, 3) == -1 && errno == EINVAL);
	printf("odd size: %d\n", pread(fd, words, 7, 0) == -1 && errno == EINVAL);
	close(fd);
}

/* ---- figures ---- */

static long status_kb(const char *key)
{
	const char *at = strstr(contents("/proc/self/status"), key);

	return at ? strtol(at + strlen(key) + 1, NULL, 10) : -1;
}

static long statm(int field)
{
	char *at = contents("/proc/self/statm");

	while (field--)
		at = strchr(at, ' ') + 1;
	return strtol(at, NULL, 10);
}

/* Linux counts resident pages in batches for each CPU: not to the page. */
static int about(long got, long want)
{
	return got > want - 512 && got < want + 512;
}

static void figures(void)
{
	long size = status_kb("VmSize"), data = status_kb("VmData"), rss = status_kb("RssAnon");
	long pages = statm(0), peak;
	char *p =
		mmap(NULL, BIG * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	printf("size +%ld, data +%ld, statm +%ld\n", status_kb("VmSize") - size,
	       status_kb("VmData") - data, statm(0) - pages);
	memset(p, 1, BIG * PAGE);
	printf("resident: %d\n", about(status_kb("RssAnon") - rss, BIG * 4));
	printf("of it: %d\n", status_kb("VmRSS") >= status_kb("RssAnon") + status_kb("RssFile"));
	peak = status_kb("VmPeak");
	munmap(p, BIG * PAGE);
	printf("size +%ld, peak +%ld\n", status_kb("VmSize") - size, status_kb("VmPeak") - peak);
	printf("high water: %d\n", status_kb("VmHWM") - status_kb("VmRSS") > (long)BIG * 4 - 512);
	printf("locked %ld, pinned %ld, swapped %ld, threads %ld\n", status_kb("VmLck"),
	       status_kb("VmPin"), status_kb("VmSwap"), status_kb("Threads"));
	printf("own number: %d\n", status_kb("\nPid") == getpid());
}

/* ---- files, directories, links ---- */

static void try_open(const char *path, int flags)
{
	int fd = open(path, flags);

	printf("%s: %s\n", path, fd < 0 ? strerror(errno) : "opened");
	if (fd >= 0)
		close(fd);
}

static void names(void)
{
	char link[256] = "", own[64];
	int fd;

	try_open("/proc/self/nothing", O_RDONLY);
	try_open("/proc/self/maps/x", O_RDONLY);
	try_open("/proc/999999999", O_RDONLY);
	try_open("/proc/0", O_RDONLY);
	try_open("/proc/self/fd/77", O_RDONLY);
	try_open("/proc/self/fd/0", O_RDONLY);
	try_open("/proc/self/cwd", O_RDONLY | O_DIRECTORY);
	try_open("/proc/self/task", O_RDONLY | O_DIRECTORY);
	try_open("/proc/thread-self/status", O_RDONLY);
	snprintf(own, sizeof(own), "%d", getpid());
	printf("self: %d\n",
	       readlink("/proc/self", link, sizeof(link) - 1) > 0 && strcmp(link, own) == 0);
	fd = open("/proc/self/comm", O_RDONLY);
	printf("comm: %zd %d\n", read(fd, link, sizeof(link)),
	       memcmp(link, "proc_maps\n", 10) == 0);
	printf("again: %zd\n", read(fd, link, sizeof(link)));
	lseek(fd, 5, SEEK_SET);
	printf("from 5: %zd\n", read(fd, link, sizeof(link)));
	close(fd);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd = open("/proc/self/statm", O_RDONLY));
	printf("fd link: %zd", readlink(link, text, sizeof(text)) - (ssize_t)strlen(own));
	printf(" %d\n", fd >= 0);
	chdir("/proc/self");
	printf("cwd: %d\n", getcwd(text, sizeof(text)) && strncmp(text, "/proc/", 6) == 0 &&
				    strcmp(text + 6, own) == 0);
}

int main(int argc, char **argv)
{
	char *cmdline = contents("/proc/self/cmdline");

	printf("cmdline: %d\n", argc == 1 && strcmp(cmdline, argv[0]) == 0);
	maps();
	pagemap();
	figures();
	names();
	return 0;
}
