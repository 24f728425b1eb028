/* Files and folders: reading, seeking, listing, links, copies of numbers, the working directory. */
/* files: tree */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static char buf[20000];

static unsigned long sum(const char *p, ssize_t n)
{
	unsigned long s = 0;

	for (ssize_t i = 0; i < n; i++)
		s = s * 131 + (unsigned char)p[i];
	return s;
}

static void reading(void)
{
	struct iovec v[3] = { { buf, 5 }, { buf + 100, 0 }, { buf + 200, 7000 } };
	int fd = open("tree/odd", O_RDONLY);
	ssize_t n = read(fd, buf, sizeof(buf));

	printf("whole %zd %lx, then %zd\n", n, sum(buf, n), read(fd, buf, 10));
	printf("seek %ld\n", (long)lseek(fd, 4090, SEEK_SET));
	n = read(fd, buf, 20);
	printf("over a page's end %zd %lx at %ld\n", n, sum(buf, n), (long)lseek(fd, 0, SEEK_CUR));
	printf("from the end %ld\n", (long)lseek(fd, -3, SEEK_END));
	n = read(fd, buf, 20);
	printf("last %zd %lx\n", n, sum(buf, n));
	n = pread(fd, buf, 100, 9950);
	printf("pread %zd %lx, position %ld\n", n, sum(buf, n), (long)lseek(fd, 0, SEEK_CUR));
	printf("past the end %ld %zd %zd\n", (long)lseek(fd, 1000000, SEEK_SET), read(fd, buf, 1),
	       pread(fd, buf, 1, 1L << 40));
	lseek(fd, 4000, SEEK_SET);
	n = readv(fd, v, 3);
	printf("readv %zd %lx %lx\n", n, sum(buf, 5), sum(buf + 200, 5996));
	for (n = lseek(fd, 0, SEEK_SET); read(fd, buf + n, 1) == 1; n++)
		;
	printf("byte by byte %zd %lx\n", n, sum(buf, n));
	close(fd);
}

static void show(const char *path, int (*how)(const char *, struct stat *))
{
	struct stat st;

	if (how(path, &st)) {
		perror(path);
		return;
	}
	printf("%s: mode %o", path, st.st_mode);
	if (S_ISREG(st.st_mode) || S_ISLNK(st.st_mode))
		printf(" links %lu size %ld", (unsigned long)st.st_nlink, (long)st.st_size);
	printf("\n");
}

static void stating(void)
{
	static const char *const paths[] = {
		"tree/text", "tree/empty", "tree/odd", "tree/link", "tree/dir", "tree/dirlink",
		"tree/dirlink/", "tree/dir/up",
		"tree/dirlink/sub/../inner", "tree/dangling", "tree/loop1", "tree/text/",
		"tree/text/x", "tree/none", "",
	};

	for (unsigned i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		show(paths[i], stat);
		show(paths[i], lstat);
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void listing(const char *path)
{
	char *names[2000];
	DIR *d = opendir(path);
	struct dirent *e;
	size_t n = 0;
	char line[300];

	while ((e = readdir(d)) && n < 2000) {
		snprintf(line, sizeof(line), "%s (%d)", e->d_name, e->d_type);
		names[n++] = strdup(line);
	}
	qsort(names, n, sizeof(names[0]), by_name);
	printf("%s: %zu names\n", path, n);
	for (size_t i = 0; i < n; i++) {
		printf("  %s\n", names[i]);
		free(names[i]);
	}
	rewinddir(d);
	for (n = 0; readdir(d); n++)
		;
	printf("again: %zu names\n", n);
	closedir(d);
}

static void links(void)
{
	char text[64] = "................";
	ssize_t n = readlink("tree/dir/up", text, sizeof(text));

	printf("readlink %zd %.20s\n", n, text);
	n = readlink("tree/dir/up", text, 3);
	printf("short %zd %.8s\n", n, text);
	n = readlinkat(AT_FDCWD, "tree/text", text, 3);
	printf("of a file %zd\n", n);
}

static void numbers(void)
{
	int fd = open("tree/text", O_RDONLY), two = dup(fd), far = fcntl(fd, F_DUPFD, 20);
	int ten = dup2(fd, 10);

	printf("dup %d %d %d %d\n", fd, two, far, ten);
	read(two, buf, 6);
	printf("one position: %ld\n", (long)lseek(far, 0, SEEK_CUR));
	printf("flags %d %d\n", fcntl(fd, F_GETFD), fcntl(fd, F_GETFL) & O_ACCMODE);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	printf("flags %d %d\n", fcntl(fd, F_GETFD), fcntl(two, F_GETFD));
	printf("dup3 %d %d\n", dup3(fd, 11, O_CLOEXEC), fcntl(11, F_GETFD));
	printf("cloexec dup %d\n", fcntl(fcntl(fd, F_DUPFD_CLOEXEC, 30), F_GETFD));
	printf("nonblock %d\n", fcntl(fd, F_SETFL, O_NONBLOCK) ||
	       !(fcntl(two, F_GETFL) & O_NONBLOCK));
	printf("close %d %d, lowest is %d\n", close(two), close(two), dup(fd));
}

static void directories(void)
{
	char was[PATH_MAX], now[PATH_MAX];
	int dir = open("tree/dir", O_RDONLY | O_DIRECTORY), fd;
	struct stat st;

	getcwd(was, sizeof(was));
	printf("chdir %d\n", chdir("tree/dirlink/sub"));
	getcwd(now, sizeof(now));
	printf("below the start: %s\n", now + (strcmp(was, "/") ? strlen(was) : 0));
	printf("relative %d\n", stat("deep", &st) || stat("../inner", &st) ||
	       stat("../../text", &st));
	printf("fchdir %d, then %d\n", fchdir(dir), stat("inner", &st));
	fd = openat(dir, "sub/deep", O_RDONLY);
	printf("openat %zd %.4s\n", read(fd, buf, 100), buf);
	printf("fstatat %d %d\n", fstatat(dir, "up", &st, 0), S_ISREG(st.st_mode));
	printf("fstatat %d %d\n", fstatat(dir, "up", &st, AT_SYMLINK_NOFOLLOW),
	       S_ISLNK(st.st_mode));
	printf("empty path %d %d\n", fstatat(fd, "", &st, AT_EMPTY_PATH), (int)st.st_size);
	chdir(was);
}

static void outcome(const char *what, long r)
{
	printf("  %s: %s\n", what, r < 0 ? strerror(errno) : "ok");
}

/* Mode 3: neither to read nor to write, but for device control. */
static void no_access(const char *path, int more)
{
	int fd = open(path, 3 | more);
	struct iovec v = { buf, 1 };

	printf("mode 3 of %s: %s\n", path, fd < 0 ? strerror(errno) : "ok");
	if (fd < 0)
		return;
	printf("flags %d\n", fcntl(fd, F_GETFL) & O_ACCMODE);
	outcome("read", read(fd, buf, 1));
	outcome("write", write(fd, buf, 1));
	outcome("readv", readv(fd, &v, 1));
	outcome("writev", writev(fd, &v, 1));
	outcome("ftruncate", ftruncate(fd, 0));
	outcome("seek", lseek(fd, 0, SEEK_SET));
	outcome("mmap", mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0);
	close(fd);
}

static void access_modes(void)
{
	no_access("/dev/null", 0);
	no_access("/dev/zero", 0);
	no_access("tree/dir", 0);
	no_access("tree/dir", O_DIRECTORY);
	no_access("tree/none", 0);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	dup2(1, 2);
	reading();
	stating();
	listing("tree");
	listing("tree/dir");
	links();
	numbers();
	directories();
	access_modes();
	return 0;
}
