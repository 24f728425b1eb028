/* Recursion without end: killed by SIGSEGV at the stack's limit. */
#include <stdio.h>

static volatile unsigned depth;

static __attribute__((noinline)) int deeper(int n)
{
	volatile char here[1000];

	here[0] = (char)n;
	if (depth++ == 100000) {
		printf("not ok: 100 MB of stack\n");
		return 0;
	}
	return deeper(n + 1) + here[0];
}

int main(void)
{
	printf("before\n");
	fflush(stdout);
	return deeper(0);
}
