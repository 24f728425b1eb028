/*
 * The lock of one VMA: what lets faults of one address space run beside each
 * other, and beside whoever changes other VMAs. Private to mm/vm.
 *
 * A fault takes the lock for reading by one atomic try, and goes without: if
 * it does not get it, or finds no VMA, it takes mm.lock for reading instead.
 * Nobody sleeps with it. A writer holds mm.lock for writing anyway, and what
 * it is about to change (bounds, flags, object, being in the tree at all, and
 * the entries of the range) it *marks* first: the VMA's mark becomes mm's
 * `writes`, and the readers that are there are waited for. All marks end at
 * once when mm_write_unlock counts `writes` on; so nobody keeps a list of them.
 *
 *	reader	readers + 1 | barrier | read mark, then writes, then mm and range
 *	writer	mark = writes | barrier | read readers
 *	the end	what was changed | release | writes + 1
 *
 * One of the two sees the other. The mark is read before `writes`: whoever
 * reads the mark of a change that goes on cannot then read a `writes` from
 * before it; and if he reads one from after it, he sees all that was changed.
 *
 * A VMA out of the tree names no mm: nobody gets its lock any more, however
 * long he has held its address. That address is good for a grace period, and
 * readers do not sleep between finding it and the try; see vma_walk for why
 * that covers every VMA which a walk beside a writer can meet.
 *
 * The same word counts the faults that were settled in the VMA: a fault ends
 * by one atomic operation for both, and no line of the whole mm is written.
 *
 * The idea of the mark that all VMAs lose at once is Linux's (per-VMA locks,
 * vm_lock_seq); that the answer of an unlocked walk is checked under the lock
 * of what it found, K. Fraser's and others'.
 */
#ifndef MM_VM_VMA_LOCK_H
#define MM_VM_VMA_LOCK_H

#include <lib/assert.h>
#include <lib/lock.h>
#include <mm/vm/mm_struct.h>

/* struct vma's lock: readers in the lower bits, above them the faults settled so far. */
#define VMA_FAULT	(1ul << 20)
#define VMA_READERS	(VMA_FAULT - 1)

/* True if v is changed by a writer that goes on. What comes later is read later. */
static inline bool vma_is_marked(const struct mm *mm, const struct vma *v)
{
	uint64_t mark = __atomic_load_n(&v->mark, __ATOMIC_ACQUIRE);

	return mark == __atomic_load_n(&mm->writes, __ATOMIC_ACQUIRE);
}

/* Gives the lock up; with `settled` a fault is counted. v may be gone then. */
static inline void vma_read_unlock(struct vma *v, bool settled)
{
	lock_rank_release(v);
	__atomic_fetch_add(&v->lock, (settled ? VMA_FAULT : 0) - 1, __ATOMIC_RELEASE);
}

/* v's lock for reading, if v is mm's, has va, and no writer wants it. */
static inline bool __must_check vma_read_trylock(struct mm *mm, struct vma *v, vaddr_t va)
{
	if (unlikely(vma_is_marked(mm, v)))
		return false;
	__atomic_fetch_add(&v->lock, 1, __ATOMIC_SEQ_CST);
	lock_rank_tried(v, RANK_VMA);
	if (likely(!vma_is_marked(mm, v) && v->mm == mm && va - v->start < v->end - v->start))
		return true;
	vma_read_unlock(v, false);
	return false;
}

/* A fault settled in v under mm.lock. */
static inline void vma_count_fault(struct vma *v)
{
	__atomic_fetch_add(&v->lock, VMA_FAULT, __ATOMIC_RELAXED);
}

static inline uint64_t vma_faults(const struct vma *v)
{
	return READ_ONCE(v->lock) / VMA_FAULT;
}

/* Waits for v's readers. */
void vma_wait_readers(const struct vma *v);

/*
 * No fault is in v from here on, and none gets in until mm_write_unlock.
 * mm.lock held for writing, no other lock of memory.
 */
static inline void vma_mark(struct mm *mm, struct vma *v)
{
	if (v->mark == mm->writes)
		return;
	debug_assert(rwlock_write_held(&mm->lock));
	lock_assert_none_from(RANK_VMA);
	__atomic_exchange_n(&v->mark, mm->writes, __ATOMIC_SEQ_CST);
	if (unlikely(__atomic_load_n(&v->lock, __ATOMIC_ACQUIRE) & VMA_READERS))
		vma_wait_readers(v);
}

static inline void mm_write_lock(struct mm *mm)
{
	write_lock(&mm->lock);
}

static inline void mm_write_unlock(struct mm *mm)
{
	__atomic_store_n(&mm->writes, mm->writes + 1, __ATOMIC_RELEASE);
	write_unlock(&mm->lock);
}

#endif
