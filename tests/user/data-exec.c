/* A jump into data: killed by SIGSEGV. */
#include <stdio.h>

static unsigned char code[] = { 0xc3 };

int main(void)
{
	printf("before\n");
	fflush(stdout);
	((void (*)(void))(void *)code)();
	printf("not ok: it was executed\n");
	return 0;
}
