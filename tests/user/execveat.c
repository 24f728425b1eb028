/* execveat(2): by directory, by descriptor, scripts, errors. Programs that run are not written to, nor the other way round. */
#define _GNU_SOURCE
#include "call.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char *const env[] = { NULL };
static char dir[] = "/tmp/execveat.XXXXXX";

static int copy_self(const char *to)
{
	int from = open("/proc/self/exe", O_RDONLY), fd = open(to, O_CREAT | O_RDWR | O_TRUNC, 0755);
	char buf[4096];
	ssize_t n;

	while ((n = read(from, buf, sizeof(buf))) > 0)
		if (write(fd, buf, n) != n)
			exit(1);
	close(from);
	return fd;
}

static void finish(pid_t pid)
{
	int status;

	waitpid(pid, &status, 0);
	printf("-> %d\n", WEXITSTATUS(status));
	fflush(stdout);
}

/* Runs it in a child; an error shows as its number. */
static void run(const char *what, int fd, const char *path, int flags)
{
	char *const argv[] = { (char *)what, NULL };
	pid_t pid;

	printf("%s ", what);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		syscall(SYS_execveat, fd, path, argv, env, flags);
		printf("%s ", strerror(errno));
		fflush(stdout);
		_exit(99);
	}
	finish(pid);
}

static const char *last(const char *path)
{
	return strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
}

/* As a program: who it thinks it is. A digit at the end of a descriptor's name is not compared. */
static int show_self(char **argv)
{
	const char *name = (const char *)getauxval(AT_EXECFN);
	char comm[16];

	prctl(PR_GET_NAME, comm);
	if (!strncmp(name, "/dev/fd/", 8))
		printf("by descriptor %s", strchr(name + 8, '/') ? strchr(name + 8, '/') : "itself");
	else
		printf("by path %s, named %s", last(name), comm);
	printf(", argv[0] is %s ", last(argv[0]));
	return 7;
}

static void by_descriptor(void)
{
	int at = open(dir, O_RDONLY | O_DIRECTORY), exe = open("prog", O_RDONLY), place = open("prog", O_PATH), closing;

	run("in a directory", at, "prog", 0);
	run("from here", AT_FDCWD, "prog", 0);
	run("a descriptor", exe, "", AT_EMPTY_PATH);
	run("a place", place, "", AT_EMPTY_PATH);
	closing = open("prog", O_RDONLY | O_CLOEXEC);
	run("one that closes", closing, "", AT_EMPTY_PATH);
	run("nothing", exe, "", 0);
	run("a link", at, "link", 0);
	run("no link", at, "link", AT_SYMLINK_NOFOLLOW);
	run("a directory itself", at, "", AT_EMPTY_PATH);
	run("below a file", exe, "prog", 0);
	run("not there", at, "other", 0);
	run("not open", 77, "prog", 0);
	run("flags", at, "prog", 1);
	run("a file in its place", 8, NULL, 0);
	close(closing);
	closing = open("script", O_RDONLY | O_CLOEXEC);
	run("a script that closes", closing, "", AT_EMPTY_PATH);
	run("a script here", at, "script", 0);
	close(at);
	close(exe);
	close(place);
	close(closing);
}

static void busy(void)
{
	int fd = copy_self("busy"), wait_for[2];
	char c;
	pid_t pid;

	run("open for writing", AT_FDCWD, "busy", 0);
	close(fd);
	run("closed", AT_FDCWD, "busy", 0);
	if (pipe(wait_for))
		exit(1);
	pid = fork();
	if (!pid) {
		dup2(wait_for[1], 1);
		execl("busy", "busy", "sit", NULL);
		_exit(1);
	}
	if (read(wait_for[0], &c, 1) != 1)
		exit(1);
	CALL(open, "busy", O_WRONLY);
	CALL(open, "busy", O_RDONLY | O_TRUNC);
	CALL(truncate, "busy", 5);
	fd = open("busy", O_RDONLY);
	printf("to read %d\n", fd >= 0);
	close(fd);
	CALL(unlink, "busy");
	kill(pid, 9);
	waitpid(pid, NULL, 0);
	fd = open("/proc/self/exe", O_RDWR);
	call_show("oneself", fd);
	fd = open("script", O_WRONLY);
	run("a script that is written", AT_FDCWD, "script", 0);
	close(fd);
	run("a script", AT_FDCWD, "script", 0);
}

static void in_memory(void)
{
	int fd = memfd_create("program", 0), from = open("/proc/self/exe", O_RDONLY), again;
	char buf[4096], path[40];
	ssize_t n;

	while ((n = read(from, buf, sizeof(buf))) > 0)
		if (write(fd, buf, n) != n)
			exit(1);
	run("memory that is written", fd, "", AT_EMPTY_PATH);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDONLY);
	close(fd);
	run("memory", again, "", AT_EMPTY_PATH);
	close(again);
}

static void sit(void)
{
	if (write(1, "x", 1) != 1)
		exit(1);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	int fd;

	if (argc > 1 && !strcmp(argv[1], "sit"))
		sit();
	if (getauxval(AT_EXECFN) && !getenv("PATH"))
		return show_self(argv);
	if (!mkdtemp(dir) || chdir(dir))
		return 1;
	close(copy_self("prog"));
	fd = open("script", O_CREAT | O_WRONLY, 0755);
	dprintf(fd, "#!%s/prog\n", dir);
	close(fd);
	symlink("prog", "link");
	by_descriptor();
	busy();
	in_memory();
	unlink("prog");
	unlink("script");
	unlink("link");
	rmdir(dir);
	return 0;
}
