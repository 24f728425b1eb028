/* Sleeping locks: whom they keep out, whom they let in together, and who comes first. */
#include <kernel/core/mutex.h>
#include <tests/kernel/workers.h>

#define WORKERS	4

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
	trail_clear();
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
