/* oracle: none */
/* args: 1 4000 */
/*
 * fuzz: system calls with random numbers and arguments, as root. For Quire alone: it refuses
 * to run anywhere else.
 *
 * Each batch of calls is a child's, so that what it does to itself ends with it; the parent
 * kills children that wait for something, and everything else that is left of them. A batch
 * depends on the seed and its number alone: fuzz -v SEED COUNT FIRST repeats it, and names
 * each call before it is made.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE		4096ul
#define AREA		0x123400000000ul
#define AREA_PAGES	64ul
#define BATCH		200
#define PATIENCE_MS	60
#define NAMES_FD	200

/*
 * What a call takes: p pointer, v pointer to an iovec, m to a message with files, P path, n length, i small number or flags,
 * f fd, h segment of shared memory, c small number, t request of a terminal, s signal, d process (never another one's: a fuzzed parent proves nothing), o offset.
 */
struct call { int nr; const char *takes; };

static const struct call calls[] = {
	{ SYS_read, "fpn" }, { SYS_write, "fpn" }, { SYS_open, "Pii" }, { SYS_close, "f" },
	{ SYS_stat, "Pp" }, { SYS_fstat, "fp" }, { SYS_lstat, "Pp" }, { SYS_poll, "pni" },
	{ SYS_lseek, "foi" }, { SYS_mmap, "pniifo" }, { SYS_mprotect, "pni" }, { SYS_munmap, "pn" },
	{ SYS_brk, "p" }, { SYS_rt_sigaction, "sppn" }, { SYS_rt_sigprocmask, "ippn" },
	{ SYS_rt_sigreturn, "" }, { SYS_ioctl, "fip" }, { SYS_pread64, "fpno" },
	{ SYS_pwrite64, "fpno" }, { SYS_readv, "fvi" }, { SYS_writev, "fvi" }, { SYS_access, "Pi" },
	{ SYS_pipe, "p" }, { SYS_sched_yield, "" }, { SYS_mremap, "pnnip" }, { SYS_msync, "pni" },
	{ SYS_mincore, "pnp" }, { SYS_madvise, "pni" }, { SYS_dup, "f" }, { SYS_dup2, "ff" },
	{ SYS_pause, "" }, { SYS_nanosleep, "pp" }, { SYS_alarm, "i" }, { SYS_setitimer, "ipp" },
	{ SYS_getitimer, "ip" }, { SYS_getpid, "" }, { SYS_sendfile, "ffpn" },
	{ SYS_clone, "ipppp" }, { SYS_fork, "" }, { SYS_vfork, "" }, { SYS_execve, "Ppp" },
	{ SYS_exit, "i" }, { SYS_wait4, "dpip" }, { SYS_waitid, "idpip" }, { SYS_kill, "ds" },
	{ SYS_uname, "p" }, { SYS_fcntl, "fip" }, { SYS_ftruncate, "fo" }, { SYS_truncate, "Po" },
	{ SYS_getdents64, "fpn" }, { SYS_getcwd, "pn" }, { SYS_chdir, "P" }, { SYS_fchdir, "f" },
	{ SYS_mkdir, "Pi" }, { SYS_rmdir, "P" }, { SYS_unlink, "P" }, { SYS_readlink, "Ppn" },
	{ SYS_umask, "i" }, { SYS_gettimeofday, "pp" }, { SYS_getrlimit, "ip" },
	{ SYS_setrlimit, "ip" }, { SYS_getrusage, "ip" }, { SYS_sysinfo, "p" }, { SYS_times, "p" },
	{ SYS_getuid, "" }, { SYS_getppid, "" }, { SYS_getpgid, "d" }, { SYS_getsid, "d" },
	{ SYS_setpgid, "dd" }, { SYS_setsid, "" }, { SYS_rt_sigpending, "pn" },
	{ SYS_rt_sigtimedwait, "pppn" }, { SYS_rt_sigqueueinfo, "dsp" },
	{ SYS_rt_sigsuspend, "pn" }, { SYS_sigaltstack, "pp" }, { SYS_statfs, "Pp" },
	{ SYS_fstatfs, "fp" }, { SYS_mlock, "pn" }, { SYS_munlock, "pn" }, { SYS_mlockall, "i" },
	{ SYS_munlockall, "" }, { SYS_prctl, "ipnnn" }, { SYS_arch_prctl, "ip" },
	{ SYS_gettid, "" }, { SYS_tkill, "ds" }, { SYS_time, "p" }, { SYS_futex, "piippi" },
	{ SYS_sched_setaffinity, "dnp" }, { SYS_sched_getaffinity, "dnp" },
	{ SYS_clock_gettime, "ip" }, { SYS_clock_nanosleep, "iipp" }, { SYS_exit_group, "i" },
	{ SYS_tgkill, "dds" }, { SYS_openat, "fPii" }, { SYS_mkdirat, "fPi" },
	{ SYS_newfstatat, "fPpi" }, { SYS_unlinkat, "fPi" }, { SYS_readlinkat, "fPpn" },
	{ SYS_faccessat, "fPi" }, { SYS_ppoll, "pnppn" }, { SYS_set_robust_list, "pn" },
	{ SYS_dup3, "ffi" }, { SYS_pipe2, "pi" }, { SYS_preadv, "fvio" }, { SYS_pwritev, "fvio" },
	{ SYS_prlimit64, "dipp" }, { SYS_process_vm_readv, "dvivii" },
	{ SYS_process_vm_writev, "dvivii" }, { SYS_getrandom, "pni" }, { SYS_memfd_create, "Pi" },
	{ SYS_mlock2, "pni" }, { SYS_set_tid_address, "p" }, { SYS_fallocate, "fioo" },
	{ SYS_rt_tgsigqueueinfo, "ddsp" }, { SYS_get_robust_list, "dpp" },
	{ SYS_clock_getres, "ip" }, { SYS_faccessat2, "fPii" }, { SYS_getgroups, "ip" },
	{ SYS_getresuid, "ppp" }, { SYS_getresgid, "ppp" }, { SYS_rseq, "pnii" },
	{ SYS_getpgrp, "" }, { SYS_restart_syscall, "" }, { SYS_ioctl, "ftp" },
	{ SYS_rename, "PP" }, { SYS_renameat2, "fPfPi" }, { SYS_link, "PP" }, { SYS_linkat, "fPfPi" },
	{ SYS_symlink, "PP" }, { SYS_symlinkat, "PfP" }, { SYS_creat, "Pi" }, { SYS_mknodat, "fPii" },
	{ SYS_chmod, "Pi" }, { SYS_fchmod, "fi" }, { SYS_fchmodat, "fPi" }, { SYS_chown, "Pii" },
	{ SYS_fchown, "fii" }, { SYS_lchown, "Pii" }, { SYS_fchownat, "fPiii" }, { SYS_utimensat, "fPpi" },
	{ SYS_utimes, "Pp" }, { SYS_statx, "fPiip" }, { SYS_flock, "fi" }, { SYS_syncfs, "f" },
	{ SYS_preadv2, "fviooi" }, { SYS_pwritev2, "fviooi" }, { SYS_setresuid, "iii" }, { SYS_setreuid, "ii" },
	{ SYS_setgroups, "ip" }, { SYS_setfsuid, "i" }, { SYS_getxattr, "Pppn" },
	{ SYS_eventfd2, "ii" }, { SYS_timerfd_create, "ii" }, { SYS_timerfd_settime, "fipp" },
	{ SYS_timerfd_gettime, "fp" }, { SYS_epoll_create1, "i" }, { SYS_epoll_ctl, "fifp" },
	{ SYS_epoll_wait, "fpii" }, { SYS_epoll_pwait, "fpiipn" }, { SYS_select, "ipppp" },
	{ SYS_pselect6, "ippppp" }, { SYS_socket, "iii" }, { SYS_socketpair, "iiip" },
	{ SYS_bind, "fpi" }, { SYS_connect, "fpi" }, { SYS_listen, "fi" }, { SYS_accept4, "fppi" },
	{ SYS_shutdown, "fi" }, { SYS_sendto, "fpnipi" }, { SYS_recvfrom, "fpnipp" },
	{ SYS_sendmsg, "fmi" }, { SYS_recvmsg, "fmi" }, { SYS_getsockname, "fpp" },
	{ SYS_splice, "fpfpni" }, { SYS_tee, "ffni" }, { SYS_vmsplice, "fvii" }, { SYS_copy_file_range, "fpfpni" },
	{ SYS_shmget, "hni" }, { SYS_shmat, "hpi" }, { SYS_shmdt, "p" }, { SYS_shmctl, "hip" },
	{ SYS_getpeername, "fpp" }, { SYS_getsockopt, "fiipp" }, { SYS_setsockopt, "fiipi" },
	{ SYS_timer_create, "cpp" }, { SYS_timer_settime, "cipp" }, { SYS_timer_gettime, "cp" },
	{ SYS_timer_getoverrun, "c" }, { SYS_timer_delete, "c" }, { SYS_signalfd4, "fpni" },
	{ SYS_signalfd, "fpn" }, { SYS_execveat, "fPppi" }, { SYS_setpriority, "idi" },
	{ SYS_getpriority, "id" }, { SYS_capget, "pp" }, { SYS_capset, "pp" }, { SYS_personality, "i" },
	{ SYS_pidfd_open, "di" }, { SYS_pidfd_send_signal, "fspi" }, { SYS_pidfd_getfd, "ffi" },
	{ SYS_process_madvise, "fviii" }, { SYS_close_range, "ffi" }, { SYS_set_mempolicy, "ipn" },
	{ SYS_get_mempolicy, "ppnpi" }, { SYS_mbind, "pnipni" }, { SYS_migrate_pages, "dnpp" },
	{ SYS_fadvise64, "fooi" }, { SYS_readahead, "fon" }, { SYS_sync_file_range, "fooi" },
	{ SYS_sched_rr_get_interval, "dp" }, { SYS_sched_setscheduler, "dip" }, { SYS_sched_getparam, "dp" },
	{ SYS_getcpu, "pp" }, { SYS_membarrier, "ii" }, { SYS_fdatasync, "f" }, { SYS_accept, "fpp" },
	{ SYS_epoll_pwait2, "fpippn" }, { SYS_setfsgid, "i" }, { SYS_setpgid, "dd" }, { SYS_fcntl, "fcp" },
};
#define CALLS	(sizeof(calls) / sizeof(calls[0]))

static uint64_t state, *progress, *segments;	/* the last two: seen by all */
static sigjmp_buf back;
static bool names;
static int left;

static uint64_t bits(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15ul;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ul;
	z = (z ^ z >> 27) * 0x94d049bb133111ebul;
	return z ^ z >> 31;
}

static uint64_t below(uint64_t n)
{
	return bits() % n;
}

/* ---- arguments ---- */

static uint64_t edge(void)
{
	static const uint64_t edges[] = {
		0, 1, 8, PAGE, 0x400000, 0x7ffffffff000, 0x7fffffffeff8, 0x7ffffffffff9,
		0x800000000000, 0xffff800000000000, 0xffff888000000000, 0xffffc00000000000,
		0xffffffff80000000, 0xffffffff80100000, 0xffffffffff600000, -1ul, -8ul, -PAGE,
		1ul << 63, 1ul << 47, 1ul << 32, 0x7fffffff, 0x80000000,
	};

	return edges[below(sizeof(edges) / sizeof(edges[0]))];
}

static uint64_t pointer(void)
{
	switch (below(12)) {
	case 0:
		return edge();
	case 1:
		return bits();
	case 2:
		return (uint64_t)&state + below(PAGE);
	case 3:
		return (uint64_t)calls & -PAGE;
	case 4 ... 5:				/* just before a border */
		return AREA + (1 + below(AREA_PAGES + 2)) * PAGE - below(64);
	case 6:
		return AREA + below(AREA_PAGES) * PAGE + below(PAGE);
	default:
		return AREA + below(AREA_PAGES + 2) * PAGE;
	}
}

static uint64_t length(void)
{
	switch (below(8)) {
	case 0:
		return edge();
	case 1 ... 2:
		return 8;
	case 3:
		return below(70000);
	default:
		return (1 + below(AREA_PAGES)) * PAGE - below(2);
	}
}

static uint64_t small(void)
{
	switch (below(8)) {
	case 0:
		return bits();
	case 1:
		return edge();
	case 2 ... 3:
		return 1ul << below(32);
	case 4:
		return 1ul << below(32) | 1ul << below(32) | below(32);
	default:
		return below(40);
	}
}

static uint64_t path(void)
{
	static const char *const paths[] = {
		"/", "/bin", "/dev/null", "/dev/zero", "/proc/self/maps", "/proc/self/exe",
		"/proc/meminfo", ".", "..", "/proc/self/status", "/proc/self/pagemap",
		"/proc/vmstat", "/bin/fuzz", "/tmp/a", "", "a/../b", "/proc/self/fail_alloc",
		"/proc/mm_verify", "/proc/self/fd/3", "/proc", "/sys", "/tmp", "/dev/full",
		"/proc/self/mem", "/proc/1/status", "/proc/999999/maps",
		"/sys/kernel/debug/fault_around_bytes",
	};

	return below(8) ? (uint64_t)paths[below(sizeof(paths) / sizeof(paths[0]))] : pointer();
}

static uint64_t vector(void)
{
	struct iovec *v = (struct iovec *)(AREA + below(16) * PAGE);

	if (below(6) == 0)
		return pointer();
	for (int i = 0; i < 8; i++)
		v[i] = (struct iovec){ (void *)pointer(), below(4) ? below(PAGE * 3) : length() };
	return (uint64_t)v;
}

/* A message whose pieces may be there, with files or identities that may exist. */
static uint64_t message(void)
{
	char *at = (char *)(AREA + (16 + below(8)) * PAGE);
	struct msghdr *m = (struct msghdr *)at;
	struct cmsghdr *c = (struct cmsghdr *)(at + 256);

	if (below(8) == 0)
		return pointer();
	*m = (struct msghdr){ .msg_iov = (struct iovec *)vector(), .msg_iovlen = below(4), .msg_control = c,
			      .msg_controllen = below(4) ? 16 + 4 * below(8) : length() };
	*c = (struct cmsghdr){ .cmsg_len = below(4) ? 16 + 4 * below(6) : small(), .cmsg_level = 1,
			       .cmsg_type = 1 + below(8) / 7 };
	for (int i = 0; i < 8; i++)
		((int *)(c + 1))[i] = below(20);
	return (uint64_t)m;
}

static uint64_t argument(char kind)
{
	switch (kind) {
	case 'm':
		return message();
	case 'p':
		return pointer();
	case 'v':
		return vector();
	case 'P':
		return path();
	case 'n':
		return length();
	case 'f':
		return below(10) ? below(20) : small();
	case 'h':
		return below(4) ? *segments + below(4) : small();
	case 'c':
		return below(10) ? below(12) : small();
	case 's':
		return below(10) ? below(66) : small();
	case 'd':
		return below(4) ? (uint64_t)getpid() : below(2) ? 0x7ffffff : 0;
	case 't':
		return 0x5400 + below(0x40);
	case 'o':
		return below(2) ? below(64) * PAGE : small();
	default:
		return small();
	}
}

/* ---- a child ---- */

/* These take other processes' numbers, or end the machine: never with any number. */
static bool tame(uint64_t nr)
{
	static const int never[] = {
		SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo,
		SYS_process_vm_writev, SYS_prlimit64, SYS_reboot, SYS_setpgid, SYS_ptrace,
		SYS_sched_setaffinity, SYS_pidfd_open, SYS_pidfd_send_signal, SYS_setpriority, SYS_migrate_pages,
	};

	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if ((uint32_t)nr == (uint32_t)never[i])
			return false;
	return true;
}

static void name_call(uint64_t nr, const uint64_t *a)
{
	char line[200];
	int n = snprintf(line, sizeof(line), "  %ld(%#lx, %#lx, %#lx, %#lx, %#lx, %#lx)\n",
			 (long)nr, (long)a[0], (long)a[1], (long)a[2], (long)a[3], (long)a[4],
			 (long)a[5]);

	if (names)
		syscall(SYS_write, NAMES_FD, line, n);
}

static void one_call(void)
{
	const struct call *call = &calls[below(CALLS)];
	uint64_t a[6], nr = call->nr;
	size_t known = strlen(call->takes);
	int pid = getpid();

	for (size_t i = 0; i < 6; i++)
		a[i] = argument(i < known ? call->takes[i] : "piofn"[below(5)]);
	if (below(20) == 0) {
		nr = below(3) ? below(460) : small();
		if (!tame(nr))
			nr = SYS_getpid;
	}
	name_call(nr, a);
	if (nr == SYS_vfork)		/* its child would return into a frame of its parent */
		nr = SYS_fork;
	syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (syscall(SYS_getpid) != pid)
		left = left > 3 ? 3 : left;
}

static void touch(void)
{
	volatile uint8_t *at = (volatile uint8_t *)pointer();

	if (below(2))
		*at = bits();
	else
		(void)*at;
}

static void on_signal(int sig)
{
	(void)sig;
	siglongjmp(back, 1);
}

static void make_area(void)
{
	int ends[2], flags = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, fd;

	mmap((void *)AREA, AREA_PAGES * PAGE, PROT_READ | PROT_WRITE, flags, -1, 0);
	for (uint64_t at = AREA; at < AREA + 32 * PAGE; at += 8)
		*(uint64_t *)at = below(3) ? below(1000) : pointer();
	mprotect((void *)(AREA + 32 * PAGE), 4 * PAGE, PROT_READ);
	mprotect((void *)(AREA + 40 * PAGE), 4 * PAGE, PROT_NONE);
	munmap((void *)(AREA + 48 * PAGE), 2 * PAGE);
	fd = memfd_create("fuzz", MFD_ALLOW_SEALING);
	if (fd >= 0 && !ftruncate(fd, 8 * PAGE))
		mmap((void *)(AREA + 52 * PAGE), 10 * PAGE, PROT_READ | PROT_WRITE,
		     MAP_FIXED | MAP_SHARED, fd, 0);
	open("/", O_RDONLY);
	open("/bin/fuzz", O_RDONLY);
	open("/dev/zero", O_RDWR);
	if (pipe(ends) || socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		return;
	epoll_create1(0);
	eventfd(1, EFD_NONBLOCK);
	timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
}

static void child(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_NODEFER };
	int null = open("/dev/null", O_RDWR);

	if (names)
		dup2(2, NAMES_FD);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	setpgid(0, 0);
	make_area();
	for (int sig = 1; sig < 32; sig++)
		sigaction(sig, &action, NULL);
	left = BATCH;
	sigsetjmp(back, 1);
	while (left-- > 0) {
		++*progress;
		if (below(5))
			one_call();
		else
			touch();
	}
	_exit(0);
}

/* ---- the parent ---- */

static void rest(int ms)
{
	struct timespec time = { 0, ms * 1000000l };

	nanosleep(&time, NULL);
}

/* Until the child has ended, or makes no more calls: then it is killed. Returns whether it was. */
static bool watch(pid_t pid)
{
	uint64_t before = 0;

	for (int idle = 0; idle < PATIENCE_MS; idle++) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return false;
		rest(idle < 5 ? 1 : 2);
		if (*progress != before)
			idle = 0;
		before = *progress;
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return true;
}

static void forgive(void)
{
	int fd = open("/proc/sys/vm/overcommit_memory", O_WRONLY);

	if (fd >= 0) {
		if (write(fd, "0", 1) != 1)
			printf("fuzz: overcommit_memory cannot be set\n");
		close(fd);
	}
	rest(10);
}

/* Segments stay when those who made them end. */
static void remove_segments(void)
{
	struct shmid_ds ds;
	int highest = shmctl(0, SHM_INFO, &ds), id;

	for (int i = 0; i <= highest; i++) {
		id = shmctl(i, SHM_STAT, &ds);
		if (id >= 0 && !shmctl(id, IPC_RMID, NULL))
			*segments = id + 1;	/* the next ones are near */
	}
}

static void report_verify(void)
{
	char text[4096];
	int fd = open("/proc/mm_verify", O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n < 0)
		return;
	text[n] = 0;
	printf("mm_verify: %s%s", text, n && text[n - 1] == '\n' ? "" : "\n");
}

int main(int argc, char **argv)
{
	struct utsname name;
	uint64_t seed, batches, first = 1;
	unsigned killed = 0, failed = 0;

	if (argc > 1 && !strcmp(argv[1], "-v")) {
		names = true;
		argc--;
		argv++;
	}
	if (argc < 3) {
		fprintf(stderr, "usage: fuzz [-v] SEED COUNT [FIRST_BATCH]\n");
		return 2;
	}
	if (uname(&name) || !(strstr(name.version, "Quire") || strstr(name.release, "quire"))) {
		fprintf(stderr, "fuzz: this is not Quire, and it would be harmed\n");
		return 2;
	}
	seed = strtoul(argv[1], NULL, 0);
	batches = (strtoul(argv[2], NULL, 0) + BATCH - 1) / BATCH;
	first = argc > 3 ? strtoul(argv[3], NULL, 0) : 1;
	progress = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	segments = progress + 8;
	for (uint64_t batch = first; batch < first + batches; batch++) {
		pid_t pid;

		state = seed * 0xd1342543de82ef95ul + batch;
		if (names)
			fprintf(stderr, "batch %lu\n", (unsigned long)batch);
		pid = fork();
		if (pid == 0)
			child();
		if (pid < 0) {
			failed++;
			forgive();
			continue;
		}
		killed += watch(pid);
		kill(-1, SIGKILL);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		remove_segments();
		if (batch % 100 == 0) {
			printf("batch %lu\n", (unsigned long)batch);
			fflush(stdout);
		}
	}
	report_verify();
	printf("fuzz: seed %lu, %lu batches of %d calls, %u children waited and were killed, "
	       "%u not made\n", (unsigned long)seed, (unsigned long)batches, BATCH, killed, failed);
	return failed == batches;
}
