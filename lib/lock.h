/*
 * Spinlocks and the order of all locks.
 *
 * The spinlock is test-and-set with bounded backoff: a strictly fair lock
 * hands itself to a virtual CPU that the host is not running. A spinlock with
 * a rank below RANK_IRQ_OFF is taken with interrupts as they are and never by
 * an interrupt handler; one at or above it is taken with spin_lock_irqsave. A
 * CPU that spins with interrupts off restores the caller's flags while it
 * spins, so that it answers shootdowns.
 *
 * Ranks: a lock may be taken only while every lock held has a lower rank; the
 * same rank may be taken twice only where SPIN_NESTED says so (tables: by
 * address). Debug builds check at every acquisition and name both locks.
 */
#ifndef LIB_LOCK_H
#define LIB_LOCK_H

#include <arch/cpu.h>
#include <arch/types.h>

enum lock_rank {
	RANK_NONE,
	RANK_POSITION,		/* of an open file */
	RANK_EPOLL,		/* sets of open files */
	RANK_MOUNT,		/* what is mounted where */
	RANK_PROC,		/* process table */
	RANK_FS,		/* file systems, open files */
	RANK_CONTENT,		/* writes to a memory object, and changes of its size */
	RANK_HUGE,		/* who makes an explicit huge page */
	RANK_COMPACT,		/* who compacts memory */
	RANK_MM,		/* struct mm */
	RANK_VMA,
	RANK_OBJECT,
	RANK_PAGE_BUSY,		/* sleeping bit of a page */
	RANK_SWAP_IO,
	RANK_TOP_TABLE,		/* of level 3 and above; two by address, as in the next two */
	RANK_UPPER_TABLE,	/* of level 2 */
	RANK_TABLE,		/* lowest-level tables; same rank by address */
	RANK_BLOCK,		/* a block that huge leaves map */
	RANK_PAGE_RMAP,
	RANK_TREE,		/* names in the file tree: a leaf, nothing is taken inside */
	RANK_IPC,		/* segments of System V's shared memory */
	RANK_LISTS,
	RANK_SLOT_MAP,
	RANK_POOL,		/* of compressed pages */
	RANK_SLAB,
	RANK_ZONE,
	RANK_THREADS,		/* the list of all threads */
	RANK_FUTEX,		/* a bucket of futexes; two by address */
	RANK_IRQ_OFF,		/* locks from here on are held with interrupts off */
	RANK_MAILBOX,
	RANK_SIGNAL,		/* a process's signals */
	RANK_INTERRUPT,		/* what interrupts a thread's wait */
	RANK_WAITQ,
	RANK_RUNQ,
	RANK_TIMER,
	RANK_CONSOLE,
	RANK_UART,		/* registers of COM1 */
	RANK_COUNT
};

struct spinlock {
	uint32_t locked;
	uint16_t rank;
	uint16_t pad;
	/* what lock_name() knows it by; debug builds only use it in reports */
};

#define SPINLOCK_INIT(r)	{ .rank = (r) }

void spin_init(struct spinlock *l, enum lock_rank rank);
void spin_lock(struct spinlock *l);
void spin_lock_nested(struct spinlock *l);	/* a second lock of the same rank, higher address */
bool __must_check spin_trylock(struct spinlock *l);
void spin_unlock(struct spinlock *l);
uint64_t spin_lock_irqsave(struct spinlock *l);
void spin_unlock_irqrestore(struct spinlock *l, uint64_t flags);
static inline bool spin_is_locked(const struct spinlock *l) { return READ_ONCE(l->locked); }

#ifdef DEBUG
/* For locks that are not spinlocks (mutexes): tell the checker. No-ops in release builds. */
void lock_rank_acquire(const void *lock, enum lock_rank rank);
void lock_rank_release(const void *lock);
/* The same after a try that succeeded: a try cannot deadlock, so the order is not checked. */
void lock_rank_tried(const void *lock, enum lock_rank rank);
/* Panics (debug builds) if this CPU holds any lock of rank >= r. */
void lock_assert_none_from(enum lock_rank r);
/* Panics (debug builds) if this CPU may not sleep now: in an interrupt, or more spinlocks held than `spins`. */
void lock_assert_may_sleep(unsigned spins);
/* Names the locks this CPU holds on the log (debug builds; a release does not know). */
void lock_show_held(void);
#else
static inline void lock_rank_acquire(const void *lock, enum lock_rank rank) { (void)lock, (void)rank; }
static inline void lock_rank_release(const void *lock) { (void)lock; }
static inline void lock_rank_tried(const void *lock, enum lock_rank rank) { (void)lock, (void)rank; }
static inline void lock_assert_none_from(enum lock_rank r) { (void)r; }
static inline void lock_assert_may_sleep(unsigned spins) { (void)spins; }
static inline void lock_show_held(void) { }
#endif
const char *lock_rank_name(enum lock_rank r);

/*
 * This CPU has to wait for a lock of that rank: spinlocks and sleeping locks say
 * so. For figures: an interrupt in between may cost one of them its count.
 */
static inline void lock_contended(enum lock_rank r) { this_cpu()->contended[r]++; }
/* How often, on all CPUs. */
uint64_t lock_contended_sum(enum lock_rank r);

#endif
