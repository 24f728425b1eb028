/* A call by its text, and what it returned: a number or the error. */
#ifndef TESTS_USER_CALL_H
#define TESTS_USER_CALL_H

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE	4096ul
#define CALL(name, ...) call_show(#name "(" #__VA_ARGS__ ")", syscall(SYS_##name, ##__VA_ARGS__))

static inline long call_show(const char *what, long r)
{
	if (r < 0)
		printf("%s: %s\n", what, strerror(errno));
	else
		printf("%s: %ld\n", what, r);
	return r;
}

/* The same for calls that return an address: its distance from base in pages. */
static inline char *call_show_at(const char *what, void *r, void *base)
{
	if ((long)r == -1)
		printf("%s: %s\n", what, strerror(errno));
	else if (base)
		printf("%s: %+ld pages\n", what, ((char *)r - (char *)base) / (long)PAGE);
	else
		printf("%s: done\n", what);
	return r;
}

#endif
