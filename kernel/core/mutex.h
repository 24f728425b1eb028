/*
 * Sleeping locks: a mutex, and a lock for many readers or one writer (a
 * waiting writer keeps new readers out). Ranked like spinlocks; may be held
 * over waits; not to be taken with a spinlock held.
 */
#ifndef KERNEL_CORE_MUTEX_H
#define KERNEL_CORE_MUTEX_H

#include <kernel/core/wait.h>

struct mutex {
	uint32_t held;			/* atomic: 0 free, 1 held, 2 held and somebody may wait */
	enum lock_rank rank;
	struct thread *owner;		/* for reports */
	struct waitq wait;
};
void mutex_init(struct mutex *m, enum lock_rank rank);
void mutex_lock(struct mutex *m);
bool __must_check mutex_trylock(struct mutex *m);
void mutex_unlock(struct mutex *m);
static inline bool mutex_held(const struct mutex *m) { return READ_ONCE(m->held) != 0; }

struct rwlock {
	int32_t count;			/* atomic: readers, or -1 for a writer */
	uint32_t writers_waiting;	/* wait.lock; read without it */
	uint32_t waiting;		/* readers too; as writers_waiting */
	enum lock_rank rank;
	struct waitq wait;
};
void rwlock_init(struct rwlock *l, enum lock_rank rank);
void read_lock(struct rwlock *l);
bool __must_check read_trylock(struct rwlock *l);
void read_unlock(struct rwlock *l);
void write_lock(struct rwlock *l);
bool __must_check write_trylock(struct rwlock *l);
void write_unlock(struct rwlock *l);
static inline bool rwlock_write_held(const struct rwlock *l) { return READ_ONCE(l->count) < 0; }

#endif
