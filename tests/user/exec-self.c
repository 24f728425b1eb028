/*
 * execve of itself, 50 times: arguments, numbers, files that stay and files that
 * are closed, what becomes of signals' actions; then from children.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS	50

static char *self;
static int written = 1;			/* is 1 again in each program */

static void handler(int sig)
{
	(void)sig;
}

static void again(int round, int pid, int kept, int closed)
{
	char n[4][16];
	char *argv[] = { "self", n[0], n[1], n[2], n[3], NULL };
	char *env[] = { round & 1 ? "ODD=1" : "EVEN=1", "B=", NULL };

	sprintf(n[0], "%d", round);
	sprintf(n[1], "%d", pid);
	sprintf(n[2], "%d", kept);
	sprintf(n[3], "%d", closed);
	execve(self, argv, env);
	printf("execve: %s\n", strerror(errno));
	exit(1);
}

static void first(void)
{
	int kept = open("/dev/null", O_RDWR), closed = open("/dev/null", O_RDWR | O_CLOEXEC);

	signal(SIGUSR1, handler);
	signal(SIGUSR2, SIG_IGN);
	again(1, getpid(), kept, closed);
}

static void children(void)
{
	int status, good = 0;

	fflush(stdout);
	for (int i = 0; i < 20; i++) {
		char *argv[] = { "self", "child", NULL }, *env[] = { NULL };

		if (!fork()) {
			execve(self, argv, env);
			_exit(0);
		}
		good += wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 33;
	}
	printf("children: %d\n", good);
}

int main(int argc, char **argv, char **env)
{
	struct sigaction usr1, usr2;
	int round;

	self = (char *)getauxval(AT_EXECFN);
	if (argc == 2)
		return 33;
	if (argc < 5)
		first();
	round = atoi(argv[1]);
	sigaction(SIGUSR1, NULL, &usr1);
	sigaction(SIGUSR2, NULL, &usr2);
	if (round % 10 == 0 || atoi(argv[2]) != getpid() || written != 1)
		printf("%d: same number %d, env %s %s %d, kept %d, closed %d, "
		       "handler %d %d, fresh %d\n",
		       round, atoi(argv[2]) == getpid(), env[0], env[1], env[2] == NULL,
		       fcntl(atoi(argv[3]), F_GETFD), fcntl(atoi(argv[4]), F_GETFD) < 0 ? errno : 0,
		       usr1.sa_handler == SIG_DFL, usr2.sa_handler == SIG_IGN, written);
	fflush(stdout);
	written++;
	memset(mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	       1, 1 << 20);
	if (round < ROUNDS)
		again(round + 1, atoi(argv[2]), atoi(argv[3]), atoi(argv[4]));
	children();
	return 0;
}
