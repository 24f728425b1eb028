/*
 * The scheduler on several CPUs: threads spread, move, are woken, interrupted
 * and timed out by other CPUs, and come and go by the hundred. Everything is
 * counted, nothing is timed; a lost wake is a test that does not end.
 */
#include <kernel/core/call.h>
#include <kernel/core/clock.h>
#include <kernel/core/grace.h>
#include <linux/errno.h>
#include <tests/kernel/workers.h>

#define WORKERS	WORKERS_MAX
#define ROUNDS	300

static uint64_t counter;		/* atomic */
static bool stop;			/* atomic */
static struct cpumask seen;		/* atomic bits */

static void begin(void)
{
	counter = 0;
	stop = false;
	seen = (struct cpumask){ { 0 } };
}

static void run_everywhere(unsigned n, void (*body)(struct worker *))
{
	struct cpumask all = cpumask_all();

	begin();
	for (unsigned i = 0; i < n; i++)
		spawn_on(i, &all, body);
	crew_wait(&crew);
}

static bool alone(void)
{
	if (arch_ncpus == 1)
		ktest_skip("one CPU");
	return arch_ncpus == 1;
}

static unsigned cpu_of(const struct worker *w) { return w->number % arch_ncpus; }

static void note_cpu(void)
{
	unsigned id = this_cpu()->id;

	__atomic_fetch_or(&seen.w[id / 64], 1ul << id % 64, __ATOMIC_SEQ_CST);
}

/* Runs until as many threads as that have been seen on a CPU at the same time. */
static void wait_for_company(struct worker *w)
{
	unsigned want = MIN(arch_ncpus, WORKERS);

	(void)w;
	while (cpumask_count(&seen) < want) {
		note_cpu();
		resched_point();
		cpu_relax();
	}
}

/* Threads that never sleep come to stand on all CPUs. */
KTEST(smp_sched, busy_threads_spread)
{
	if (alone())
		return;
	run_everywhere(WORKERS, wait_for_company);
	EXPECT(cpumask_count(&seen) >= MIN(arch_ncpus, WORKERS));
}

static void wander(struct worker *w)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned to = (w->number * 7 + i * 3) % arch_ncpus;
		struct cpumask m = cpumask_of(to), got;

		EXPECT_EQ(thread_set_affinity(current_thread(), &m), 0);
		EXPECT_EQ(this_cpu()->id, to);
		thread_get_affinity(current_thread(), &got);
		EXPECT(!memcmp(&got, &m, sizeof(m)));
		if (i % 4 == 0)
			sched_yield();
		EXPECT_EQ(this_cpu()->id, to);
	}
}

KTEST(smp_sched, a_thread_moves_itself)
{
	struct cpumask none = { { 0 } };

	run_everywhere(WORKERS, wander);
	EXPECT_EQ(thread_set_affinity(current_thread(), &none), (uint64_t)-EINVAL);
}

static void sleep_or_run(struct worker *w)
{
	while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
		struct cpumask m;

		if (w->number % 2)
			sleep_ns(NS_PER_MS / 8);
		else
			sched_yield();
		thread_get_affinity(current_thread(), &m);
		__atomic_add_fetch(&counter, 1, __ATOMIC_SEQ_CST);
	}
}

/* Others are moved while they run, wait to run, and sleep. */
KTEST(smp_sched, others_are_moved)
{
	struct cpumask all = cpumask_all();

	begin();
	for (unsigned i = 0; i < WORKERS; i++)
		spawn_on(i, &all, sleep_or_run);
	for (unsigned i = 0; i < ROUNDS; i++) {
		for (unsigned k = 0; k < WORKERS; k++) {
			struct cpumask m = cpumask_of((i + k) % arch_ncpus);

			EXPECT_EQ(thread_set_affinity(&workers[k].m.t, &m), 0);
		}
		if (i % 16 == 0)
			sleep_ns(NS_PER_MS);
		sched_yield();
	}
	__atomic_store_n(&stop, true, __ATOMIC_SEQ_CST);
	crew_wait(&crew);
	EXPECT(counter > 0);
}

/* ---- waking ---- */

static struct waitq table = WAITQ_INIT(table);
static uint64_t ball;			/* table.lock: whose turn it is, and how often it went on */

static void pass_on(struct worker *w)
{
	uint64_t flags;

	for (unsigned i = 0; i < ROUNDS; i++) {
		flags = waitq_lock(&table);
		while (ball % WORKERS != w->number)
			waitq_sleep(&table, &flags);
		ball++;
		waitq_wake_all(&table);
		waitq_unlock(&table, flags);
	}
}

KTEST(smp_sched, no_wake_is_lost)
{
	ball = 0;
	run_everywhere(WORKERS, pass_on);
	EXPECT_EQ(ball, WORKERS * ROUNDS);
	ball = 0;
	begin();
	for (unsigned i = 0; i < WORKERS; i++) {
		struct cpumask m = cpumask_of(i % arch_ncpus);

		spawn_on(i, &m, pass_on);
	}
	crew_wait(&crew);
	EXPECT_EQ(ball, WORKERS * ROUNDS);
}

static uint64_t timeouts, woken;	/* atomic */

/* Half of them sleep for about as long as the others take to wake them. */
static void race_with_time(struct worker *w)
{
	uint64_t flags;

	for (unsigned i = 0; i < ROUNDS; i++) {
		flags = waitq_lock(&table);
		if (w->number % 2) {
			waitq_wake_all(&table);
		} else if (waitq_sleep_until(&table, &flags, arch_clock_ns() + i * 1000)) {
			__atomic_add_fetch(&timeouts, 1, __ATOMIC_RELAXED);
		} else {
			__atomic_add_fetch(&woken, 1, __ATOMIC_RELAXED);
		}
		waitq_unlock(&table, flags);
		if (w->number % 2 && i % 8 == 0)
			sched_yield();
	}
}

KTEST(smp_sched, wakes_race_with_timeouts)
{
	timeouts = woken = 0;
	run_everywhere(WORKERS, race_with_time);
	EXPECT_EQ(timeouts + woken, WORKERS / 2 * ROUNDS);
}

static void be_interrupted(struct worker *w)
{
	uint64_t flags;
	int err;

	(void)w;
	for (unsigned i = 0; i < ROUNDS; i++) {
		flags = waitq_lock(&table);
		err = i % 2 ? waitq_sleep_interruptible(&table, &flags) :
		      waitq_sleep_interruptible_until(&table, &flags, arch_clock_ns() + NS_PER_SEC);
		waitq_unlock(&table, flags);
		if (err == -ERESTARTSYS)
			__atomic_add_fetch(&counter, 1, __ATOMIC_RELAXED);
		irq_disable();
		thread_interrupt_done();
		irq_enable();
	}
	__atomic_store_n(&stop, true, __ATOMIC_SEQ_CST);
}

/* Wakes and interruptions of other CPUs meet; the sleeper gets through all its rounds. */
KTEST(smp_sched, interruptions)
{
	struct cpumask m = cpumask_of(arch_ncpus - 1);
	uint64_t flags;

	begin();
	spawn_on(0, &m, be_interrupted);
	for (unsigned i = 0; !__atomic_load_n(&stop, __ATOMIC_SEQ_CST); i++) {
		if (i % 3) {
			thread_interrupt(&workers[0].m.t);
		} else {
			flags = waitq_lock(&table);
			waitq_wake_all(&table);
			waitq_unlock(&table, flags);
		}
		sched_yield();
	}
	crew_wait(&crew);
	EXPECT(counter > 0 && counter <= ROUNDS);
}

/* ---- coming and going ---- */

static void count_me(struct worker *w)
{
	(void)w;
	__atomic_add_fetch(&counter, 1, __ATOMIC_SEQ_CST);
	note_cpu();
}

KTEST(smp_sched, threads_come_and_go)
{
	struct cpumask all = cpumask_all();

	begin();
	for (unsigned i = 0; i < ROUNDS / 4; i++) {
		for (unsigned k = 0; k < WORKERS; k++)
			spawn_on(k, &all, count_me);
		crew_wait(&crew);
	}
	EXPECT_EQ(counter, ROUNDS / 4 * WORKERS);
}

/* ---- calls, grace periods, parking ---- */

static void count_call(void *arg)
{
	__atomic_add_fetch((uint64_t *)arg, 1, __ATOMIC_SEQ_CST);
}

static void call_all(struct worker *w)
{
	struct cpumask all = cpumask_all(), here = cpumask_of(cpu_of(w));

	EXPECT_EQ(thread_set_affinity(current_thread(), &here), 0);
	for (unsigned i = 0; i < ROUNDS / 4; i++) {
		uint64_t mine = 0;

		cpu_call(&all, count_call, &mine);
		EXPECT_EQ(mine, arch_ncpus);
		resched_point();
	}
}

KTEST(smp_sched, all_call_all)
{
	run_everywhere(WORKERS, call_all);
}

struct thing {
	struct grace_head head;
	uint64_t alive;
};
static struct thing *shared_thing;	/* atomic */
static struct thing things[2];

static void thing_dies(struct grace_head *h)
{
	WRITE_ONCE(container_of(h, struct thing, head)->alive, 0);
}

static void look_at_thing(struct worker *w)
{
	(void)w;
	while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
		const struct thing *t = __atomic_load_n(&shared_thing, __ATOMIC_ACQUIRE);

		for (unsigned i = 0; i < 20; i++) {
			if (!READ_ONCE(t->alive))
				ktest_fail(__FILE__, __LINE__, "freed under a reader");
			cpu_relax();
		}
		sched_yield();
	}
}

/* What a reader has found stays until it has passed the scheduler. */
KTEST(smp_sched, grace_periods_wait_for_readers)
{
	struct cpumask all = cpumask_all();

	begin();
	things[0].alive = 1;
	shared_thing = &things[0];
	for (unsigned i = 0; i < MIN(arch_ncpus, WORKERS); i++)
		spawn_on(i, &all, look_at_thing);
	for (unsigned i = 1; i < ROUNDS / 10; i++) {
		struct thing *old = shared_thing, *new = &things[i % 2];

		new->alive = 1;
		__atomic_store_n(&shared_thing, new, __ATOMIC_RELEASE);
		grace_call(&old->head, thing_dies);
		grace_wait();
		EXPECT(!READ_ONCE(old->alive));
	}
	__atomic_store_n(&stop, true, __ATOMIC_SEQ_CST);
	crew_wait(&crew);
}

static void keep_counting(struct worker *w)
{
	(void)w;
	while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
		__atomic_add_fetch(&counter, 1, __ATOMIC_SEQ_CST);
		resched_point();
	}
}

KTEST(smp_sched, parked_cpus_stand_still)
{
	struct cpumask others = cpumask_all();

	if (alone())
		return;
	begin();
	cpumask_remove(&others, this_cpu()->id);
	for (unsigned i = 0; i < MIN(arch_ncpus, WORKERS); i++)
		spawn_on(i, &others, keep_counting);
	for (unsigned i = 0; i < 20; i++) {
		uint64_t before;

		cpus_park();
		before = __atomic_load_n(&counter, __ATOMIC_SEQ_CST);
		for (unsigned k = 0; k < 1000; k++)
			cpu_relax();
		EXPECT_EQ(__atomic_load_n(&counter, __ATOMIC_SEQ_CST), before);
		cpus_release();
		while (__atomic_load_n(&counter, __ATOMIC_SEQ_CST) == before)
			sched_yield();
	}
	__atomic_store_n(&stop, true, __ATOMIC_SEQ_CST);
	crew_wait(&crew);
}

static void note_visit(void *arg)
{
	EXPECT(arg == &seen && irq_enabled());
	note_cpu();
}

KTEST(smp_sched, visit_every_cpu)
{
	begin();
	cpu_visit(note_visit, &seen);
	EXPECT_EQ(cpumask_count(&seen), arch_ncpus);
}
