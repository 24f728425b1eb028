/* clone3: a process like fork's and vfork's, its own stack, where its pid goes, a file for it, and what is refused. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CLONE_ARGS_SIZE_VER0	64
#define SYS_PIDFD_SEND_SIGNAL	424
#ifndef CLONE_PIDFD
#define CLONE_PIDFD	0x1000
#endif

struct clone_args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
	uint64_t set_tid, set_tid_size, cgroup;
};

static char stack[65536] __attribute__((aligned(16)));
static volatile int seen;

static void refused(const char *what, const struct clone_args *a, size_t size)
{
	long r = syscall(SYS_clone3, a, size);

	if (r == 0)
		_exit(0);
	printf("%s: %s\n", what, r < 0 ? strerror(errno) : "made");
	fflush(stdout);
	if (r > 0)
		waitpid(r, NULL, 0);
}

static int wait_for(long pid)
{
	int status = -1;

	return pid > 0 && waitpid(pid, &status, 0) == pid ? WEXITSTATUS(status) : -1;
}

/* In line: a child in the same memory must not return from a function that its parent is in. */
static inline __attribute__((always_inline)) long clone3(const struct clone_args *a, size_t size)
{
	long r;

	__asm__ volatile("syscall" : "=a"(r) : "0"((long)SYS_clone3), "D"(a), "S"(size) : "rcx", "r11", "memory");
	return r;
}

static void made(void)
{
	static int parent_tid, child_tid;
	struct clone_args a = { .exit_signal = SIGCHLD };
	long pid = syscall(SYS_clone3, &a, sizeof(a));

	if (!pid)
		_exit(getppid() > 0 ? 3 : 4);
	printf("like fork: %d\n", wait_for(pid));
	a.flags = CLONE_PARENT_SETTID | CLONE_CHILD_SETTID;
	a.parent_tid = (uint64_t)(uintptr_t)&parent_tid;
	a.child_tid = (uint64_t)(uintptr_t)&child_tid;
	pid = syscall(SYS_clone3, &a, CLONE_ARGS_SIZE_VER0);
	if (!pid)
		_exit(child_tid == getpid() ? 5 : 6);
	printf("pids: %d, %d %d\n", wait_for(pid), parent_tid == pid, child_tid);
	fflush(stdout);
	a = (struct clone_args){ .flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD };
	pid = clone3(&a, sizeof(a));
	if (!pid) {
		seen = 7;
		_exit(8);
	}
	printf("in its parent's memory: %d, %d\n", seen, wait_for(pid));
}

/* The child runs on a stack of its own: nothing that it does there is its parent's. */
static void on_a_stack(void)
{
	struct clone_args a = {
		.exit_signal = SIGCHLD, .stack = (uint64_t)(uintptr_t)stack, .stack_size = sizeof(stack),
	};
	long pid;

	__asm__ volatile("syscall\n\t"
			 "testl %%eax, %%eax\n\t"
			 "jnz 1f\n\t"
			 "movq %%rsp, %%rdi\n\t"
			 "subq %[top], %%rdi\n\t"
			 "addl $9, %%edi\n\t"
			 "movl $231, %%eax\n\t"
			 "syscall\n"
			 "1:"
			 : "=a"(pid)
			 : "0"((long)SYS_clone3), "D"(&a), "S"(sizeof(a)), [top] "r"(stack + sizeof(stack))
			 : "rcx", "r11", "memory");
	printf("9 and its stack pointer's distance from the top: %d\n", wait_for(pid));
}

/* CLONE_PIDFD: a file that stands for the child. */
static void by_file(void)
{
	int fd = -1, free_fd = dup(0), status;
	struct clone_args a = { .flags = CLONE_PIDFD, .exit_signal = SIGCHLD, .pidfd = (uint64_t)(uintptr_t)&fd };
	struct pollfd p = { .events = POLLIN };
	struct rlimit limit, none;
	long pid;

	close(free_fd);
	fflush(stdout);
	pid = syscall(SYS_clone3, &a, sizeof(a));
	if (!pid) {
		bool inherited = fcntl(free_fd, F_GETFD) >= 0;

		pause();
		_exit(inherited);
	}
	p.fd = fd;
	printf("file %d, cloexec %d, ready %d\n", fd == free_fd, fcntl(fd, F_GETFD), poll(&p, 1, 20));
	printf("signal %ld\n", syscall(SYS_PIDFD_SEND_SIGNAL, fd, SIGTERM, NULL, 0));
	printf("ready %d\n", poll(&p, 1, 5000));
	waitpid(pid, &status, 0);
	printf("status %x\n", status);
	close(fd);
	pid = syscall(SYS_clone, CLONE_PIDFD | CLONE_VFORK | SIGCHLD, 0, &fd, 0, 0);
	if (!pid)
		_exit(fcntl(free_fd, F_GETFD) >= 0);
	p.fd = fd;
	printf("clone: %d, ready %d, not the child's: %d\n", fd == free_fd, poll(&p, 1, 5000), wait_for(pid));
	close(fd);
	fflush(stdout);
	a.pidfd = 8;
	refused("file nowhere", &a, sizeof(a));
	printf("no number is lost: %d\n", fcntl(free_fd, F_GETFD) < 0);
	a.flags |= CLONE_PARENT_SETTID;
	a.parent_tid = a.pidfd = (uint64_t)(uintptr_t)&fd;
	refused("both at one place", &a, sizeof(a));
	a.flags = CLONE_PIDFD;
	getrlimit(RLIMIT_NOFILE, &limit);
	none = limit;
	none.rlim_cur = free_fd;
	setrlimit(RLIMIT_NOFILE, &none);
	refused("no number", &a, sizeof(a));
	setrlimit(RLIMIT_NOFILE, &limit);
	printf("no child: %d\n", waitpid(-1, NULL, 0));
}

int main(void)
{
	struct clone_args a = { .exit_signal = SIGCHLD };
	struct { struct clone_args a; uint64_t more; } longer = { a, 0 };

	made();
	on_a_stack();
	by_file();
	fflush(stdout);
	refused("short", &a, CLONE_ARGS_SIZE_VER0 - 1);
	refused("huge", &a, 4097);
	refused("longer by zeros", &longer.a, sizeof(longer));
	longer.more = 1;
	refused("longer", &longer.a, sizeof(longer));
	refused("nowhere", (void *)8, sizeof(a));
	a.exit_signal = 65;
	refused("signal 65", &a, sizeof(a));
	a.exit_signal = 0x100;
	refused("signal 256", &a, sizeof(a));
	a = (struct clone_args){ .flags = SIGCHLD };
	refused("signal in the flags", &a, sizeof(a));
	a.flags = CLONE_DETACHED;
	refused("CLONE_DETACHED", &a, sizeof(a));
	a.flags = 1ull << 60;
	refused("unknown flag", &a, sizeof(a));
	a = (struct clone_args){ .exit_signal = SIGCHLD, .stack = (uint64_t)(uintptr_t)stack };
	refused("stack without size", &a, sizeof(a));
	a.stack_size = 1ull << 62;
	refused("stack beyond the end", &a, sizeof(a));
	a.stack = 0;
	refused("size without stack", &a, sizeof(a));
	a = (struct clone_args){ .exit_signal = SIGCHLD, .set_tid_size = 1 };
	refused("no list of pids", &a, sizeof(a));
	a = (struct clone_args){ .exit_signal = SIGCHLD, .flags = CLONE_SETTLS, .tls = ~0ull };
	refused("tls", &a, sizeof(a));
	return 0;
}
