/* Directories: made, listed, removed; links counted; what is refused, and how; places that are removed. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "place.h"

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in path, sorted, with the kind that the listing tells. */
static void list(const char *path)
{
	static const char kinds[] = "?pc?d?b?-?l?s???";
	char *name[64];
	struct dirent *e;
	int n = 0;
	DIR *d = opendir(path);

	if (!d) {
		printf("%s: %s\n", path, strerror(errno));
		return;
	}
	while ((e = readdir(d)) != NULL && n < 64)
		if (asprintf(&name[n], "%c %s", kinds[e->d_type & 15], e->d_name) > 0)
			n++;
	closedir(d);
	qsort(name, n, sizeof(*name), by_name);
	printf("%s:", path);
	for (int i = 0; i < n; i++)
		printf(" [%s]", name[i]);
	printf("\n");
}

static void links(const char *path)
{
	struct stat st;

	if (!stat(path, &st))
		printf("%s: mode %o, %lu links\n", path, st.st_mode, (unsigned long)st.st_nlink);
	else
		printf("%s: %s\n", path, strerror(errno));
}

static void making(void)
{
	call_show("mkdir a", mkdir("a", 0777));
	call_show("mkdir a again", mkdir("a", 0777));
	call_show("mkdir a/b/", mkdir("a/b/", 0700));
	call_show("mkdir a//b/./c", mkdir("a//b/./c", 01777));
	call_show("mkdir missing/x", mkdir("missing/x", 0777));
	call_show("mkdir .", mkdir(".", 0777));
	call_show("mkdir ..", mkdir("..", 0777));
	call_show("mkdir /", mkdir("/", 0777));
	call_show("mkdir a/.", mkdir("a/.", 0777));
	call_show("mkdir new/.", mkdir("new/.", 0777));
	call_show("mkdir nothing", mkdir("", 0777));
	call_show("creat f", creat("f", 0666));
	call_show("mkdir f", mkdir("f", 0777));
	call_show("mkdir f/", mkdir("f/", 0777));
	call_show("mkdir f/x", mkdir("f/x", 0777));
	call_show("symlink nowhere", symlink("nowhere", "dangling"));
	call_show("mkdir dangling", mkdir("dangling", 0777));
	call_show("mkdir dangling/", mkdir("dangling/", 0777));
	call_show("mknod", mknod("n", 0640, 0));
	call_show("mkfifo", mkfifo("p", 0666));
	list(".");
	list("a");
	list("a/b");
	links("a");
	links("a/b");
	links("a/b/c");
	links("p");
}

static void removing(void)
{
	call_show("rmdir a", rmdir("a"));
	call_show("rmdir f", rmdir("f"));
	call_show("rmdir missing", rmdir("missing"));
	call_show("rmdir .", rmdir("."));
	call_show("rmdir a/..", rmdir("a/.."));
	call_show("rmdir a/b/.", rmdir("a/b/."));
	call_show("rmdir /", rmdir("/"));
	call_show("symlink a", symlink("a", "to-a"));
	call_show("rmdir to-a", rmdir("to-a"));
	call_show("rmdir to-a/", rmdir("to-a/"));
	call_show("unlink a", unlink("a"));
	call_show("unlink a/", unlink("a/"));
	call_show("unlink f/", unlink("f/"));
	call_show("unlink .", unlink("."));
	call_show("unlink missing", unlink("missing"));
	call_show("unlinkat AT_REMOVEDIR", unlinkat(AT_FDCWD, "a/b/c", AT_REMOVEDIR));
	call_show("unlinkat bad flag", unlinkat(AT_FDCWD, "a/b", 1));
	call_show("rmdir a/b/", rmdir("a/b/"));
	links("a");
	call_show("unlink to-a", unlink("to-a"));
	call_show("unlink dangling", unlink("dangling"));
	call_show("unlink n", unlink("n"));
	call_show("unlink p", unlink("p"));
	call_show("unlink f", unlink("f"));
}

/* A directory that is removed while somebody is in it, and another has it open. */
static void removed(void)
{
	char buf[256];
	struct stat st;
	int fd;

	mkdir("gone", 0777);
	mkdir("gone/in", 0777);
	fd = open("gone/in", O_RDONLY | O_DIRECTORY);
	call_show("chdir", chdir("gone/in"));
	call_show("rmdir", rmdir("../in"));
	call_show("rmdir its parent", rmdir("../../gone"));
	call_show("getcwd", getcwd(buf, sizeof(buf)) ? 0 : -1);
	call_show("creat", creat("x", 0666));
	call_show("mkdir", mkdir("x", 0777));
	call_show("openat", openat(fd, "x", O_CREAT | O_WRONLY, 0666));
	call_show("stat .", stat(".", &st));
	printf("%lu links\n", (unsigned long)st.st_nlink);
	call_show("getdents", getdents(fd, (void *)buf, sizeof(buf)));
	call_show("chdir ../..", chdir("../.."));
	close(fd);
	list(".");
}

static void opening(void)
{
	mkdir("d", 0777);
	call_show("open to write", open("d", O_WRONLY));
	call_show("open to make", open("d", O_RDONLY | O_CREAT, 0666));
	call_show("open to make it alone", open("d", O_RDONLY | O_CREAT | O_EXCL, 0666));
	call_show("open with O_TRUNC", open("d", O_RDONLY | O_TRUNC));
	call_show("open d/new/", open("d/new/", O_RDWR | O_CREAT, 0666));
	call_show("open d/.", open("d/.", O_RDWR | O_CREAT, 0666));
	call_show("open as no directory", open("d", O_RDONLY | O_DIRECTORY) >= 0 ? 0 : -1);
	close(creat("d/f", 0666));
	call_show("file as a directory", open("d/f", O_RDONLY | O_DIRECTORY));
	call_show("d/f/", open("d/f/", O_RDONLY));
	call_show("getdents of a file", getdents(open("d/f", O_RDONLY), (void *)(char[512]){ 0 }, 512));
	call_show("truncate", truncate("d", 0));
	call_show("unlink d/f", unlink("d/f"));
	call_show("rmdir d", rmdir("d"));
}

int main(void)
{
	place_enter();
	making();
	removing();
	removed();
	opening();
	list(".");
	place_leave();
	return 0;
}
