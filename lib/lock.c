/*
 * Spinlocks, and the check of the order of all locks.
 *
 * Test-and-set with bounded exponential backoff. A waiter spins on a plain
 * read, and a waiter that masked interrupts itself gives them back while it
 * spins.
 *
 * The check (debug builds): each CPU keeps the list of what it holds, in the
 * order of taking, in this_cpu()->held. A new lock must have a rank above all
 * of them. Spinlocks stay on one CPU from lock to unlock; mutexes are entered
 * in the same list with RANK_SLEEPS set, and the list travels with its thread
 * at a context switch (kernel/core/sched.c).
 */
#include <lib/lock.h>
#include <lib/assert.h>
#include <lib/log.h>

#define BACKOFF_MAX	64u
#define RANK_SLEEPS	0x100u		/* in held[].rank: not a spinlock */
#define RANK_OF(r)	((r) & 0xffu)

const char *lock_rank_name(enum lock_rank r)
{
	static const char *const name[] = {
		"none", "position", "epoll", "mount", "proc", "fs", "content", "huge page", "compaction", "mm", "vma",
		"object", "page busy", "swap I/O", "top table", "upper table", "table", "block", "page rmap",
		"file tree", "ipc", "lists", "slot map", "pool", "slab", "zone", "threads", "futex", "irq off",
		"mailbox", "signals", "interruption", "wait queue", "run queue", "timer", "console", "uart",
	};

	_Static_assert(ARRAY_SIZE(name) == RANK_COUNT, "a name for every rank");
	return r < ARRAY_SIZE(name) ? name[r] : "?";
}

_Static_assert(RANK_COUNT <= CPU_LOCK_RANKS, "a counter for every rank");

uint64_t lock_contended_sum(enum lock_rank r)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < arch_ncpus; i++)
		sum += READ_ONCE(arch_cpus[i]->contended[r]);
	return sum;
}

#ifdef DEBUG
/* Interrupt handlers push and pop as well, but leave the list as they found it: never in the middle. */
static void held_push(const void *lock, unsigned rank)
{
	uint64_t flags = irq_save();
	struct cpu *c = this_cpu();

	assert(rank & ~RANK_SLEEPS);	/* 0: the lock was never initialised */
	if (c->nheld == CPU_HELD_MAX)
		panic("more than %u locks held", CPU_HELD_MAX);
	c->held[c->nheld].lock = lock;
	c->held[c->nheld].rank = rank;
	c->nheld++;
	irq_restore(flags);
}

static void held_pop(const void *lock)
{
	uint64_t flags = irq_save();
	struct cpu *c = this_cpu();
	unsigned i = c->nheld;

	while (i && c->held[i - 1].lock != lock)
		i--;
	if (!i)
		panic("lock %p released but not held", lock);
	for (c->nheld--; i <= c->nheld; i++)
		c->held[i - 1] = c->held[i];
	irq_restore(flags);
}

static void rank_refuse(const void *lock, unsigned rank, const void *held, unsigned held_rank)
{
	panic("lock order: %s (%p) taken while %s (%p) is held", lock_rank_name(rank), lock,
	      lock_rank_name(RANK_OF(held_rank)), held);
}

/* nested: the same rank may be held already, on a lock at a lower address. */
static void rank_check(const void *lock, unsigned rank, bool nested)
{
	const struct cpu *c = this_cpu();

	for (unsigned i = 0; i < c->nheld; i++) {
		const void *h = c->held[i].lock;
		unsigned r = RANK_OF(c->held[i].rank);

		if (r > rank || (r == rank && !(nested && (uintptr_t)h < (uintptr_t)lock)))
			rank_refuse(lock, rank, h, r);
	}
}

static void spin_check(const struct spinlock *l, bool nested)
{
	if (panicking)
		return;
	if (l->rank >= RANK_IRQ_OFF) {
		if (irq_enabled())
			panic("%s lock (%p) taken with interrupts on", lock_rank_name(l->rank), l);
	} else if (this_cpu()->irq_depth) {
		panic("%s lock (%p) taken in an interrupt handler", lock_rank_name(l->rank), l);
	}
	rank_check(l, l->rank, nested);
}

static void spin_taken(const struct spinlock *l)
{
	if (!panicking)
		held_push(l, l->rank);
}

static void spin_released(const struct spinlock *l)
{
	if (panicking)
		return;
	assert(READ_ONCE(l->locked));
	held_pop(l);
}

void lock_rank_acquire(const void *lock, enum lock_rank rank)
{
	if (panicking)
		return;
	rank_check(lock, rank, false);
	held_push(lock, rank | RANK_SLEEPS);
}

void lock_rank_tried(const void *lock, enum lock_rank rank)
{
	if (!panicking)
		held_push(lock, rank | RANK_SLEEPS);
}

void lock_rank_release(const void *lock)
{
	if (!panicking)
		held_pop(lock);
}

void lock_assert_none_from(enum lock_rank r)
{
	const struct cpu *c = this_cpu();

	for (unsigned i = 0; i < c->nheld && !panicking; i++)
		if (RANK_OF(c->held[i].rank) >= r)
			panic("%s lock (%p) held where none from %s on may be",
			      lock_rank_name(RANK_OF(c->held[i].rank)), c->held[i].lock,
			      lock_rank_name(r));
}

void lock_assert_may_sleep(unsigned spins)
{
	const struct cpu *c = this_cpu();
	unsigned n = 0;

	if (panicking)
		return;
	if (c->irq_depth)
		panic("sleep in an interrupt handler");
	for (unsigned i = 0; i < c->nheld; i++) {
		if (c->held[i].rank & RANK_SLEEPS || n++ < spins)
			continue;
		panic("sleep with a %s lock (%p) held", lock_rank_name(c->held[i].rank),
		      c->held[i].lock);
	}
}

void lock_show_held(void)
{
	const struct cpu *c = this_cpu();

	for (unsigned i = 0; i < c->nheld; i++)
		log_warn("*** holds %s lock %p", lock_rank_name(RANK_OF(c->held[i].rank)),
			 c->held[i].lock);
}
#else
static void spin_check(const struct spinlock *l, bool nested) { (void)l; (void)nested; }
static void spin_taken(const struct spinlock *l) { (void)l; }
static void spin_released(const struct spinlock *l) { (void)l; }
#endif

static __always_inline_ bool spin_try(struct spinlock *l)
{
	return !__atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE);
}

/* Returns when the lock has been seen free. */
static void spin_wait(const struct spinlock *l)
{
	unsigned pauses = 1;

	lock_contended(l->rank);
	do {
		for (unsigned i = 0; i < pauses; i++)
			cpu_relax();
		pauses = MIN(pauses * 2, BACKOFF_MAX);
	} while (spin_is_locked(l));
}

void spin_init(struct spinlock *l, enum lock_rank rank)
{
	*l = (struct spinlock)SPINLOCK_INIT(rank);
}

void spin_lock(struct spinlock *l)
{
	spin_check(l, false);
	while (unlikely(!spin_try(l)))
		spin_wait(l);
	spin_taken(l);
}

void spin_lock_nested(struct spinlock *l)
{
	spin_check(l, true);
	while (unlikely(!spin_try(l)))
		spin_wait(l);
	spin_taken(l);
}

/* A try cannot deadlock, whatever is held: the order is not checked. */
bool spin_trylock(struct spinlock *l)
{
	if (!spin_try(l))
		return false;
	spin_taken(l);
	return true;
}

void spin_unlock(struct spinlock *l)
{
	spin_released(l);
	__atomic_store_n(&l->locked, 0, __ATOMIC_RELEASE);
}

uint64_t spin_lock_irqsave(struct spinlock *l)
{
	uint64_t flags = irq_save();

	spin_check(l, false);
	while (unlikely(!spin_try(l))) {
		irq_restore(flags);
		spin_wait(l);
		irq_disable();
	}
	spin_taken(l);
	return flags;
}

void spin_unlock_irqrestore(struct spinlock *l, uint64_t flags)
{
	spin_unlock(l);
	irq_restore(flags);
}
