/* oracle: none */
/* mem: 96M */
/*
 * System calls without memory: each, in each of its forms, with its 1st, 2nd, 3rd … allocation
 * failing (see fail.h). The rows are in the order of the calls: what has no row is not tried.
 * What maps, unmaps, protects and moves is in fail_map.c, faults are in fail_faults.c.
 */
#include "fail_memory.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>

/* ---- madvise, mincore, msync ---- */

static long advise(int advice) { return madvise(AT(4), 4 * PAGE, advice); }
static long advise_dontneed(void) { return advise(MADV_DONTNEED); }
static long advise_dontneed_locked(void) { return advise(24); }
static long advise_free(void) { return advise(MADV_FREE); }
static long advise_willneed(void) { return advise(MADV_WILLNEED); }
static long advise_cold(void) { return advise(20); }
static long advise_pageout(void) { return advise(21); }
static long advise_dontfork(void) { return advise(MADV_DONTFORK); }
static long advise_dofork(void) { return advise(MADV_DOFORK); }
static long advise_wipeonfork(void) { return advise(MADV_WIPEONFORK); }
static long advise_random(void) { return advise(MADV_RANDOM); }
static long advise_dontdump(void) { return advise(MADV_DONTDUMP); }
static long advise_populate_read(void) { return madvise(AT(0), 8 * PAGE, MADV_POPULATE_READ); }
static long advise_populate_write(void) { return madvise(AT(0), 8 * PAGE, MADV_POPULATE_WRITE); }

static void sixteen_dontfork(void)
{
	sixteen();
	need(!madvise(AT(0), 16 * PAGE, MADV_DONTFORK));
}

static long which_are_in(void)
{
	static unsigned char in[512];

	return mincore(AT(0), 16 * PAGE, in);
}

static long sync_file(void) { return msync(AT(0), 16 * PAGE, MS_SYNC); }

/* ---- locks ---- */

static long lock_middle(void) { return mlock(AT(4), 4 * PAGE); }
static long lock_on_fault(void) { return mlock2(AT(4), 4 * PAGE, MLOCK_ONFAULT); }
static long lock_all(void) { return mlockall(MCL_CURRENT | MCL_FUTURE); }
static long unlock_middle(void) { return munlock(AT(4), 4 * PAGE); }
static long unlock_all(void) { return munlockall(); }

/* ---- memory files ---- */

static long make_file(void)
{
	int fd = memfd_create("another", MFD_ALLOW_SEALING | MFD_CLOEXEC);

	return fd < 0 ? -1 : 0;
}

static long grow_file(void) { return ftruncate(mem_fd, 64 * PAGE); }
static long shrink_file(void) { return ftruncate(mem_fd, 3 * PAGE + 100); }

static char buffer[8 * PAGE];

static long write_file(void)
{
	return pwrite(mem_fd, buffer, 100, 30 * PAGE) == 100 ? 0 : -1;
}

/* What was written before memory ran out counts. */
static long write_much(void)
{
	off_t at = 40 * PAGE;
	ssize_t n;

	for (size_t done = 0; done < sizeof(buffer); done += (size_t)n) {
		n = pwrite(mem_fd, buffer + done, sizeof(buffer) - done, at + (off_t)done);
		if (n < 0)
			return -1;
	}
	return 0;
}

static long read_file_hole(void)
{
	return pread(mem_fd, buffer, PAGE, 12 * PAGE) == (ssize_t)PAGE ? 0 : -1;
}

static void file_with_holes(void) { make_mem_fd(64, 4); }

static long seal_file(void) { return fcntl(mem_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW); }

/* ---- processes ---- */

static long vfork_it(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(0);
	return reap(pid);
}

static long clone_it(void)
{
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		syscall(SYS_exit_group, 0);
	return reap(pid);
}

static long clone_with_file(void)
{
	int fd;
	pid_t pid = (pid_t)syscall(SYS_clone, 0x1000 /* CLONE_PIDFD */ | SIGCHLD, 0, &fd, 0, 0);

	if (pid == 0)
		syscall(SYS_exit_group, 0);
	if (pid > 0)
		close(fd);
	return reap(pid);
}

/* Everything that fork treats apart. */
static void mixed(void)
{
	map_filled(AREA, SHARED_PAGES);
	make_mem_fd(16, 16);
	map_at(DEST, 16, RW, MAP_SHARED, mem_fd);
	map_filled(DEST + 32 * PAGE, 48);
	need(!madvise(TO(32), 4 * PAGE, MADV_DONTFORK) && !madvise(TO(36), 4 * PAGE, MADV_WIPEONFORK));
	need(!mlock(TO(48), 4 * PAGE));
	*word_at(DEST, 3) = 9;
}

static long exec_self(void)
{
	char *const argv[] = { "fail_calls", "-ran", NULL }, *const envp[] = { NULL };

	return execve("/proc/self/exe", argv, envp);
}

static char script[32];

static void script_made(void)
{
	static const char line[] = "#!/proc/self/exe -ran\n";
	int fd = memfd_create("script", 0);

	sixteen();
	need(write(fd, line, sizeof(line) - 1) == sizeof(line) - 1);
	snprintf(script, sizeof(script), "/proc/self/fd/%d", fd);
}

static long exec_script(void)
{
	char *const argv[] = { "script", "given", NULL }, *const envp[] = { NULL };

	return execve(script, argv, envp);
}

/* The other end of both. */
static int say_whether_hurt(void)
{
	fail_fd = open("/proc/self/fail_alloc", O_RDWR);
	return fail_fd >= 0 && has_fired() ? EXEC_HURT : EXEC_RAN;
}

static pid_t ended;

static void child_ended(void)
{
	siginfo_t info;

	ended = fork();
	need(ended >= 0);
	if (ended == 0)
		_exit(3);
	need(!waitid(P_PID, (id_t)ended, &info, WEXITED | WNOWAIT));
}

static long wait_for_it(void)
{
	int status;

	return waitpid(ended, &status, 0) == ended && WEXITSTATUS(status) == 3 ? 0 : -1;
}

/* ---- another process's memory ---- */

static long other_memory(bool write, void *at)
{
	struct iovec mine = { buffer, 8 }, theirs = { at, 8 };
	ssize_t n;

	n = write ? process_vm_writev(holder, &mine, 1, &theirs, 1, 0)
		  : process_vm_readv(holder, &mine, 1, &theirs, 1, 0);
	return n == 8 ? 0 : -1;
}

static void empty_held(void)
{
	empty_pages();
	make_holder();
}

static long read_other(void) { return other_memory(false, AT(5)); }
static long write_other(void) { return other_memory(true, AT(5)); }

/* ---- pipes ---- */

static int ends[2];

static long make_pipe(void) { return pipe(ends); }
static long make_pipe2(void) { return pipe2(ends, O_CLOEXEC | O_NONBLOCK); }
static void pipe_made(void) { need(!pipe(ends)); }

static long fill_pipe(void)
{
	ssize_t n = write(ends[1], buffer, 3 * PAGE);

	return n < 0 ? -1 : 0;
}

static long splice_words(void)
{
	struct iovec v[3] = { { buffer, 5 }, { buffer + PAGE, 700 }, { buffer + 2 * PAGE, 3 } };

	return writev(ends[1], v, 3) == 708 ? 0 : -1;
}

static void words_in_pipe(void)
{
	pipe_made();
	need(splice_words() == 0);
}

static long read_pipe(void) { return read(ends[0], buffer, 708) == 708 ? 0 : -1; }

/* ---- files to wait for, sockets ---- */

static int watch, event, peers[2], server, client;
static struct sockaddr_un here = { .sun_family = AF_UNIX, .sun_path = "\0quire" };

static long fd_made(int fd) { return fd < 0 ? -1 : 0; }
static long make_eventfd(void) { return fd_made(eventfd(1, 0)); }
static long make_timerfd(void) { return fd_made(timerfd_create(CLOCK_MONOTONIC, 0)); }
static long make_epoll(void) { return fd_made(epoll_create1(0)); }
static long make_socket(void) { return fd_made(socket(AF_UNIX, SOCK_STREAM, 0)); }
static long make_sockets(void) { return socketpair(AF_UNIX, SOCK_STREAM, 0, peers); }

static void watch_made(void)
{
	event = eventfd(1, 0);
	watch = epoll_create1(0);
	need(event >= 0 && watch >= 0);
}

static long watch_event(void)
{
	struct epoll_event e = { .events = EPOLLIN };

	return epoll_ctl(watch, EPOLL_CTL_ADD, event, &e);
}

static void event_watched(void)
{
	watch_made();
	need(!watch_event());
}

static long wait_for_event(void)
{
	struct epoll_event e[8];

	return epoll_wait(watch, e, 8, -1) == 1 ? 0 : -1;
}

static long select_event(void)
{
	fd_set in;

	FD_ZERO(&in);
	FD_SET(event, &in);
	return select(event + 1, &in, NULL, NULL, NULL) == 1 ? 0 : -1;
}

static void sockets_made(void) { need(!make_sockets()); }
static long send_bytes(void) { return send(peers[0], buffer, 3 * PAGE, 0) < 0 ? -1 : 0; }

static long make_datagrams(void) { return socketpair(AF_UNIX, SOCK_DGRAM, 0, peers); }

static void named_made(void)
{
	server = socket(AF_UNIX, SOCK_DGRAM, 0);
	client = socket(AF_UNIX, SOCK_DGRAM, 0);
	need(!bind(server, (struct sockaddr *)&here, 20) && !connect(client, (struct sockaddr *)&here, 20));
}

static long send_datagram(void)
{
	return sendto(client, buffer, PAGE, 0, (struct sockaddr *)&here, 20) == (ssize_t)PAGE ? 0 : -1;
}

static void server_made(void)
{
	server = socket(AF_UNIX, SOCK_STREAM, 0);
	client = socket(AF_UNIX, SOCK_STREAM, 0);
	need(!bind(server, (struct sockaddr *)&here, 20) && !listen(server, 5));
}

static long connect_client(void) { return connect(client, (struct sockaddr *)&here, 20); }

static void client_connected(void)
{
	server_made();
	need(!connect_client());
}


/* Who is not accepted waits on. */
static long accept_client(void)
{
	struct pollfd waits = { .fd = server, .events = POLLIN };
	long r = fd_made(accept(server, NULL, NULL));

	if (r < 0 && errno == ENOMEM && poll(&waits, 1, 0) != 1)
		errno = EIO;
	return r;
}


/* ---- signals ---- */

static void on_signal(int sig) { (void)sig; }

static long set_handler(void)
{
	struct sigaction a = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	return sigaction(SIGUSR2, &a, NULL);
}

static void block_all(void)
{
	sigset_t all;

	sigfillset(&all);
	need(!sigprocmask(SIG_BLOCK, &all, NULL));
}

static long kill_self(void) { return kill(getpid(), SIGUSR1); }
static long queue_plain(void) { return sigqueue(getpid(), SIGUSR1, (union sigval){ 5 }); }
static long queue_real_time(void) { return sigqueue(getpid(), SIGRTMIN + 2, (union sigval){ 5 }); }

static void queued(void)
{
	block_all();
	need(!queue_real_time());
}

static long take_queued(void)
{
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 2);
	return sigwaitinfo(&set, &info) == SIGRTMIN + 2 && info.si_value.sival_int == 5 ? 0 : -1;
}

/* ---- the rows ---- */

static const struct row rows[] = {
	{ "madvise DONTNEED", table_held, advise_dontneed, 0, 0 },
	{ "madvise DONTNEED_LOCKED", locked, advise_dontneed_locked, 0, 0 },
	{ "madvise FREE", table_held, advise_free, 0, 0 },
	{ "madvise WILLNEED", file_mapped, advise_willneed, 0, 0 },
	{ "madvise COLD", table_held, advise_cold, 0, 0 },
	{ "madvise PAGEOUT", table_held, advise_pageout, 0, 0 },
	{ "madvise DONTFORK", sixteen, advise_dontfork, 0, EAGAIN },
	{ "madvise DOFORK", sixteen_dontfork, advise_dofork, 0, EAGAIN },
	{ "madvise RANDOM", sixteen, advise_random, 0, EAGAIN },
	{ "madvise DONTDUMP, tables shared", table_held, advise_dontdump, 0, EAGAIN },
	{ "madvise WIPEONFORK", sixteen, advise_wipeonfork, 0, EAGAIN },
	{ "madvise POPULATE_READ", empty_pages, advise_populate_read, 0, 0 },
	{ "madvise POPULATE_WRITE", empty_pages, advise_populate_write, 0, 0 },
	{ "madvise POPULATE_WRITE, tables shared", table_held, advise_populate_write, 0, 0 },
	{ "madvise POPULATE_READ of a file", file_mapped, advise_populate_read, 0, 0 },
	{ "mincore", sixteen, which_are_in, 0, 0 },
	{ "msync", file_mapped, sync_file, 0, 0 },
	{ "mlock splits", sixteen, lock_middle, 0, 0 },
	{ "mlock faults in", empty_pages, lock_middle, PARTLY, EAGAIN },
	{ "mlock of shared tables", table_held, lock_middle, PARTLY, EAGAIN },
	{ "mlock2 MLOCK_ONFAULT", sixteen, lock_on_fault, 0, 0 },
	{ "mlockall", empty_pages, lock_all, PARTLY, 0 },
	{ "munlock", locked, unlock_middle, 0, 0 },
	{ "munlockall", locked, unlock_all, 0, 0 },
	{ "memfd_create", NULL, make_file, 0, 0 },
	{ "ftruncate, larger", file_made, grow_file, 0, 0 },
	{ "ftruncate, smaller", file_copied, shrink_file, 0, 0 },
	{ "ftruncate, smaller, with holes", file_with_holes, shrink_file, 0, 0 },
	{ "fcntl F_ADD_SEALS", file_made, seal_file, 0, 0 },
	{ "write to a memfd", file_with_holes, write_file, 0, 0 },
	{ "write of much to a memfd", file_with_holes, write_much, PARTLY | LOSES, 0 },
	{ "read of a memfd's hole", file_with_holes, read_file_hole, 0, 0 },
	{ "fork", mixed, fork_it, DIES, EAGAIN },
	{ "vfork", mixed, vfork_it, DIES, EAGAIN },
	{ "clone", mixed, clone_it, DIES, EAGAIN },
	{ "clone with a file", mixed, clone_with_file, DIES, EAGAIN },
	{ "fork of whole tables", big_held, fork_it, DIES, EAGAIN },
	{ "execve", sixteen, exec_self, DIES | SEGV_TOO | EXECS, 0 },
	{ "execve of a script", script_made, exec_script, DIES | SEGV_TOO | EXECS, 0 },
	{ "wait", child_ended, wait_for_it, 0, 0 },
	{ "process_vm_readv of none", empty_held, read_other, 0, EFAULT },
	{ "process_vm_readv of a shared table", table_held, read_other, 0, EFAULT },
	{ "process_vm_writev to none", empty_held, write_other, 0, EFAULT },
	{ "process_vm_writev to a page to be copied", sixteen_held, write_other, 0, EFAULT },
	{ "process_vm_writev to a shared table", table_held, write_other, 0, EFAULT },
	{ "pipe", NULL, make_pipe, 0, ENFILE },
	{ "pipe2", NULL, make_pipe2, 0, ENFILE },
	{ "write to a pipe", pipe_made, fill_pipe, 0, 0 },
	{ "writev to a pipe", pipe_made, splice_words, 0, 0 },
	{ "read of a pipe", words_in_pipe, read_pipe, 0, 0 },
	{ "eventfd", NULL, make_eventfd, 0, 0 },
	{ "timerfd_create", NULL, make_timerfd, 0, 0 },
	{ "epoll_create1", NULL, make_epoll, 0, 0 },
	{ "epoll_ctl", watch_made, watch_event, 0, 0 },
	{ "epoll_wait", event_watched, wait_for_event, 0, 0 },
	{ "select", watch_made, select_event, 0, 0 },
	{ "socket", NULL, make_socket, 0, 0 },
	{ "socketpair", NULL, make_sockets, 0, 0 },
	{ "send", sockets_made, send_bytes, 0, 0 },
	{ "socketpair of datagrams", NULL, make_datagrams, 0, 0 },
	{ "sendto", named_made, send_datagram, 0, 0 },
	{ "connect", server_made, connect_client, 0, 0 },
	{ "accept", client_connected, accept_client, 0, 0 },
	{ "sigaction", NULL, set_handler, 0, 0 },
	{ "kill", block_all, kill_self, 0, 0 },
	{ "sigqueue of a plain signal", block_all, queue_plain, 0, EAGAIN },
	{ "sigqueue of a real-time signal", block_all, queue_real_time, 0, EAGAIN },
	{ "sigwaitinfo", queued, take_queued, 0, 0 },
};

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "-ran"))
		return say_whether_hurt();
	return SWEEP(rows, argc, argv);
}
