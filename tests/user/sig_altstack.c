/* sigaltstack: its errors, handlers on it, stack overflow, SS_AUTODISARM, an overflow of it. */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1U << 31)
#endif
#define SIZE 65536

static sigjmp_buf back;
static char *stack;

static int here(const void *p)
{
	return (char *)p >= stack && (char *)p < stack + SIZE;
}

static void show(const char *what)
{
	stack_t s;
	int err = sigaltstack(NULL, &s);

	printf("%s: %d, at mine: %d, size %zu, flags %x\n", what, err, s.ss_sp == stack, s.ss_size,
	       (unsigned)s.ss_flags);
}

static void try(const char *what, void *sp, size_t size, unsigned flags)
{
	stack_t s = { .ss_sp = sp, .ss_size = size, .ss_flags = (int)flags };
	int err = sigaltstack(&s, NULL);

	printf("%s: %d %d\n", what, err, err ? errno : 0);
}

static void handler(int sig, siginfo_t *si, void *arg)
{
	ucontext_t *u = arg;
	char local;

	(void)si;
	printf("  signal %d on it: %d, saved: mine %d, size %zu, flags %x\n", sig, here(&local),
	       u->uc_stack.ss_sp == stack, u->uc_stack.ss_size, (unsigned)u->uc_stack.ss_flags);
	show("  in the handler");
	/* once it has taken itself away, what a change does depends on Linux's version */
	if (!((unsigned)u->uc_stack.ss_flags & SS_AUTODISARM))
		try("  change in the handler", stack, SIZE, 0);
	if (sig == SIGUSR1)
		raise(SIGUSR2);
}

static void overflow(int sig, siginfo_t *si, void *u)
{
	char local;

	(void)u;
	printf("  signal %d, code %d, on it: %d\n", sig, si->si_code, here(&local));
	siglongjmp(back, 1);
}

static int recurse(int n);
static int (*volatile deeper)(int) = recurse;

static int recurse(int n)
{
	volatile char fill[1024];

	fill[n % 1024] = (char)n;
	return deeper(n + 1) + fill[n % 1024];
}

static void set(int sig, void (*fn)(int, siginfo_t *, void *), int flags)
{
	struct sigaction a = { .sa_sigaction = fn, .sa_flags = SA_SIGINFO | flags };

	sigaction(sig, &a, NULL);
}

int main(void)
{
	struct rlimit small = { 1 << 20, RLIM_INFINITY };

	setvbuf(stdout, NULL, _IOLBF, 0);
	stack = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	show("at first");
	try("too small", stack, 2047, 0);
	try("bad flags", stack, SIZE, 4);
	try("SS_ONSTACK", stack, SIZE, SS_ONSTACK);
	show("set");
	try("disabled", stack, SIZE, SS_DISABLE);
	show("disabled");
	try("set again", stack, SIZE, 0);
	set(SIGUSR1, handler, SA_ONSTACK);
	set(SIGUSR2, handler, SA_ONSTACK);
	set(SIGTERM, handler, 0);
	puts("with SA_ONSTACK");
	raise(SIGUSR1);
	puts("without");
	raise(SIGTERM);
	show("afterwards");
	try("SS_AUTODISARM", stack, SIZE, SS_AUTODISARM);
	show("SS_AUTODISARM");
	raise(SIGTERM);
	show("afterwards");
	raise(SIGUSR2);
	show("afterwards");
	try("set again", stack, SIZE, 0);
	set(SIGSEGV, overflow, SA_ONSTACK);
	setrlimit(RLIMIT_STACK, &small);
	for (int i = 0; i < 3; i++) {
		if (!sigsetjmp(back, 1))
			recurse(0);
		printf("back from stack overflow %d\n", i);
	}
	try("gone", NULL, 0, SS_DISABLE);
	puts("now without: ends");
	recurse(0);
	return 0;
}
