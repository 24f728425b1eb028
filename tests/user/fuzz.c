/* oracle: none */
/* args: 1 4000 */
/*
 * fuzz: system calls with random numbers and arguments, as root. For Quire alone: it refuses
 * to run anywhere else.
 *
 * Each batch of calls is a child's, so that what it does to itself ends with it; the parent
 * kills children that wait for something, and everything else that is left of them. A batch
 * depends on the seed and its number alone: fuzz -v SEED COUNT FIRST repeats it, and names
 * each call before it is made. What outlasts processes (mounts, segments) is undone between batches.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "fuzz/fuzz.h"

#define BATCH		200
#define PATIENCE_MS	60
#define EVERY		100	/* batches between two reports */
#define NAMES_FD	200
#define NULL_FD		202		/* kept, since the file may go */

static uint64_t *progress;		/* seen by all */
static sigjmp_buf back;
static bool names;
static int left;

/* ---- a child ---- */

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
	const struct call *call = &calls[below(ncalls)];
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
	if (pipe(ends) || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) || socketpair(AF_UNIX, SOCK_DGRAM, 0, ends))
		return;
	epoll_create1(0);
	eventfd(1, EFD_NONBLOCK);
	timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
}

static void child(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_NODEFER };

	if (names)
		dup2(2, NAMES_FD);
	for (int fd = 0; fd < 3; fd++)
		dup2(NULL_FD, fd);
	close(NULL_FD);
	close(MOUNTS_FD);
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

/* Prints what the memory's books have to say; returns whether they are right. */
static bool verify(void)
{
	char text[4096];
	int fd = open("/proc/mm_verify", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n > 0 ? n : 0] = 0;
	printf("mm_verify: %s%s", text, n > 0 && text[n - 1] == '\n' ? "" : "\n");
	return !strcmp(text, "ok\n");
}

static bool is_quire(void)
{
	struct utsname name;

	return !uname(&name) && (strstr(name.version, "Quire") || strstr(name.release, "quire"));
}

struct sum { unsigned killed, failed, wrong; };

static void run_batch(uint64_t seed, uint64_t batch, struct sum *sum)
{
	pid_t pid;

	state = seed * 0xd1342543de82ef95ul + batch;
	if (names)
		fprintf(stderr, "batch %lu\n", (unsigned long)batch);
	pid = fork();
	if (pid == 0)
		child();
	if (pid < 0) {
		sum->failed++;
		rest(10);
	} else {
		sum->killed += watch(pid);
		kill(-1, SIGKILL);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
	sum->wrong += !repair();
}

/* How it goes so far: false if there is no use in more. */
static bool report(uint64_t batch)
{
	printf("batch %lu\n", (unsigned long)batch);
	return verify();
}

int main(int argc, char **argv)
{
	uint64_t seed, batches, first = 1;
	struct sum sum = { 0 };
	bool good = true;

	if (argc > 1 && !strcmp(argv[1], "-v")) {
		names = true;
		argc--;
		argv++;
	}
	if (argc < 3) {
		fprintf(stderr, "usage: fuzz [-v] SEED COUNT [FIRST_BATCH]\n");
		return 2;
	}
	if (!is_quire()) {
		fprintf(stderr, "fuzz: this is not Quire, and it would be harmed\n");
		return 2;
	}
	seed = strtoul(argv[1], NULL, 0);
	batches = (strtoul(argv[2], NULL, 0) + BATCH - 1) / BATCH;
	first = argc > 3 ? strtoul(argv[3], NULL, 0) : 1;
	progress = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	segments = progress + 8;
	setlinebuf(stdout);
	repair_prepare();
	move_fd(open("/dev/null", O_RDWR), NULL_FD);
	for (uint64_t batch = first; batch < first + batches && good; batch++) {
		run_batch(seed, batch, &sum);
		good = batch % EVERY || report(batch);
	}
	good &= verify();
	printf("fuzz: seed %lu, %lu batches of %d calls, %u children waited and were killed, "
	       "%u not made, %u mounts undone, %u batches not\n", (unsigned long)seed, (unsigned long)batches, BATCH,
	       sum.killed, sum.failed, unmounted, sum.wrong);
	return !good || sum.failed == batches || sum.wrong;
}
