/*
 * Explicit huge pages in an address space: MAP_HUGETLB, and mappings of memfds made with MFD_HUGETLB
 * (mm/obj/huge.h). Their VMAs have VM_HUGETLB and an object of huge pages; they begin and end at
 * bounds of such pages, and have leaves of that size and nothing else. Private to mm/vm.
 */
#ifndef MM_VM_HUGETLB_H
#define MM_VM_HUGETLB_H

#include <mm/obj/huge.h>
#include <mm/vm/map.h>

struct fault;

static inline bool vma_is_huge(const struct vma *v)
{
	return unlikely(v->flags & VM_HUGETLB);
}
/* Bytes of its pages. */
static inline size_t hugetlb_size(const struct vma *v)
{
	return v->flags & VM_HUGE_1G ? GIANT_SIZE : HUGE_SIZE;
}
/* False: start or end is inside of a huge page of v, which lies around it. */
static inline bool hugetlb_whole(const struct vma *v, vaddr_t start, vaddr_t end)
{
	size_t size = hugetlb_size(v);

	return (start <= v->start || IS_ALIGNED(start, size)) && (end >= v->end || IS_ALIGNED(end, size));
}

/* -- mmap -- */

/*
 * A mapping that s describes is to be of explicit huge pages: of its object, or, if it has none, of one of the size
 * that flags (MAP_HUGE_*) say. *len is made whole huge pages, s gets flags and object; *made, if there is one now, is
 * an object made for it, the caller's to put, also on failure. 0; -EINVAL: no such size, or places
 * inside of huge pages; -ENOMEM: the pool has not as many.
 */
int __must_check hugetlb_mmap(struct mm *mm, vaddr_t addr, size_t *len, int flags, struct vma_spec *s,
			      struct object **made);
/* map_place, aligned for o's pages. */
vaddr_t hugetlb_place(struct mm *mm, vaddr_t hint, size_t len, int flags, const struct object *o);
/* What MADV_DONTNEED took out of [start, end), a part of v, is promised again, if the pool can. mm.lock held. */
void hugetlb_promise_again(const struct vma *v, vaddr_t start, vaddr_t end);
/* Pages of 4 KB in the huge pages that mm has mapped. mm.lock held. */
uint64_t hugetlb_mapped(struct mm *mm);
/* What pools promise against what objects have been promised: 0, or a text. At rest. */
const char *hugetlb_verify(void);
/* The promises for a private mapping that goes: v's part [start, end). */
void hugetlb_release(const struct vma *v, vaddr_t start, vaddr_t end) __cold_;
static inline void hugetlb_forget(const struct vma *v, vaddr_t start, vaddr_t end)
{
	if (unlikely(v->flags & VM_HUGE_OWNER))
		hugetlb_release(v, start, end);
}

/* -- faults -- */

/* The fault f, whose VMA is locked. FAULT_*, or FAULT_HUGETLB: call hugetlb_prepare outside of the locks. */
int hugetlb_settle(struct fault *f);
/* Makes ready what settling asked for. FAULT_OK: settle it now. FAULT_AGAIN: something else is mapped there by now. */
int hugetlb_prepare(struct fault *f);
/* Gives back what was not used. */
void hugetlb_end(struct fault *f);

#endif
