/*
 * Sets in sets in sets, each of a row in each of the row above: as many ways down as rows have sets, to the power of their
 * number. To look at all of it takes no longer than there are sets and members.
 */
#define _GNU_SOURCE
#include "call.h"
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>

#define ROWS	4
#define WIDE	120

static int set[ROWS][WIDE];

static int add(int to, int fd)
{
	struct epoll_event e = { .events = EPOLLIN };

	return epoll_ctl(to, EPOLL_CTL_ADD, fd, &e);
}

static void show(const char *what, int top)
{
	struct pollfd p = { .fd = top, .events = POLLIN };
	struct epoll_event e;

	printf("%s: poll %d", what, poll(&p, 1, 0));
	printf(", wait %d\n", epoll_wait(top, &e, 1, 0));
}

int main(void)
{
	int top = epoll_create1(0), end[2], refused = 0;

	if (pipe(end))
		return 1;
	for (int r = 0; r < ROWS; r++)
		for (int i = 0; i < WIDE; i++) {
			set[r][i] = epoll_create1(0);
			for (int above = 0; above < (r ? WIDE : 1); above++)
				refused += add(r ? set[r - 1][above] : top, set[r][i]) != 0;
		}
	printf("refused: %d\n", refused);
	(void)!add(set[ROWS - 1][WIDE - 1], end[0]);	/* at the end of too many ways, Linux may say */
	call_show("a way", add(set[0][WIDE - 1], end[0]));
	show("nothing there", top);
	if (write(end[1], "x", 1) != 1)
		return 1;
	show("there", top);
	call_show("a ring", add(set[ROWS - 1][0], set[0][0]));
	return 0;
}
