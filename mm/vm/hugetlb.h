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
 * The object for a mapping with MAP_HUGETLB and its flags; *len is made whole huge pages. 0, -EINVAL
 * (no such size), -ENOMEM: the pool has not as many.
 */
int __must_check hugetlb_create(struct mm *mm, int flags, bool shared, size_t *len, struct object **out);
/* The arguments of a mapping of a huge object that is there. 0, -EINVAL, -ENOMEM as above. */
int __must_check hugetlb_check(struct object *o, vaddr_t addr, size_t len, int flags, bool shared,
			       uint64_t pgoff);
/* map_place, aligned for o's pages. */
vaddr_t hugetlb_place(struct mm *mm, vaddr_t hint, size_t len, int flags, const struct object *o);
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
