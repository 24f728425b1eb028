/* What /proc says of another process: while it runs, when it has ended, when it is gone. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE	4096ul

static char text[1 << 16], path[128];

static const char *of(int pid, const char *name)
{
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return path;
}

static int open_of(int pid, const char *name)
{
	return open(of(pid, name), O_RDONLY);
}

/* What a read from the beginning gives; empty, with a word, if it fails. */
static char *again(int fd)
{
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n < 0)
		printf("(%s) ", strerror(errno));
	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static void has(int fd, const char *what)
{
	printf("%.*s: %d\n", (int)strcspn(what, "\t\n"), what, strstr(again(fd), what) != NULL);
}

static uint64_t frame(int pid, const void *p)
{
	int fd = open_of(pid, "pagemap");
	uint64_t w = 0;

	if (pread(fd, &w, 8, (long)((uintptr_t)p / PAGE * 8)) != 8)
		printf("pagemap: %s\n", strerror(errno));
	close(fd);
	return w & ~(511ul << 55);
}

static int listed(int pid)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	int found = 0;

	while ((e = readdir(d)))
		found |= atoi(e->d_name) == pid;
	closedir(d);
	return found;
}

static void frames(int pid, const char *private, const char *shared)
{
	printf("private: %s frame, shared: %s frame\n",
	       frame(pid, private) == frame(getpid(), private) ? "same" : "another",
	       frame(pid, shared) == frame(getpid(), shared) ? "same" : "another");
}

/* Writes its own word, says that it is there, and waits for a byte. */
static void child(int in, int out, volatile char *private, volatile char *shared)
{
	char c = 'x';

	private[0] = 2;
	(void)shared[0];
	if (write(out, &c, 1) == 1 && read(in, &c, 1) == 1)
		_exit(3);
	_exit(4);
}

int main(void)
{
	char *private =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int to[2], from[2], pid, status, maps, state;
	siginfo_t si;
	char c;

	private[0] = shared[0] = 1;
	if (pipe(to) || pipe(from))
		return 1;
	pid = fork();
	if (!pid)
		child(to[0], from[1], private, shared);
	if (read(from[0], &c, 1) != 1)
		return 1;
	maps = open_of(pid, "maps");
	state = open_of(pid, "status");
	frames(pid, private, shared);
	printf("listed: %d\n", listed(pid));
	has(maps, "[stack]\n");
	has(state, "Name:\tproc_pid\n");
	has(state, "VmSize:\t");
	printf("parent: %d\n",
	       (int)strtol(strstr(again(state), "\nPPid:") + 6, NULL, 10) == getpid());
	printf("exe: %d\n", readlink(of(pid, "exe"), text, sizeof(text)) > 0);
	printf("fd: %d\n", access(of(pid, "fd/1"), F_OK));

	/* Over, but not waited for. */
	if (write(to[1], &c, 1) != 1 || waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT))
		return 1;
	printf("a zombie:\n");
	has(state, "State:\tZ (zombie)\n");
	has(state, "VmSize:\t");
	printf("maps: %zu\n", strlen(again(open_of(pid, "maps"))));
	printf("exe: %d\n", readlink(of(pid, "exe"), text, sizeof(text)) == -1 && errno == ENOENT);
	printf("cmdline: %zu\n", strlen(again(open_of(pid, "cmdline"))));
	printf("listed: %d\n", listed(pid));

	printf("waited: %d\n", waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 3);
	printf("gone:\n");
	has(state, "State:");
	printf("opened again: %d\n", open_of(pid, "status") != -1 || errno != ENOENT);
	printf("listed: %d\n", listed(pid));
	return 0;
}
