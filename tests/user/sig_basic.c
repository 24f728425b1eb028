/* Handlers, the old action, SIG_IGN, SA_RESETHAND, SA_NODEFER, setjmp out of a handler, raise. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static volatile int depth, deepest, calls;
static sigjmp_buf back;

static void count(int sig)
{
	(void)sig;
	calls++;
}

static void nest(int sig)
{
	depth++;
	if (depth > deepest)
		deepest = depth;
	if (depth < 3 && ++calls < 5)
		raise(sig);
	depth--;
}

static void jump(int sig)
{
	siglongjmp(back, sig);
}

static void set(int sig, void (*handler)(int), int flags)
{
	struct sigaction a = { .sa_handler = handler, .sa_flags = flags };

	if (sigaction(sig, &a, NULL))
		printf("sigaction(%d): %s\n", sig, strerror(errno));
}

static void show(int sig)
{
	struct sigaction a;
	int err = sigaction(sig, NULL, &a);

	printf("signal %d: %s, %s, flags %x\n", sig, err ? "error" : "ok",
	       a.sa_handler == SIG_DFL ? "default" :
	       a.sa_handler == SIG_IGN ? "ignored" : "handler",
	       (unsigned)a.sa_flags & ~0x04000000u);
}

static void nesting(int flags)
{
	deepest = calls = 0;
	set(SIGUSR1, nest, flags);
	raise(SIGUSR1);
	printf("flags %x: as deep as %d, %d calls\n", (unsigned)flags, deepest, calls);
}

static void errors(void)
{
	struct sigaction a = { .sa_handler = count };

	printf("SIGKILL: %d %d, SIGSTOP: %d %d\n", sigaction(SIGKILL, &a, NULL), errno,
	       sigaction(SIGSTOP, &a, NULL), errno);
	printf("signal 0: %d %d\n", sigaction(0, &a, NULL), errno);
	printf("signal 65: %d %d\n", sigaction(65, &a, NULL), errno);
	printf("kill 65: %d %d\n", kill(getpid(), 65), errno);
	printf("kill -1: %d %d\n", kill(getpid(), -1), errno);
	printf("kill nobody: %d %d\n", kill(0x3ffffff, 0), errno);
	printf("kill itself with 0: %d\n", kill(getpid(), 0));
}

int main(void)
{
	set(SIGUSR1, count, 0);
	show(SIGUSR1);
	for (int i = 0; i < 1000; i++)
		raise(SIGUSR1);
	for (int i = 0; i < 1000; i++)
		kill(getpid(), SIGUSR1);
	printf("called %d times\n", calls);
	set(SIGUSR1, SIG_IGN, 0);
	show(SIGUSR1);
	raise(SIGUSR1);
	printf("still %d\n", calls);
	set(SIGUSR1, count, SA_RESETHAND | SA_RESTART);
	show(SIGUSR1);
	raise(SIGUSR1);
	show(SIGUSR1);
	nesting(0);
	nesting(SA_NODEFER);
	set(SIGTERM, jump, 0);
	for (int i = 0; i < 3; i++) {
		int got = sigsetjmp(back, 1);

		if (!got)
			raise(SIGTERM);
		printf("jumped with %d\n", got);
	}
	set(SIGCHLD, SIG_DFL, 0);
	raise(SIGCHLD);
	raise(SIGURG);
	raise(SIGWINCH);
	raise(SIGCONT);
	errors();
	return 0;
}
