/*
 * What the suites on races about memory share: a thread on each CPU but the boot CPU does one step after
 * another in the test's address space (mt_mm), while the boot CPU changes what lies there.
 */
#ifndef TESTS_KERNEL_RACERS_H
#define TESTS_KERNEL_RACERS_H

#include <tests/kernel/crew.h>
#include <tests/kernel/mmtest.h>
#include <tests/kernel/program.h>	/* random_next */

#define RACERS		7u		/* at most */

struct racer {
	struct member m;
	void (*step)(struct racer *);
	unsigned id;
	uint64_t seed;			/* a step's own random numbers */
	uint64_t steps;			/* atomic: so many have ended */
	uint64_t writes, wrong;		/* a step's, for the end */
};

static struct racer racers[RACERS];
static unsigned nracers;
static struct crew racing = CREW_INIT(racing);
static bool racers_are_to_stop;		/* atomic */

static inline void racer_main(void *arg)
{
	struct racer *r = arg;

	thread_set_aspace(mm_aspace(mt_mm));
	while (!__atomic_load_n(&racers_are_to_stop, __ATOMIC_SEQ_CST)) {
		r->step(r);
		__atomic_add_fetch(&r->steps, 1, __ATOMIC_SEQ_CST);
		resched_point();
	}
	thread_set_aspace(NULL);
}

static inline void racers_start(void (*step)(struct racer *), uint64_t seed)
{
	racers_are_to_stop = false;
	memset(racers, 0, sizeof(racers));
	nracers = MIN(arch_ncpus - 1, RACERS);
	for (unsigned i = 0; i < nracers; i++) {
		struct cpumask cpu = cpumask_of(i + 1);
		struct racer *r = &racers[i];

		r->id = i;
		r->seed = seed + i;
		r->step = step;
		EXPECT(crew_start(&racing, &r->m, &cpu, racer_main, r));
	}
}

/* They have ended; also, if they have already. */
static inline void racers_stop(void)
{
	__atomic_store_n(&racers_are_to_stop, true, __ATOMIC_SEQ_CST);
	crew_wait(&racing);
}

/* The same; nothing was wrong, and each has written more than so often. */
static inline void racers_end(uint64_t writes)
{
	racers_stop();
	for (unsigned i = 0; i < nracers; i++) {
		EXPECT_EQ(racers[i].wrong, 0);
		EXPECT(racers[i].writes > writes);
	}
}

/* Returns when each has done so many steps more. */
static inline void racers_go_on(unsigned steps)
{
	for (unsigned i = 0; i < nracers; i++) {
		uint64_t from = __atomic_load_n(&racers[i].steps, __ATOMIC_SEQ_CST);

		while (__atomic_load_n(&racers[i].steps, __ATOMIC_SEQ_CST) < from + steps)
			cpu_relax();
	}
}

/* ---- steps that write, and know what they wrote ---- */

/* Each racer has a word of its own in each page, behind the page's first. */
static inline uint64_t __user *racer_word(const struct racer *r, unsigned page)
{
	return UP(mt_va(page) + 8 * (1 + r->id));
}

/* Page `page` holds what r wrote there last, which is *last, and gets another number. */
static inline void racer_rewrite(struct racer *r, unsigned page, uint64_t *last)
{
	uint64_t __user *at = racer_word(r, page);
	uint64_t got, next = r->writes + 1;

	if (get_user_u64(&got, at) || got != *last || put_user_u64(next, at)) {
		r->wrong++;
		return;
	}
	*last = next;
	r->writes++;
}

/* The same of a page that may be anything or nothing just now. */
static inline void racer_touch(struct racer *r, unsigned page)
{
	uint64_t __user *at = racer_word(r, page);
	uint64_t got;

	if (!get_user_u64(&got, at))
		r->writes += !put_user_u64(got + 1, at);
}

#endif
