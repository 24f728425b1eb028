/*
 * A page fault on its way. Private to mm/vm/fault*.c; see fault.c for the
 * drawing of the cases.
 */
#ifndef MM_VM_FAULT_H
#define MM_VM_FAULT_H

#include <arch/upcall.h>
#include <mm/mm.h>
#include <mm/pt/pt.h>
#include <mm/alloc/stat.h>
#include <mm/reclaim/swap.h>
#include <mm/vm/vma.h>

#define FAULT_AROUND_MAX	16u	/* pages */

/* Besides enum fault_result: what a step of the way says. */
enum fault_step {
	FAULT_AGAIN = FAULT_OOM + 1,	/* prepare what f->need says, look at the entry again */
	FAULT_GROW,			/* below a stack: grow it outside of the locks, start again */
	FAULT_WAIT_PAGE,		/* the object's page must be read in outside of the locks */
	FAULT_WAIT_BLOCK,		/* the same of 512 of them, which are to be one block */
	FAULT_WAIT_SWAP,		/* the same of the page of f->slot */
	FAULT_WAIT_BUSY,		/* somebody has f->held busy, who moves it to another frame, say */
	FAULT_AT_HUGE,			/* the entry is one of 2 MB, or is to be */
	FAULT_SMALL,			/* it is not, and shall not be */
	FAULT_HUGETLB,			/* f->huge must be made ready outside of the locks */
	FAULT_IN_PLACE,			/* settled while preparing, and counted for the VMA: FAULT_OK */
};

/* What must be there before the table is locked. */
enum fault_need {
	NEED_NOTHING,
	NEED_ZEROED,			/* a fresh page of zeros */
	NEED_COPY,			/* a fresh copy of f->source, or of the object's page */
	NEED_CACHED,			/* the object's page and what is cached around it, busy */
	NEED_SWAPPED,			/* the page of f->slot, busy */
	NEED_HUGE,			/* a fresh block of zeros, or the huge page of zeros */
	NEED_SPLIT,			/* the huge leaf to be a table */
	NEED_HUGETLB,			/* f->huge, by which an explicit huge page is made ready */
};

/* What a fault on such a mapping needs: found out under the locks, made ready outside of them (hugetlb.h). */
struct hugetlb_fault {
	struct object *obj;		/* referenced */
	uint64_t index;			/* of the huge page */
	struct mutex *lock;		/* held, for obj and index, or NULL */
	bool other;			/* something else is mapped there by now */
	bool private, ours, write;	/* kind of mapping; by obj's promise; a copy for itself is wanted */
	struct page *source;		/* to copy, referenced, or NULL: zeros */
	bool of_object;			/* it is the object's, which has to have it still; else it has to be mapped still */
	struct page *page;		/* made ready, referenced, or NULL */
	bool promised;			/* by a promise, which is to be kept or given back */
};

struct fault {
	struct mm *mm;
	vaddr_t va;			/* of the page */
	unsigned access;		/* ACCESS_READ, _WRITE or _EXEC alone */
	struct vma *vma;		/* locked for reading, or mm.lock is */
	unsigned prot;			/* rights of a leaf, without W of private ones */
	enum fault_need need;

	struct page *fresh;		/* prepared and not used so far, or NULL; a block with NEED_HUGE */
	struct page *source;		/* whose copy fresh is (to be), referenced; NULL: zeros */

	struct page *cached[FAULT_AROUND_MAX]; /* NEED_CACHED: busy and referenced, of the window */
	unsigned ncached, centre;	/* slots of it, 0: not prepared; the one of va */
	unsigned mapped;		/* bits: its reference belongs to the entry now */

	struct page *swapped;		/* NEED_SWAPPED: busy and referenced, or NULL */
	swp_t slot;			/* whose page it is, or is to be */
	swp_t ahead[SWAP_AHEAD_MAX - 1]; /* FAULT_WAIT_SWAP: neighbours worth reading */
	unsigned nahead;

	struct object *wait_obj;	/* FAULT_WAIT_PAGE, FAULT_WAIT_BLOCK: referenced */
	uint64_t wait_index;
	struct page *held;		/* what was waited for, referenced to the fault's end */

	struct hugetlb_fault *huge;	/* NEED_HUGETLB */

	unsigned tries;			/* of mm_retry */
	bool major, reclaimed;
	bool small;			/* there was no block: 4 KB have to do */
	bool gathering;			/* g is in use */
	bool mm_locked;			/* not the VMA's lock, but mm.lock is held */
	struct gather g;
};

static inline bool fault_writes(const struct fault *f) { return f->access == ACCESS_WRITE; }
static inline bool fault_private(const struct fault *f) { return !(f->vma->flags & VM_SHARED); }

/* The gather of this fault, made ready at its first use. */
static inline struct gather *fault_gather(struct fault *f)
{
	if (!f->gathering) {
		gather_init_for(&f->g, &f->mm->as, FLUSH_COW);
		f->gathering = true;
	}
	return &f->g;
}

/* Drops what was prepared by mistake, asks for something else. Table lock held or not. */
int fault_ask(struct fault *f, enum fault_need need, struct page *source);

/* Takes the fresh page out of f, for the entry that now gets it. */
static inline struct page *fault_take_fresh(struct fault *f)
{
	struct page *p = f->fresh;

	f->fresh = NULL;
	return p;
}

/* -- the cases: the cursor stands on the entry, its table locked -- */

/* What is there, e, need not be changed, but for the right to execute it. */
int fault_allowed(struct fault *f, struct cursor *c, pte_t e);
/* fault_anon.c: none or zero page in anonymous memory. */
int fault_anon_none(struct fault *f, struct cursor *c);
int fault_zero_page(struct fault *f, struct cursor *c);
/* fault_file.c: none in a mapping of an object. */
int fault_file_none(struct fault *f, struct cursor *c);
/* fault_cow.c: a page is there, and must be written without W. */
int fault_write_present(struct fault *f, struct cursor *c, pte_t e);

/*
 * The fresh page takes the place of the one that is there. If others may run in this
 * address space it does so without W: while one CPU still reads the old page, none
 * may write to the new. FAULT_AGAIN: after the flush the page is this fault's own, and
 * gets W.
 */
int fault_replace(struct fault *f, struct cursor *c);

/* The entry was made unreachable by a right that is back. */
int fault_noaccess(struct fault *f, struct cursor *c);

/*
 * fault_huge.c: all of it, where the entry is one of 2 MB or is to become one. FAULT_SMALL: it is, or has become, a
 * table, or is to.
 */
int fault_settle_huge(struct fault *f);

/* fault_shmem.c: the same in a shared mapping of a memory object. */
int fault_settle_shmem(struct fault *f);

/* What both do where the entry, e, is neither none nor a leaf. (fault_huge.c) */
int fault_huge_else(struct fault *f, struct cursor *c, pte_t e);

/* fault_swap.c: swapped out. */
int fault_swap(struct fault *f, struct cursor *c, pte_t e);

/* fault_moved.c: its page gets another frame, or has got it. */
int fault_migrating(struct fault *f, struct cursor *c, pte_t e);
/* FAULT_WAIT_BUSY: p, whose reference is taken over, is busy. */
int fault_wait_busy(struct fault *f, struct page *p);
/* Outside of the locks. */
int fault_wait_held(struct fault *f);

/* -- preparing: the VMA locked, no other lock -- */

/* Is a huge page what f, which found nothing mapped, most likely wants? */
bool fault_wants_huge(const struct fault *f);
bool fault_wants_shmem(const struct fault *f);

/* Page `index` of f's object is not there as it must be: wait for it (`how`) outside. */
int fault_wait_object(struct fault *f, uint64_t index, enum fault_step how);
/* FAULT_WAIT_BLOCK, outside of the locks. */
int fault_make_block(struct fault *f);

int fault_prepare_copy(struct fault *f);
int fault_prepare_cached(struct fault *f);
void fault_release_cached(struct fault *f);
/* Is f's page swapped out, by a look without a lock? Then f->slot says where. */
bool fault_swapped(struct fault *f);
/* Also FAULT_IN_PLACE. */
int fault_prepare_swapped(struct fault *f);
void fault_drop_swapped(struct fault *f);
/* FAULT_WAIT_PAGE, outside of the locks: reads the page of wait_obj in. (fault_file.c) */
int fault_read_in(struct fault *f);
/* FAULT_WAIT_SWAP, outside of the locks. */
int fault_read_swapped(struct fault *f);

/* The page of va comes back, if it is swapped out, whatever the mapping allows. No lock held; may sleep. */
enum fault_result fault_bring_back(struct mm *mm, vaddr_t va);

/* Window of a file read fault, in pages: 1 .. FAULT_AROUND_MAX; rounded down to a power of two. */
extern uint64_t fault_around_pages;

#endif
