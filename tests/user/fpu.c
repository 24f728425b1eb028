/* x87, SSE and AVX registers keep what they hold over system calls, ticks and sleeps. */
#include <cpuid.h>
#include <fenv.h>
#include <immintrin.h>
#include <math.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static uint8_t pattern[16][32], result[16][32];

#define EACH16(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define LOAD_SSE(n) "movups " #n "*32(%1), %%xmm" #n "\n\t"
#define STORE_SSE(n) "movups %%xmm" #n ", " #n "*32(%2)\n\t"
#define LOAD_AVX(n) "vmovups " #n "*32(%1), %%ymm" #n "\n\t"
#define STORE_AVX(n) "vmovups %%ymm" #n ", " #n "*32(%2)\n\t"

static int avx_on(void)
{
	unsigned a, b, c, d, lo, hi;

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !(c & bit_AVX))
		return 0;
	__asm__("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return (lo & 6) == 6;
}

/* Registers loaded, sched_yield called `calls` times, registers stored. */
static int over_calls(int avx, long calls)
{
	long n = calls;

	for (int i = 0; i < 16; i++)
		memset(pattern[i], i * 16 + 5, 32);
	memset(result, 0, sizeof(result));
	if (avx)
		__asm__ volatile(EACH16(LOAD_AVX)
				 "1: movl $24, %%eax\n\tsyscall\n\tdecq %0\n\tjnz 1b\n\t"
				 EACH16(STORE_AVX)
				 : "+r"(n) : "r"(pattern), "r"(result) : "rax", "rcx", "r11",
				 "memory");
	else
		__asm__ volatile(EACH16(LOAD_SSE)
				 "1: movl $24, %%eax\n\tsyscall\n\tdecq %0\n\tjnz 1b\n\t"
				 EACH16(STORE_SSE)
				 : "+r"(n) : "r"(pattern), "r"(result) : "rax", "rcx", "r11",
				 "memory");
	for (int i = 0; i < 16; i++)
		if (memcmp(pattern[i], result[i], avx ? 32 : 16))
			return 0;
	return 1;
}

/* The same over a loop without calls, long enough for many ticks, with page faults in between. */
static int over_ticks(int avx)
{
	size_t bytes = 64ul << 20;
	char *touch = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *end = touch + bytes, *p = touch;

	for (int i = 0; i < 16; i++)
		memset(pattern[i], i * 16 + 9, 32);
	memset(result, 0, sizeof(result));
	if (avx)
		__asm__ volatile(EACH16(LOAD_AVX)
				 "1: movb $1, (%0)\n\taddq $4096, %0\n\tcmpq %3, %0\n\tjb 1b\n\t"
				 EACH16(STORE_AVX)
				 : "+r"(p) : "r"(pattern), "r"(result), "r"(end) : "memory");
	else
		__asm__ volatile(EACH16(LOAD_SSE)
				 "1: movb $1, (%0)\n\taddq $4096, %0\n\tcmpq %3, %0\n\tjb 1b\n\t"
				 EACH16(STORE_SSE)
				 : "+r"(p) : "r"(pattern), "r"(result), "r"(end) : "memory");
	munmap(touch, bytes);
	for (int i = 0; i < 16; i++)
		if (memcmp(pattern[i], result[i], avx ? 32 : 16))
			return 0;
	return 1;
}

static void start_state(void)
{
	uint16_t control;

	__asm__ volatile("fnstcw %0" : "=m"(control));
	printf("x87 control %x, MXCSR %x\n", control, _mm_getcsr());
}

static void computing(void)
{
	struct timespec t = { 0, 2000000 };
	volatile double x = 0.5;
	volatile long double y = 0.5L;
	double s = 0;

	for (int i = 1; i < 200000; i++) {
		s += x / i;
		x = x * 1.0000001;
		y = y * 1.0000001L;
		if (i % 50000 == 0)
			nanosleep(&t, NULL);
	}
	printf("%.12f %.12f %.15Lf\n", s, (double)x, (long double)y);
}

/* Rounding modes belong to the thread, too. */
static void rounding(void)
{
	volatile double one = 1, three = 3;
	struct timespec t = { 0, 1000000 };

	fesetround(FE_UPWARD);
	nanosleep(&t, NULL);
	printf("up %.20f, mode kept %d\n", one / three, fegetround() == FE_UPWARD);
	fesetround(FE_DOWNWARD);
	sched_yield();
	printf("down %.20f, mode kept %d\n", one / three, fegetround() == FE_DOWNWARD);
	fesetround(FE_TONEAREST);
}

int main(void)
{
	start_state();
	printf("SSE over calls: %d\n", over_calls(0, 20000));
	printf("SSE over faults and ticks: %d\n", over_ticks(0));
	printf("AVX over calls: %d\n", avx_on() ? over_calls(1, 20000) : 1);
	printf("AVX over faults and ticks: %d\n", avx_on() ? over_ticks(1) : 1);
	computing();
	rounding();
	return 0;
}
