/* Small pages that become huge ones (collapse.c). Private to mm/vm. */
#ifndef MM_VM_COLLAPSE_H
#define MM_VM_COLLAPSE_H

#include <mm/mm.h>
#include <mm/alloc/page.h>

struct vma;

#define SWAP_TRIES	3u		/* what comes back may go again */

/* What 2 MB hold. */
struct survey {
	bool object;			/* pages of an object, which has been asked no further; else */
	bool table;			/* 4 KB pages; else nothing, or */
	bool huge;			/* a huge page */
	unsigned pages, swapped, shared, young, writable;
};

/* Of the 2 MB at va of v. mm.lock held. */
struct survey collapse_survey(const struct vma *v, vaddr_t va);
/* Do the 2 MB at va of v fit, and may they be a huge page (asked), or are they to be? */
bool collapse_fits(const struct vma *v, vaddr_t va, bool asked);
/* A block of that kind for mm, which pays for it, whoever asks. NULL: there is none. No lock held; may sleep. */
struct page *collapse_block(struct mm *mm, enum page_kind kind);
/* What of the 2 MB at va is swapped out comes back. 0 or -ENOMEM. No lock held; may sleep. */
int __must_check collapse_bring_back(struct mm *mm, vaddr_t va);
/*
 * The 2 MB at va become a huge page; asked: whatever the mode says, and also of tables that a fork shares. 0; -EEXIST:
 * it is huge already; -ENOMEM; -EAGAIN: pages are in use just now; -EBUSY: shared; -EINVAL: it cannot be. No lock held.
 */
int __must_check collapse_one(struct mm *mm, vaddr_t va, bool asked);
/* The same of shared memory, which must be there as khugepaged's limits say, or (asked) in one page. -EEXIST: it is a block already. */
int __must_check collapse_shared(struct mm *mm, vaddr_t va, bool asked);
/* MADV_COLLAPSE: all huge pages that lie in the range as a whole. 0 or -errno. */
int __must_check mm_collapse(struct mm *mm, vaddr_t start, vaddr_t end);

#endif
