/*
 * Flags of whole ranges: the VMAs in it are split at its ends, get their new
 * flags, and are joined with what they then equal. Their entries keep their
 * rights and pages, and learn whether they are locked; tables shared by a fork
 * are left: what a flag says is said of this address space alone.
 *
 * Locks: mm.lock for writing.
 */
#include <mm/vm/map.h>
#include <mm/pt/pt.h>
#include <mm/vm/hugetlb.h>

#include <linux/errno.h>

/* [start, end) of v. */
static int change_vma(struct mm *mm, struct vma *v, vaddr_t start, vaddr_t end,
		      const struct vma_change *c, struct vma **dead)
{
	unsigned flags = (v->flags & ~c->clear) | c->set;
	bool relock;
	int err;

	if (c->check && (err = c->check(v)))
		return err;
	if (vma_is_huge(v))
		flags &= ~VM_LOCK_MASK;	/* they stay in any case */
	if (flags == v->flags)
		return 0;
	vma_mark(mm, v);
	err = pt_own(&mm->as, start, end);
	if (!err)
		err = vma_isolate(mm, &v, start, end, dead);
	if (err)
		return err;
	relock = (v->flags ^ flags) & VM_LOCKED;
	vma_change_flags(mm, v, flags);
	if (relock)
		pt_lock(&mm->as, start, end, flags & VM_LOCKED);
	vma_join(mm, v, dead);
	return 0;
}

int map_change(struct mm *mm, vaddr_t start, vaddr_t end, const struct vma_change *c,
	       struct vma **dead)
{
	struct vma *v = vma_find(mm, start);
	bool hole = false;
	int err = 0;

	while (start < end && v && v->start < end && !err) {
		vaddr_t stop = MIN(v->end, end);

		hole |= v->start > start;
		if (hole && c->stop_at_hole)
			break;
		err = change_vma(mm, v, MAX(v->start, start), stop, c, dead);
		start = stop;
		v = vma_find(mm, start);
	}
	if (err)
		return err;
	return hole || start < end ? -ENOMEM : 0;
}
