/*
 * Sleeping locks.
 *
 * Mutex: free (0), held (1), held and somebody may wait (2), as in Drepper,
 * "Futexes Are Tricky". A waiter sets 2 under the wait queue's lock and sleeps
 * in the same breath; an owner that finds 2 as it lets go takes that lock
 * before it wakes one: it finds the waiter asleep. Whoever slept takes the
 * mutex as 2, since others may wait still.
 *
 * Reader-writer lock: who waits is counted before he looks at the lock once
 * more, and who gives it up looks at that count afterwards; one of the two
 * sees the other (both are locked instructions). Readers let waiting writers
 * go first.
 */
#include <kernel/core/mutex.h>
#include <lib/assert.h>

enum { MUTEX_FREE, MUTEX_HELD, MUTEX_CONTENDED };

void mutex_init(struct mutex *m, enum lock_rank rank)
{
	m->held = MUTEX_FREE;
	m->rank = rank;
	m->owner = NULL;
	waitq_init(&m->wait);
}

static bool mutex_try(struct mutex *m)
{
	uint32_t old = MUTEX_FREE;

	return __atomic_compare_exchange_n(&m->held, &old, MUTEX_HELD, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static void mutex_wait(struct mutex *m)
{
	uint64_t flags = waitq_lock(&m->wait);

	lock_contended(m->rank);
	while (__atomic_exchange_n(&m->held, MUTEX_CONTENDED, __ATOMIC_ACQUIRE) != MUTEX_FREE)
		waitq_sleep(&m->wait, &flags);
	waitq_unlock(&m->wait, flags);
}

void mutex_lock(struct mutex *m)
{
	lock_assert_may_sleep(0);
	lock_rank_acquire(m, m->rank);
	if (unlikely(!mutex_try(m))) {
		assert(READ_ONCE(m->owner) != current_thread());
		mutex_wait(m);
	}
	m->owner = current_thread();
}

bool mutex_trylock(struct mutex *m)
{
	if (!mutex_try(m))
		return false;
	lock_rank_tried(m, m->rank);
	m->owner = current_thread();
	return true;
}

void mutex_unlock(struct mutex *m)
{
	uint64_t flags;

	assert(m->owner == current_thread());
	m->owner = NULL;
	lock_rank_release(m);
	if (likely(__atomic_exchange_n(&m->held, MUTEX_FREE, __ATOMIC_RELEASE) == MUTEX_HELD))
		return;
	flags = waitq_lock(&m->wait);
	waitq_wake_one(&m->wait);
	waitq_unlock(&m->wait, flags);
}

void rwlock_init(struct rwlock *l, enum lock_rank rank)
{
	l->count = 0;
	l->writers_waiting = l->waiting = 0;
	l->rank = rank;
	waitq_init(&l->wait);
}

static bool read_try(struct rwlock *l)
{
	int32_t n = READ_ONCE(l->count);

	while (n >= 0 && !READ_ONCE(l->writers_waiting))
		if (__atomic_compare_exchange_n(&l->count, &n, n + 1, false,
						__ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
			return true;
	return false;
}

static bool write_try(struct rwlock *l)
{
	int32_t none = 0;

	return __atomic_compare_exchange_n(&l->count, &none, -1, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

static __attribute__((noinline)) void read_wait(struct rwlock *l)
{
	uint64_t flags = waitq_lock(&l->wait);

	lock_contended(l->rank);
	__atomic_add_fetch(&l->waiting, 1, __ATOMIC_SEQ_CST);
	while (!read_try(l))
		waitq_sleep(&l->wait, &flags);
	__atomic_sub_fetch(&l->waiting, 1, __ATOMIC_SEQ_CST);
	waitq_unlock(&l->wait, flags);
}

void read_lock(struct rwlock *l)
{
	lock_assert_may_sleep(0);
	lock_rank_acquire(l, l->rank);
	if (unlikely(!read_try(l)))
		read_wait(l);
}

bool read_trylock(struct rwlock *l)
{
	if (!read_try(l))
		return false;
	lock_rank_tried(l, l->rank);
	return true;
}

/* The lock may have become free for those who sleep. */
static __attribute__((noinline)) void rwlock_wake(struct rwlock *l)
{
	uint64_t flags = waitq_lock(&l->wait);

	waitq_wake_all(&l->wait);
	waitq_unlock(&l->wait, flags);
}

void read_unlock(struct rwlock *l)
{
	int32_t left;

	lock_rank_release(l);
	left = __atomic_sub_fetch(&l->count, 1, __ATOMIC_SEQ_CST);
	assert(left >= 0);
	if (left == 0 && __atomic_load_n(&l->writers_waiting, __ATOMIC_SEQ_CST))
		rwlock_wake(l);
}

static __attribute__((noinline)) void write_wait(struct rwlock *l)
{
	uint64_t flags = waitq_lock(&l->wait);

	lock_contended(l->rank);
	__atomic_add_fetch(&l->waiting, 1, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&l->writers_waiting, 1, __ATOMIC_SEQ_CST);
	while (!write_try(l))
		waitq_sleep(&l->wait, &flags);
	__atomic_sub_fetch(&l->writers_waiting, 1, __ATOMIC_SEQ_CST);
	__atomic_sub_fetch(&l->waiting, 1, __ATOMIC_SEQ_CST);
	waitq_unlock(&l->wait, flags);
}

void write_lock(struct rwlock *l)
{
	lock_assert_may_sleep(0);
	lock_rank_acquire(l, l->rank);
	if (unlikely(!write_try(l)))
		write_wait(l);
}

bool write_trylock(struct rwlock *l)
{
	if (!write_try(l))
		return false;
	lock_rank_tried(l, l->rank);
	return true;
}

void write_unlock(struct rwlock *l)
{
	lock_rank_release(l);
	assert(rwlock_write_held(l));
	__atomic_exchange_n(&l->count, 0, __ATOMIC_SEQ_CST);
	if (unlikely(__atomic_load_n(&l->waiting, __ATOMIC_SEQ_CST)))
		rwlock_wake(l);
}
