/* rename and renameat2: over what is there, into what cannot be, both ways; links and parents counted. */
#define _GNU_SOURCE
#include <fcntl.h>

#include "place.h"

/* Not in musl. */
#define RENAME_NOREPLACE	1
#define RENAME_EXCHANGE		2

static int exchange(const char *a, const char *b)
{
	return syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
}

static int no_replace(const char *a, const char *b)
{
	return syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, RENAME_NOREPLACE);
}

static void links(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		printf("%s: %s\n", path, strerror(errno));
	else
		printf("%s: %lu links\n", path, (unsigned long)st.st_nlink);
}

static void files(void)
{
	struct stat st;
	int fd;

	place_file("a", "a's");
	place_file("b", "b's");
	call_show("a to c", rename("a", "c"));
	call_show("a again", rename("a", "d"));
	fd = open("b", O_RDONLY);
	call_show("c over b", rename("c", "b"));
	place_show("b");
	call_show("fstat of what was b", fstat(fd, &st));
	printf("%lu links, %ld bytes\n", (unsigned long)st.st_nlink, (long)st.st_size);
	close(fd);
	call_show("to itself", rename("b", "./b"));
	call_show("link", link("b", "same"));
	call_show("to another link of it", rename("b", "same"));
	place_show("b");
	links("same");
	call_show("file/", rename("b/", "x"));
	call_show("to new/", rename("b", "x/"));
	call_show("to missing/x", rename("b", "missing/x"));
	call_show("nothing", rename("", "x"));
	call_show("to nothing", rename("b", ""));
	call_show("no replace", no_replace("b", "same"));
	call_show("no replace, new", no_replace("b", "new"));
	call_show("exchange with nothing", exchange("new", "b"));
	call_show("both flags", syscall(SYS_renameat2, AT_FDCWD, "new", AT_FDCWD, "b", 3));
	call_show("unlink", unlink("same"));
	place_file("other", "other's");
	call_show("exchange", exchange("new", "other"));
	place_show("new");
	place_show("other");
}

static void directories(void)
{
	mkdir("d", 0777);
	mkdir("d/e", 0777);
	mkdir("d/e/f", 0777);
	mkdir("empty", 0777);
	call_show("below itself", rename("d", "d/e/f/g"));
	call_show("onto its child", rename("d", "d/e"));
	call_show("child onto its parent", rename("d/e", "d"));
	call_show("far child onto it", rename("d/e/f", "d"));
	call_show("onto one that is not empty", rename("empty", "d"));
	call_show("onto an empty one", rename("d", "empty"));
	links(".");
	links("empty");
	call_show("up", rename("empty/e/f", "f"));
	links("empty/e");
	links(".");
	call_show("down", rename("f", "empty/f"));
	links("empty");
	call_show("directory to new/", rename("empty", "d/"));
	call_show("directory/ to new", rename("d/", "d2"));
	call_show("onto a file", rename("d2", "new"));
	call_show("file onto it", rename("new", "d2"));
	call_show("file into it", rename("new", "d2/new"));
	call_show(". away", rename("d2/.", "x"));
	call_show(".. away", rename("d2/..", "x"));
	call_show("to .", rename("d2", "d2/e/."));
	call_show("/ away", rename("/", "x"));
	call_show("to /", rename("d2", "/"));
	call_show("exchange with a file", exchange("d2/e", "other"));
	place_show("d2/e");
	links("d2");
	links("other");
	links(".");
	call_show("exchange with its child", exchange("d2", "d2/f"));
	call_show("exchange with its parent", exchange("d2/f", "d2"));
	call_show("exchange with directories", exchange("d2/f", "other"));
	links("d2");
	call_show("..", chdir("d2/f/..") || access("new", F_OK));
	call_show("back", chdir(".."));
}

static void links_and_open_files(void)
{
	int fd;

	symlink("d2", "sym");
	call_show("a link, not what it leads to", rename("sym", "sym2"));
	call_show("link/", rename("sym2/", "x"));
	call_show("onto a link", rename("d2/new", "sym2"));
	place_show("sym2");
	fd = open("sym2", O_RDWR | O_APPEND);
	call_show("while open", rename("sym2", "renamed"));
	if (write(fd, " more", 5) != 5)
		perror("write");
	place_show("renamed");
	close(fd);
}

int main(void)
{
	place_enter();
	files();
	directories();
	links_and_open_files();
	place_leave();
	return 0;
}
