/* prlimit64 of another process: what it then may do, what its children have, what is refused. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MB	(1ul << 20)
#define ANON	(MAP_PRIVATE | MAP_ANONYMOUS)

struct pair { uint64_t soft, hard; };

static int go[2], done[2];
static char **arguments;

static void show(const char *what, long r)
{
	printf("%s: %s\n", what, r < 0 ? strerror(errno) : "ok");
	fflush(stdout);
}

static void show_map(const char *what, size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, ANON, -1, 0);

	show(what, p == MAP_FAILED ? -1 : 0);
	if (p != MAP_FAILED)
		munmap(p, n);
}

static long call(pid_t pid, unsigned which, const struct pair *new, struct pair *old)
{
	return syscall(SYS_prlimit64, pid, which, new, old);
}

static void set(const char *what, pid_t pid, unsigned which, uint64_t soft)
{
	struct pair new = { 0 }, old = { 0 }, now = { 0 };

	call(pid, which, NULL, &old);
	new = (struct pair){ soft, old.hard };
	show(what, call(pid, which, &new, &old));
	call(pid, which, NULL, &now);
	printf("  it has it: %d, and its hard one: %d\n", now.soft == soft, now.hard == old.hard);
	fflush(stdout);
}

static void wait_for(int fd)
{
	char c;

	if (read(fd, &c, 1) != 1)
		_exit(9);
}

static void tell(int fd)
{
	if (write(fd, "x", 1) != 1)
		_exit(8);
}

static void own(const char *what, unsigned which)
{
	struct pair p = { 0 };

	call(0, which, NULL, &p);
	if (p.soft == RLIM_INFINITY)
		printf("%s: none\n", what);
	else
		printf("%s: %lu\n", what, (unsigned long)p.soft);
	fflush(stdout);
}

static void grandchild(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		own("grandchild: files", RLIMIT_NOFILE);
		show_map("grandchild: 64 MB", 64 * MB);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void child(void)
{
	own("child: files", RLIMIT_NOFILE);
	show_map("child: 64 MB", 64 * MB);
	tell(done[1]);
	wait_for(go[0]);
	own("child: files", RLIMIT_NOFILE);
	show("child: open as many", dup2(1, 40));
	show_map("child: 64 MB under a limit", 64 * MB);
	show_map("child: 1 MB", MB);
	grandchild();
	tell(done[1]);
	wait_for(go[0]);
	show_map("child: 64 MB, limit taken back", 64 * MB);
	tell(done[1]);
	wait_for(go[0]);
	execv("/proc/self/exe", arguments);
	show("execv", -1);
	_exit(7);
}

static void after_exec(void)
{
	char c;

	show_map("new program: 64 MB under a limit", 64 * MB);
	if (write(50, "x", 1) != 1 || read(51, &c, 1) != 1)
		exit(6);
	show_map("new program: 64 MB, limit taken back", 64 * MB);
	exit(0);
}

static void refused(pid_t pid)
{
	struct pair p = { 5, 4 }, *bad = (struct pair *)8;

	show("soft above hard", call(pid, RLIMIT_AS, &p, NULL));
	show("no such limit", call(pid, 16, NULL, NULL));
	show("no such limit, bad pointer", call(pid, 16, bad, NULL));
	show("nobody", call(0x3ffffff, RLIMIT_AS, NULL, NULL));
	show("nobody, no such limit", call(0x3ffffff, 16, NULL, NULL));
	show("nobody, bad pointer", call(0x3ffffff, RLIMIT_AS, bad, NULL));
	show("less than nobody", call(-1, RLIMIT_AS, NULL, NULL));
	show("bad pointer", call(pid, RLIMIT_AS, bad, NULL));
	show("bad pointer for the old one", call(pid, RLIMIT_AS, NULL, bad));
	p = (struct pair){ 1ul << 40, 1ul << 40 };
	show("more files than there can be", call(pid, RLIMIT_NOFILE, &p, NULL));
	show("nothing asked", call(pid, RLIMIT_AS, NULL, NULL));
	show("getrlimit, no such limit", syscall(SYS_getrlimit, 16, &p));
	show("getrlimit, no place", syscall(SYS_getrlimit, RLIMIT_AS, NULL));
	show("setrlimit, no such limit, no limit", syscall(SYS_setrlimit, 16, NULL));
}

int main(int argc, char **argv)
{
	char *again[] = { argv[0], "again", NULL };
	struct pair p;
	pid_t pid;

	if (argc > 1 && !strcmp(argv[1], "again"))
		after_exec();
	arguments = again;
	if (pipe(go) || pipe(done))
		return 1;
	set("own files", getpid(), RLIMIT_NOFILE, 60);
	pid = fork();
	if (pid == 0) {
		dup2(done[1], 50);
		dup2(go[0], 51);
		child();
	}
	wait_for(done[0]);
	set("its memory", pid, RLIMIT_AS, 32 * MB);
	set("its files", pid, RLIMIT_NOFILE, 20);
	show_map("my 64 MB", 64 * MB);
	own("my files", RLIMIT_NOFILE);
	refused(pid);
	tell(go[1]);
	wait_for(done[0]);
	set("its memory", pid, RLIMIT_AS, RLIM_INFINITY);
	tell(go[1]);
	wait_for(done[0]);
	set("its data", pid, RLIMIT_DATA, 32 * MB);
	tell(go[1]);
	wait_for(done[0]);
	set("its data", pid, RLIMIT_DATA, RLIM_INFINITY);
	tell(go[1]);
	waitid(P_PID, pid, NULL, WEXITED | WNOWAIT);
	show("one that has ended", call(pid, RLIMIT_AS, NULL, &p));
	waitpid(pid, NULL, 0);
	show("one that is gone", call(pid, RLIMIT_AS, NULL, &p));
	return 0;
}
