/* futex_waitv(2): several words waited for at once; and remap_file_pages(2). */
#define _GNU_SOURCE
#include "call.h"
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#define NR_FUTEX_WAITV	449
#define WAKE		1
#define REQUEUE		3
#define PRIVATE		128

struct waiter { uint64_t val, addr; uint32_t flags, reserved; };

static uint32_t *word;			/* shared; eight of them */
static struct waiter w[130];

static long wait_any(unsigned n, unsigned flags, const struct timespec *until, int clock)
{
	return syscall(NR_FUTEX_WAITV, w, n, flags, until, clock);
}

static void prepare(unsigned n, uint32_t flags)
{
	for (unsigned i = 0; i < n; i++)
		w[i] = (struct waiter){ word[i % 8], (uintptr_t)&word[i % 8], flags, 0 };
}

static struct timespec in_ms(int clock, long ms)
{
	struct timespec t;

	clock_gettime(clock, &t);
	t.tv_nsec += ms * 1000000;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

static void *wake_later(void *at)
{
	usleep(30000);
	return (void *)syscall(SYS_futex, at, WAKE | PRIVATE, 1, NULL, NULL, 0);
}

static void threads(void)
{
	pthread_t t;
	void *r;

	prepare(8, 2 | PRIVATE);
	for (int n = 0; n < 8; n += 3) {
		pthread_create(&t, NULL, wake_later, &word[n]);
		call_show("woken", wait_any(8, 0, NULL, 0));
		pthread_join(t, &r);
		printf("it woke %ld\n", (long)r);
	}
	prepare(128, 2 | PRIVATE);
	pthread_create(&t, NULL, wake_later, &word[7]);
	printf("of many: %d\n", wait_any(128, 0, NULL, 0) % 8 == 7);
	pthread_join(t, &r);
	call_show("nobody is left", syscall(SYS_futex, &word[0], WAKE | PRIVATE, 99, NULL, NULL, 0));
}

static void processes(void)
{
	int status;
	pid_t pid;

	prepare(3, 2);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		usleep(30000);
		_exit(syscall(SYS_futex, &word[2], WAKE, 1, NULL, NULL, 0));
	}
	call_show("by a child", wait_any(3, 0, NULL, 0));
	waitpid(pid, &status, 0);
	printf("it woke %d\n", WEXITSTATUS(status));
}

static void on_alarm(int sig) { (void)sig; }

static void ends(void)
{
	struct sigaction a = { .sa_handler = on_alarm };
	struct timespec t = in_ms(CLOCK_MONOTONIC, 20);

	prepare(2, 2 | PRIVATE);
	call_show("time", wait_any(2, 0, &t, CLOCK_MONOTONIC));
	t = in_ms(CLOCK_REALTIME, 20);
	call_show("real time", wait_any(2, 0, &t, CLOCK_REALTIME));
	t = (struct timespec){ 0, 0 };
	call_show("long ago", wait_any(2, 0, &t, CLOCK_MONOTONIC));
	sigaction(SIGALRM, &a, NULL);
	ualarm(20000, 0);
	call_show("a signal", wait_any(2, 0, NULL, 0));
	w[1].val = 77;
	call_show("another value", wait_any(2, 0, NULL, 0));
}

static void errors(void)
{
	struct timespec bad = { 0, 1000000000 };

	prepare(2, 2 | PRIVATE);
	call_show("none", wait_any(0, 0, NULL, 0));
	call_show("too many", wait_any(129, 0, NULL, 0));
	call_show("flags", wait_any(2, 1, NULL, 0));
	call_show("clock", wait_any(2, 0, &bad, CLOCK_BOOTTIME));
	call_show("time", wait_any(2, 0, &bad, CLOCK_MONOTONIC));
	call_show("no list", syscall(NR_FUTEX_WAITV, NULL, 1, 0, NULL, 0));
	call_show("bad list", syscall(NR_FUTEX_WAITV, 8, 1, 0, NULL, 0));
	w[1].flags = PRIVATE;
	call_show("size", wait_any(2, 0, NULL, 0));
	w[1].flags = 2 | 64;
	call_show("unknown", wait_any(2, 0, NULL, 0));
	prepare(2, 2);
	w[1].reserved = 1;
	call_show("reserved", wait_any(2, 0, NULL, 0));
	prepare(2, 2);
	w[1].addr++;
	call_show("not aligned", wait_any(2, 0, NULL, 0));
	w[1].addr = 8;
	call_show("not there", wait_any(2, 0, NULL, 0));
}

/* ---- remap_file_pages ---- */

static void order(const char *what, const char *p)
{
	printf("%s: %c%c%c%c\n", what, p[0], p[PAGE], p[2 * PAGE], p[3 * PAGE]);
}

static void remapped(void)
{
	char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *own = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (int i = 0; i < 4; i++)
		p[i * PAGE] = 'a' + i;
	CALL(remap_file_pages, p, PAGE, 0, 3, 0);
	order("the last one first", p);
	CALL(remap_file_pages, p + 3 * PAGE, PAGE, 0, 0, 0);
	order("and the first one last", p);
	p[0] = 'z';
	CALL(remap_file_pages, p, 2 * PAGE, 0, 2, 0);
	order("two", p);
	CALL(remap_file_pages, p, PAGE, 0, 3, 0);
	order("what was written", p);
	CALL(remap_file_pages, p + 5, PAGE + 7, 0, 0, 0);
	order("not aligned", p);
	CALL(remap_file_pages, p, PAGE, PROT_READ, 0, 0);
	CALL(remap_file_pages, p, 100, 0, 0, 0);
	CALL(remap_file_pages, own, PAGE, 0, 0, 0);
	CALL(remap_file_pages, 0x1000, PAGE, 0, 0, 0);
}

int main(void)
{
	word = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < 8; i++)
		word[i] = 10 + i;
	threads();
	processes();
	ends();
	errors();
	remapped();
	return 0;
}
