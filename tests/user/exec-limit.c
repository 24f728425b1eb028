/* execve under limits that have no room for the new program, or for its arguments. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define KB	1024ul
#define MB	(1024 * KB)

static volatile char room[4 * MB];		/* the program's data: what no low limit has room for */
static char *self;

static void show(const char *what, pid_t pid)
{
	int status = 0;

	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		printf("%s: signal %d\n", what, WTERMSIG(status));
	else if (WEXITSTATUS(status))
		printf("%s: %s\n", what, strerror(WEXITSTATUS(status)));
	else
		printf("%s: runs\n", what);
	fflush(stdout);
}

static void limit(int which, rlim_t soft)
{
	struct rlimit r;

	getrlimit(which, &r);
	r.rlim_cur = soft;
	setrlimit(which, &r);
}

static void start(char *much)
{
	char *args[] = { self, "again", much, NULL }, *env[] = { NULL };

	execve("/proc/self/exe", args, env);
	_exit(errno);
}

static void try(const char *what, int which, rlim_t soft, size_t strings)
{
	char *much = NULL;
	pid_t pid = fork();

	if (pid)
		return show(what, pid);
	if (strings) {
		much = malloc(strings + 1);
		memset(much, 'x', strings);
		much[strings] = 0;
	}
	limit(which, soft);
	start(much);
}

/* SIGSEGV held up, or ignored, does not save it. */
static void try_deaf(const char *what, int ignored)
{
	sigset_t set;
	pid_t pid = fork();

	if (pid)
		return show(what, pid);
	sigfillset(&set);
	if (ignored)
		signal(SIGSEGV, SIG_IGN);
	else
		sigprocmask(SIG_BLOCK, &set, NULL);
	limit(RLIMIT_AS, MB);
	start(NULL);
}

static void try_vfork(void)
{
	struct rlimit old, r;
	pid_t pid;

	getrlimit(RLIMIT_AS, &old);
	r = old;
	r.rlim_cur = MB;
	pid = vfork();
	if (pid == 0) {
		setrlimit(RLIMIT_AS, &r);
		start(NULL);
	}
	show("after vfork", pid);
	getrlimit(RLIMIT_AS, &r);
	printf("limit as before: %d\n", r.rlim_cur == old.rlim_cur);
}

int main(int argc, char **argv)
{
	self = argv[0];
	if (argc > 1)
		return room[argc] != 0;
	try("RLIMIT_AS of nothing", RLIMIT_AS, 0, 0);
	try("RLIMIT_AS of 64 KB", RLIMIT_AS, 64 * KB, 0);
	try("RLIMIT_AS of 2 MB", RLIMIT_AS, 2 * MB, 0);
	try("RLIMIT_AS of 16 MB", RLIMIT_AS, 16 * MB, 0);
	try("RLIMIT_AS of nothing, long arguments", RLIMIT_AS, 0, 100 * KB);
	try("RLIMIT_AS of 64 KB, long arguments", RLIMIT_AS, 64 * KB, 100 * KB);
	try("RLIMIT_AS of 2 MB, long arguments", RLIMIT_AS, 2 * MB, 100 * KB);
	try("RLIMIT_AS of 16 MB, long arguments", RLIMIT_AS, 16 * MB, 100 * KB);
	try("RLIMIT_DATA of 4 KB", RLIMIT_DATA, 4 * KB, 0);
	try("RLIMIT_DATA of 2 MB", RLIMIT_DATA, 2 * MB, 0);
	try("RLIMIT_DATA of 16 MB", RLIMIT_DATA, 16 * MB, 0);
	try_deaf("SIGSEGV blocked", 0);
	try_deaf("SIGSEGV ignored", 1);
	try_vfork();
	return 0;
}
