/* Between the threads of a process: pages handed over, a token, births, brk, CPUs, signals. */
#include "torture.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BOX	4u			/* pages that wait to be taken over */

static pthread_mutex_t box_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t box_change = PTHREAD_COND_INITIALIZER;
static struct { unsigned char *at; unsigned from; uint32_t age; } box[BOX];
static unsigned in_box, still_here;
static pthread_mutex_t brk_lock = PTHREAD_MUTEX_INITIALIZER;
static int token[2];
static uint64_t token_count;		/* whoever has read the token changes it */
static _Atomic uint64_t token_uses;

void give(struct me *m)
{
	uint32_t age = ++m->age;
	unsigned char *at = map(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	must(m, at != MAP_FAILED);
	*(uint64_t *)at = pattern(m->process, m->n, age);
	must(m, mprotect(at, PAGE, PROT_READ) == 0);
	pthread_mutex_lock(&box_lock);
	if (in_box < BOX) {
		box[in_box].at = at;
		box[in_box].from = m->n;
		box[in_box++].age = age;
		pthread_cond_signal(&box_change);
		at = NULL;
	}
	pthread_mutex_unlock(&box_lock);
	if (at)
		must(m, unmap(at, PAGE) == 0);
}

/* Waits for one only if others are there who may give. */
void take(struct me *m)
{
	unsigned char *at = NULL;
	uint64_t want = 0;
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 3000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&box_lock);
	while (!in_box && still_here > 1)
		if (pthread_cond_timedwait(&box_change, &box_lock, &until))
			break;
	if (in_box) {
		at = box[--in_box].at;
		want = pattern(m->process, box[in_box].from, box[in_box].age);
	}
	pthread_mutex_unlock(&box_lock);
	if (!at)
		return;
	if (*(uint64_t *)at != want)
		wrong(m, "a page handed over at %p has %lx instead of %lx", (void *)at, *(uint64_t *)at, want);
	if (try_add((_Atomic uint64_t *)at, 1))
		wrong(m, "a read-only page handed over at %p was written", (void *)at);
	must(m, unmap(at, PAGE) == 0);
	atomic_fetch_add(&common->given, 1);
}

void use_token(struct me *m)
{
	char c;
	ssize_t n;

	do
		n = read(token[0], &c, 1);
	while (n < 0 && errno == EINTR);
	must(m, n == 1);
	token_count++;
	atomic_fetch_add(&token_uses, 1);
	must(m, write(token[1], &c, 1) == 1);
}

static void *short_life(void *arg)
{
	struct me *m = arg;
	unsigned char *at = map(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	must(m, at != MAP_FAILED);
	at[PAGE] = 1;
	must(m, unmap(at, 3 * PAGE) == 0);
	return at;
}

/*
 * On a stack that is mapped all the time: the place of an arena that has moved may be anybody's
 * when a thread that was slow pokes at it. It hurts nobody but stacks.
 */
int start_on(pthread_t *t, unsigned char *stack, void *(*fn)(void *), void *arg)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstack(&attr, stack, STACK);
	return pthread_create(t, &attr, fn, arg);
}

void start_thread(struct me *m)
{
	pthread_t t;
	void *result;
	int err = start_on(&t, m->stack, short_life, m);

	must(m, !err || err == EAGAIN || err == ENOMEM);
	if (!err)
		must(m, pthread_join(t, &result) == 0);
}

void change_brk(struct me *m)
{
	unsigned long now, n = (1 + chance(m, 20)) * PAGE;

	pthread_mutex_lock(&brk_lock);
	now = (unsigned long)syscall(SYS_brk, 0);
	if ((unsigned long)syscall(SYS_brk, now + n) == now + n) {
		for (unsigned long va = (now + PAGE - 1) & -PAGE; va + 8 <= now + n; va += PAGE) {
			if (*(volatile uint64_t *)va)
				wrong(m, "new memory of brk at %lx is not zero", va);
			*(volatile uint64_t *)va = va;
		}
		must(m, (unsigned long)syscall(SYS_brk, now) == now);
	}
	pthread_mutex_unlock(&brk_lock);
}

void read_maps(struct me *m)
{
	static const char *const names[] = { "/proc/self/maps", "/proc/self/smaps", "/proc/self/status" };
	char text[512];
	int fd = open(names[chance(m, 3)], O_RDONLY);

	if (fd < 0)
		return;
	while (read(fd, text, sizeof(text)) > 0)
		;
	close(fd);
}

void wander(struct me *m)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	if (chance(m, 2))
		CPU_SET(chance(m, 16), &set);
	else
		memset(&set, 0xff, sizeof(set));
	(void)!sched_setaffinity(0, sizeof(set), &set);
}

void signal_one(struct me *m)
{
	(void)!syscall(SYS_tgkill, getpid(), threads[chance(m, nthreads)].tid, SIGUSR1);	/* it may have ended */
}

void on_user(int sig)
{
	(void)sig;
}

/* ---- the beginning and the end ---- */

void between_begin(unsigned n)
{
	still_here = n;
	must(NULL, !pipe(token) && write(token[1], "t", 1) == 1);
}

void leave_others(void)
{
	pthread_mutex_lock(&box_lock);
	still_here--;
	pthread_cond_broadcast(&box_change);
	pthread_mutex_unlock(&box_lock);
}

void token_check(void)
{
	if (token_count != atomic_load(&token_uses))
		wrong(NULL, "the token went %lu times, %lu were counted", atomic_load(&token_uses), token_count);
}
