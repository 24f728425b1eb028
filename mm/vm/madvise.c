/*
 * madvise: MADV_DONTNEED takes the pages of the range away (private memory
 * reads as zeros, or as its file, afterwards); MADV_POPULATE_* faults it in;
 * some other advice is accepted and not needed. What is not in the table is
 * EINVAL, which is also what Linux says to advice that it was built without.
 *
 * Locks: mm.lock for reading: faults go on beside it, entry by entry under
 * the table's lock.
 */
#include <mm/vm/map.h>
#include <mm/pt/pt.h>

#include <linux/errno.h>
#include <linux/mman.h>

enum advice { ADVICE_UNKNOWN, ADVICE_NOTED, ADVICE_ZAP, ADVICE_READ_IN, ADVICE_WRITE_IN };

static enum advice advice_of(int advice)
{
	switch (advice) {
	case MADV_NORMAL:
	case MADV_RANDOM:
	case MADV_SEQUENTIAL:
	case MADV_WILLNEED:
		return ADVICE_NOTED;
	case MADV_DONTNEED:
		return ADVICE_ZAP;
	case MADV_POPULATE_READ:
		return ADVICE_READ_IN;
	case MADV_POPULATE_WRITE:
		return ADVICE_WRITE_IN;
	default:
		return ADVICE_UNKNOWN;
	}
}

/* The mapped parts of the range one by one; -ENOMEM at the end if there were holes. */
static int for_each_part(struct mm *mm, vaddr_t start, vaddr_t end, struct gather *g)
{
	struct vma *v = vma_find(mm, start);
	vaddr_t at = start;
	bool hole = false;

	for (; v && v->start < end; v = vma_next(v)) {
		hole |= v->start > at;
		at = MIN(v->end, end);
		if (!g)
			continue;
		if (pt_own_zap(&mm->as, MAX(v->start, start), at))
			return -ENOMEM;
		pt_zap(&mm->as, MAX(v->start, start), at, g);
	}
	return hole || at < end ? -ENOMEM : 0;
}

static int note_or_zap(struct mm *mm, vaddr_t start, vaddr_t end, bool zap)
{
	struct gather g;
	int err;

	read_lock(&mm->lock);
	gather_init(&g, &mm->as);
	err = for_each_part(mm, start, end, zap ? &g : NULL);
	gather_finish(&g);
	read_unlock(&mm->lock);
	return err;
}

/* Has every VMA of the range the right that faulting it in needs? */
static int may_populate(struct mm *mm, vaddr_t start, vaddr_t end, bool write)
{
	int err;

	read_lock(&mm->lock);
	err = for_each_part(mm, start, end, NULL);
	for (struct vma *v = vma_find(mm, start); !err && v && v->start < end; v = vma_next(v))
		if (!(v->flags & (write ? VM_WRITE : VM_RIGHTS)))
			err = -EINVAL;
	read_unlock(&mm->lock);
	return err;
}

static int populate(struct mm *mm, vaddr_t start, vaddr_t end, bool write)
{
	int err = may_populate(mm, start, end, write);

	if (err)
		return err;
	switch (map_populate(mm, start, end, write ? ACCESS_WRITE : ACCESS_READ)) {
	case FAULT_OK:
		return 0;
	case FAULT_BUS:
		return -EFAULT;
	default:
		return -ENOMEM;
	}
}

int mm_madvise(struct mm *mm, vaddr_t addr, size_t len, int advice)
{
	enum advice what = advice_of(advice);
	size_t whole = ALIGN_UP(len, PAGE_SIZE);

	if (what == ADVICE_UNKNOWN || !IS_ALIGNED(addr, PAGE_SIZE))
		return -EINVAL;
	if ((len && !whole) || addr + whole < addr)
		return -EINVAL;
	if (!whole)
		return 0;
	if (what == ADVICE_READ_IN || what == ADVICE_WRITE_IN)
		return populate(mm, addr, addr + whole, what == ADVICE_WRITE_IN);
	return note_or_zap(mm, addr, addr + whole, what == ADVICE_ZAP);
}
