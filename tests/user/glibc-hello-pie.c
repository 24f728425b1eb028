/* hello with glibc, static and position-independent. */
#include <stdio.h>

int main(void)
{
	printf("hello, world\n");
	return 7;
}
