/*
 * What a process may have of memory: the limits of its address space, as
 * Linux applies them. Memory knows no process: whoever changes a limit tells
 * the address space (mm_set_limits).
 *
 * Locks: mm.lock, for writing where limits change.
 */
#include <mm/vm/map.h>

void mm_set_limits(struct mm *mm, const struct mm_limits *l)
{
	mm_write_lock(mm);
	if (!mm->nvmas && mm->limits.stack != l->stack)
		mm->mmap_top = map_choose_top(l->stack);
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
