/* Blocking, pending, unblocking; sigsuspend; sigwait; the mask of a handler; pthread_sigmask. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static unsigned long mask(void)
{
	sigset_t s;
	unsigned long v;

	sigprocmask(SIG_BLOCK, NULL, &s);
	memcpy(&v, &s, sizeof(v));
	return v;
}

static unsigned long pending(void)
{
	sigset_t s;
	unsigned long v;

	sigpending(&s);
	memcpy(&v, &s, sizeof(v));
	return v;
}

static void handler(int sig)
{
	printf("  handler %d, mask %lx, pending %lx\n", sig, mask(), pending());
}

static sigset_t set_of(int a, int b, int c)
{
	sigset_t s;

	sigemptyset(&s);
	if (a)
		sigaddset(&s, a);
	if (b)
		sigaddset(&s, b);
	if (c)
		sigaddset(&s, c);
	return s;
}

static void block(int how, int a, int b, int c)
{
	sigset_t s = set_of(a, b, c);

	printf("how %d: %d, ", how, sigprocmask(how, &s, NULL));
	printf("mask %lx\n", mask());
}

static void waiting(void)
{
	sigset_t s = set_of(SIGUSR1, SIGUSR2, SIGRTMIN);
	struct timespec none = { 0, 0 }, little = { 0, 5000000 }, bad = { 0, 1000000000 };
	siginfo_t si;
	int r, sig;

	block(SIG_BLOCK, SIGUSR1, SIGUSR2, SIGRTMIN);
	printf("nothing: %d", sigtimedwait(&s, &si, &none));
	printf(" %d\n", errno);
	printf("5 ms: %d", sigtimedwait(&s, &si, &little));
	printf(" %d\n", errno);
	printf("bad: %d", sigtimedwait(&s, &si, &bad));
	printf(" %d\n", errno);
	kill(getpid(), SIGUSR2);
	raise(SIGUSR1);
	sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = 7 });
	for (int i = 0; i < 3; i++) {
		r = sigtimedwait(&s, &si, &none);
		printf("took %d, signo %d, code %d\n", r, si.si_signo, si.si_code);
	}
	kill(getpid(), SIGUSR1);
	r = sigwait(&s, &sig);
	printf("sigwait: %d %d\n", r, sig);
	alarm(1);
	printf("interrupted: %d", (int)syscall(SYS_rt_sigtimedwait, &s, NULL, NULL, 8));
	printf(" %d\n", errno);
	printf("size: %ld", syscall(SYS_rt_sigtimedwait, &s, NULL, NULL, 4));
	printf(" %d\n", errno);
}

int main(void)
{
	struct sigaction a = { .sa_handler = handler };
	sigset_t none = set_of(0, 0, 0), but_usr2 = set_of(SIGUSR2, 0, 0);

	a.sa_mask = set_of(SIGUSR2, SIGKILL, SIGTERM);
	sigaction(SIGUSR1, &a, NULL);
	a.sa_mask = none;
	sigaction(SIGUSR2, &a, NULL);
	sigaction(SIGALRM, &a, NULL);
	a.sa_flags = SA_NODEFER;
	sigaction(SIGTERM, &a, NULL);
	raise(SIGUSR1);
	raise(SIGTERM);
	block(SIG_BLOCK, SIGUSR1, SIGTERM, 0);
	block(SIG_BLOCK, SIGUSR2, SIGKILL, SIGSTOP);
	raise(SIGUSR1);
	raise(SIGUSR1);
	kill(getpid(), SIGTERM);
	printf("pending %lx\n", pending());
	puts("unblock one");
	block(SIG_UNBLOCK, SIGUSR1, 0, 0);
	puts("set");
	block(SIG_SETMASK, SIGUSR1, 0, 0);
	printf("bad how: %d", sigprocmask(17, &none, NULL));
	printf(" %d\n", errno);
	printf("bad size: %ld", syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, NULL, 4));
	printf(" %d\n", errno);
	printf("bad address: %ld", syscall(SYS_rt_sigprocmask, SIG_BLOCK, 8, NULL, 8));
	printf(" %d\n", errno);
	puts("sigsuspend");
	raise(SIGUSR1);
	printf("%d", sigsuspend(&but_usr2));
	printf(" %d, mask %lx, pending %lx\n", errno, mask(), pending());
	puts("ignored while blocked");
	raise(SIGUSR1);
	a.sa_handler = SIG_IGN;
	sigaction(SIGUSR1, &a, NULL);
	printf("pending %lx\n", pending());
	raise(SIGUSR1);
	printf("pending %lx\n", pending());
	a.sa_handler = handler;
	sigaction(SIGUSR1, &a, NULL);
	block(SIG_SETMASK, 0, 0, 0);
	waiting();
	return 0;
}
