/* A breakpoint without a debugger: killed by SIGTRAP. */
#include <stdio.h>

int main(void)
{
	printf("before\n");
	fflush(stdout);
	__asm__ volatile("int3");
	printf("not ok: still there\n");
	return 0;
}
