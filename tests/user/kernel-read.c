/* A read of the kernel's half: killed by SIGSEGV. */
#include <stdio.h>

int main(void)
{
	printf("before\n");
	fflush(stdout);
	printf("not ok: read %d\n", *(volatile char *)0xffffffff80100000ul);
	return 0;
}
