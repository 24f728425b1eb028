/*
 * mprotect: the range's VMAs get the new rights, split at its ends and joined
 * with what they then equal; rights that go are taken from the translations
 * at once, and every CPU has forgotten them when the call returns. The right to
 * write is given where the page is surely its own; elsewhere the next write
 * faults, and the fault knows whether the page may be written in place.
 *
 * As in Linux a hole stops the call with ENOMEM, and what came before it
 * keeps its new rights.
 *
 * Locks: mm.lock for writing.
 */
#include <mm/vm/map.h>
#include <lib/assert.h>
#include <mm/pt/pt.h>

#include <linux/errno.h>
#include <linux/mman.h>


static unsigned leaf_prot(const struct vma *v)
{
	return v->prot | (v->flags & VM_WRITE ? PROT_W : 0);
}

/* New rights for [start, end) of v. */
static int protect_vma(struct mm *mm, struct vma *v, vaddr_t start, vaddr_t end, unsigned rights,
		       struct vma **dead)
{
	unsigned flags = (v->flags & ~VM_RIGHTS) | rights, old = leaf_prot(v), new;
	struct gather g;
	int err;

	if (flags == v->flags)
		return 0;
	if (rights & VM_WRITE && !(flags & VM_MAYWRITE))
		return -EACCES;
	if (map_is_promise(flags) && !map_is_promise(v->flags) && !map_may_promise(end - start))
		return -ENOMEM;
	err = pt_own(&mm->as, start, end);
	if (!err)
		err = vma_isolate(mm, &v, start, end, dead);
	if (err)
		return err;
	vma_set_flags(v, flags);
	new = leaf_prot(v);
	if (old != new) {
		gather_init(&g, &mm->as);
		pt_protect(&mm->as, start, end, new | (flags & VM_SHARED ? 0 : PROT_GIVE_W), &g);
		gather_finish(&g);
	}
	vma_join(mm, v, dead);
	return 0;
}

static int protect_range(struct mm *mm, vaddr_t start, vaddr_t end, int prot, unsigned rights,
			 struct vma **dead)
{
	struct vma *v = vma_find(mm, start);
	int err = 0;

	if (prot & PROT_GROWSDOWN) {
		if (!v || v->start >= end)
			return -ENOMEM;
		if (!(v->flags & VM_GROWSDOWN))
			return -EINVAL;
		start = v->start;
	}
	if (prot & PROT_GROWSUP)	/* nothing grows up here */
		return v && v->start <= start ? -EINVAL : -ENOMEM;
	while (start < end && !err) {
		vaddr_t stop;

		if (!v || v->start > start)
			return -ENOMEM;
		stop = MIN(end, v->end);
		err = protect_vma(mm, v, start, stop, rights, dead);
		start = stop;
		v = vma_find(mm, start);
	}
	return err;
}

int mm_mprotect(struct mm *mm, vaddr_t addr, size_t len, int prot)
{
	unsigned rights = (prot & PROT_READ ? VM_READ : 0) | (prot & PROT_WRITE ? VM_WRITE : 0) |
			  (prot & PROT_EXEC ? VM_EXEC : 0);
	struct vma *dead = NULL;
	int err;

	if ((prot & PROT_GROWSDOWN && prot & PROT_GROWSUP) || !IS_ALIGNED(addr, PAGE_SIZE))
		return -EINVAL;
	if (len == 0)
		return 0;
	len = ALIGN_UP(len, PAGE_SIZE);
	if (len == 0 || addr + len <= addr)
		return -ENOMEM;
	if (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM | PROT_GROWSDOWN | PROT_GROWSUP))
		return -EINVAL;
	write_lock(&mm->lock);
	err = protect_range(mm, addr, addr + len, prot, rights, &dead);
	write_unlock(&mm->lock);
	vma_bury(dead);
	return err;
}
