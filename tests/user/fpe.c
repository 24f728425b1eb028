/* A division by zero: killed by SIGFPE. */
#include <stdio.h>

int main(void)
{
	volatile int zero = 0;

	printf("before\n");
	fflush(stdout);
	printf("not ok: %d\n", 1000 / zero);
	return 0;
}
