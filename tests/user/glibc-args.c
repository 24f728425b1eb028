/* What a program finds when it starts, with glibc. */
/* args: one 'two words' '' '*' a=b */
#include "startup.h"

int main(int argc, char **argv)
{
	return startup(argc, argv);
}
