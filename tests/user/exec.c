/* execve: the program replaces itself, ten times, and is what it was told to be. */
/* files: tree */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LAST	10

extern char **environ;

static void failure(const char *what, const char *path, void *argv)
{
	long r = syscall(SYS_execve, path, argv, environ);

	printf("%s: %ld %s\n", what, r, strerror(errno));
}

static void failures(const char *self)
{
	static char *huge[300000];
	char *args[] = { "x", NULL };
	char *big = malloc(200000);

	memset(big, 'x', 199999);
	big[199999] = '\0';
	for (int i = 0; i < 299999; i++)
		huge[i] = "an argument among far too many";
	failure("a text", "tree/text", args);
	failure("nothing", "tree/none", args);
	failure("a folder", "tree", args);
	failure("too many", self, huge);
	args[0] = big;
	failure("too long", self, args);
	failure("bad pointer", self, (void *)8);
	args[0] = (char *)8;
	failure("bad string", self, args);
	free(big);
}

static void first(const char *self)
{
	sigset_t set;

	failures(self);
	signal(SIGUSR1, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	printf("fd %d\n", open("tree/text", O_RDONLY | O_CLOEXEC));
	dup2(1, 9);
}

static void later(int generation, char **argv)
{
	struct sigaction act;
	sigset_t set;

	printf("generation %d: '%s', %zu marks, '%s', ONLY=%s, environ[1] '%s', then %s\n",
	       generation, argv[0], strlen(argv[2]), argv[3], getenv("ONLY"), environ[1],
	       environ[2] ? environ[2] : "no more");
	printf("fd 3 %s, fd 9 %s\n", fcntl(3, F_GETFD) < 0 ? "closed" : "open",
	       fcntl(9, F_GETFD) < 0 ? "closed" : "open");
	sigaction(SIGUSR1, NULL, &act);
	sigprocmask(SIG_BLOCK, NULL, &set);
	printf("ignored %d, blocked %d\n", act.sa_handler == SIG_IGN, sigismember(&set, SIGUSR2));
}

int main(int argc, char **argv)
{
	int generation = argc == 4 ? atoi(argv[1]) : 0;
	const char *self = (const char *)getauxval(AT_EXECFN);
	char number[20], marks[200], *args[] = { "any name", number, marks, "", NULL };
	char *env[] = { "ONLY=this", number, NULL };

	if (generation)
		later(generation, argv);
	else
		first(self);
	fflush(stdout);
	if (generation == LAST)
		return 42;
	snprintf(number, sizeof(number), "%d", generation + 1);
	memset(marks, '#', sizeof(marks));
	marks[generation * 10] = '\0';
	memset(mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 1,
	       1 << 20);
	execve(self, args, env);
	printf("not ok: %s: %s\n", self, strerror(errno));
	return 1;
}
