/* What a process knows about itself: numbers, limits, accounts, names, and what it cannot do. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
#include "call.h"

#undef CALL
#define CALL(...) call_show(&#__VA_ARGS__[4], syscall(__VA_ARGS__))
#define BAD ((void *)8)

static void limits(void)
{
	struct rlimit r, was, bad = { 10, 5 };
	int fd;

	getrlimit(RLIMIT_NOFILE, &was);
	r = (struct rlimit){ 20, was.rlim_max };
	printf("set %d\n", setrlimit(RLIMIT_NOFILE, &r));
	while ((fd = dup(0)) >= 0)
		;
	printf("full: %s\n", strerror(errno));
	fd = dup2(0, 20);
	printf("dup2 beyond: %d %s\n", fd, strerror(errno));
	fd = -1;
	while (close(++fd + 3) == 0)
		;
	printf("restored %d\n", setrlimit(RLIMIT_NOFILE, &was));
	CALL(SYS_setrlimit, RLIMIT_CORE, &bad);
	CALL(SYS_setrlimit, 99, &r);
	CALL(SYS_getrlimit, 99, &r);
	CALL(SYS_getrlimit, RLIMIT_CORE, BAD);
	CALL(SYS_prlimit64, 0, RLIMIT_CORE, NULL, NULL);
	CALL(SYS_prlimit64, getpid(), RLIMIT_STACK, NULL, &r);
	printf("stack %d\n", r.rlim_cur >= 8 << 20);
}

static void accounts(void)
{
	struct rusage a, b;
	char *p = mmap(NULL, 400 * 4096, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	madvise(p, 400 * 4096, MADV_NOHUGEPAGE);
	getrusage(RUSAGE_SELF, &a);
	for (int i = 0; i < 400; i++)
		p[i * 4096] = 1;
	getrusage(RUSAGE_SELF, &b);
	printf("minor faults %ld\n", b.ru_minflt - a.ru_minflt);
	printf("maxrss %d\n", b.ru_maxrss >= 1600);
	for (volatile long i = 0; i < 30000000; i++)
		;
	getrusage(RUSAGE_SELF, &b);
	printf("time runs %d\n", b.ru_utime.tv_sec + b.ru_utime.tv_usec + b.ru_stime.tv_usec > 0);
	CALL(SYS_getrusage, RUSAGE_CHILDREN, &b);
	CALL(SYS_getrusage, 99, &b);
	CALL(SYS_getrusage, RUSAGE_SELF, BAD);
}

static void names(void)
{
	struct utsname u;
	char name[17] = "";

	printf("uname %d %s %s\n", uname(&u), u.sysname, u.machine);
	prctl(PR_SET_NAME, "a name that is too long");
	prctl(PR_GET_NAME, name);
	printf("name '%s'\n", name);
	CALL(SYS_prctl, PR_SET_NAME, BAD);
	CALL(SYS_prctl, 9999, 0);
}

static void signals(void)
{
	sigset_t set, was;
	struct sigaction act = { .sa_handler = SIG_IGN }, old;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGKILL);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigprocmask(SIG_BLOCK, NULL, &was);
	printf("blocked %d %d %d\n", sigismember(&was, SIGTERM), sigismember(&was, SIGKILL),
	       sigismember(&was, SIGINT));
	printf("sent %d\n", raise(SIGTERM));
	sigpending(&was);
	printf("pending %d %d\n", sigismember(&was, SIGTERM), sigismember(&was, SIGINT));
	sigaction(SIGTERM, &act, &old);
	printf("was default %d\n", old.sa_handler == SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	printf("ignored, and so still here: %d %d\n", kill(getpid(), SIGTERM),
	       kill(getpid(), SIGCHLD));
	CALL(SYS_kill, getpid(), 0);
	CALL(SYS_kill, getpid(), 65);
	CALL(SYS_kill, 999999, SIGTERM);
	CALL(SYS_tgkill, getpid(), getpid(), 0);
	CALL(SYS_tkill, -1, SIGTERM);
	CALL(SYS_rt_sigaction, SIGKILL, &act, NULL, 8);
	CALL(SYS_rt_sigaction, 0, NULL, NULL, 8);
	CALL(SYS_rt_sigaction, SIGTERM, NULL, NULL, 4);
	CALL(SYS_rt_sigprocmask, 99, &set, NULL, 8);
	CALL(SYS_rt_sigprocmask, SIG_BLOCK, BAD, NULL, 8);
}

int main(void)
{
	cpu_set_t cpus;

	printf("numbers %d %d %d\n", getpid() > 0, getpid() == (int)syscall(SYS_gettid),
	       getppid() != getpid());
	CALL(SYS_wait4, -1, NULL, 0, NULL);
	CALL(SYS_arch_prctl, 0x9999, 0);
	CALL(SYS_arch_prctl, 0x1002, 0xffff800000000000ul);
	CALL(SYS_arch_prctl, 0x1003, BAD);
	CALL(SYS_set_robust_list, NULL, 5);
	CALL(SYS_sched_yield);
	CALL(SYS_sched_getaffinity, 0, 7, &cpus);
	CALL(SYS_sched_getaffinity, 999999, sizeof(cpus), &cpus);
	printf("CPUs %d\n", sched_getaffinity(0, sizeof(cpus), &cpus) == 0 &&
	       CPU_COUNT(&cpus) >= 1);
	CALL(SYS_umask, 077);
	CALL(SYS_umask, 022);
	limits();
	accounts();
	names();
	signals();
	return 0;
}
