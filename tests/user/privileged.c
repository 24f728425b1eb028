/* An instruction for ring 0 alone: killed by SIGSEGV. */
#include <stdio.h>

int main(void)
{
	printf("before\n");
	fflush(stdout);
	__asm__ volatile("hlt");
	printf("not ok: still there\n");
	return 0;
}
