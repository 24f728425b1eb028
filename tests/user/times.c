/* Which of a file's times change with what is done to it or its directory: compared with what they were. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>

#include "place.h"

#define SAME(a, b) ((a).tv_sec == (b).tv_sec && (a).tv_nsec == (b).tv_nsec)

static struct stat before;

static void look(const char *path, struct stat *st)
{
	if (lstat(path, st))
		perror(path);
}

static void mark(const char *path)
{
	look(path, &before);
	nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
}

static void changed(const char *what, const char *path)
{
	struct stat st;

	look(path, &st);
	printf("%s:%s%s%s\n", what, SAME(st.st_atim, before.st_atim) ? "" : " atime",
	       SAME(st.st_mtim, before.st_mtim) ? "" : " mtime", SAME(st.st_ctim, before.st_ctim) ? "" : " ctime");
}

#define DO(path, ...) (mark(path), (void)!(__VA_ARGS__), changed(#__VA_ARGS__, path))

static void content(int fd)
{
	char buf[4];

	DO("f", write(fd, "text", 4));
	DO("f", pread(fd, buf, 4, 0));
	DO("f", pread(fd, buf, 4, 0));		/* relatime: it was read since it changed */
	DO("f", pwrite(fd, "", 0, 0));
	DO("f", ftruncate(fd, 2));
	DO("f", ftruncate(fd, 2));
	DO("f", fsync(fd));
	DO("f", close(open("f", O_WRONLY)));
	DO("f", close(open("f", O_WRONLY | O_TRUNC)));
}

static void names(void)
{
	DO(".", mkdir("d", 0777));
	DO("d", close(creat("d/x", 0666)));
	DO("d", close(open("d/x", O_CREAT | O_RDWR, 0666)));
	DO("d", chmod("d/x", 0600));
	DO("f", link("f", "d/g"));
	DO("d", link("f", "d/h"));
	DO("f", unlink("d/h"));
	DO("d", unlink("d/g"));
	DO("f", rename("f", "d/f") || rename("d/f", "f"));
	DO("d", rename("d/x", "d/y"));
	DO("d", rename("d/y", "y"));
	DO(".", symlink("f", "s"));
	DO("s", readlink("s", (char[8]){ 0 }, 8));
	DO("f", unlink("missing"));
	DO("d", rmdir("d"));
}

static void attributes(int fd)
{
	struct timespec t[2] = { { 1000000000, 123456789 }, { -5, 999999999 } };
	struct stat st;

	DO("f", chmod("f", 0640));
	DO("f", chmod("f", 0640));
	DO("f", chown("f", 0, 0));
	DO("f", futimens(fd, t));
	look("f", &st);
	printf("%ld.%09ld %ld.%09ld\n", (long)st.st_atim.tv_sec, st.st_atim.tv_nsec, (long)st.st_mtim.tv_sec,
	       st.st_mtim.tv_nsec);
	t[0].tv_nsec = UTIME_OMIT;
	DO("f", utimensat(AT_FDCWD, "f", t, 0));
	t[1].tv_nsec = UTIME_NOW;
	DO("f", utimensat(AT_FDCWD, "f", t, 0));
	t[1].tv_nsec = UTIME_OMIT;
	DO("f", utimensat(AT_FDCWD, "f", t, 0));
	DO("f", utimensat(AT_FDCWD, "f", NULL, 0));
	DO("s", utimensat(AT_FDCWD, "s", NULL, AT_SYMLINK_NOFOLLOW));
	t[1].tv_nsec = 1000000000;
	call_show("bad", utimensat(AT_FDCWD, "f", t, 0));
	t[0].tv_nsec = t[1].tv_nsec = UTIME_OMIT;
	call_show("of nothing, left out", utimensat(AT_FDCWD, "missing", t, 0));
	call_show("of nothing", utimensat(AT_FDCWD, "missing", NULL, 0));
}

int main(void)
{
	int fd;

	place_enter();
	fd = open("f", O_CREAT | O_RDWR, 0666);
	content(fd);
	names();
	attributes(fd);
	place_leave();
	return 0;
}
