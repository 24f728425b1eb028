/* rt_sigreturn with frames that the program has spoilt: SIGSEGV, or what it made of itself. */
#define _GNU_SOURCE
#include <signal.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

static sigjmp_buf back;
static int what;
static char alt[65536];

static void spoil(int sig, siginfo_t *si, void *arg)
{
	ucontext_t *u = arg;
	greg_t *g = u->uc_mcontext.gregs;
	char *fp = (char *)u->uc_mcontext.fpregs;
	uint32_t bad = 0xffffffff;
	uint64_t all = ~0ul;

	(void)sig;
	(void)si;
	switch (what) {
	case 0: g[REG_RIP] = 0; break;
	case 1: g[REG_RIP] = (greg_t)0x8000000000000000; break;
	case 2: g[REG_RIP] = (greg_t)0xffffffff80100000; break;
	case 3: g[REG_CSGSFS] = (greg_t)((g[REG_CSGSFS] & ~0xffffll) | 0x10); break;
	case 4: g[REG_CSGSFS] = (greg_t)((g[REG_CSGSFS] & ~0xffffll) | 0xfffb); break;
	case 5: memcpy(fp + 464, &bad, 4); break;		/* another magic number */
	case 6: memcpy(fp + 512, &all, 8); break;		/* components that there are not */
	case 7: memcpy(fp + 528, &all, 8); break;		/* reserved words of the header */
	case 8: u->uc_mcontext.fpregs = (void *)0x10; break;
	case 9: u->uc_mcontext.fpregs = (void *)0xffffffff80100000ul; break;
	case 10: u->uc_mcontext.fpregs = (void *)(fp + 8); break;
	case 11: u->uc_mcontext.fpregs = NULL; break;
	case 12: memset(fp + 464, 0, 48); break;		/* no magic: FXSAVE only */
	case 13: g[REG_EFL] = -1 & ~0x40500; break;		/* all but TF, DF, AC */
	case 14: memset(&u->uc_sigmask, 0xff, 8); break;
	}
}

static void segv(int sig, siginfo_t *si, void *arg)
{
	(void)arg;
	printf("  signal %d, code %d, addr %lx\n", sig, si->si_code, (long)si->si_addr);
	siglongjmp(back, 1);
}

/* Frames of noise: whatever becomes of them, it is a signal of this program. */
static void noise(void)
{
	static unsigned char frame[4096] __attribute__((aligned(64)));
	uint64_t x = 88172645463325252ull;
	volatile int survived = 0, n = 0;

	for (volatile int round = 0; round < 2000; round++) {
		for (unsigned i = 0; i < sizeof(frame) / 8; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			((uint64_t *)(void *)frame)[i] = x;
		}
		*(stack_t *)(void *)(frame + 16) = (stack_t){
			.ss_sp = alt, .ss_size = sizeof(alt),
		};
		memset(frame + 296, 0, 8);	/* nothing blocked */
		if (round & 1) {		/* selectors that pass, an FPU area that is there */
			memcpy(frame + 40 + 18 * 8, "\x33\0\0\0\0\0\x2b", 8);
			*(uint64_t *)(void *)(frame + 40 + 23 * 8) = (uintptr_t)frame + 1024;
			*(uint32_t *)(void *)(frame + 40 + 17 * 8) = 0x202;
		}
		if (round & 2) {
			memset(frame + 1024 + 464, 0, 48);
			*(uint32_t *)(void *)(frame + 1024 + 24) &= 0xffff;
		}
		n++;
		if (!sigsetjmp(back, 1))
			__asm__ volatile("movq %0, %%rsp; movl $15, %%eax; syscall; ud2"
					 :: "r"(frame) : "memory");
		else
			survived++;
	}
	printf("noise: %d of %d\n", survived, n);
}

static void quiet(int sig)
{
	(void)sig;
	siglongjmp(back, 1);
}

int main(void)
{
	struct sigaction a = { .sa_sigaction = spoil, .sa_flags = SA_SIGINFO };
	stack_t s = { .ss_sp = alt, .ss_size = sizeof(alt) };

	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGUSR1, &a, NULL);
	a.sa_sigaction = segv;
	a.sa_flags |= SA_ONSTACK;
	sigaltstack(&s, NULL);
	sigaction(SIGSEGV, &a, NULL);
	for (what = 0; what < 15; what++) {
		printf("case %d\n", what);
		if (!sigsetjmp(back, 1)) {
			raise(SIGUSR1);
			puts("  went on");
		}
	}
	sigemptyset(&a.sa_mask);
	sigprocmask(SIG_SETMASK, &a.sa_mask, NULL);
	a.sa_handler = quiet;
	a.sa_flags = SA_ONSTACK | SA_NODEFER;
	for (int sig = 1; sig < 32; sig++)
		sigaction(sig, &a, NULL);
	noise();
	return 0;
}
