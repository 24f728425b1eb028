/*
 * The order of what was sent while blocked; standard signals once, real-time ones each,
 * with their values.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static int order[200], values[200];
static volatile int n;

static void note(int sig, siginfo_t *si, void *u)
{
	(void)u;
	order[n] = sig;
	values[n] = si->si_code == SI_QUEUE ? si->si_value.sival_int : si->si_code;
	n++;
}

static void send(int sig, int value)
{
	if (sigqueue(getpid(), sig, (union sigval){ .sival_int = value }))
		printf("sigqueue(%d): %s\n", sig, strerror(errno));
}

static void limit(void)
{
	struct rlimit r = { 5, 5 };
	sigset_t all;
	int sent = 0;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	n = 0;
	setrlimit(RLIMIT_SIGPENDING, &r);
	while (sent < 50 && !sigqueue(getpid(), SIGRTMIN + 3, (union sigval){ .sival_int = sent }))
		sent++;
	printf("limit: %d, as sent by others: %d\n", errno, sent <= 5);
	printf("kill: %d\n", kill(getpid(), SIGRTMIN + 4));
	printf("kill: %d\n", kill(getpid(), SIGUSR1));
	sigprocmask(SIG_UNBLOCK, &all, NULL);
	printf("all came: %d\n", n == sent + 2);
}

int main(void)
{
	struct sigaction a = { .sa_sigaction = note, .sa_flags = SA_SIGINFO };
	sigset_t all;

	sigfillset(&all);
	a.sa_mask = all;
	for (int sig = 1; sig <= SIGRTMAX; sig++)
		sigaction(sig, &a, NULL);
	sigprocmask(SIG_BLOCK, &all, NULL);
	for (int i = 0; i < 10; i++) {
		send(SIGRTMIN + 2, i);
		send(SIGRTMIN + 1, 100 + i);
		send(SIGUSR1, 200 + i);
	}
	send(SIGTERM, 300);
	send(SIGSEGV, 301);
	send(SIGINT, 302);
	raise(SIGUSR2);
	raise(SIGRTMIN + 1);
	kill(getpid(), SIGRTMIN + 1);
	kill(getpid(), SIGHUP);
	sigprocmask(SIG_UNBLOCK, &all, NULL);
	for (int i = 0; i < n; i++)
		printf("%d: %d\n", order[i], values[i]);
	limit();
	return 0;
}
