/*
 * A handler that spoils every register gives none of it to what it interrupted; and it
 * can change what it likes there.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

static int avx;
static volatile int calls;
static int layout_ok = 1;

struct fpx_sw { uint32_t magic1, extended_size; uint64_t xfeatures; uint32_t xstate_size; };

static void look(ucontext_t *u)
{
	char *fp = (char *)u->uc_mcontext.fpregs;
	struct fpx_sw sw;
	uint32_t magic2;
	uint64_t header[8];

	memcpy(&sw, fp + 464, sizeof(sw));
	layout_ok &= (uintptr_t)fp % 64 == 0 && sw.magic1 == 0x46505853;
	layout_ok &= sw.extended_size == sw.xstate_size + 4;
	memcpy(&magic2, fp + sw.xstate_size, 4);
	layout_ok &= magic2 == 0x46505845;
	memcpy(header, fp + 512, sizeof(header));
	layout_ok &= (header[0] & 3) == 3 && !(header[0] & ~sw.xfeatures);
	layout_ok &= !header[1] && !header[2];
}

static void spoil(int sig, siginfo_t *si, void *u)
{
	(void)sig;
	(void)si;
	calls++;
	look(u);
	__asm__ volatile("pcmpeqd %%xmm0, %%xmm0; movdqa %%xmm0, %%xmm1; movdqa %%xmm0, %%xmm15\n\t"
			 "fninit; fldpi; fldpi; fldpi" ::: "xmm0", "xmm1", "xmm15");
	if (avx)
		__asm__ volatile("vcmptrueps %%ymm0, %%ymm0, %%ymm0\n\t"
				 "vmovaps %%ymm0, %%ymm7; vmovaps %%ymm0, %%ymm15"
				 ::: "xmm0", "xmm7", "xmm15");
	__asm__ volatile("fninit");
}

static long kill_asm(long pid)
{
	long r;

	__asm__ volatile("syscall" : "=a"(r)
			 : "0"(62l), "D"(pid), "S"((long)SIGUSR1) : "rcx", "r11", "memory");
	return r;
}

static int sse(long pid)
{
	uint64_t in[2] = { 0x0123456789abcdef, 0xfedcba9876543210 }, a[2], b[2];
	double x = 0;
	uint32_t mxcsr = 0x1f80 | 0x6000, got;

	__asm__ volatile("ldmxcsr %0" :: "m"(mxcsr));
	__asm__ volatile("movdqu %[in], %%xmm0; movdqu %[in], %%xmm15; fldpi; fld1; faddp\n\t"
			 "movl $62, %%eax; movq %[pid], %%rdi; movl $10, %%esi; syscall\n\t"
			 "movdqu %%xmm0, %[a]; movdqu %%xmm15, %[b]; fstpl %[x]; stmxcsr %[got]"
			 : [a] "=m"(a), [b] "=m"(b), [x] "=m"(x), [got] "=m"(got)
			 : [in] "m"(in), [pid] "r"(pid)
			 : "rax", "rcx", "r11", "rdi", "rsi", "xmm0", "xmm15", "memory");
	mxcsr = 0x1f80;
	__asm__ volatile("ldmxcsr %0" :: "m"(mxcsr));
	return !memcmp(in, a, 16) && !memcmp(in, b, 16) && x > 4.14 && x < 4.15 &&
	       (got & 0xffc0) == 0x7f80;
}

static int ymm(long pid)
{
	uint64_t in[4] = { 1, 2, 3, 4 }, a[4], b[4];

	if (!avx)
		return 1;
	__asm__ volatile("vmovdqu %[in], %%ymm7; vmovdqu %[in], %%ymm15\n\t"
			 "movl $62, %%eax; movq %[pid], %%rdi; movl $10, %%esi; syscall\n\t"
			 "vmovdqu %%ymm7, %[a]; vmovdqu %%ymm15, %[b]; vzeroupper"
			 : [a] "=m"(a), [b] "=m"(b) : [in] "m"(in), [pid] "r"(pid)
			 : "rax", "rcx", "r11", "rdi", "rsi", "xmm0", "xmm1", "xmm2",
			   "xmm3", "xmm4", "xmm5", "xmm6",
			   "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
			   "xmm12", "xmm13", "xmm14", "xmm15", "memory");
	return !memcmp(in, a, 32) && !memcmp(in, b, 32);
}

/* The general registers and the flags, as the handler of an exception finds and changes them. */
static void edit(int sig, siginfo_t *si, void *arg)
{
	greg_t *g = ((ucontext_t *)arg)->uc_mcontext.gregs;

	(void)si;
	printf("signal %d: rbx %llx r15 %llx, carry %lld\n", sig, g[REG_RBX], g[REG_R15],
	       g[REG_EFL] & 1);
	g[REG_RBX] = 0x1111;
	g[REG_R15] = 0x2222;
	g[REG_EFL] ^= 1;
	g[REG_EFL] |= 0x3000;		/* IOPL: not taken */
	g[REG_RIP] += 2;		/* past ud2 */
	memset((char *)((ucontext_t *)arg)->uc_mcontext.fpregs + 160, 0x5a, 16);	/* xmm0 */
}

static void editing(void)
{
	uint64_t rbx = 0xabcd, r15 = 0xef01, flags, xmm[2];

	__asm__ volatile("movq %[b], %%rbx; movq %[c], %%r15; stc; ud2; pushfq; popq %[f]\n\t"
			 "movq %%rbx, %[b]; movq %%r15, %[c]; movdqu %%xmm0, %[x]"
			 : [b] "+m"(rbx), [c] "+m"(r15), [f] "=r"(flags), [x] "=m"(xmm)
			 :: "rbx", "r15", "xmm0", "cc", "memory");
	printf("rbx %lx r15 %lx carry %lu iopl %lu xmm0 %lx\n", rbx, r15, flags & 1,
	       flags >> 12 & 3, xmm[0]);
}

int main(void)
{
	struct sigaction a = { .sa_sigaction = spoil, .sa_flags = SA_SIGINFO };
	long pid = getpid();
	int good = 0;

	avx = __builtin_cpu_supports("avx");
	sigaction(SIGUSR1, &a, NULL);
	for (int i = 0; i < 1000; i++)
		good += sse(pid) && ymm(pid);
	printf("1000 rounds, %d good, layout %s\n", good, layout_ok ? "right" : "wrong");
	printf("kill by hand: %ld\n", kill_asm(pid));
	a.sa_sigaction = edit;
	sigaction(SIGILL, &a, NULL);
	editing();
	return calls < 1000;
}
