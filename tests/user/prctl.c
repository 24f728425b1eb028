/* prctl(2), personality(2), capabilities: what is kept by fork and execve, orphans that go to a subreaper, errors. */
#define _GNU_SOURCE
#include "call.h"
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/wait.h>

struct cap_header { uint32_t version; int pid; };
struct cap_data { uint32_t effective, permitted, inheritable; };
#define VERSION_3	0x20080522

static void show_all(const char *what)
{
	int sub = -1, sig = -1;

	prctl(PR_GET_CHILD_SUBREAPER, &sub);
	prctl(PR_GET_PDEATHSIG, &sig);
	printf("%s: dumpable %d, no_new_privs %d, slack %d, subreaper %d, death signal %d, personality %x\n", what,
	       prctl(PR_GET_DUMPABLE), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), prctl(PR_GET_TIMERSLACK), sub, sig,
	       personality(0xffffffff));
	fflush(stdout);
}

static void in_child(const char *what, void (*fn)(void))
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		fn();
		exit(0);
	}
	waitpid(pid, &status, 0);
	if (status)
		printf("%s: status %x\n", what, status);
}

static void show_child(void) { show_all("child"); }

static void show_program(void)
{
	execl("/proc/self/exe", "prctl", "show", NULL);
}

static void kept(void)
{
	show_all("first");
	CALL(prctl, PR_SET_DUMPABLE, 0);
	CALL(prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	CALL(prctl, PR_SET_TIMERSLACK, 1234);
	CALL(prctl, PR_SET_CHILD_SUBREAPER, 7);
	CALL(prctl, PR_SET_PDEATHSIG, SIGUSR1);
	CALL(personality, ADDR_NO_RANDOMIZE | READ_IMPLIES_EXEC);
	show_all("set");
	in_child("child", show_child);
	in_child("program", show_program);
	CALL(prctl, PR_SET_TIMERSLACK, 0);
	CALL(personality, 0);
	CALL(prctl, PR_SET_DUMPABLE, 1);
	show_all("back");
}

static void errors(void)
{
	CALL(prctl, PR_SET_DUMPABLE, 2);
	CALL(prctl, PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0);
	CALL(prctl, PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0);
	CALL(prctl, PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0);
	CALL(prctl, PR_SET_PDEATHSIG, 65);
	CALL(prctl, PR_GET_PDEATHSIG, 8);
	CALL(prctl, PR_GET_CHILD_SUBREAPER, 8);
	CALL(prctl, PR_SET_KEEPCAPS, 2, 0, 0, 0);
	CALL(prctl, PR_GET_KEEPCAPS, 0, 0, 0, 0);
	CALL(prctl, PR_CAPBSET_READ, 0, 0, 0, 0);
	CALL(prctl, PR_CAPBSET_READ, 64, 0, 0, 0);
	CALL(prctl, PR_GET_TIMING, 0, 0, 0, 0);
	CALL(prctl, PR_SET_TIMING, 1, 0, 0, 0);
	CALL(prctl, 9999, 0, 0, 0, 0);
	CALL(prctl, PR_SET_NAME, 8);
	CALL(prctl, PR_GET_NAME, 8);
}

static int report[2];

/* A grandchild whose parent ends: who is its parent then, and who waits for it? */
static void make_orphan(void)
{
	pid_t parent = getpid();
	char c = 0;

	if (fork())
		_exit(0);
	while (getppid() == parent)
		usleep(1000);
	c = getppid() == 1 ? 'i' : 's';
	if (write(report[1], &c, 1) != 1)
		_exit(1);
	_exit(33);
}

static void orphans(void)
{
	int status, known = 0;
	pid_t child;
	char c = 0;

	if (pipe(report))
		exit(1);
	child = fork();
	if (!child)
		make_orphan();
	for (int i = 0; i < 2; i++) {
		pid_t pid = wait(&status);

		known += pid == child ? WEXITSTATUS(status) == 0 : WEXITSTATUS(status) == 33;
	}
	if (read(report[0], &c, 1) != 1)
		exit(1);
	printf("orphan: %c, both waited for %d\n", c, known == 2);
	call_show("no more children", wait(&status));
}

static void executes(void)
{
	uint8_t *at;
	int fd = open("/proc/self/maps", O_RDONLY);
	char line[100000], *row, want[40];
	ssize_t n, len = 0;

	at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	while ((n = read(fd, line + len, sizeof(line) - 1 - len)) > 0)
		len += n;
	line[len] = 0;
	snprintf(want, sizeof(want), "%lx", (long)at);
	row = strstr(line, want);
	printf("a mapping: %.4s\n", row ? strchr(row, ' ') + 1 : "none");
	close(fd);
}

static void implied(void)
{
	executes();
	personality(READ_IMPLIES_EXEC);
	executes();
}

static void show_places(void)
{
	execl("/proc/self/exe", "prctl", "place", NULL);
}

static void fixed_places(void)
{
	personality(ADDR_NO_RANDOMIZE);
	in_child("place", show_places);
	in_child("place", show_places);
}

/* ---- capabilities ---- */

static void show_caps(const char *what)
{
	struct cap_header h = { VERSION_3, 0 };
	struct cap_data d[2] = { { 0 } };
	long r = syscall(SYS_capget, &h, d);

	printf("%s: %ld, effective %d, permitted %d\n", what, r, d[0].effective != 0, d[0].permitted != 0);
}

static void drop_all(void)
{
	struct cap_header h = { VERSION_3, 0 };
	struct cap_data d[2] = { { 0 } };

	syscall(SYS_capget, &h, d);
	call_show("what it has", syscall(SYS_capset, &h, d));
	memset(d, 0, sizeof(d));
	call_show("nothing", syscall(SYS_capset, &h, d));
	show_caps("after");
	d[0].permitted = d[0].effective = 1;
	call_show("again", syscall(SYS_capset, &h, d));
	CALL(setuid, 5);
	CALL(setgroups, 0, NULL);
	call_show("open", open("/tmp/prctl", O_CREAT | O_RDWR, 0000));
	call_show("open again", open("/tmp/prctl", O_RDWR));
	unlink("/tmp/prctl");
	fflush(stdout);
	execl("/proc/self/exe", "prctl", "caps", NULL);
}

static void lose_by_setuid(void)
{
	if (setresuid(0, 1000, 0))
		exit(1);
	show_caps("effective user 1000");
	show_all("effective user 1000");
	if (setresuid(0, 0, 0))
		exit(1);
	show_caps("back");
	if (setuid(1000))
		exit(1);
	show_caps("user 1000");
	CALL(setuid, 0);
}

static void cap_errors(void)
{
	struct cap_header h = { 77, 0 };
	struct cap_data d[2] = { { 0 } };

	call_show("version", syscall(SYS_capget, &h, d));
	printf("it is %x\n", h.version);
	h.version = 77;
	call_show("version alone", syscall(SYS_capget, &h, NULL));
	h.pid = -1;
	call_show("pid", syscall(SYS_capget, &h, d));
	h.pid = 99999999;
	call_show("nobody", syscall(SYS_capget, &h, d));
	h.pid = getppid();
	call_show("another's", syscall(SYS_capset, &h, d));
	h.pid = 0;
	call_show("bad data", syscall(SYS_capget, &h, 8));
	call_show("bad header", syscall(SYS_capget, 8, d));
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "show"))
		show_all("program");
	else if (argc > 1 && !strcmp(argv[1], "caps"))
		show_caps("program");
	else if (argc > 1) {
		static long before;

		printf("stack %s, heap %s\n", ((long)&argc & ~0xffffl) == 0x7fffffff0000 ||
		       ((long)&argc & ~0xfffffl) == 0x7fffffe00000 ? "at the top" : "elsewhere",
		       (long)sbrk(0) - (long)&before < 0x100000 ? "behind the program" : "elsewhere");
	}
	if (argc > 1)
		return 0;
	in_child("caps", drop_all);
	kept();
	errors();
	orphans();
	in_child("implied", implied);
	in_child("places", fixed_places);
	show_caps("root");
	in_child("caps", drop_all);
	in_child("setuid", lose_by_setuid);
	cap_errors();
	return 0;
}
