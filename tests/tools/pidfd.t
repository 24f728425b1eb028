#!/usr/bin/python3
"""A pidfd stands for one process for good: not for another one that has its number later."""
from tap import c_program, end, equal, tool

program = c_program("again", r"""
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int child(void)
{
	int pid = fork();

	if (!pid)
		_exit(7);
	return pid;
}

int main(void)
{
	int fd, first, next, tries = 0, set = open("/proc/sys/kernel/pid_max", O_WRONLY);
	siginfo_t i = { 0 };

	if (write(set, "301", 3) != 3)
		return 1;
	first = child();
	fd = (int)syscall(SYS_pidfd_open, first, 0);
	waitpid(first, NULL, 0);
	while ((next = child()) != first && tries++ < 1000)
		waitpid(next, NULL, 0);
	printf("the number is used again: %d\n", next == first);
	printf("waited for by the file: %s\n", waitid(P_PIDFD, fd, &i, WEXITED) ? strerror(errno) : "done");
	printf("signalled by the file: %s\n", syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) ? strerror(errno) : "done");
	printf("waited for by the number: %d\n", waitpid(next, NULL, 0) == next);
	fd = (int)syscall(SYS_pidfd_open, child(), 0);
	printf("waited for by its own file: %d", waitid(P_PIDFD, fd, &i, WEXITED));
	printf(", %d\n", i.si_status);
	return 0;
}
""")
done = tool("qrun", program)
equal(done.out.decode().splitlines(),
      ["the number is used again: 1", "waited for by the file: No child process", "signalled by the file: No such process",
       "waited for by the number: 1", "waited for by its own file: 0, 7"], "a number that is used again is another process", done.err)
end()
