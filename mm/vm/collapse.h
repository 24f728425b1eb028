/* Small pages that become huge ones (collapse.c). Private to mm/vm. */
#ifndef MM_VM_COLLAPSE_H
#define MM_VM_COLLAPSE_H

#include <mm/mm.h>

/* What 2 MB hold. */
struct survey {
	bool table;			/* 4 KB pages; else nothing, or */
	bool huge;			/* a huge page */
	unsigned pages, swapped, shared, young, writable;
};

/* Of the 2 MB at va. mm.lock held. */
struct survey collapse_survey(struct mm *mm, vaddr_t va);
/* What of the 2 MB at va is swapped out comes back. 0 or -ENOMEM. No lock held; may sleep. */
int __must_check collapse_bring_back(struct mm *mm, vaddr_t va);
/*
 * The 2 MB at va become a huge page; asked: whatever the mode says, and also of tables that a fork shares. 0; -EEXIST:
 * it is huge already; -ENOMEM; -EAGAIN: pages are in use just now; -EBUSY: shared; -EINVAL: it cannot be. No lock held.
 */
int __must_check collapse_one(struct mm *mm, vaddr_t va, bool asked);
/* MADV_COLLAPSE: all huge pages that lie in the range as a whole. 0 or -errno. */
int __must_check mm_collapse(struct mm *mm, vaddr_t start, vaddr_t end);

#endif
