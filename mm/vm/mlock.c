/*
 * mlock and its kin: memory that stays. A locked range is a flag of its VMAs;
 * its pages are faulted in before the call returns (or, with ONFAULT, stay
 * once they have come).
 *
 * Errors as Linux gives them: a hole ends the walk with ENOMEM, and what came
 * before it is locked; what cannot be faulted in is ENOMEM too.
 *
 * Locks: mm.lock for writing around the change of flags; faults without it.
 */
#include <mm/vm/map.h>
#include <mm/pt/pt.h>

#include <linux/errno.h>
#include <linux/mman.h>

/* Faults in what [start, end) has locked, and huge pages, up to the first that cannot be. */
static int fill_locked(struct mm *mm, vaddr_t start, vaddr_t end, bool all)
{
	enum fault_result r = FAULT_OK;

	while (start < end && r == FAULT_OK) {
		vaddr_t stop = end;
		unsigned flags = 0;
		struct vma *v;

		read_lock(&mm->lock);
		v = vma_find(mm, start);
		if (v && v->start < end) {
			start = MAX(start, v->start);
			stop = MIN(v->end, end);
			flags = v->flags;
		}
		read_unlock(&mm->lock);
		if ((flags & VM_LOCK_MASK) == VM_LOCKED || flags & VM_HUGETLB)	/* these stay in any case */
			r = map_populate_vma(mm, start, stop, flags);
		if (all)
			r = FAULT_OK;
		start = stop;
		resched_point();
	}
	return r == FAULT_OK ? 0 : r == FAULT_OOM ? -EAGAIN : -ENOMEM;
}

/* Whole pages around [addr, addr + len). */
static int whole_range(vaddr_t addr, size_t len, vaddr_t *start, vaddr_t *end)
{
	len = ALIGN_UP(len + (addr & (PAGE_SIZE - 1)), PAGE_SIZE);
	*start = ALIGN_DOWN(addr, PAGE_SIZE);
	*end = *start + len;
	return *end < *start ? -EINVAL : 0;
}

/* Pages of [start, end) that are locked. */
static uint64_t locked_within(struct mm *mm, vaddr_t start, vaddr_t end)
{
	uint64_t n = 0;

	for (struct vma *v = vma_find(mm, start); v && v->start < end; v = vma_next(v))
		if (v->flags & VM_LOCKED)
			n += (MIN(v->end, end) - MAX(v->start, start)) >> PAGE_SHIFT;
	return n;
}

/* Does locking the range keep within the limit? mm.lock held. */
static bool may_lock(struct mm *mm, vaddr_t start, vaddr_t end)
{
	uint64_t pages = (end - start) >> PAGE_SHIFT;

	return map_may_lock(mm, VM_LOCKED, pages) ||
	       map_may_lock(mm, VM_LOCKED, pages - locked_within(mm, start, end));
}

/* The range gets these of VM_LOCK_MASK. */
static int change_range(struct mm *mm, vaddr_t start, vaddr_t end, unsigned set)
{
	const struct vma_change c = { .set = set, .clear = VM_LOCK_MASK, .stop_at_hole = true };
	struct vma *dead = NULL;
	int err;

	mm_write_lock(mm);
	if (set && !may_lock(mm, start, end))
		err = -ENOMEM;
	else
		err = start < end ? map_change(mm, start, end, &c, &dead) : 0;
	mm_write_unlock(mm);
	vma_bury(dead);
	return err;
}

int mm_mlock(struct mm *mm, vaddr_t addr, size_t len, bool on_fault)
{
	vaddr_t start, end;
	int err = whole_range(addr, len, &start, &end);

	if (!map_can_lock(mm))
		return -EPERM;
	if (!err)
		err = change_range(mm, start, end, VM_LOCKED | (on_fault ? VM_LOCKONFAULT : 0));
	return err || on_fault ? err : fill_locked(mm, start, end, false);
}

int mm_munlock(struct mm *mm, vaddr_t addr, size_t len)
{
	vaddr_t start, end;
	int err = whole_range(addr, len, &start, &end);

	return err ? err : change_range(mm, start, end, 0);
}

static void change_all(struct mm *mm, unsigned set, struct vma **dead)
{
	const struct vma_change c = { .set = set, .clear = VM_LOCK_MASK };
	struct vma *last = vma_last(mm);
	int err = last ? map_change(mm, 0, last->end, &c, dead) : 0;

	(void)err;			/* holes; and Linux, too, goes on where memory is short */
}

int mm_mlockall(struct mm *mm, unsigned flags)
{
	unsigned set = VM_LOCKED | (flags & MCL_ONFAULT ? VM_LOCKONFAULT : 0);
	struct vma *dead = NULL;

	if (!flags || flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) || flags == MCL_ONFAULT)
		return -EINVAL;
	if (!map_can_lock(mm))
		return -EPERM;
	mm_write_lock(mm);
	if (flags & MCL_CURRENT && !mm->limits.privileged &&
	    mm->size_pages > mm->limits.memlock >> PAGE_SHIFT) {
		mm_write_unlock(mm);
		return -ENOMEM;
	}
	mm->lock_new = flags & MCL_FUTURE ? set : 0;
	if (flags & MCL_CURRENT)
		change_all(mm, set, &dead);
	mm_write_unlock(mm);
	vma_bury(dead);
	if ((flags & (MCL_CURRENT | MCL_ONFAULT)) == MCL_CURRENT && fill_locked(mm, 0, mm_user_end(), true))
		return 0;		/* the call has succeeded all the same */
	return 0;
}

void mm_munlockall(struct mm *mm)
{
	struct vma *dead = NULL;

	mm_write_lock(mm);
	mm->lock_new = 0;
	change_all(mm, 0, &dead);
	mm_write_unlock(mm);
	vma_bury(dead);
}
