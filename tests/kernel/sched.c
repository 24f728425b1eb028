/*
 * Threads, waiting, sleeping locks and grace periods. No test measures how
 * long something takes: where the clock matters, it is only ever "not before".
 */
#include <kernel/core/clock.h>
#include <kernel/core/grace.h>
#include <kernel/core/mutex.h>
#include <lib/ktest.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <tests/kernel/crew.h>

#define WORKERS	4

struct worker {
	struct member m;
	void (*body)(struct worker *);
	unsigned number;
};

static struct worker workers[WORKERS];
static struct crew crew = CREW_INIT(crew);

/* A line in which workers leave their letters. */
static char trail[128];
static unsigned trail_len;

static void leave(char c)
{
	if (trail_len < sizeof(trail) - 1)
		trail[trail_len++] = c;
}

static void expect_trail(const char *want)
{
	if (strcmp(trail, want) != 0)
		ktest_fail(__FILE__, __LINE__, "the order was %s, expected %s", trail, want);
}

static void worker_main(void *arg)
{
	struct worker *w = arg;

	w->body(w);
}

/* Starts worker `number`; false if there is no memory for its stack. */
static bool spawn(unsigned number, void (*body)(struct worker *))
{
	struct worker *w = &workers[number];

	w->body = body;
	w->number = number;
	return crew_start(&crew, &w->m, NULL, worker_main, w);
}

/* Runs n workers to their end. */
static void run_workers(unsigned n, void (*body)(struct worker *))
{
	memset(trail, 0, sizeof(trail));
	trail_len = 0;
	for (unsigned i = 0; i < n; i++)
		if (!spawn(i, body))
			break;
	crew_wait(&crew);
}

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

/* -- waiting -- */

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
	memset(trail, 0, sizeof(trail));
	trail_len = 0;
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

/* -- sleeping locks -- */

static struct mutex mutex;
static struct rwlock rwlock;
static unsigned inside, most_inside;
static uint64_t sum;

static void count_in(void)
{
	inside++;
	most_inside = MAX(inside, most_inside);
}

static void add_under_mutex(struct worker *w)
{
	(void)w;
	for (unsigned i = 0; i < 100; i++) {
		uint64_t seen;

		mutex_lock(&mutex);
		seen = sum;
		count_in();
		sched_yield();
		inside--;
		sum = seen + 1;
		mutex_unlock(&mutex);
	}
}

KTEST(mutex, excludes)
{
	mutex_init(&mutex, RANK_FS);
	sum = inside = most_inside = 0;
	run_workers(WORKERS, add_under_mutex);
	EXPECT_EQ(sum, WORKERS * 100);
	EXPECT_EQ(most_inside, 1);
	EXPECT(!mutex_held(&mutex));
}

static void try_mutex(struct worker *w)
{
	(void)w;
	leave(mutex_trylock(&mutex) ? 'y' : 'n');
}

KTEST(mutex, trylock)
{
	bool got;

	mutex_init(&mutex, RANK_FS);
	mutex_lock(&mutex);
	EXPECT(mutex_held(&mutex));
	run_workers(1, try_mutex);
	expect_trail("n");
	mutex_unlock(&mutex);
	got = mutex_trylock(&mutex);
	EXPECT(got);
	if (got)
		mutex_unlock(&mutex);
}

static void read_together(struct worker *w)
{
	(void)w;
	read_lock(&rwlock);
	count_in();
	sched_yield();
	inside--;
	read_unlock(&rwlock);
}

KTEST(rwlock, readers_share)
{
	rwlock_init(&rwlock, RANK_FS);
	inside = most_inside = 0;
	run_workers(3, read_together);
	EXPECT_EQ(most_inside, 3);
	EXPECT_EQ(rwlock.count, 0);
}

/* Workers 0 and 1 write, the others read; a reader never sees a half-made change. */
static uint64_t left_half, right_half;

static void read_or_write(struct worker *w)
{
	for (unsigned i = 0; i < 50; i++) {
		if (w->number < 2) {
			write_lock(&rwlock);
			left_half++;
			sched_yield();
			right_half++;
			write_unlock(&rwlock);
		} else {
			read_lock(&rwlock);
			EXPECT_EQ(left_half, right_half);
			sched_yield();
			EXPECT_EQ(left_half, right_half);
			read_unlock(&rwlock);
		}
	}
}

KTEST(rwlock, writer_excludes)
{
	rwlock_init(&rwlock, RANK_FS);
	left_half = right_half = 0;
	run_workers(WORKERS, read_or_write);
	EXPECT_EQ(left_half, 100);
	EXPECT_EQ(right_half, 100);
	EXPECT_EQ(rwlock.count, 0);
	EXPECT_EQ(rwlock.writers_waiting, 0);
}

static void write_then_read(struct worker *w)
{
	if (w->number == 0) {
		write_lock(&rwlock);
		leave('w');
		write_unlock(&rwlock);
	} else {
		leave(read_trylock(&rwlock) ? 'y' : 'n');
		read_lock(&rwlock);
		leave('r');
		read_unlock(&rwlock);
	}
}

KTEST(rwlock, waiting_writer_goes_first)
{
	memset(trail, 0, sizeof(trail));
	trail_len = 0;
	rwlock_init(&rwlock, RANK_FS);
	read_lock(&rwlock);
	spawn(0, write_then_read);
	spawn(1, write_then_read);
	sched_yield();
	expect_trail("n");
	read_unlock(&rwlock);
	crew_wait(&crew);
	expect_trail("nwr");
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

	memset(trail, 0, sizeof(trail));
	trail_len = 0;
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

	memset(trail, 0, sizeof(trail));
	trail_len = 0;
	leaf.letter = 'x';
	grace_call(&leaf.head, leaf_freed);
	while (!*(volatile char *)trail)	/* the tick asks for the scheduler */
		resched_point();
	expect_trail("x");
}
