/*
 * swapoff: everything that an area holds comes back into memory.
 *
 * The area gives out no slots any more. Then passes over all address spaces and objects
 * fault in what names its slots, as their programs would, until no slot is in use: what moves
 * meanwhile (a fork, mremap) from where no pass has been to where one was is found by
 * the next. Pages that nobody names by a slot any more lose the slot.
 *
 * If memory ends, or a signal comes, the area goes on as it was: nothing is lost.
 *
 * Locks: none over a fault; the address space that it is at is referenced.
 */
#include <mm/mm.h>
#include <kernel/core/thread.h>
#include <mm/pt/pt.h>
#include <mm/vm/fault.h>
#include <mm/vm/map.h>
#include <mm/vm/mms.h>

#include <linux/errno.h>

/* The first address from *va on whose entry names a slot of the device. */
static bool find_swapped(struct mm *mm, vaddr_t *va, unsigned device)
{
	while (*va < mm_user_end()) {
		struct cursor c;
		bool found = false;

		cursor_find(&c, &mm->as, *va, 1);
		if (c.level == 1 && c.table->swap) {
			do {
				pte_t e = cursor_get(&c);

				found = pte_kind(e, 1) == PTE_SWAP && swp_device(pte_swp(e)) == device;
			} while (!found && cursor_next(&c));
			*va = c.va;
		}
		cursor_close(&c);
		if (found)
			return true;
		*va = (*va & -LEVEL_SIZE(MAX(c.level, 2u))) + LEVEL_SIZE(MAX(c.level, 2u));
		resched_point();
	}
	return false;
}

static int error_of(enum fault_result r)
{
	if (r == FAULT_OK)
		return thread_interrupted(this_cpu()->current) ? -EINTR : 0;
	return r == FAULT_OOM ? -ENOMEM : -EIO;
}

static int bring_back_mm(struct mm *mm, unsigned device)
{
	vaddr_t va = 0;
	int err = 0;

	for (; !err && find_swapped(mm, &va, device); va += PAGE_SIZE)
		err = error_of(fault_bring_back(mm, va));
	return err;
}

static int bring_back(unsigned device)
{
	struct mm *mm;
	int err = 0;

	for (mm = mm_next(NULL); mm && !err; mm = mm_next(mm))
		err = bring_back_mm(mm, device);
	if (mm)
		mm_put(mm);
	return err ? err : objects_bring_back(device);
}

/* Is there room for what the area holds: in memory, or on other devices? */
static bool has_room(unsigned device)
{
	struct slot_figures f;

	slot_area_figures(device, &f);
	return f.used <= page_free_count() + objects_npages() + slots_free();
}

int swap_off(struct store *store)
{
	int device = swap_area_stop(store), err = 0;

	if (device < 0)
		return device;
	if (!has_room((unsigned)device))
		err = -ENOMEM;
	while (!err && swap_area_trim((unsigned)device)) {
		err = bring_back((unsigned)device);
		sched_yield();
	}
	if (err)
		swap_area_resume((unsigned)device);
	else
		swap_area_end((unsigned)device);
	return err;
}
