/* abort() of glibc. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
	sigset_t all;

	printf("before\n");
	fflush(stdout);
	signal(SIGABRT, SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	abort();
}
