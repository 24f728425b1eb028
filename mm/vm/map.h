/* What the system calls on mappings share. Private to mm/vm. */
#ifndef MM_VM_MAP_H
#define MM_VM_MAP_H

#include <arch/cpu.h>
#include <arch/upcall.h>
#include <mm/mm.h>
#include <mm/vm/vma.h>

#define STACK_LIMIT_DEFAULT	(8ul << 20)
#define STACK_RANDOM_PAGES	(1ul << 22)	/* 16 GB: how far down the stack may start */

static inline vaddr_t mm_user_end(void)
{
	return arch_levels == 5 ? USER_END_5 : USER_END_4;
}

/* Random number of pages below `pages` (a power of two), in bytes; 0 with `norandmaps`, or for memory with fixed places. */
uint64_t map_random(const struct mm *mm, uint64_t pages);

/*
 * Takes [start, end) out: translations first, then the VMAs, which go to
 * *dead for vma_bury. mm.lock held for writing. 0, or -ENOMEM, or -EINVAL (an end is inside of an explicit huge
 * page) before anything has changed.
 */
int __must_check map_take_out(struct mm *mm, vaddr_t start, vaddr_t end, struct vma **dead);

/* Where mappings are placed below: under a stack of that limit, in bytes. */
vaddr_t map_choose_top(const struct mm *mm, uint64_t stack);

/* -- limits (limits.c); mm.lock held -- */

/* Do so many pages more, of these flags, keep within RLIMIT_AS and RLIMIT_DATA? */
bool map_may_expand(const struct mm *mm, unsigned vm_flags, uint64_t pages);
/* And within RLIMIT_MEMLOCK, if the flags lock them? */
bool map_may_lock(const struct mm *mm, unsigned vm_flags, uint64_t pages);
/* May this address space lock anything? */
static inline bool map_can_lock(const struct mm *mm)
{
	return mm->limits.memlock || mm->limits.privileged;
}

/* Promises pages, which VMAs with VM_ACCOUNT are to have. 0 or -ENOMEM. */
static inline int __must_check map_promise(const struct mm *mm, uint64_t pages)
{
	return commit_charge(pages, (struct commit_for){ mm->size_pages, mm->limits.privileged });
}
/* A mapping of these flags promises memory of its own. */
static inline bool map_is_promise(unsigned vm_flags)
{
	return (vm_flags & (VM_NORESERVE | VM_SHARED | VM_WRITE)) == VM_WRITE;
}

/*
 * Maps s, whose end is its length, at `at`, over what is there, which goes to *dead for vma_bury. The address, or
 * -errno. mm.lock held for writing. (map.c)
 */
long __must_check map_over(struct mm *mm, vaddr_t at, struct vma_spec *s, struct vma **spare, struct vma **dead);

/* New flags for a range (change.c). */
struct vma_change {
	unsigned set, clear;		/* cleared first */
	bool stop_at_hole;		/* else the rest is done, too */
	int (*check)(const struct vma *v); /* may v be changed so? 0 or -errno; NULL: any */
};
/* 0; -ENOMEM: holes, or no memory; what check says. mm.lock held for writing. */
int __must_check map_change(struct mm *mm, vaddr_t start, vaddr_t end, const struct vma_change *c,
			    struct vma **dead);

/*
 * A free place for len bytes, at hint if that is free (MAP_* flags), or 0. *next: the
 * first VMA above, or NULL: not known. mm.lock held.
 */
vaddr_t map_place(struct mm *mm, vaddr_t hint, size_t len, int flags, struct vma **next);

/* populate.c: faults [start, end) in, as far as it goes. FAULT_OK, or the first failure. No lock held. */
enum fault_result map_populate(struct mm *mm, vaddr_t start, vaddr_t end, unsigned access);
/* The same as a VMA of these flags needs it: private writable memory is written to. */
enum fault_result map_populate_vma(struct mm *mm, vaddr_t start, vaddr_t end, unsigned flags);
struct gather;
/* MADV_FREE of a part of private anonymous memory (lazyfree.c). mm.lock held for reading; g is flushed. */
void madvise_free(struct mm *mm, vaddr_t va, vaddr_t end, struct gather *g);
/* MADV_COLD, or MADV_PAGEOUT, of a part of one VMA (age.c). mm.lock held for reading. */
void madvise_age(struct mm *mm, vaddr_t va, vaddr_t end, bool out);
/* Raises mm's high-water mark of resident pages to what it has now. mm.lock held. */
void mm_note_rss(struct mm *mm);

/* Grows the stack VMA above va down to va if its limit and the gap below allow. No lock held. */
enum fault_result mm_grow_stack(struct mm *mm, vaddr_t va);

#endif
