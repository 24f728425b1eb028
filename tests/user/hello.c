/* The smallest C program: starts, prints, ends with a status of its own. */
#include <stdio.h>

int main(void)
{
	printf("hello, world\n");
	return 7;
}
