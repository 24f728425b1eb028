/*
 * remap_file_pages: a part of a shared mapping shows another part of its file. Once that was a mapping whose
 * entries named their pages; as on Linux since 4.0 it is a mapping of its own, made in place of the part.
 *
 * Locks: mm.lock for writing.
 */
#include <mm/vm/map.h>

#include <linux/errno.h>
#include <linux/mman.h>

#define KEPT	(VM_READ | VM_WRITE | VM_EXEC | VM_SHARED | VM_MAYWRITE | VM_LOCKED)

/* The first VMA of [start, end), if that is one file's, shared, with the same flags and no holes, or NULL. */
static struct vma *one_file(struct mm *mm, vaddr_t start, vaddr_t end)
{
	struct vma *first = vma_lookup(mm, start), *v = first, *next;

	if (!v || v->start > start || !(v->flags & VM_SHARED) || v->flags & VM_HUGETLB)
		return NULL;
	for (; v->end < end; v = next) {
		next = vma_next(v);
		if (!next || next->start != v->end || next->obj != v->obj || next->flags != v->flags)
			return NULL;
	}
	return first;
}

/* s: where, how much, from which page on. The address, or -errno. mm.lock held for writing. */
static long remap(struct mm *mm, vaddr_t start, struct vma_spec *s, struct vma **spare, struct vma **dead)
{
	const struct vma *v = one_file(mm, start, start + s->end);

	if (!v)
		return -EINVAL;
	s->obj = v->obj;
	s->flags = v->flags & KEPT;
	return map_over(mm, start, s, spare, dead);
}

int mm_remap_file_pages(struct mm *mm, vaddr_t addr, size_t len, uint64_t pgoff, int flags)
{
	vaddr_t start = ALIGN_DOWN(addr, PAGE_SIZE), end = start + ALIGN_DOWN(len, PAGE_SIZE);
	struct vma_spec s = { .end = end - start, .pgoff = pgoff };
	struct vma *spare, *dead = NULL;
	long at;

	if (end <= start || pgoff + (s.end >> PAGE_SHIFT) < pgoff)
		return -EINVAL;
	spare = vma_alloc();
	if (!spare)
		return -ENOMEM;
	mm_write_lock(mm);
	at = remap(mm, start, &s, &spare, &dead);
	mm_write_unlock(mm);
	vma_drop(spare);
	vma_bury(dead);
	if (at > 0 && !(flags & MAP_NONBLOCK))
		(void)map_populate_vma(mm, s.start, s.end, s.flags);
	return at < 0 ? (int)at : 0;
}
