/* A write to the program's own code: killed by SIGSEGV. */
#include <stdio.h>

int main(void)
{
	printf("before\n");
	fflush(stdout);
	*(volatile char *)main = 0;
	printf("not ok: still there\n");
	return 0;
}
