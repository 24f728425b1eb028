/* fork: two processes go on from one, each with its own memory; what a child inherits. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int data = 1;
static __thread int tls = 2;
static char *private_page, *shared_page;

static void end(const char *what)
{
	int status = 0, r = wait(&status);

	printf("%s: child %d, status %x\n", what, r > 0, status);
}

static pid_t fork_flushed(void)
{
	fflush(stdout);
	return fork();
}

static void memory(void)
{
	int local = 3;

	private_page[0] = 'p';
	shared_page[0] = 's';
	if (!fork_flushed()) {
		printf("child sees %d %d %d %c %c\n", data, tls, local, private_page[0],
		       shared_page[0]);
		data = tls = local = 9;
		private_page[0] = 'x';
		shared_page[0] = 'y';
		printf("child made %d %d %d %c %c\n", data, tls, local, private_page[0],
		       shared_page[0]);
		exit(0);
	}
	end("memory");
	printf("parent sees %d %d %d %c %c\n", data, tls, local, private_page[0], shared_page[0]);
}

/* The parent writes first, while the child waits. */
static void parent_writes(void)
{
	int go[2];
	char c;

	if (pipe(go))
		exit(1);
	if (!fork_flushed()) {
		(void)!read(go[0], &c, 1);
		printf("child still sees %d %c\n", data, private_page[0]);
		exit(0);
	}
	data = 77;
	private_page[0] = 'P';
	(void)!write(go[1], "g", 1);
	end("parent writes");
	close(go[0]);
	close(go[1]);
}

static void numbers(void)
{
	pid_t self = getpid();

	if (!fork_flushed()) {
		printf("parent %d, own pid %d, group %d, session %d, gettid %d\n",
		       getppid() == self, getpid() != self, getpgrp() == getpgid(self), getsid(0) == getsid(self),
		       gettid() == getpid());
		exit(0);
	}
	end("numbers");
}

static void files(void)
{
	int fd = open("/etc/passwd", O_RDONLY), null = open("/dev/null", O_RDWR | O_CLOEXEC), p[2];
	char a = 0, b = 0;

	close(fd);
	if (pipe(p))
		exit(1);
	(void)!write(p[1], "ab", 2);
	if (!fork_flushed()) {
		(void)!read(p[0], &a, 1);
		printf("child reads %c, cloexec %d, ", a, fcntl(null, F_GETFD));
		printf("close %d, ", close(p[0]));
		printf("again %d\n", close(p[0]) < 0 ? errno : 0);
		exit(0);
	}
	end("files");
	(void)!read(p[0], &b, 1);
	printf("parent reads %c\n", b);
	close(p[0]);
	close(p[1]);
	close(null);
}

static void state(void)
{
	struct rlimit r, got;
	char name[16] = "", cwd[64] = "";
	double d = 1.5;

	umask(027);
	(void)!chdir("/dev");
	prctl(PR_SET_NAME, "forker");
	signal(SIGUSR1, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &r);
	r.rlim_cur = 1 << 20;
	setrlimit(RLIMIT_FSIZE, &r);
	__asm__ volatile("movq %0, %%xmm7" :: "r"(0x1234567890abcdef) : "xmm7");
	if (!fork_flushed()) {
		unsigned long xmm7;

		__asm__ volatile("movq %%xmm7, %0" : "=r"(xmm7));
		getrlimit(RLIMIT_FSIZE, &got);
		prctl(PR_GET_NAME, name);
		(void)!getcwd(cwd, sizeof(cwd));
		printf("umask %o, cwd %s, name %s, limit %ld, SIGUSR1 ignored %d, xmm7 %lx, %.2f\n",
		       umask(0), cwd, name, (long)got.rlim_cur,
		       signal(SIGUSR1, SIG_DFL) == SIG_IGN, xmm7, d * 3);
		(void)!chdir("/");
		exit(0);
	}
	end("state");
	(void)!getcwd(cwd, sizeof(cwd));
	printf("parent: umask %o, cwd %s\n", umask(022), cwd);
}

int main(void)
{
	private_page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	shared_page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memory();
	parent_writes();
	numbers();
	files();
	state();
	printf("no child: %s\n", wait(NULL) < 0 ? strerror(errno) : "?");
	return 0;
}
