/*
 * What a process may have of memory: the limits of its address space, as
 * Linux applies them. Memory knows no process: whoever changes a limit tells
 * the address space (mm_set_limits).
 *
 * Locks: mm.lock, for writing where limits change.
 */
#include <kernel/core/thread.h>
#include <mm/vm/map.h>
#include <mm/alloc/limit.h>
#include <mm/alloc/page.h>
#include <mm/alloc/slots.h>
#include <mm/reclaim/reclaim.h>
#include <mm/vm/mms.h>

#include <linux/errno.h>

void mm_set_limits(struct mm *mm, const struct mm_limits *l)
{
	mm_write_lock(mm);
	if (!mm->nvmas && mm->limits.stack != l->stack)
		mm->mmap_top = map_choose_top(mm, l->stack);
	mm->limits = *l;
	mm_write_unlock(mm);
}

bool mm_has_limits(const struct mm *mm, const struct mm_limits *l)
{
	const struct mm_limits *has = &mm->limits;

	return has->as == l->as && has->data == l->data && has->stack == l->stack &&
	       has->memlock == l->memlock && has->data_max == l->data_max &&
	       has->privileged == l->privileged;
}

bool map_may_expand(const struct mm *mm, unsigned vm_flags, uint64_t pages)
{
	const struct mm_limits *l = &mm->limits;

	if (unlikely(mm->size_pages + pages > l->as >> PAGE_SHIFT))
		return false;
	if (likely(!vma_is_data(vm_flags) || mm->data_pages + pages <= l->data >> PAGE_SHIFT))
		return true;
	/* Nothing at all is no limit: as on Linux, for programs that mean the heap of brk(2) by it. */
	return !l->data && mm->data_pages + pages <= l->data_max >> PAGE_SHIFT;
}

bool mm_over_limits(struct mm *mm)
{
	bool over;

	read_lock(&mm->lock);
	over = !map_may_expand(mm, VM_WRITE, 0);
	read_unlock(&mm->lock);
	return over;
}

bool map_may_lock(const struct mm *mm, unsigned vm_flags, uint64_t pages)
{
	return likely(!(vm_flags & VM_LOCKED)) || mm->limits.privileged ||
	       mm->locked_pages + pages <= mm->limits.memlock >> PAGE_SHIFT;
}

/* ---- limits of trees of processes (mm/alloc/limit.h) ---- */

static uint64_t bytes_of(uint64_t frames)
{
	return frames == LIMIT_NONE ? MM_NO_LIMIT : frames << PAGE_SHIFT;
}

int mm_set_memory_limit(struct mm *mm, uint64_t bytes, uint64_t maker)
{
	uint64_t max = bytes == MM_NO_LIMIT ? LIMIT_NONE : bytes >> PAGE_SHIFT;
	uint16_t now, made;
	int err = 0;

	mm_write_lock(mm);
	now = mm->as.limit_id;
	if (now && limit_of(now)->maker == maker) {
		limit_set(now, max);
	} else if (max != LIMIT_NONE) {
		made = limit_make(now, max, maker);
		err = made ? 0 : -ENOSPC;
		if (made) {
			WRITE_ONCE(mm->as.limit_id, made);
			limit_put(now);		/* the new one has it */
		}
	}
	mm_write_unlock(mm);
	return err;
}

void mm_limit_figures(uint16_t limit, struct mm_memory_limit *l)
{
	uint64_t all = page_total_count();
	const struct memlimit *of;

	if (!limit) {
		*l = (struct mm_memory_limit){
			.max = all << PAGE_SHIFT, .used = (all - page_free_count()) << PAGE_SHIFT,
		};
		return;
	}
	of = limit_of(limit);
	*l = (struct mm_memory_limit){
		.max = bytes_of(READ_ONCE(of->max)), .used = READ_ONCE(of->used) << PAGE_SHIFT,
		.peak = READ_ONCE(of->peak) << PAGE_SHIFT, .failed = READ_ONCE(of->failed),
	};
}

void mm_memory_limit(struct mm *mm, struct mm_memory_limit *l)
{
	uint16_t id;

	*l = (struct mm_memory_limit){ .max = MM_NO_LIMIT };
	read_lock(&mm->lock);
	id = mm->as.limit_id;
	if (id)
		mm_limit_figures(id, l);
	read_unlock(&mm->lock);
}

uint16_t mm_limit_reached(struct mm *mm)
{
	return limit_full(READ_ONCE(mm->as.limit_id), MM_FAULT_FRAMES);
}

bool mm_limit_within(const struct mm *mm, uint16_t limit)
{
	return !limit || limit_within(READ_ONCE(mm->as.limit_id), limit);
}

void mm_limit_get(uint16_t limit)
{
	limit_get(limit);
}

void mm_limit_put(uint16_t limit)
{
	limit_put(limit);
}

bool mm_is_limited(const struct mm *mm)
{
	return READ_ONCE(mm->as.limit_id) != 0;
}

/* ---- room in a limit ---- */

#define ROOM		32u	/* pages that are made room for at first */
#define ROOM_MAX	1024u

/* Makes room for so many pages in a memory limit; false: nothing can be had. No lock held; may sleep. */
static bool limit_reclaim(uint16_t limit, uint64_t pages)
{
	const struct memlimit *l = limit_of(limit);
	uint64_t before = READ_ONCE(l->used);

	return reclaim_charged(limit, pages) || READ_ONCE(l->used) < MIN(READ_ONCE(l->max), before);
}

/*
 * A limit was full; by now others may have made room in it, or who asks has given back what he got: a fork needs
 * many pages at once. So each try makes more room than the one before. False: there is none to be had.
 */
static bool make_room(struct mm *mm, unsigned *tries)
{
	uint64_t before = reclaim_freed(), pages = MIN(ROOM << MIN(*tries, 5u), ROOM_MAX);
	uint16_t limit = mm_limit_reached(mm);

	if (!limit && *tries)
		limit = READ_ONCE(mm->as.limit_id);
	return reclaim_go_on(tries, !limit || limit_reclaim(limit, pages) || reclaim_freed() != before);
}

bool mm_retry(struct mm *mm, unsigned *tries)
{
	struct thread *t = current_thread();
	bool over = t->over_limit;

	t->over_limit = false;
	return reclaim_retry(tries) || (over && make_room(mm, tries));
}
