/*
 * Threads that a test starts and waits for. Each has a stack of its own, runs one
 * function and ends when that returns; crew_wait comes back when the last one has
 * ended and left nothing behind.
 */
#ifndef TESTS_KERNEL_CREW_H
#define TESTS_KERNEL_CREW_H

#include <kernel/core/cpumask.h>
#include <kernel/core/thread.h>
#include <kernel/core/wait.h>

struct crew {
	struct waitq ended;
	unsigned running;		/* ended.lock */
	unsigned astray;		/* that did not end as thread_exit says; ended.lock */
};

#define CREW_INIT(c)	{ .ended = WAITQ_INIT((c).ended) }

/* Free to be started again once it has ended. */
struct member {
	struct thread t;
	struct crew *crew;
	uint64_t bottom;		/* of its stack */
	void (*body)(void *);
	void *arg;
};

/* m runs body(arg) on the CPUs of `where` (NULL: on any). False, and the test has failed: no memory for its stack. */
bool crew_start(struct crew *c, struct member *m, const struct cpumask *where, void (*body)(void *), void *arg);
void crew_wait(struct crew *c);

#endif
