/*
 * Waiting: who is woken, in what order, and by the clock, which never comes too early; and grace
 * periods, which wait for who may still be reading.
 */
#include <kernel/core/clock.h>
#include <kernel/core/grace.h>
#include <kernel/core/wait.h>
#include <linux/errno.h>
#include <tests/kernel/workers.h>

#define WORKERS	4

static struct waitq q = WAITQ_INIT(q);
static unsigned ball;			/* q.lock */

static void play(struct worker *w)
{
	uint64_t flags = waitq_lock(&q);

	for (unsigned i = 0; i < 500; i++) {
		while (ball % 2 != w->number)
			waitq_sleep(&q, &flags);
		ball++;
		waitq_wake_one(&q);
	}
	waitq_unlock(&q, flags);
}

KTEST(wait, ping_pong)
{
	ball = 0;
	run_workers(2, play);
	EXPECT_EQ(ball, 1000);
}

static void sleep_once(struct worker *w)
{
	uint64_t flags = waitq_lock(&q);

	waitq_sleep(&q, &flags);
	waitq_unlock(&q, flags);
	leave((char)('a' + w->number));
}

/* Starts three workers that sleep on q, and waits until they do. */
static void three_sleepers(void (*body)(struct worker *))
{
	trail_clear();
	for (unsigned i = 0; i < 3; i++)
		spawn(i, body);
	sched_yield();
}

KTEST(wait, wake_one_takes_the_longest_asleep)
{
	uint64_t flags;

	three_sleepers(sleep_once);
	for (unsigned i = 1; i <= 3; i++) {
		flags = waitq_lock(&q);
		waitq_wake_one(&q);
		waitq_unlock(&q, flags);
		sched_yield();
		EXPECT_EQ(trail_len, i);
	}
	crew_wait(&crew);
	expect_trail("abc");
}

KTEST(wait, wake_all)
{
	uint64_t flags;

	three_sleepers(sleep_once);
	EXPECT_EQ(trail_len, 0);
	flags = waitq_lock(&q);
	waitq_wake_all(&q);
	waitq_wake_all(&q);		/* nobody is left */
	waitq_wake_one(&q);
	waitq_unlock(&q, flags);
	crew_wait(&crew);
	expect_trail("abc");
}

KTEST(wait, timeout)
{
	uint64_t deadline = clock_monotonic_ns() + 2 * NS_PER_MS;
	uint64_t flags = waitq_lock(&q);

	EXPECT_EQ(waitq_sleep_until(&q, &flags, deadline), -ETIMEDOUT);
	EXPECT(clock_monotonic_ns() >= deadline);
	EXPECT(TAILQ_EMPTY(&q.sleepers));
	EXPECT_EQ(waitq_sleep_until(&q, &flags, 0), -ETIMEDOUT);
	EXPECT(TAILQ_EMPTY(&q.sleepers));
	waitq_unlock(&q, flags);
	EXPECT_EQ(current_thread()->timer.at, 0);
}

static uint64_t base_ns;

static void nap(struct worker *w)
{
	static const unsigned ms[] = { 6, 2, 4 };
	uint64_t flags = waitq_lock(&q);

	EXPECT_EQ(waitq_sleep_until(&q, &flags, base_ns + ms[w->number] * NS_PER_MS), -ETIMEDOUT);
	waitq_unlock(&q, flags);
	leave((char)('a' + w->number));
}

KTEST(wait, timeouts_come_in_order)
{
	base_ns = clock_monotonic_ns();
	three_sleepers(nap);
	crew_wait(&crew);
	expect_trail("bca");
}

static int nap_result;

static void long_nap(struct worker *w)
{
	uint64_t flags = waitq_lock(&q);

	nap_result = waitq_sleep_until(&q, &flags, UINT64_MAX);
	waitq_unlock(&q, flags);
	EXPECT_EQ(w->m.t.timer.at, 0);
}

KTEST(wait, woken_before_the_timeout)
{
	uint64_t flags;

	nap_result = 1;
	spawn(0, long_nap);
	sched_yield();
	EXPECT_EQ(workers[0].m.t.timer.at, UINT64_MAX);
	flags = waitq_lock(&q);
	waitq_wake_one(&q);
	waitq_unlock(&q, flags);
	crew_wait(&crew);
	EXPECT_EQ(nap_result, 0);
}

static bool stop;

/* Sleeps over and over, for less than the waker below takes between its wakes, and for more. */
static void nap_often(struct worker *w)
{
	uint64_t flags;

	for (unsigned i = 0; !READ_ONCE(stop); i++) {
		flags = waitq_lock(&q);
		(void)waitq_sleep_until(&q, &flags, clock_monotonic_ns() + (i * 37 + w->number) % 3000 * 100);
		waitq_unlock(&q, flags);
	}
}

KTEST(wait, wakes_race_with_timeouts)
{
	uint64_t flags;

	stop = false;
	for (unsigned i = 0; i < WORKERS; i++)
		spawn(i, nap_often);
	for (unsigned i = 0; i < 300; i++) {
		sleep_ns(i % 7 * 30000);
		flags = waitq_lock(&q);
		waitq_wake_one(&q);
		waitq_unlock(&q, flags);
		sched_yield();
	}
	WRITE_ONCE(stop, true);
	crew_wait(&crew);
	EXPECT(TAILQ_EMPTY(&q.sleepers));
}

KTEST(wait, sleep_ns)
{
	uint64_t before = clock_monotonic_ns();

	sleep_ns(3 * NS_PER_MS);
	EXPECT(clock_monotonic_ns() - before >= 3 * NS_PER_MS);
	sleep_ns(0);
}

/* -- grace periods -- */

struct leaf {
	struct grace_head head;
	char letter;
};

static void leaf_freed(struct grace_head *h)
{
	leave(container_of(h, struct leaf, head)->letter);
}

KTEST(grace, called_later_and_in_order)
{
	static struct leaf leaves[3];

	trail_clear();
	for (unsigned i = 0; i < 3; i++) {
		leaves[i].letter = (char)('a' + i);
		grace_call(&leaves[i].head, leaf_freed);
	}
	expect_trail("");		/* this thread might still be reading */
	grace_wait();
	grace_wait();
	expect_trail("abc");
	EXPECT(!grace_pending());
}

KTEST(grace, busy_threads_pass_it)
{
	static struct leaf leaf;

	trail_clear();
	leaf.letter = 'x';
	grace_call(&leaf.head, leaf_freed);
	while (!*(volatile char *)trail)	/* the tick asks for the scheduler */
		resched_point();
	expect_trail("x");
}
