/* Hard and symbolic links, and files that have lost their name. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>

#include "place.h"

static void show(const char *path)
{
	struct stat st;
	char text[64];
	ssize_t n;

	if (lstat(path, &st)) {
		printf("%s: %s\n", path, strerror(errno));
		return;
	}
	n = readlink(path, text, sizeof(text) - 1);
	printf("%s: mode %o, %lu links, %ld bytes%s%.*s\n", path, st.st_mode, (unsigned long)st.st_nlink,
	       (long)st.st_size, n < 0 ? "" : " -> ", n < 0 ? 0 : (int)n, text);
}

static void hard(void)
{
	place_file("a", "text");
	call_show("link", link("a", "b"));
	call_show("link again", link("a", "b"));
	call_show("link of nothing", link("missing", "c"));
	call_show("link of a directory", link(".", "c"));
	mkdir("d", 0777);
	call_show("link of d", link("d", "c"));
	call_show("link to c/", link("a", "c/"));
	call_show("link to d/", link("a", "d/"));
	call_show("link to d/c", link("a", "d/c"));
	call_show("across file systems", link("/proc/version", "c"));
	show("a");
	call_show("unlink a", unlink("a"));
	place_show("b");
	place_file("d/c", "new");
	place_show("b");
	show("b");
	call_show("linkat of a symbolic link", symlink("b", "s") || linkat(AT_FDCWD, "s", AT_FDCWD, "t", 0));
	show("t");
	call_show("linkat that follows", linkat(AT_FDCWD, "s", AT_FDCWD, "u", AT_SYMLINK_FOLLOW));
	show("u");
}

static void symbolic(void)
{
	char buf[4];

	call_show("symlink", symlink("nowhere/at all", "dangling"));
	call_show("again", symlink("x", "dangling"));
	call_show("of nothing", symlink("", "x"));
	call_show("to x/", symlink("b", "x/"));
	show("dangling");
	call_show("open", open("dangling", O_RDONLY));
	call_show("readlink cut", readlink("dangling", buf, sizeof(buf)));
	call_show("readlink of a file", readlink("b", buf, sizeof(buf)));
	call_show("readlink of nothing", readlink("missing", buf, sizeof(buf)));
	call_show("readlink, no room", readlink("dangling", buf, 0));
	symlink("made", "to-make");
	call_show("made through a link", close(open("to-make", O_CREAT | O_WRONLY, 0600)));
	show("made");
	call_show("alone", open("to-make", O_CREAT | O_EXCL | O_WRONLY, 0600));
	call_show("not through it", open("to-make", O_RDONLY | O_NOFOLLOW));
	call_show("chmod through it", chmod("to-make", 0640));
	show("made");
	symlink("../d", "d/self");
	show("d/self/self/c");
	show("d/self/");
	symlink("loop", "loop");
	call_show("loop", open("loop", O_RDONLY));
	call_show("truncate through it", truncate("to-make", 100));
	show("made");
}

/* The file lives as long as somebody has it: open, or mapped. */
static void nameless(void)
{
	char text[300], buf[32] = "";
	struct stat st;
	char *map;
	ssize_t n;
	int fd;

	place_file("temp", "still here");
	fd = open("temp", O_RDWR);
	map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	call_show("unlink", unlink("temp"));
	fstat(fd, &st);
	printf("%lu links, %s\n", (unsigned long)st.st_nlink, map);
	n = readlink("/proc/self/fd/3", text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	printf("fd 3 is %d: %s\n", fd, strrchr(text, '/'));
	call_show("another of that name", close(open("temp", O_CREAT | O_EXCL | O_WRONLY, 0666)));
	call_show("write", pwrite(fd, "S", 1, 0));
	call_show("ftruncate", ftruncate(fd, 5));
	call_show("linkat of a dead one", linkat(AT_FDCWD, "/proc/self/fd/3", AT_FDCWD, "alive", AT_SYMLINK_FOLLOW));
	call_show("close", close(fd));
	printf("%s\n", map);
	strcpy(map, "last");
	munmap(map, PAGE);
	fd = open(".", O_TMPFILE | O_RDWR, 0600);
	call_show("O_TMPFILE", fd < 0 ? -1 : 0);
	call_show("write", write(fd, "tmp", 3));
	snprintf(text, sizeof(text), "/proc/self/fd/%d", fd);
	call_show("linkat", linkat(AT_FDCWD, text, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
	close(fd);
	place_show("named");
	fd = open("named", O_PATH);
	call_show("read of O_PATH", read(fd, buf, 1));
	call_show("fchmod of O_PATH", fchmod(fd, 0));
	call_show("fstat of O_PATH", fstat(fd, &st));
	call_show("F_GETFL", fcntl(fd, F_GETFL));
	snprintf(text, sizeof(text), "/proc/self/fd/%d", fd);
	call_show("opened again", read(open(text, O_RDONLY), buf, sizeof(buf)));
	printf("%s\n", buf);
	close(fd);
}

int main(void)
{
	place_enter();
	hard();
	symbolic();
	nameless();
	place_leave();
	return 0;
}
