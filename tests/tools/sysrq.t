#!/usr/bin/python3
"""/proc/sysrq-trigger: t writes on the log where every thread is, those that sleep and those that run."""
import os
import re
import subprocess

from tap import WORK, c_program, check, end, equal, tool

hang = c_program("hang", r"""
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void *spins(void *arg)
{
	for (;;)
		__asm__ volatile("pause");
	return arg;
}

static void *waits(void *arg)
{
	pthread_mutex_lock(&lock);
	return arg;
}

int main(int argc, char **argv)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY), pipes[2];
	pthread_t t;
	char c;

	pthread_mutex_lock(&lock);
	if (fd < 0 || pipe(pipes))
		return 1;
	if (!fork())
		_exit((int)read(pipes[0], &c, 1));
	if (pthread_create(&t, NULL, spins, NULL) || pthread_create(&t, NULL, waits, NULL))
		return 1;
	usleep(500000);
	for (int i = 1; i < argc; i++)
		if (write(fd, argv[i], 1) != 1)
			return 1;
	return 0;
}""", ("musl-gcc", "-static", "-no-pie", "-fno-pie", "-pthread"))
symbols = subprocess.run(["nm", "-S", hang], stdout=subprocess.PIPE, check=True, text=True).stdout
at, size = (int(word, 16) for word in re.search(r"^(\S+) (\S+) T spins$", symbols, re.MULTILINE).groups())
log = os.path.join(WORK, "log")


def threads(cpus):
    done = tool("qrun", "-c", cpus, "-t", "100", "--log", log, hang, "t", "x")
    equal(done.status, 0, f"{cpus} CPU(s): the machine goes on", done.err)
    with open(log, encoding="utf-8") as file:
        text = file.read()
    check("sysrq: t shows" in text, "another letter: the log says what there is")
    return re.findall(r"^\[[^]]*\] hang \(([0-9]+) of process ([0-9]+)\) (.*)$", text, re.MULTILINE)


def is_place(number, line):
    """In the call of that number, which sleeps there."""
    return re.match(rf"sleeps on CPU [0-9], system call {number}\([0-9a-f, ]*\) of ring 3 at 4[0-9a-f]{{5}} <", line)


for cpus in ("1", "4"):
    lines = {int(tid): (int(pid), line) for tid, pid, line in threads(cpus)}
    equal(sorted((tid, pid) for tid, (pid, _) in lines.items()), [(2, 2), (3, 3), (4, 2), (5, 2)],
          "every thread of every process")
    main, reader, spinner, waiter = (lines.get(tid, (0, ""))[1] for tid in (2, 3, 4, 5))
    check(re.match(r"runs on CPU [0-9], system call 1\(", main) and "sys_write" in main, "who asks writes", main)
    check(is_place(0, reader) and "pipe_read" in reader, "one reads from a pipe", reader)
    check(is_place(202, waiter) and "futex_wait" in waiter, "one waits for a mutex", waiter)
    where = re.search(r"interrupt of ring 3 at ([0-9a-f]+)", spinner)
    check(where and at <= int(where[1], 16) < at + size, "one spins, and where", spinner, hex(at))
end()
