/* oracle: none */
/*
 * The first program ends while others run, wait and sleep, its own children and
 * theirs: they end with it, and so does the machine.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void live(int how)
{
	int p[2];
	char c;

	signal(SIGTERM, SIG_IGN);
	switch (how) {
	case 0:
		for (;;)
			;
	case 1:
		(void)!pipe(p);
		(void)!read(p[0], &c, 1);
		break;
	case 2:
		sleep(1000);
		break;
	case 3:
		if (!fork())
			sleep(1000);
		wait(NULL);
		break;
	case 4:
		if (!vfork())
			sleep(1000);
		break;
	case 5:
		poll(NULL, 0, -1);
		break;
	}
	_exit(1);
}

int main(void)
{
	for (int how = 0; how < 6; how++)
		if (!fork())
			live(how);
	usleep(20000);
	return 0;
}
