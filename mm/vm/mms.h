/* The list of all address spaces: for figures, mm_verify, and GDB. */
#ifndef MM_VM_MMS_H
#define MM_VM_MMS_H

#include <lib/lock.h>
#include <mm/vm/mm_struct.h>

TAILQ_HEAD(mm_list, mm);
extern struct mm_list mms;		/* mms_lock */
extern struct spinlock mms_lock;	/* RANK_LISTS */

/*
 * The huge leaf at va of as, which is pinned (the pin goes), gets a table of as's own around it, and becomes one. False: not
 * now, or not at all. For reclaim; no lock held.
 */
bool mm_unshare(struct aspace *as, vaddr_t va);

/* The address space after mm (NULL: the first) that is not at its end, counted; mm's reference goes. */
struct mm *mm_next(struct mm *mm);

#endif
