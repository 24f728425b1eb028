/* hello as a static position-independent program. */
#include <stdio.h>

int main(void)
{
	printf("hello, world\n");
	return 7;
}
