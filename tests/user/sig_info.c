/* What a handler with SA_SIGINFO is told: siginfo and ucontext, for faults and for signals sent. */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

static sigjmp_buf back;
static uintptr_t base;
static char *page;
static volatile char *volatile null;

static const char *place(uintptr_t a)
{
	static char text[40];

	if (a >= base && a < base + 3 * 4096)
		snprintf(text, sizeof(text), "page %lu + %lu", (a - base) / 4096,
			 (a - base) % 4096);
	else if (a < 0x10000 || a >= 0x7ffffffff000)
		snprintf(text, sizeof(text), "%lx", a);
	else
		snprintf(text, sizeof(text), "elsewhere");
	return text;
}

static void fault(int sig, siginfo_t *si, void *arg)
{
	ucontext_t *u = arg;
	greg_t *g = u->uc_mcontext.gregs;
	int addressed = si->si_code > 0 && si->si_code != SI_KERNEL;
	uintptr_t addr = (uintptr_t)si->si_addr;

	/* err: not whether a page is there already; of #GP not what emulators get wrong */
	printf("  signal %d, signo %d, errno %d, code %d, ", sig, si->si_signo, si->si_errno,
	       si->si_code);
	if (sig == SIGFPE || sig == SIGILL || (sig == SIGTRAP && addressed))
		printf("addr is rip: %d, ", addr == (uintptr_t)g[REG_RIP]);
	else
		printf("addr %s, ", place(addr));
	printf("trap %lld, err %llx, flags %lx\n", g[REG_TRAPNO],
	       g[REG_TRAPNO] == 14 ? g[REG_ERR] & ~1ll : 0, u->uc_flags & ~2ul);
	if (g[REG_TRAPNO] == 14)
		printf("  cr2 is addr: %d\n", (uintptr_t)g[REG_CR2] == addr);
	printf("  cs %llx ss %llx, mask %lx, on its stack: %d\n", g[REG_CSGSFS] & 0xffff,
	       (unsigned long long)g[REG_CSGSFS] >> 48, *(unsigned long *)&u->uc_sigmask,
	       (uintptr_t)&sig < (uintptr_t)g[REG_RSP] - 128);
	siglongjmp(back, 1);
}

#define TRY(what, ...) do { \
	printf("%s\n", what); \
	if (!sigsetjmp(back, 1)) { \
		__VA_ARGS__; \
		printf("  nothing happened\n"); \
	} } while (0)

static void sent(int sig, siginfo_t *si, void *u)
{
	(void)u;
	printf("  signal %d, errno %d, code %d, from me: %d, uid is mine: %d, value %lx\n", sig,
	       si->si_errno, si->si_code, si->si_pid == getpid(), si->si_uid == getuid(),
	       si->si_code == SI_QUEUE ? (unsigned long)si->si_value.sival_ptr : 0);
}

static void faults(void)
{
	struct sigaction a = { .sa_sigaction = fault, .sa_flags = SA_SIGINFO };
	static const int all[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP };
	volatile int zero = 0;

	sigaddset(&a.sa_mask, SIGUSR2);
	for (unsigned i = 0; i < 5; i++)
		sigaction(all[i], &a, NULL);
	TRY("read of a NULL pointer", *null);
	TRY("write to a NULL pointer", null[8] = 1);
	TRY("jump to NULL", ((void (*)(void))0)());
	TRY("write, read-only", page[5] = 1);
	TRY("read, no rights", *(volatile char *)(page + 4096 + 7));
	TRY("jump, not executable", ((void (*)(void))page)());
	TRY("read, not mapped", *(volatile char *)(page + 2 * 4096 + 9));
	TRY("read of the kernel's half", *(volatile char *)0xffffffff80100000ul);
	TRY("address that is none", *(volatile char *)0x8000000000000000ul);
	TRY("division by zero", zero = 1 / zero);
	TRY("division overflow", zero = 1 / zero);
	TRY("ud2", __asm__ volatile("ud2"));
	TRY("int3", __asm__ volatile("int3"));
	TRY("hlt", __asm__ volatile("hlt"));
	TRY("int 14", __asm__ volatile("int $14"));
	TRY("trap flag",
	    __asm__ volatile("pushfq; orl $0x100, (%%rsp); popfq; nop" ::: "memory", "cc"));
}

static void sending(void)
{
	struct sigaction a = { .sa_sigaction = sent, .sa_flags = SA_SIGINFO };
	union sigval v = { .sival_ptr = (void *)0x123456789abcul };
	siginfo_t si;

	sigaction(SIGUSR1, &a, NULL);
	sigaction(SIGRTMIN + 1, &a, NULL);
	puts("kill");
	kill(getpid(), SIGUSR1);
	puts("tgkill");
	syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1);
	puts("tkill");
	syscall(SYS_tkill, getpid(), SIGUSR1);
	puts("sigqueue");
	sigqueue(getpid(), SIGUSR1, v);
	sigqueue(getpid(), SIGRTMIN + 1, v);
	puts("rt_sigqueueinfo");
	memset(&si, 0, sizeof(si));
	si.si_code = -42;
	si.si_pid = getpid();
	printf("  %ld\n", syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &si));
	si.si_code = SI_USER;
	printf("  to another: %ld", syscall(SYS_rt_sigqueueinfo, 1, SIGUSR1, &si));
	printf(" %d\n", errno);
	printf("  bad address: %ld", syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, 8));
	printf(" %d\n", errno);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	page = mmap(NULL, 3 * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	base = (uintptr_t)page;
	mprotect(page + 4096, 4096, PROT_NONE);
	munmap(page + 2 * 4096, 4096);
	faults();
	sending();
	return 0;
}
