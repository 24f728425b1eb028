/*
 * A crew of numbered workers for the suites of the scheduler, of waiting and of locks; and a line in
 * which they leave letters, to show in what order they came by.
 */
#ifndef TESTS_KERNEL_WORKERS_H
#define TESTS_KERNEL_WORKERS_H

#include <lib/ktest.h>
#include <lib/string.h>
#include <tests/kernel/crew.h>

#define WORKERS_MAX	8

struct worker {
	struct member m;
	void (*body)(struct worker *);
	unsigned number;
};

static struct worker workers[WORKERS_MAX];
static struct crew crew = CREW_INIT(crew);

static char trail[128];
static unsigned trail_len;

static inline void trail_clear(void)
{
	memset(trail, 0, sizeof(trail));
	trail_len = 0;
}

static inline void leave(char c)
{
	if (trail_len < sizeof(trail) - 1)
		trail[trail_len++] = c;
}

static inline void expect_trail(const char *want)
{
	if (strcmp(trail, want) != 0)
		ktest_fail(__FILE__, __LINE__, "the order was %s, expected %s", trail, want);
}

static inline void worker_main(void *arg)
{
	struct worker *w = arg;

	w->body(w);
}

/* Starts worker `number`, on the CPUs of `where` (NULL: on any); false if there is no memory for its stack. */
static inline bool spawn_on(unsigned number, const struct cpumask *where, void (*body)(struct worker *))
{
	struct worker *w = &workers[number];

	w->body = body;
	w->number = number;
	return crew_start(&crew, &w->m, where, worker_main, w);
}

static inline bool spawn(unsigned number, void (*body)(struct worker *))
{
	return spawn_on(number, NULL, body);
}

/* Runs n workers to their end, on a new trail. */
static inline void run_workers(unsigned n, void (*body)(struct worker *))
{
	trail_clear();
	for (unsigned i = 0; i < n; i++)
		if (!spawn(i, body))
			break;
	crew_wait(&crew);
}

#endif
