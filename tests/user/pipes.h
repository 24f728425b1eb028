/* What the programs that try pipes share. */
#ifndef TESTS_USER_PIPES_H
#define TESTS_USER_PIPES_H

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

static inline void make(int p[2], int flags)
{
	if (pipe2(p, flags))
		exit(1);
}

static inline void drop(int p[2])
{
	close(p[0]);
	close(p[1]);
}

/* Bytes in it. */
static inline int waiting(int fd)
{
	int n = -1;

	return ioctl(fd, FIONREAD, &n) ? -1 : n;
}

#endif
