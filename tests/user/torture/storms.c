/* Storms: groups of threads that only death ends. */
#include "torture.h"

#include <time.h>
#include <unistd.h>

static void *ender(void *arg)
{
	uintptr_t way = (uintptr_t)arg;

	usleep(3000);
	if (way == 1)
		_exit(7);
	be_another(7);
	return NULL;
}

/* A group of threads that only death ends: way 0 comes from outside. */
static void victim(unsigned process, unsigned n, uint64_t seed, uintptr_t way)
{
	static unsigned char stack[STACK] __attribute__((aligned(64)));
	pthread_t t;

	set_signals();
	steps = 0;
	threads_begin(process, n, seed);
	if (way && start_on(&t, stack, ender, (void *)way))
		_exit(7);
	thread_main(&threads[0]);
}

void pause_us(unsigned us)
{
	struct timespec t = { 0, us * 1000l };

	nanosleep(&t, NULL);
}

/* Children of victims that outlive them may still do something: they end by themselves. */
void storm(unsigned process, unsigned n, uint64_t seed, unsigned count)
{
	static struct me m;

	m.process = process;
	m.random = mix(seed);

	for (unsigned i = 0; i < count; i++) {
		unsigned way = chance(&m, 3);
		pid_t pid = fork();

		must(&m, pid >= 0);
		if (!pid)
			victim(process, n, seed + i, way);
		if (!way) {
			pause_us(chance(&m, 20000));
			must(&m, kill(pid, SIGKILL) == 0);
		}
		wait_for(&m, pid, way ? 7 << 8 : SIGKILL);
		atomic_fetch_add(&common->storms, 1);
	}
	_exit(0);
}
