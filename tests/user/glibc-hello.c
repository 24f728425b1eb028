/* hello with glibc, statically linked. */
#include <stdio.h>

int main(void)
{
	printf("hello, world\n");
	return 7;
}
