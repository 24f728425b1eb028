/* Faults made in advance, page by page, where nothing or too little is mapped: MAP_POPULATE, locked memory, MADV_POPULATE_*. */
#include <mm/vm/map.h>
#include <kernel/core/thread.h>
#include <mm/vm/fault.h>

enum fault_result map_populate(struct mm *mm, vaddr_t start, vaddr_t end, unsigned access)
{
	enum fault_result r = FAULT_OK;
	unsigned level;

	for (vaddr_t va = start, next; va < end && r == FAULT_OK; va = next) {
		pte_t e = pt_lookup(&mm->as, va, &level);

		next = va + PAGE_SIZE;
		if (!pte_present(e))
			r = vm_fault(mm, va, access);
		else if (access == ACCESS_WRITE && !pte_writable(e))
			r = vm_fault(mm, va, access | ACCESS_PRESENT);
		else
			next = (va & -LEVEL_SIZE(level)) + LEVEL_SIZE(level);
		resched_point();
	}
	return r;
}

enum fault_result map_populate_vma(struct mm *mm, vaddr_t start, vaddr_t end, unsigned flags)
{
	bool write = (flags & (VM_WRITE | VM_SHARED)) == VM_WRITE;

	if (!(flags & VM_RIGHTS))
		return FAULT_SEGV_ACCERR;
	return map_populate(mm, start, end, write ? ACCESS_WRITE : ACCESS_READ);
}
