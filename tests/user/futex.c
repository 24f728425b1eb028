/* flags: -idirafter /usr/include -idirafter /usr/include/x86_64-linux-gnu */
/*
 * futex(2) between processes: errors, waking by count and bitset, moving sleepers, operations
 * on a second word, deadlines, interruption, the robust list of one that dies.
 */
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint32_t *words;			/* shared with the children */

static long futex(uint32_t *at, int op, uint32_t value, const void *arg, uint32_t *at2,
		  uint32_t value3)
{
	long r = syscall(SYS_futex, at, op, value, arg, at2, value3);

	return r < 0 ? -errno : r;
}

static void say(const char *what, long r)
{
	printf("%s: %s\n", what, r < 0 ? strerror((int)-r) : "no error");
}

static void nothing(int sig)
{
	(void)sig;
}

static void errors(void)
{
	const struct timespec bad = { 0, 1000000000 }, soon = { 0, 1000000 }, past = { 1, 0 };
	char *hole = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint32_t own = 5;

	say("another value", futex(&own, FUTEX_WAIT, 4, NULL, NULL, 0));
	say("misaligned", futex((uint32_t *)((char *)&own + 1), FUTEX_WAIT, 5, NULL, NULL, 0));
	say("misaligned wake", futex((uint32_t *)((char *)&own + 2), FUTEX_WAKE, 1, NULL, NULL, 0));
	say("no right", futex((uint32_t *)hole, FUTEX_WAIT, 5, NULL, NULL, 0));
	munmap(hole, 4096);
	say("nothing mapped", futex((uint32_t *)hole, FUTEX_WAIT, 5, NULL, NULL, 0));
	say("nothing mapped, wake", futex((uint32_t *)hole, FUTEX_WAKE, 5, NULL, NULL, 0));
	say("nothing mapped, private wake",
	    futex((uint32_t *)hole, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 5, NULL, NULL, 0));
	say("bad time", futex(&own, FUTEX_WAIT, 5, &bad, NULL, 0));
	say("relative", futex(&own, FUTEX_WAIT, 5, &soon, NULL, 0));
	say("private", futex(&own, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 5, &soon, NULL, 0));
	say("absolute", futex(&own, FUTEX_WAIT_BITSET, 5, &past, NULL, 1));
	say("absolute, real time",
	    futex(&own, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 5, &past, NULL, 1));
	say("no bit", futex(&own, FUTEX_WAIT_BITSET, 5, &soon, NULL, 0));
	say("no bit, wake", futex(&own, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0));
	say("operation", futex(&own, 77, 1, NULL, NULL, 0));
	say("negative requeue", futex(&own, FUTEX_REQUEUE, 1, (void *)-1l, &own, 0));
	say("compared requeue", futex(&own, FUTEX_CMP_REQUEUE, 1, (void *)1l, words, 4));
	printf("nobody there: %ld\n", futex(words, FUTEX_WAKE, 10, NULL, NULL, 0));
}

/* A child that waits at a word; its exit status tells how that ended. */
static void sleeper(uint32_t *at, uint32_t bits)
{
	if (fork())
		return;
	_exit((int)-futex(at, FUTEX_WAIT_BITSET, *at, NULL, NULL, bits));
}

static void reap(int n)
{
	int sum = 0, status;

	for (int i = 0; i < n; i++) {
		wait(&status);
		sum += status;
	}
	printf("%d children, statuses %d\n", n, sum);
}

/* Wakes until n have been woken in all. */
static void wake_all(uint32_t *at, int op, uint32_t n, uint32_t bits)
{
	for (uint32_t woken = 0; woken < n; usleep(1000))
		woken += (uint32_t)futex(at, op, n - woken, NULL, NULL, bits);
}

static void waking(void)
{
	for (int i = 0; i < 5; i++)
		sleeper(words, FUTEX_BITSET_MATCH_ANY);
	wake_all(words, FUTEX_WAKE, 5, 0);
	reap(5);
	sleeper(words, 1);
	sleeper(words, 2);
	wake_all(words, FUTEX_WAKE_BITSET, 1, 2);
	printf("of the other bit: %ld\n", futex(words, FUTEX_WAKE_BITSET, 9, NULL, NULL, 12));
	wake_all(words, FUTEX_WAKE_BITSET, 1, 1);
	reap(2);
}

static void moving(void)
{
	uint32_t moved = 0;

	for (int i = 0; i < 4; i++)
		sleeper(words, FUTEX_BITSET_MATCH_ANY);
	while (moved < 4) {
		moved += (uint32_t)futex(words, FUTEX_CMP_REQUEUE, 0, (void *)4l, words + 600, *words);
		usleep(1000);
	}
	printf("left behind: %ld\n", futex(words, FUTEX_WAKE, 9, NULL, NULL, 0));
	printf("woken one, moved two: %ld\n",
	       futex(words + 600, FUTEX_REQUEUE, 1, (void *)2l, words + 1, 0));
	printf("there: %ld, ", futex(words + 1, FUTEX_WAKE, 9, NULL, NULL, 0));
	printf("and there: %ld\n", futex(words + 600, FUTEX_WAKE, 9, NULL, NULL, 0));
	reap(4);
}

static void operation(void)
{
	long r;

	words[0] = 1;
	words[1] = 7;
	sleeper(words, FUTEX_BITSET_MATCH_ANY);
	sleeper(words + 1, FUTEX_BITSET_MATCH_ANY);
	for (uint32_t woken = 0; woken < 2; usleep(1000)) {
		words[1] = 7;
		r = futex(words, FUTEX_WAKE_OP, 1, (void *)1l, words + 1,
			  FUTEX_OP(FUTEX_OP_ADD, 5, FUTEX_OP_CMP_EQ, 7));
		woken += (uint32_t)r;
		if (words[1] != 12)
			printf("not added\n");
		words[1] = 7;
	}
	reap(2);
	r = futex(words, FUTEX_WAKE_OP, 1, (void *)1l, words + 1,
		  FUTEX_OP(FUTEX_OP_ANDN, 6, FUTEX_OP_CMP_LT, 0));
	printf("%ld, now %u\n", r, words[1]);
	futex(words, FUTEX_WAKE_OP, 1, (void *)1l, words + 1,
	      FUTEX_OP((FUTEX_OP_XOR | FUTEX_OP_OPARG_SHIFT), 4, FUTEX_OP_CMP_NE, 0));
	printf("now %u\n", words[1]);
	futex(words, FUTEX_WAKE_OP, 1, (void *)1l, words + 1,
	      FUTEX_OP(FUTEX_OP_SET, -3, FUTEX_OP_CMP_GE, 0));
	printf("now %d\n", (int)words[1]);
	say("unknown operation", futex(words, FUTEX_WAKE_OP, 1, (void *)1l, words + 1, 0x70000000));
	words[0] = words[1] = 0;
}

/* A child waits, is sent a signal, and says how its wait ended. */
static void interrupted(const char *what, int flags, const struct timespec *timeout)
{
	struct sigaction act = { .sa_handler = nothing, .sa_flags = flags };
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		sigaction(SIGUSR1, &act, NULL);
		words[3] = 1;
		_exit((int)-futex(words + 2, FUTEX_WAIT, 0, timeout, NULL, 0));
	}
	while (!__atomic_load_n(&words[3], __ATOMIC_SEQ_CST))
		usleep(1000);
	usleep(20000);
	kill(pid, SIGUSR1);
	if (flags & SA_RESTART)
		wake_all(words + 2, FUTEX_WAKE, timeout ? 0 : 1, 0);
	waitpid(pid, &status, 0);
	words[3] = 0;
	printf("%s: %s\n", what, strerror(WEXITSTATUS(status)));
}

static void interruption(void)
{
	const struct timespec late = { 100, 0 };

	interrupted("interrupted", 0, NULL);
	interrupted("made again", SA_RESTART, NULL);
	interrupted("interrupted, with a deadline", 0, &late);
	interrupted("never made again with one", SA_RESTART, &late);
}

struct lock { struct robust_list list; uint32_t word; uint32_t pad; };

/* A child that dies with three futexes: two in its list, one pending; others it does not own. */
static void robust(void)
{
	struct lock *l = (struct lock *)(words + 16);
	struct robust_list_head *head = (struct robust_list_head *)(words + 256), *got;
	size_t len;

	sleeper(&l[1].word, FUTEX_BITSET_MATCH_ANY);
	usleep(50000);
	if (!fork()) {
		uint32_t me = (uint32_t)syscall(SYS_gettid);

		for (int i = 0; i < 4; i++)
			l[i].list.next = i < 3 ? &l[i + 1].list : &head->list;
		head->list.next = &l[0].list;
		head->futex_offset = offsetof(struct lock, word);
		head->list_op_pending = &l[4].list;
		l[0].word = me;
		l[1].word = me | FUTEX_WAITERS;
		l[2].word = me + 1;
		l[3].word = 0;
		l[4].word = me;
		syscall(SYS_set_robust_list, head, sizeof(*head));
		syscall(SYS_get_robust_list, 0, &got, &len);
		printf("own list %d, %zu\n", got == head, len);
		fflush(stdout);
		_exit(0);
	}
	reap(2);
	for (int i = 0; i < 5; i++)
		printf("%d: %s%s\n", i, l[i].word & FUTEX_OWNER_DIED ? "owner died" : "as it was",
		       l[i].word & FUTEX_WAITERS ? ", waiters" : "");
	say("size", syscall(SYS_set_robust_list, head, 5) ? -errno : 0);
	say("whose", syscall(SYS_get_robust_list, 30000, &got, &len) ? -errno : 0);
}

int main(void)
{
	words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	errors();
	fflush(stdout);
	waking();
	fflush(stdout);
	moving();
	fflush(stdout);
	operation();
	fflush(stdout);
	interruption();
	fflush(stdout);
	robust();
	return 0;
}
