/* flags: -pthread -idirafter /usr/include -idirafter /usr/include/x86_64-linux-gnu */
/*
 * Where threads run: each CPU of the set in turn, inherited sets, threads with a CPU of their
 * own, errors; policies; membarrier, also as the barrier that makes Dekker's algorithm right
 * for the side that has none.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static cpu_set_t all;

static void say(const char *what, long r)
{
	printf("%s: %s\n", what, r < 0 ? strerror(errno) : "no error");
}

static int cpu_now(void)
{
	unsigned cpu = 1000, node = 1000;

	syscall(SYS_getcpu, &cpu, &node, NULL);
	return (int)cpu;
}

/* How often a thread that wants to be on a CPU is elsewhere. */
static int visit_all(void)
{
	int wrong = 0;

	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		cpu_set_t one, got;

		if (!CPU_ISSET(cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (sched_setaffinity(0, sizeof(one), &one))
			wrong++;
		for (int i = 0; i < 20; i++) {
			wrong += cpu_now() != cpu;
			sched_yield();
		}
		CPU_ZERO(&got);
		sched_getaffinity(0, sizeof(got), &got);
		wrong += !CPU_EQUAL(&got, &one);
	}
	sched_setaffinity(0, sizeof(all), &all);
	return wrong;
}

static void *visitor(void *arg)
{
	(void)arg;
	return (void *)(long)visit_all();
}

static void places(void)
{
	pthread_t t[4];
	long wrong = 0;
	int status;
	void *r;

	printf("wrong places: %d\n", visit_all());
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, visitor, NULL);
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &r);
		wrong += (long)r;
	}
	printf("of four threads: %ld\n", wrong);
	fflush(stdout);
	if (!fork()) {
		cpu_set_t got;

		sched_getaffinity(0, sizeof(got), &got);
		_exit(CPU_EQUAL(&got, &all) ? visit_all() : 100);
	}
	wait(&status);
	printf("of a child: %d\n", WEXITSTATUS(status));
}

static void errors(void)
{
	cpu_set_t none;
	struct sched_param param = { 0 };

	CPU_ZERO(&none);
	say("no CPU", sched_setaffinity(0, sizeof(none), &none));
	CPU_SET(1000, &none);
	say("a CPU that is not there", sched_setaffinity(0, sizeof(none), &none));
	say("short", syscall(SYS_sched_getaffinity, 0, 4, &none));
	say("odd", syscall(SYS_sched_getaffinity, 0, 65, &none));
	say("whose", sched_getaffinity(32767 - 7, sizeof(none), &none));
	say("bad address", syscall(SYS_sched_setaffinity, 0, 8, (void *)16));
	printf("policy %ld\n", syscall(SYS_sched_getscheduler, 0));
	param.sched_priority = 5;
	say("getparam", syscall(SYS_sched_getparam, 0, &param));
	printf("priority %d\n", param.sched_priority);
	param.sched_priority = 1;
	say("normal, with a priority", syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &param));
	say("unknown policy", syscall(SYS_sched_setscheduler, 0, 77, &param));
	param.sched_priority = 100;
	say("priority", syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &param));
	printf("%ld %ld %ld\n", syscall(SYS_sched_get_priority_max, SCHED_FIFO),
	       syscall(SYS_sched_get_priority_min, SCHED_RR),
	       syscall(SYS_sched_get_priority_max, SCHED_OTHER));
	say("of what", syscall(SYS_sched_get_priority_max, 55));
}

static long barrier(int command, unsigned flags)
{
	return syscall(SYS_membarrier, command, flags, 0);
}

/* Each stores its own word and loads the other's: both cannot load 0. */
static volatile int x, y, seen_x, seen_y;
static pthread_barrier_t gate;

static void *fast_side(void *arg)
{
	for (int i = 0; i < *(int *)arg; i++) {
		pthread_barrier_wait(&gate);
		x = 1;
		__asm__ volatile("" ::: "memory");
		seen_y = y;
		pthread_barrier_wait(&gate);
	}
	return NULL;
}

static void barriers(void)
{
	int rounds = 300, both = 0;
	pthread_t t;

	say("not registered", barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0));
	say("registered", barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0));
	say("expedited", barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0));
	say("global", barrier(MEMBARRIER_CMD_GLOBAL, 0));
	say("flags", barrier(MEMBARRIER_CMD_GLOBAL, 77));
	say("command", barrier(1 << 30, 0));
	pthread_barrier_init(&gate, NULL, 2);
	pthread_create(&t, NULL, fast_side, &rounds);
	for (int i = 0; i < rounds; i++) {
		x = y = 0;
		pthread_barrier_wait(&gate);
		y = 1;
		barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0);
		seen_x = x;
		pthread_barrier_wait(&gate);
		both += !seen_x && !seen_y;
	}
	pthread_join(t, NULL);
	printf("neither saw the other: %d\n", both);
}

int main(void)
{
	sched_getaffinity(0, sizeof(all), &all);
	places();
	errors();
	barriers();
	return 0;
}
