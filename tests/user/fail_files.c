/* oracle: none */
/* mem: 96M */
/*
 * Calls about the file tree without memory: each with its 1st, 2nd, 3rd … allocation failing (see
 * fail.h). What an act makes it takes away again, so that each try finds the tree as the first one did.
 */
#include "fail.h"
#include <dirent.h>
#include <sys/file.h>

/* A call that makes path, which is removed. */
static long made(long r, const char *path)
{
	int err = errno;

	if (r >= 0)
		UNTIL(remove(path));
	return keep_errno(r < 0 ? -1 : 0, err);
}

static void tidy(void)
{
	mkdir("/tmp/fail", 0777);
	must(!chdir("/tmp/fail"), "chdir");
	close(creat("a", 0666));
	close(creat("b", 0666));
	mkdir("d", 0777);
}

static void open_unnamed(void)
{
	tidy();
	mem_fd = open(".", O_TMPFILE | O_RDWR, 0600);
	must(mem_fd >= 0 && !ftruncate(mem_fd, 8 * PAGE) && pwrite(mem_fd, "x", 1, 5 * PAGE) == 1, "O_TMPFILE");
}

static long make_dir(void) { return made(mkdir("new", 0777), "new"); }
static long make_deep(void) { return made(mkdir("d/../d/./new", 0777), "d/new"); }
static long make_link(void) { return made(link("a", "new"), "new"); }
static long make_symlink(void) { return made(symlink("some text", "new"), "new"); }
static long make_node(void) { return made(mknod("new", S_IFREG | 0600, 0), "new"); }
static long make_fifo(void) { return made(mknod("new", S_IFIFO | 0600, 0), "new"); }

static long make_file(void)
{
	int fd = open("new", O_CREAT | O_EXCL | O_RDWR, 0666);

	if (fd >= 0)
		close(fd);
	return made(fd, "new");
}

static long open_fifo(void)
{
	int fd;

	UNTIL(mknod("new", S_IFIFO | 0600, 0));
	fd = open("new", O_RDWR);
	if (fd >= 0)
		close(fd);
	return made(fd, "new") | (fd < 0 ? (remove("new"), errno = ENOMEM, -1) : 0);
}

static long there_and_back(long r, const char *from, const char *to)
{
	int err = errno;

	if (!r)
		UNTIL(rename(to, from));
	return keep_errno(r, err);
}

static long move(void) { return there_and_back(rename("a", "d/a"), "a", "d/a"); }
static long move_dir(void) { return there_and_back(rename("d", "e"), "d", "e"); }
static long exchange(void) { return syscall(SYS_renameat2, AT_FDCWD, "a", AT_FDCWD, "d", 2); }

static long exchange_twice(void)
{
	long r = exchange();
	int err = errno;

	if (!r)
		UNTIL(exchange());
	return keep_errno(r, err);
}

static long remove_it(void)
{
	long r = unlink("a");
	int err = errno, fd = -1;

	if (!r) {
		do
			fd = creat("a", 0666);
		while (fd < 0);
		close(fd);
	}
	return keep_errno(r, err);
}

static long status(void)
{
	struct stat st;

	return stat("d/../a", &st);
}

static long names(void)
{
	char buf[2048];
	int fd = open(".", O_RDONLY);
	long r = fd < 0 ? -1 : getdents(fd, (void *)buf, sizeof(buf));
	int err = errno;

	if (fd >= 0)
		close(fd);
	return keep_errno(r < 0 ? -1 : 0, err);
}

static long where(void)
{
	char buf[256];

	return syscall(SYS_getcwd, buf, sizeof(buf)) < 0 ? -1 : 0;
}

static long change_mode(void) { return chmod("a", 0640); }
static long change_owner(void) { return chown("a", 0, 0); }
static long change_times(void) { return utimensat(AT_FDCWD, "a", NULL, 0); }
static long write_page(void) { return pwrite(mem_fd, "text", 4, 2 * PAGE) < 0 ? -1 : 0; }
static long cut(void) { return ftruncate(mem_fd, 5 * PAGE + 1); }
static long grow(void) { return ftruncate(mem_fd, 100 * PAGE); }
static long allocate(void) { return fallocate(mem_fd, 0, 0, PAGE); }
static long punch(void) { return fallocate(mem_fd, 3, 4 * PAGE, 2 * PAGE); }

static long lock(void)
{
	struct flock l = { .l_type = F_WRLCK, .l_len = 10 };

	return fcntl(mem_fd, F_SETLK, &l);
}

static long lock_whole(void) { return flock(mem_fd, LOCK_EX); }

static const struct row rows[] = {
	{ "mkdir", tidy, make_dir, 0, 0 }, { "mkdir, a longer way", tidy, make_deep, 0, 0 },
	{ "link", tidy, make_link, 0, 0 }, { "symlink", tidy, make_symlink, 0, 0 },
	{ "mknod", tidy, make_node, 0, 0 }, { "mkfifo", tidy, make_fifo, 0, 0 },
	{ "open, O_CREAT | O_EXCL", tidy, make_file, 0, 0 }, { "open of a fifo", tidy, open_fifo, 0, 0 },
	{ "rename", tidy, move, 0, 0 }, { "rename of a directory", tidy, move_dir, 0, 0 },
	{ "renameat2, RENAME_EXCHANGE", tidy, exchange_twice, 0, 0 }, { "unlink", tidy, remove_it, 0, 0 },
	{ "stat", tidy, status, 0, 0 }, { "getdents", tidy, names, 0, 0 }, { "getcwd", tidy, where, 0, 0 },
	{ "chmod", tidy, change_mode, 0, 0 }, { "chown", tidy, change_owner, 0, 0 },
	{ "utimensat", tidy, change_times, 0, 0 }, { "write", open_unnamed, write_page, 0, ENOSPC },
	{ "ftruncate", open_unnamed, cut, 0, 0 }, { "ftruncate to more", open_unnamed, grow, 0, 0 },
	{ "fallocate", open_unnamed, allocate, 0, 0 }, { "fallocate, a hole", open_unnamed, punch, 0, 0 },
	{ "fcntl, F_SETLK", open_unnamed, lock, 0, 0 }, { "flock", open_unnamed, lock_whole, 0, 0 },
};

int main(int argc, char **argv)
{
	tidy();
	return SWEEP(rows, argc, argv);
}
