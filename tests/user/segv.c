/* A write to nothing: killed by SIGSEGV. */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	volatile int *volatile nowhere = NULL;

	printf("before\n");
	fflush(stdout);
	*nowhere = 1;
	printf("not ok: still there\n");
	return 0;
}
