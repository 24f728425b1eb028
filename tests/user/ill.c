/* An instruction that there is not: killed by SIGILL. */
#include <stdio.h>

int main(void)
{
	printf("before\n");
	fflush(stdout);
	__asm__ volatile("ud2");
	printf("not ok: still there\n");
	return 0;
}
