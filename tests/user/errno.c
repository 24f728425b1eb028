/* What calls about files say to wrong arguments. */
/* files: tree */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>
#include "call.h"

#undef CALL
#define CALL(...) call_show(&#__VA_ARGS__[4], syscall(__VA_ARGS__))
#define BAD ((void *)8)
#define KERNEL ((void *)0xffffffff80100000ul)

static char buf[64];
static int fd, dir, in = 0, out = 1;

static void reading_and_writing(void)
{
	CALL(SYS_read, -1, buf, 1);
	CALL(SYS_read, 99, buf, 1);
	CALL(SYS_read, 100000, buf, 1);
	CALL(SYS_read, out, buf, 1);
	CALL(SYS_read, dir, buf, 1);
	CALL(SYS_read, fd, BAD, 1);
	CALL(SYS_read, fd, KERNEL, 1);
	CALL(SYS_read, fd, BAD, 0);
	CALL(SYS_write, in, buf, 1);
	CALL(SYS_write, fd, buf, 1);
	CALL(SYS_write, out, KERNEL, 1);
	CALL(SYS_write, out, BAD, 1);
	CALL(SYS_write, out, BAD, 0);
	CALL(SYS_write, dir, buf, 1);
	CALL(SYS_pread64, fd, buf, 1, -1);
	CALL(SYS_pread64, out, buf, 1, 0);
	CALL(SYS_pread64, -1, buf, 1, 0);
	CALL(SYS_pwrite64, fd, buf, 1, 0);
	CALL(SYS_lseek, fd, -1, SEEK_SET);
	CALL(SYS_lseek, fd, 0, 99);
	CALL(SYS_lseek, fd, 1, SEEK_DATA);
	CALL(SYS_lseek, fd, 1000, SEEK_DATA);
	CALL(SYS_lseek, out, 0, SEEK_CUR);
	CALL(SYS_lseek, -1, 0, SEEK_CUR);
}

static void opening(void)
{
	static char long_name[300], long_path[5000];

	memset(long_name, 'n', 299);
	memset(long_path, '/', 4999);
	CALL(SYS_open, "tree/none", O_RDONLY);
	CALL(SYS_open, "tree/none/none", O_RDONLY | O_CREAT, 0600);
	CALL(SYS_open, "tree/text/none", O_RDONLY);
	CALL(SYS_open, "tree/loop1", O_RDONLY);
	CALL(SYS_open, "tree/dangling", O_RDONLY);
	CALL(SYS_open, "tree/link", O_RDONLY | O_NOFOLLOW);
	CALL(SYS_open, "tree/dir", O_WRONLY);
	CALL(SYS_open, "tree/dir", O_RDWR);
	CALL(SYS_open, "tree/dir", O_RDONLY | O_CREAT, 0600);
	CALL(SYS_open, "tree/text", O_RDONLY | O_DIRECTORY);
	CALL(SYS_open, "tree/text", O_RDONLY | O_CREAT | O_EXCL, 0600);
	CALL(SYS_open, "tree/link", O_RDONLY | O_CREAT | O_EXCL, 0600);
	CALL(SYS_open, "", O_RDONLY);
	CALL(SYS_open, BAD, O_RDONLY);
	CALL(SYS_open, KERNEL, O_RDONLY);
	CALL(SYS_open, long_name, O_RDONLY);
	CALL(SYS_open, long_path, O_RDONLY);
	CALL(SYS_openat, fd, "text", O_RDONLY);
	CALL(SYS_openat, -5, "text", O_RDONLY);
	CALL(SYS_openat, -5, "/none", O_RDONLY);
	CALL(SYS_close, -1);
	CALL(SYS_close, 99);
}

static void looking(void)
{
	struct stat st;

	CALL(SYS_stat, "tree/text", BAD);
	CALL(SYS_stat, BAD, &st);
	CALL(SYS_fstat, -1, &st);
	CALL(SYS_fstat, fd, KERNEL);
	CALL(SYS_newfstatat, AT_FDCWD, "", &st, 0);
	CALL(SYS_newfstatat, AT_FDCWD, "tree", &st, 0x80000000);
	CALL(SYS_access, "tree/text", R_OK);
	CALL(SYS_access, "tree/none", F_OK);
	CALL(SYS_access, "tree/text", 8);
	CALL(SYS_access, "tree/dir", R_OK | X_OK);
	CALL(SYS_readlink, "tree/text", buf, 10);
	CALL(SYS_readlink, "tree/link", buf, 0);
	CALL(SYS_readlink, "tree/link", BAD, 10);
	CALL(SYS_readlink, "tree/none", buf, 10);
	CALL(SYS_getdents64, fd, buf, 64);
	CALL(SYS_getdents64, dir, buf, 8);
	CALL(SYS_getdents64, dir, BAD, 4096);
	CALL(SYS_getdents64, -1, buf, 64);
	CALL(SYS_chdir, "tree/text");
	CALL(SYS_chdir, "tree/none");
	CALL(SYS_fchdir, fd);
	CALL(SYS_fchdir, -1);
	CALL(SYS_getcwd, buf, 1);
	CALL(SYS_getcwd, BAD, 4096);
}

static void descriptors(void)
{
	CALL(SYS_dup, -1);
	CALL(SYS_dup2, -1, 5);
	CALL(SYS_dup2, fd, -1);
	CALL(SYS_dup2, fd, 2000000000);
	CALL(SYS_dup2, fd, fd);
	CALL(SYS_dup3, fd, fd, 0);
	CALL(SYS_dup3, fd, 20, 1);
	CALL(SYS_fcntl, -1, F_GETFD);
	CALL(SYS_fcntl, fd, 9999);
	CALL(SYS_fcntl, fd, F_DUPFD, 2000000000);
	CALL(SYS_ioctl, fd, TCGETS, buf);
	CALL(SYS_ioctl, out, TIOCGWINSZ, buf);
	CALL(SYS_ioctl, -1, TCGETS, buf);
	CALL(SYS_poll, BAD, 1, 0);
	CALL(SYS_poll, NULL, 0, 0);
	CALL(SYS_poll, NULL, 2000000000, 0);
}

static void other_calls(void)
{
	CALL(SYS_uname, BAD);
	CALL(SYS_getrandom, BAD, 1, 0);
	CALL(SYS_getrandom, buf, 64, 0);
	CALL(SYS_getrandom, buf, 1, 0xff00);
	CALL(SYS_execve, "tree/none", NULL, NULL);
	CALL(SYS_execve, "tree/dir", NULL, NULL);
	CALL(SYS_execve, "tree/text", NULL, NULL);
	CALL(SYS_execve, "tree/text/x", NULL, NULL);
	CALL(SYS_execve, BAD, NULL, NULL);
}

static void mapping(void)
{
	CALL(SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE, -1, 0);
	CALL(SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CALL(SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE, fd, 1);
	CALL(SYS_mmap, 0, 0, PROT_READ, MAP_PRIVATE, fd, 0);
	CALL(SYS_mmap, 0, 4096, PROT_READ, 0, fd, 0);
	CALL(SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE, dir, 0);
	CALL(SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE, out, 0);
}

int main(void)
{
	fd = open("tree/text", O_RDONLY);
	dir = open("tree/dir", O_RDONLY);
	printf("%d %d\n", fd, dir);
	reading_and_writing();
	opening();
	looking();
	descriptors();
	other_calls();
	mapping();
	return 0;
}
