/*
 * Nothing of the kernel or of another process can be reached from ring 3: not
 * by an access, and not by handing its address to a system call. Two processes
 * hold different words at one address, in different frames by pagemap, and
 * share the frame of their program's text; each keeps its word.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- accesses ---- */

static sigjmp_buf back;
static siginfo_t caught;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)context;
	(void)sig;
	caught = *info;
	siglongjmp(back, 1);
}

static void catch_faults(void)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER };

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}

enum way { READ, WRITE, EXECUTE, WAYS };

static const char *const way_names[] = { "read", "write", "execute" };

/* What became of it: signal and code, and the address that the signal named. */
static const char *try(unsigned long at, enum way way)
{
	static char text[80];

	caught = (siginfo_t){ 0 };
	if (!sigsetjmp(back, 1)) {
		switch (way) {
		case READ:
			(void)*(volatile char *)at;
			break;
		case WRITE:
			*(volatile char *)at = 1;
			break;
		default:
			((void (*)(void))at)();
		}
		return "let through";
	}
	snprintf(text, sizeof(text), "%s %s at %s", caught.si_signo == SIGSEGV ? "SIGSEGV" : "SIGBUS",
		 caught.si_code == SEGV_MAPERR ? "MAPERR" :
		 caught.si_code == SEGV_ACCERR ? "ACCERR" :
		 caught.si_code == SI_KERNEL ? "SI_KERNEL" : "?",
		 (unsigned long)caught.si_addr == at ? "its address" : caught.si_addr ? "another" : "0");
	return text;
}

struct place { const char *name; unsigned long at; };

/*
 * Quire's regions and Linux's, which lie elsewhere: on either kernel some are
 * mapped and others not, and ring 3 must not see which. The names say whose.
 */
static const struct place places[] = {
	{ "all of RAM (Quire)", 0xffff800000000000 },
	{ "all of RAM (Quire), 1 MB", 0xffff800000100000 },
	{ "all of RAM (Linux)", 0xffff888000000000 },
	{ "frames' records (Quire)", 0xffffc00000000000 },
	{ "frames' records (Quire), inside", 0xffffc00000001000 },
	{ "kernel mappings (Quire)", 0xffffd00000000000 },
	{ "kernel mappings (Quire), inside", 0xffffd00000004000 },
	{ "kernel mappings, the end (Quire)", 0xffffd07ffffffff8 },
	{ "frames' records (Linux)", 0xffffea0000000000 },
	{ "entry area (Linux)", 0xfffffe0000000000 },
	{ "kernel image", 0xffffffff80000000 },
	{ "kernel image, text", 0xffffffff80100000 },
	{ "kernel image, data", 0xffffffff80280000 },
	{ "modules (Linux)", 0xffffffffa0000000 },
	{ "top page", 0xfffffffffffff000 },
	{ "top byte", 0xffffffffffffffff },
	{ "lowest of the upper half", 0xffff800000000008 },
	{ "page above the user's limit", 0x7ffffffff000 },
	{ "page below the user's limit", 0x7fffffffe000 },
	{ "byte below the hole", 0x7fffffffffff },
	{ "first byte of the hole", 0x800000000000 },
	{ "inside of the hole", 0x123456789abcdef0 },
	{ "last byte of the hole", 0xffff7fffffffffff },
	{ "sign bit alone", 0x8000000000000000 },
	{ "page 0", 0 },
	{ "word 8", 8 },
	{ "below mmap_min_addr", 0xfff8 },
};
#define PLACES (sizeof(places) / sizeof(places[0]))

static void kernel_addresses(void)
{
	for (size_t i = 0; i < PLACES; i++)
		for (enum way way = READ; way < WAYS; way++)
			printf("%s %s: %s\n", way_names[way], places[i].name, try(places[i].at, way));
}

static const uint8_t ret = 0xc3;
static uint8_t data_ret = 0xc3;

/* Data of every sort, and text that is written to. */
static void rights(void)
{
	uint8_t on_stack = 0xc3, *heap = malloc(16), *p;
	int fd = memfd_create("code", 0);

	*heap = 0xc3;
	printf("execute data: %s\n", try((unsigned long)&data_ret, EXECUTE));
	printf("execute constants: %s\n", try((unsigned long)&ret, EXECUTE));
	printf("execute the stack: %s\n", try((unsigned long)&on_stack, EXECUTE));
	printf("execute the heap: %s\n", try((unsigned long)heap, EXECUTE));
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	printf("execute zeros: %s\n", try((unsigned long)p, EXECUTE));
	*p = 0xc3;
	printf("execute a page: %s\n", try((unsigned long)p, EXECUTE));
	mprotect(p, 4096, PROT_READ | PROT_EXEC);
	printf("execute it with the right to: %s\n", try((unsigned long)p, EXECUTE));
	printf("write to it then: %s\n", try((unsigned long)p, WRITE));
	mprotect(p, 4096, PROT_NONE);
	for (enum way way = READ; way < WAYS; way++)
		printf("%s PROT_NONE: %s\n", way_names[way], try((unsigned long)p, way));
	if (fd >= 0 && write(fd, &ret, 1) == 1) {
		p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
		printf("execute a file: %s\n", try((unsigned long)p, EXECUTE));
		printf("write to a file: %s\n", try((unsigned long)p, WRITE));
	}
	printf("write to text: %s\n", try((unsigned long)rights, WRITE));
	printf("write to constants: %s\n", try((unsigned long)&ret, WRITE));
}

/* ---- system calls with the kernel's addresses ---- */

static int zero_fd, pipe_fd[2], mem_fd;
static struct iovec own_iov, their_iov;	/* the second: at the address that is tried */

/*
 * A call that reads or writes memory: arguments, where P stands for the address. Each
 * would succeed with an address of one's own.
 */
#define P 0x5055495245ul
struct call { const char *name; long nr; unsigned long a[6]; };

static void make_calls(void (*each)(const struct call *c))
{
	static char own[64] __attribute__((aligned(64)));
	const unsigned long o = (unsigned long)own, iov = (unsigned long)&own_iov;
	const struct call calls[] = {
		{ "read", SYS_read, { (unsigned long)zero_fd, P, 8 } },
		{ "write to a pipe", SYS_write, { (unsigned long)pipe_fd[1], P, 8 } },
		{ "write to a memfd", SYS_write, { (unsigned long)mem_fd, P, 8 } },
		{ "pread of a memfd", SYS_pread64, { (unsigned long)mem_fd, P, 8, 0 } },
		{ "pwrite", SYS_pwrite64, { (unsigned long)mem_fd, P, 8, 0 } },
		{ "readv of iovecs", SYS_readv, { (unsigned long)zero_fd, P, 1 } },
		{ "writev of iovecs", SYS_writev, { (unsigned long)mem_fd, P, 1 } },
		{ "open", SYS_open, { P, O_RDONLY } },
		{ "openat", SYS_openat, { (unsigned long)AT_FDCWD, P, O_RDONLY } },
		{ "access", SYS_access, { P, 0 } },
		{ "stat of a path", SYS_stat, { P, o } },
		{ "stat", SYS_stat, { (unsigned long)"/", P } },
		{ "fstat", SYS_fstat, { (unsigned long)mem_fd, P } },
		{ "newfstatat", SYS_newfstatat, { (unsigned long)AT_FDCWD, (unsigned long)"/", P, 0 } },
		{ "readlink of a path", SYS_readlink, { P, o, 8 } },
		{ "readlink", SYS_readlink, { (unsigned long)"/proc/self/exe", P, 8 } },
		{ "getcwd", SYS_getcwd, { P, 64 } },
		{ "chdir", SYS_chdir, { P } },
		{ "execve", SYS_execve, { P, 0, 0 } },
		{ "execve's arguments", SYS_execve, { (unsigned long)"/proc/self/exe", P, 0 } },
		{ "execve's environment", SYS_execve, { (unsigned long)"/proc/self/exe", 0, P } },
		{ "pipe", SYS_pipe, { P } },
		{ "pipe2", SYS_pipe2, { P, 0 } },
		{ "poll", SYS_poll, { P, 1, 0 } },
		{ "uname", SYS_uname, { P } },
		{ "sysinfo", SYS_sysinfo, { P } },
		{ "times", SYS_times, { P } },
		{ "time", SYS_time, { P } },
		{ "gettimeofday", SYS_gettimeofday, { P, 0 } },
		{ "clock_gettime", SYS_clock_gettime, { CLOCK_MONOTONIC, P } },
		{ "nanosleep", SYS_nanosleep, { P, 0 } },
		{ "getrusage", SYS_getrusage, { RUSAGE_SELF, P } },
		{ "getrlimit", SYS_getrlimit, { RLIMIT_STACK, P } },
		{ "setrlimit", SYS_setrlimit, { RLIMIT_CORE, P } },
		{ "prlimit64, new", SYS_prlimit64, { 0, RLIMIT_CORE, P, 0 } },
		{ "prlimit64, old", SYS_prlimit64, { 0, RLIMIT_CORE, 0, P } },
		{ "rt_sigaction, new", SYS_rt_sigaction, { SIGUSR1, P, 0, 8 } },
		{ "rt_sigaction, old", SYS_rt_sigaction, { SIGUSR1, 0, P, 8 } },
		{ "rt_sigprocmask, new", SYS_rt_sigprocmask, { SIG_BLOCK, P, 0, 8 } },
		{ "rt_sigprocmask, old", SYS_rt_sigprocmask, { SIG_BLOCK, 0, P, 8 } },
		{ "rt_sigpending", SYS_rt_sigpending, { P, 8 } },
		{ "rt_sigsuspend", SYS_rt_sigsuspend, { P, 8 } },
		{ "rt_sigtimedwait", SYS_rt_sigtimedwait, { P, 0, 0, 8 } },
		{ "rt_sigqueueinfo", SYS_rt_sigqueueinfo, { (unsigned long)getpid(), SIGURG, P } },
		{ "sigaltstack, new", SYS_sigaltstack, { P, 0 } },
		{ "sigaltstack, old", SYS_sigaltstack, { 0, P } },
		{ "mincore", SYS_mincore, { (unsigned long)own & -4096ul, 4096, P } },
		{ "memfd_create", SYS_memfd_create, { P, 0 } },
		{ "getrandom", SYS_getrandom, { P, 8, 0 } },
		{ "process_vm_readv of iovecs", SYS_process_vm_readv,
		  { (unsigned long)getpid(), P, 1, iov, 1, 0 } },
		{ "process_vm_readv of others' iovecs", SYS_process_vm_readv,
		  { (unsigned long)getpid(), iov, 1, P, 1, 0 } },
		{ "process_vm_readv from it", SYS_process_vm_readv,
		  { (unsigned long)getpid(), iov, 1, (unsigned long)&their_iov, 1, 0 } },
		{ "process_vm_writev to it", SYS_process_vm_writev,
		  { (unsigned long)getpid(), iov, 1, (unsigned long)&their_iov, 1, 0 } },
	};

	own_iov = (struct iovec){ own, 8 };
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		each(&calls[i]);
}

static long call_with(const struct call *c, unsigned long at)
{
	unsigned long a[6];

	for (int i = 0; i < 6; i++)
		a[i] = c->a[i] == P ? at : c->a[i];
	their_iov = (struct iovec){ (void *)at, 8 };
	return syscall(c->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* Addresses at which every call must refuse, on either kernel. */
static const unsigned long never[] = {
	0xffff800000000000, 0xffff888000000000, 0xffffc00000000000, 0xffffd00000000000,
	0xffffffff80000000, 0xffffffff80100000, 0xfffffffffffff000, 0xfffffffffffffff8,
	0x7ffffffff000, 0x800000000000, 0x8000000000000000, 8,
};
#define NEVER (sizeof(never) / sizeof(never[0]))

static void refused(const struct call *c)
{
	int wrong = 0;

	for (size_t i = 0; i < NEVER; i++) {
		errno = 0;
		if (call_with(c, never[i]) != -1 || errno != EFAULT) {
			printf("%s: at %#lx: %s\n", c->name, never[i], strerror(errno));
			wrong++;
		}
	}
	printf("%s: EFAULT at %d of %d\n", c->name, (int)NEVER - wrong, (int)NEVER);
}

static void system_calls(void)
{
	zero_fd = open("/dev/zero", O_RDWR);
	mem_fd = memfd_create("isolation", 0);
	if (zero_fd < 0 || mem_fd < 0 || pipe(pipe_fd) || ftruncate(mem_fd, 4096))
		return;
	make_calls(refused);
}

/* ---- two processes ---- */

static volatile uint64_t word = 1;

static uint64_t frame_of(const volatile void *p)
{
	uint64_t entry = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY);

	if (fd < 0 || pread(fd, &entry, 8, (off_t)((uintptr_t)p / 4096 * 8)) != 8)
		return 0;
	close(fd);
	return entry >> 63 ? entry & ((1ull << 55) - 1) : 0;
}

struct told { uint64_t value, data, text; };

static struct told tell(void)
{
	return (struct told){ word, frame_of(&word), frame_of((void *)(uintptr_t)tell) };
}

static void two_processes(void)
{
	int there[2], ends[2], status;
	struct told mine, theirs;
	char go = 0;

	if (pipe(there) || pipe(ends))
		exit(1);
	word = 2;
	fflush(stdout);
	if (fork() == 0) {
		struct told t;

		word = 3;
		t = tell();
		if (write(there[1], &t, sizeof(t)) != sizeof(t) || read(ends[0], &go, 1) != 1)
			_exit(1);
		/* The parent has written since. */
		_exit(word == 3 ? 7 : 1);
	}
	if (read(there[0], &theirs, sizeof(theirs)) != sizeof(theirs))
		exit(1);
	mine = tell();
	printf("parent %lu, child %lu\n", mine.value, theirs.value);
	printf("frames known: %d\n", mine.data && theirs.data && mine.text && theirs.text);
	printf("data in different frames: %d\n", mine.data != theirs.data);
	printf("text in the same frame: %d\n", mine.text == theirs.text);
	word = 4;
	if (write(ends[1], &go, 1) != 1)
		exit(1);
	wait(&status);
	printf("child kept its word: %d, parent %lu\n", WEXITSTATUS(status) == 7, word);
}

int main(void)
{
	catch_faults();
	kernel_addresses();
	rights();
	system_calls();
	two_processes();
	return 0;
}
