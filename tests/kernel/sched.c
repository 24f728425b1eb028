/*
 * Threads take turns, come and go, and are counted. No test measures how long something
 * takes: where the clock matters, it is only ever "not before".
 */
#include <kernel/core/clock.h>
#include <tests/kernel/workers.h>

#define WORKERS	4

static void letters(struct worker *w)
{
	for (unsigned i = 0; i < 5; i++) {
		leave((char)('a' + w->number));
		sched_yield();
	}
}

KTEST(sched, round_robin)
{
	run_workers(3, letters);
	expect_trail("abcabcabcabcabc");
}

static void nothing(struct worker *w)
{
	(void)w;
}

KTEST(sched, many_threads_come_and_go)
{
	for (unsigned i = 0; i < 200 && !ktest_failed(); i++)
		run_workers(WORKERS, nothing);
}

static void return_with_interrupts_off(struct worker *w)
{
	(void)w;
	irq_disable();
	for (unsigned i = 0; i < 3; i++) {
		schedule();
		EXPECT(!irq_enabled());
	}
	irq_enable();
}

static void return_with_interrupts_on(struct worker *w)
{
	(void)w;
	for (unsigned i = 0; i < 3; i++) {
		EXPECT(irq_enabled());
		schedule();
	}
}

KTEST(sched, interrupt_flag_belongs_to_the_thread)
{
	spawn(0, return_with_interrupts_off);
	spawn(1, return_with_interrupts_on);
	crew_wait(&crew);
}

static uint32_t turns;

/* Never yields of its own: only the tick can let the other one go on. */
static void greedy(struct worker *w)
{
	while (READ_ONCE(turns) < 6)
		if (READ_ONCE(turns) % 2 == w->number)
			WRITE_ONCE(turns, turns + 1);
		else
			resched_point();
}

KTEST(sched, tick_ends_a_time_slice)
{
	turns = 0;
	run_workers(2, greedy);
	EXPECT(turns >= 6);
}

static void burn(struct worker *w)
{
	uint64_t until = clock_monotonic_ns() + NS_PER_MS;

	EXPECT_EQ(w->m.t.run_ns, 0);
	while (clock_monotonic_ns() < until)
		;
	EXPECT(thread_cpu_ns(&w->m.t) >= NS_PER_MS);
}

KTEST(sched, cpu_time_is_counted)
{
	run_workers(1, burn);
	EXPECT(thread_cpu_ns(&workers[0].m.t) >= NS_PER_MS);
}

KTEST(sched, list_of_threads)
{
	struct thread *t, *found = NULL;

	spin_lock(&threads_lock);
	TAILQ_FOREACH(t, &threads, all_link)
		if (t == current_thread())
			found = t;
	spin_unlock(&threads_lock);
	EXPECT(found);
	EXPECT_EQ(current_thread()->state, THREAD_RUNNING);
	EXPECT(current_thread()->on_cpu);
	EXPECT(current_thread()->cpu == this_cpu());
}
