/*
 * mremap: a mapping gets another size or another place, and its pages with it.
 *
 *	smaller		the rest is unmapped
 *	larger		in place, if nothing follows; else (MAYMOVE) elsewhere
 *	elsewhere	a new VMA alike, the translations moved (pt_move), the old
 *			range unmapped, or with DONTUNMAP left empty
 *	old size 0	of shared memory: a second mapping of it, nothing moves
 *
 * Arguments are checked in Linux's order. With FIXED and an unchanged size the
 * range may be of several VMAs, and have holes: each goes to its place, as
 * Linux 6.17 does it.
 *
 * The VMA is made before the translations move, so that a truncate meanwhile
 * finds them at one place or the other; what fails before that leaves all as
 * it was (but for FIXED, where what was at the new place is gone).
 *
 * Locks: mm.lock for writing.
 */
#include <mm/vm/map.h>
#include <lib/assert.h>
#include <mm/pt/pt.h>
#include <mm/vm/hugetlb.h>

#include <linux/errno.h>
#include <linux/mman.h>

#define SPARE_VMAS	5u		/* that a move may need at once */

struct remap {
	struct mm *mm;
	vaddr_t addr, new_addr;
	size_t old_len, new_len;	/* whole pages */
	unsigned flags;			/* MREMAP_* */
	struct vma *v;			/* of addr */
	struct vma *dead;
};

/* ---- what may be asked for ---- */

static bool overlaps(const struct remap *r)
{
	return r->addr + r->old_len > r->new_addr && r->new_addr + r->new_len > r->addr;
}

static int check_args(struct remap *r)
{
	if (r->flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP) ||
	    !IS_ALIGNED(r->addr, PAGE_SIZE))
		return -EINVAL;
	r->old_len = ALIGN_UP(r->old_len, PAGE_SIZE);
	r->new_len = ALIGN_UP(r->new_len, PAGE_SIZE);
	if (!r->new_len || r->new_len > mm_user_end())
		return -EINVAL;
	if (!(r->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)))
		return 0;
	if (!IS_ALIGNED(r->new_addr, PAGE_SIZE) || r->new_addr > mm_user_end() - r->new_len)
		return -EINVAL;
	if (!(r->flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if (r->flags & MREMAP_DONTUNMAP && r->old_len != r->new_len)
		return -EINVAL;
	return overlaps(r) ? -EINVAL : 0;
}

/* Explicit huge pages go as a whole, and never grow; lengths are made whole ones, as on Linux. */
static bool fits_hugetlb(struct remap *r)
{
	size_t size = hugetlb_size(r->v);

	r->old_len = ALIGN_UP(r->old_len, size);
	r->new_len = ALIGN_UP(r->new_len, size);
	if (!IS_ALIGNED(r->addr, size) || r->new_len > r->old_len || r->flags & MREMAP_DONTUNMAP)
		return false;
	return !(r->flags & MREMAP_FIXED) ||
	       (IS_ALIGNED(r->new_addr, size) && r->new_addr <= mm_user_end() - r->new_len);
}

/* May the VMA be remapped so? */
static int check_vma(struct remap *r)
{
	struct vma *v = r->v;
	uint64_t pgoff, more;

	if (!v)
		return -EFAULT;
	if (vma_is_huge(v) && !fits_hugetlb(r))
		return -EINVAL;
	if (r->old_len > r->new_len && r->old_len > mm_user_end() - r->addr)
		return -EINVAL;		/* as munmap of what is cut off */
	if (r->new_len <= r->old_len && !(r->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)))
		return 0;		/* it stays: the range may go on behind the VMA */
	if (!r->old_len && !(v->flags & VM_SHARED))
		return -EINVAL;
	if ((r->flags & MREMAP_FIXED ? MIN(r->old_len, r->new_len) : r->old_len) > v->end - r->addr)
		return -EFAULT;		/* what is cut off may go on behind the VMA here, too */
	if (r->new_len <= r->old_len)
		return 0;
	pgoff = vma_pgoff(v, r->addr);
	if (pgoff + (r->new_len >> PAGE_SHIFT) < pgoff)
		return -EINVAL;
	more = (r->new_len - r->old_len) >> PAGE_SHIFT;
	if (!map_may_lock(r->mm, v->flags, more))
		return -EAGAIN;
	return map_may_expand(r->mm, v->flags, more) ? 0 : -ENOMEM;
}

static struct vma *vma_at(struct mm *mm, vaddr_t va)
{
	struct vma *v = vma_find(mm, va);

	return v && v->start <= va ? v : NULL;
}

/* ---- moving ---- */

/* The translations go over to the new VMA; on failure it goes again. */
static int move_pages(struct remap *r)
{
	struct gather g;
	int err;

	gather_init_for(&g, &r->mm->as, FLUSH_MREMAP);
	err = pt_move(&r->mm->as, r->addr, r->new_addr, MIN(r->old_len, r->new_len), &g);
	gather_finish(&g);
	if (err && map_take_out(r->mm, r->new_addr, r->new_addr + r->new_len, &r->dead))
		panic("a mapping just made could not be taken down");
	return err;
}

/* What is behind the new size goes. Also -EINVAL: the old size goes on beyond where programs may be. */
static int cut_off(struct remap *r)
{
	vaddr_t from = r->addr + r->new_len;

	if (from > mm_user_end() || r->old_len - r->new_len > mm_user_end() - from)
		return -EINVAL;
	return map_take_out(r->mm, from, r->addr + r->old_len, &r->dead);
}

/* The old place: unmapped, or empty. */
static void leave_old(struct remap *r)
{
	if (r->flags & MREMAP_DONTUNMAP)
		vma_join(r->mm, vma_at(r->mm, r->addr), &r->dead);
	else if (r->old_len && map_take_out(r->mm, r->addr, r->addr + r->old_len, &r->dead))
		panic("a mapping that was moved could not be taken down");
}

/* Promises the new place. What the old one will give back needs no asking. */
static int promise_new(const struct remap *r)
{
	uint64_t back = r->flags & MREMAP_DONTUNMAP ? 0 : r->old_len >> PAGE_SHIFT;
	int err;

	if (!(r->v->flags & VM_ACCOUNT))
		return 0;
	err = map_promise(r->mm, (r->new_len >> PAGE_SHIFT) - back);
	if (!err)
		commit_add(back);
	return err;
}

/* The tables of both places become its own: what fails later can be taken back without memory. */
static int own_both(struct remap *r)
{
	int err = pt_own(&r->mm->as, r->addr, r->addr + r->old_len);

	return err ? err : pt_own(&r->mm->as, r->new_addr, r->new_addr + r->new_len);
}

/* A VMA of these flags, else like r->v's part, at r->new_addr, where nothing is, and its pages. */
static int make_new(struct remap *r, unsigned vm_flags)
{
	struct vma_spec s = {
		.start = r->new_addr, .end = r->new_addr + r->new_len,
		.flags = vm_flags & ~(VM_HEAP | VM_STACK | VM_HUGE_OWNER), .obj = r->v->obj,
		.pgoff = vma_pgoff(r->v, r->addr),
	};
	struct vma *spare = vma_alloc(), *v;
	int err;

	vma_mark(r->mm, r->v);		/* its entries are to move */
	err = spare ? own_both(r) : -ENOMEM;
	if (!err)
		err = promise_new(r);
	if (err) {
		vma_drop(spare);
		return err;
	}
	vma_add(r->mm, &s, &spare);
	vma_drop(spare);
	err = move_pages(r);
	if (err)
		return err;
	v = vma_at(r->mm, r->new_addr);
	v->flags |= r->v->flags & VM_HUGE_OWNER;	/* what its object promises goes along */
	r->v->flags &= ~VM_HUGE_OWNER;
	if (unlikely(v->flags & VM_HUGE_OWNER))
		vma_rebound(r->mm, v, v->start, v->end); /* the object knows it, too */
	vma_join(r->mm, v, &r->dead);
	return 0;
}

/* r->v's part to r->new_addr. */
static long move_vma(struct remap *r)
{
	unsigned flags;
	int err = 0;

	if (r->mm->nvmas + SPARE_VMAS > vm_max_map_count)
		return -ENOMEM;
	if (r->old_len)
		err = vma_isolate(r->mm, &r->v, r->addr, r->addr + r->old_len, &r->dead);
	if (err)
		return err;
	flags = r->v->flags;
	if (r->flags & MREMAP_DONTUNMAP)	/* the lock goes along with the pages */
		vma_change_flags(r->mm, r->v, flags & ~VM_LOCK_MASK);
	err = make_new(r, flags);
	if (err) {
		if (r->flags & MREMAP_DONTUNMAP)
			vma_change_flags(r->mm, r->v, flags);
		vma_rejoin(r->mm, vma_at(r->mm, r->addr), &r->dead);
		return err;
	}
	leave_old(r);
	return (long)r->new_addr;
}

/* To a place that is asked for (FIXED), or anywhere but here (DONTUNMAP). */
static long remap_to(struct remap *r)
{
	vaddr_t end = r->new_addr + r->new_len, place;
	struct vma *next;
	int err = 0;

	if (r->flags & MREMAP_FIXED) {
		if (r->new_addr < USER_MIN)
			return -EPERM;
		err = map_take_out(r->mm, r->new_addr, end, &r->dead);
	}
	if (!err && r->new_len < r->old_len) {
		err = cut_off(r);
		r->old_len = r->new_len;
	}
	if (err)
		return err;
	r->v = vma_at(r->mm, r->addr);
	if (!r->v)			/* old size 0, and the new place was the old one */
		return -EFAULT;
	if (r->flags & MREMAP_DONTUNMAP &&
	    !map_may_expand(r->mm, r->v->flags, r->old_len >> PAGE_SHIFT))
		return -ENOMEM;
	if (!(r->flags & MREMAP_FIXED)) {
		place = map_place(r->mm, r->new_addr, r->new_len, 0, &next);
		if (!place)
			return -ENOMEM;
		r->new_addr = place;
	}
	return move_vma(r);
}

/* ---- the cases ---- */

/* Every VMA of the range by itself, holes left out. */
static long remap_each(struct remap *r)
{
	const vaddr_t start = r->addr, end = start + r->old_len, to = r->new_addr;
	vaddr_t at = start;
	long result = -EFAULT, one;
	struct vma *v;

	v = vma_at(r->mm, start);
	if (!v)
		return -EFAULT;
	for (; v && v->start < end; v = vma_find(r->mm, at)) {
		r->v = v;
		r->addr = MAX(v->start, start);
		r->old_len = r->new_len = MIN(v->end, end) - r->addr;
		r->new_addr = to + (r->addr - start);
		at = r->addr + r->old_len;
		one = check_vma(r);
		if (!one)
			one = remap_to(r);
		if (one < 0)
			return one;
		if (result < 0)
			result = one;
		if (at >= end)
			break;
	}
	return result;
}

static bool grows_in_place(const struct remap *r)
{
	vaddr_t end = r->addr + r->new_len;
	const struct vma *next = vma_next(r->v);

	return r->old_len == r->v->end - r->addr && end > r->addr && end <= mm_user_end() &&
	       (!next || next->start >= end);
}

static long grow(struct remap *r)
{
	struct vma *next;
	if (grows_in_place(r)) {
		if (r->v->flags & VM_ACCOUNT &&
		    map_promise(r->mm, (r->new_len - r->old_len) >> PAGE_SHIFT))
			return -ENOMEM;
		vma_rebound(r->mm, r->v, r->v->start, r->addr + r->new_len);
		vma_join(r->mm, r->v, &r->dead);
		return (long)r->addr;
	}
	if (!(r->flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	r->new_addr = map_place(r->mm, 0, r->new_len, 0, &next);
	return r->new_addr ? move_vma(r) : -ENOMEM;
}

static long remap(struct remap *r)
{
	int err;

	if (r->flags & MREMAP_FIXED && r->old_len == r->new_len)
		return remap_each(r);
	r->v = vma_at(r->mm, r->addr);
	err = check_vma(r);
	if (err)
		return err;
	if (r->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP))
		return remap_to(r);
	if (r->new_len > r->old_len)
		return grow(r);
	if (r->new_len < r->old_len)
		err = cut_off(r);
	return err ? err : (long)r->addr;
}

long mm_mremap(struct mm *mm, vaddr_t addr, size_t old_len, size_t new_len, unsigned flags,
	       vaddr_t new_addr)
{
	struct remap r = {
		.mm = mm, .addr = addr, .new_addr = new_addr, .old_len = old_len,
		.new_len = new_len, .flags = flags,
	};
	long at = check_args(&r);

	if (at)
		return at;
	mm_write_lock(mm);
	at = remap(&r);
	if (at > 0 && r.old_len < r.new_len)
		flags = vma_at(mm, (vaddr_t)at)->flags;
	else
		flags = 0;
	mm_write_unlock(mm);
	vma_bury(r.dead);
	if ((flags & VM_LOCK_MASK) == VM_LOCKED &&
	    map_populate_vma(mm, (vaddr_t)at + r.old_len, (vaddr_t)at + r.new_len, flags))
		return at;		/* the call has succeeded all the same */
	return at;
}
