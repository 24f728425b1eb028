/* What a program finds when it starts. */
/* args: one 'two words' '' '*' a=b */
#include "startup.h"

int main(int argc, char **argv)
{
	return startup(argc, argv);
}
