/* A thread: its steps; a process: its threads. */
#include "torture.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct me *threads;
unsigned nthreads;
static pthread_barrier_t meeting;

static void step(struct me *m)
{
	struct place *p = &m->place[chance(m, PLACES)];
	int what = (int)chance(m, 44);

	atomic_store(&common->doing[m->process][m->n], what + 1);
	switch (what) {
	case 0: case 1: case 2:
		place_map(m, p);
		break;
	case 3: case 4: case 5: case 6:
		place_protect(m, p);
		break;
	case 7: case 8:
		place_forget(m, p);
		break;
	case 9:
		place_lock(m, p);
		break;
	case 10:
		place_advise(m, p);
		break;
	case 11:
		place_cut(m, p);
		break;
	case 12: case 13:
		place_move(m, p);
		break;
	case 14:
		place_check(m, p);
		break;
	case 15: case 16: case 17: case 18:
		poke(m);
		break;
	case 19: case 20: case 21:
		revoke(m);
		break;
	case 22:
		fork_one(m);
		break;
	case 23:
		if (chance(m, 4) == 0)
			vfork_one(m);
		break;
	case 24: case 25:
		give(m);
		break;
	case 26: case 27:
		take(m);
		break;
	case 28: case 29:
		use_token(m);
		break;
	case 30:
		start_thread(m);
		break;
	case 31:
		change_brk(m);
		break;
	case 32:
		if (chance(m, 4) == 0)
			read_maps(m);
		break;
	case 33:
		wander(m);
		break;
	case 34:
		signal_one(m);
		break;
	case 35:
		sched_yield();
		break;
	case 36: case 37:
		bear_witness(m);
		break;
	case 38: case 39:
		file_step(m);
		break;
	default:
		place_use(m, p);
		atomic_fetch_add(&common->counter[chance(m, 64)], 1);
		m->added++;
	}
	atomic_store(&common->doing[m->process][m->n], 0);
	atomic_fetch_add(&common->steps, 1);
}

unsigned steps;

void *thread_main(void *arg)
{
	struct me *m = arg;

	m->tid = (pid_t)syscall(SYS_gettid);
	arena_new(m);
	for (unsigned i = 0; i < PLACES; i++)
		place_map(m, &m->place[i]);
	pthread_barrier_wait(&meeting);
	for (unsigned i = 0; !steps || i < steps; i++) {
		if (!steps && m->n == 1 && (uintptr_t)m->random & 1)
			start_thread(m);	/* dies among births */
		step(m);
		if (i % 64 == 63 && steps)
			pthread_barrier_wait(&meeting);
	}
	for (unsigned i = 0; i < PLACES; i++)
		place_check(m, &m->place[i]);
	leave_others();
	return NULL;
}

void set_signals(void)
{
	struct sigaction fault = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER };
	struct sigaction user = { .sa_handler = on_user, .sa_flags = SA_RESTART };

	sigaction(SIGSEGV, &fault, NULL);
	sigaction(SIGBUS, &fault, NULL);
	sigaction(SIGUSR1, &user, NULL);
}

/* All but thread 0, which the caller is. */
void threads_begin(unsigned process, unsigned n, uint64_t seed)
{
	nthreads = n;
	threads = map(NULL, n * sizeof(*threads), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	must(NULL, threads != MAP_FAILED);
	witness_begin();
	file_begin();
	between_begin(n);
	pthread_barrier_init(&meeting, NULL, n);
	for (unsigned i = 0; i < n; i++) {
		threads[i].process = process;
		threads[i].n = i;
		threads[i].random = mix(seed + (uint64_t)process * 64 + i);
	}
	for (unsigned i = 1; i < n; i++) {
		int err = pthread_create(&threads[i].thread, NULL, thread_main, &threads[i]);

		if (err)
			wrong(NULL, "pthread_create: %s", strerror(err));
	}
}

void worker(unsigned process, unsigned n, uint64_t seed, _Atomic uint64_t *total)
{
	set_signals();
	threads_begin(process, n, seed);
	thread_main(&threads[0]);
	for (unsigned i = 1; i < n; i++)
		must(NULL, pthread_join(threads[i].thread, NULL) == 0);
	for (unsigned i = 0; i < n; i++)
		atomic_fetch_add(total, threads[i].added);
	token_check();
	_exit(0);
}
