/*
 * Calls that look at mappings: mincore (what would be no major fault), msync
 * (nothing is behind the pages that would have to be told), futex.
 *
 * Locks: mm.lock for reading.
 */
#include <mm/vm/map.h>
#include <mm/alloc/slots.h>
#include <mm/pt/pt.h>
#include <mm/vm/hugetlb.h>

#include <linux/errno.h>
#include <linux/mman.h>

static bool is_resident(struct mm *mm, const struct vma *v, vaddr_t va)
{
	unsigned level;
	pte_t e = pt_lookup(&mm->as, va, &level);
	struct page *p;

	if (pte_kind(e, level) == PTE_SWAP)
		p = slot_cached(pte_swp(e));
	else if (!pte_is_none(e) && pte_kind(e, level) != PTE_TABLE)
		return true;
	else
		p = v->obj && !vma_is_huge(v) ? object_cached(v->obj, vma_pgoff(v, va)) : NULL;
	if (p)
		page_put(p);
	return p;
}

long mm_mincore(struct mm *mm, vaddr_t start, size_t pages, uint8_t *out)
{
	long n = -ENOMEM;
	struct vma *v;

	read_lock(&mm->lock);
	v = vma_find(mm, start);
	if (v && v->start <= start) {
		n = (long)MIN(pages, (v->end - start) >> PAGE_SHIFT);
		for (long i = 0; i < n; i++)
			out[i] = is_resident(mm, v, start + (vaddr_t)i * PAGE_SIZE);
	}
	read_unlock(&mm->lock);
	return n;
}

static int sync_range(struct mm *mm, vaddr_t start, vaddr_t end, int flags)
{
	struct vma *v = vma_find(mm, start);
	bool hole = false;

	for (; v && v->start < end; v = vma_next(v)) {
		hole |= v->start > start;
		if (flags & MS_INVALIDATE && v->flags & VM_LOCKED)
			return -EBUSY;
		start = MIN(v->end, end);
	}
	return hole || start < end ? -ENOMEM : 0;
}

int mm_msync(struct mm *mm, vaddr_t addr, size_t len, int flags)
{
	int err;

	if (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC) || !IS_ALIGNED(addr, PAGE_SIZE) ||
	    (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC))
		return -EINVAL;
	len = ALIGN_UP(len, PAGE_SIZE);
	if (addr + len < addr)
		return -ENOMEM;
	if (!len)
		return 0;
	read_lock(&mm->lock);
	err = sync_range(mm, addr, addr + len, flags);
	read_unlock(&mm->lock);
	return err;
}

int mm_futex_key(struct mm *mm, vaddr_t va, struct futex_key *key, struct object **hold)
{
	struct vma *v;
	int err = 0;

	*key = (struct futex_key){ mm, va };
	*hold = NULL;
	read_lock(&mm->lock);
	v = vma_find(mm, va);
	if (!v || va < v->start) {
		err = -EFAULT;
	} else if (v->obj && v->flags & VM_SHARED) {
		object_get(v->obj);
		*hold = v->obj;
		*key = (struct futex_key){
			v->obj, vma_pgoff(v, va) * PAGE_SIZE + va % PAGE_SIZE,
		};
	}
	read_unlock(&mm->lock);
	return err;
}
