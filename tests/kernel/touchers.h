/*
 * What the suites on flushes of an address space share: a thread on each CPU of
 * some that touches a page without end and nothing else, and the CPU of the test
 * itself, which does not. While `quiet` they do not sleep or yield: a switch would flush.
 */
#ifndef TESTS_KERNEL_TOUCHERS_H
#define TESTS_KERNEL_TOUCHERS_H

#include <tests/kernel/crew.h>
#include <tests/kernel/mmtest.h>

#define TOUCHERS	8u		/* at most, and that many words there are of each page */
#define REST		0u		/* page that is touched to begin with */
#define REFUSED		(~0ul)		/* what a touch sees that faults */

struct toucher {
	struct member m;
	uint64_t touches;		/* atomic: so many have ended */
	uint64_t saw;			/* in the last */
};

static struct toucher touchers[TOUCHERS];	/* by CPU */
static unsigned ncpus, own;		/* CPUs that take part, and the test's of them */
static struct crew touching = CREW_INIT(touching);
static bool stop, quiet;		/* atomic */

/* What is touched, and how: every CPU has its own word there. */
static struct {
	vaddr_t va;			/* atomic */
	uint64_t writes;		/* atomic: that is written; 0: it is read */
} touched;

static inline uint64_t touch(unsigned cpu)
{
	uint64_t __user *word = (uint64_t __user *)__atomic_load_n(&touched.va, __ATOMIC_SEQ_CST) + cpu;
	uint64_t v = __atomic_load_n(&touched.writes, __ATOMIC_SEQ_CST);

	if (v)
		return put_user_u64(v, word) ? REFUSED : v;
	return get_user_u64(&v, word) ? REFUSED : v;
}

static inline void toucher_main(void *arg)
{
	struct toucher *r = arg;

	thread_set_aspace(mm_aspace(mt_mm));
	while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
		r->saw = touch((unsigned)(r - touchers));
		__atomic_add_fetch(&r->touches, 1, __ATOMIC_SEQ_CST);
		if (!__atomic_load_n(&quiet, __ATOMIC_SEQ_CST))
			resched_point();
	}
	thread_set_aspace(NULL);
}

/* Every thread has begun and ended a touch since. */
static inline void wait_for_touches(void)
{
	for (unsigned i = 0; i < ncpus; i++) {
		uint64_t from = __atomic_load_n(&touchers[i].touches, __ATOMIC_SEQ_CST);

		while (i != own &&
		       __atomic_load_n(&touchers[i].touches, __ATOMIC_SEQ_CST) < from + 2)
			cpu_relax();
	}
}

static inline void touch_from_now(unsigned page, uint64_t writes)
{
	__atomic_store_n(&touched.writes, writes, __ATOMIC_SEQ_CST);
	__atomic_store_n(&touched.va, mt_va(page), __ATOMIC_SEQ_CST);
}

static inline void toucher_start(unsigned cpu)
{
	struct cpumask m = cpumask_of(cpu);

	touchers[cpu] = (struct toucher){ 0 };
	crew_start(&touching, &touchers[cpu].m, &m, toucher_main, &touchers[cpu]);
}

/* The test goes on on CPU `own`; threads touch on the others of the first n. */
static inline void touchers_begin(unsigned n, unsigned on)
{
	struct cpumask m = cpumask_of(on);

	ncpus = n;
	own = on;
	mt_begin();
	EXPECT_EQ(thread_set_affinity(current_thread(), &m), 0);
	EXPECT(mt_anon(REST, 1, RW));
	EXPECT_EQ(mt_write(REST, 1), 0);
	stop = quiet = false;
	touch_from_now(REST, 0);
	for (unsigned i = 0; i < n; i++)
		if (i != on)
			toucher_start(i);
	wait_for_touches();
}

static inline void touchers_end(void)
{
	__atomic_store_n(&stop, true, __ATOMIC_SEQ_CST);
	crew_wait(&touching);
	mt_end();
}

#endif
