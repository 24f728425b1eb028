/* Standard input that is at its end at once. */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	char c;

	printf("%d %zd\n", getchar(), read(0, &c, 1));
	return 0;
}
