/*
 * Explicit huge pages: mappings; see hugetlb.h. Their faults: fault_hugetlb.c.
 *
 * As on Linux a mapping gets its promise from the pool when it is made, so that mmap fails, and no fault later. Not
 * promised: MAP_NORESERVE, a child's copies after fork, private mappings of a memfd.
 *
 * Locks: mm.lock for writing, but where said otherwise.
 */
#include <mm/vm/hugetlb.h>
#include <lib/assert.h>

#include <linux/errno.h>
#include <linux/mman.h>

int hugetlb_create(struct mm *mm, int flags, bool shared, size_t *len, struct object **out)
{
	unsigned shift = (unsigned)flags >> MAP_HUGE_SHIFT & MAP_HUGE_MASK;
	struct hugepool *pool = hugepool_of(shift);
	struct object *o;
	size_t size;
	int err;

	if (!pool)
		return -EINVAL;
	size = ALIGN_UP(*len, PAGE_SIZE << hugepool_order(pool));
	if (size < *len)
		return -ENOMEM;
	o = huge_create(pool, size, shared ? NULL : &mm->as);
	if (!o)
		return -ENOMEM;
	*len = size;
	err = flags & MAP_NORESERVE ? 0 : huge_reserve(o, 0, size >> PAGE_SHIFT);
	if (err) {
		object_put(o);
		return err;
	}
	*out = o;
	return 0;
}

int hugetlb_check(struct object *o, vaddr_t addr, size_t len, int flags, bool shared, uint64_t pgoff)
{
	uint64_t pages = 1ul << huge_order(o);

	if (!IS_ALIGNED(len >> PAGE_SHIFT, pages) || !IS_ALIGNED(pgoff, pages))
		return -EINVAL;
	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE) && !IS_ALIGNED(addr >> PAGE_SHIFT, pages))
		return -EINVAL;
	if (!shared || flags & MAP_NORESERVE)
		return 0;
	return huge_reserve(o, pgoff, pgoff + (len >> PAGE_SHIFT));
}

vaddr_t hugetlb_place(struct mm *mm, vaddr_t hint, size_t len, int flags, const struct object *o)
{
	size_t size = PAGE_SIZE << huge_order(o);
	struct vma *next;
	vaddr_t at = map_place(mm, ALIGN_UP(hint, size), len, flags, &next);

	if (IS_ALIGNED(at, size))
		return at;
	at = map_place(mm, 0, len + size - PAGE_SIZE, flags, &next);
	return at ? ALIGN_UP(at, size) : 0;
}

void hugetlb_release(const struct vma *v, vaddr_t start, vaddr_t end)
{
	huge_unreserve(v->obj, vma_pgoff(v, start), vma_pgoff(v, end));
}
