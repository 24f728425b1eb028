/*
 * madvise: MADV_DONTNEED takes the pages of the range away (private memory
 * reads as zeros, or as its file, afterwards); MADV_POPULATE_* faults it in;
 * MADV_REMOVE makes a hole in the memory object that is mapped there;
 * what fork does with it is a flag of its VMAs. How it will be read, and whether
 * a core dump is to have it, are flags, too, which only part VMAs and are shown
 * (smaps). MADV_WILLNEED reads what is in swap. MADV_COLD and MADV_PAGEOUT: age.c; MADV_FREE: lazyfree.c. What is not in the table is EINVAL, which is
 * also what Linux says to advice that it was built without.
 *
 * Locks: mm.lock, for writing where flags change, else for reading: faults go on beside it, entry by entry under
 * the table's lock.
 */
#include <mm/vm/map.h>
#include <mm/vm/collapse.h>
#include <mm/alloc/limit.h>
#include <kernel/core/thread.h>
#include <mm/pt/huge.h>
#include <mm/pt/rmap.h>
#include <mm/reclaim/reclaim.h>
#include <mm/reclaim/swap.h>
#include <mm/vm/hugetlb.h>

#include <linux/errno.h>
#include <linux/mman.h>

#define MADV_DONTNEED_LOCKED_	24	/* younger than some headers */
#define MADV_COLLAPSE_		25

enum advice {
	ADVICE_UNKNOWN, ADVICE_ZAP, ADVICE_ZAP_LOCKED, ADVICE_FREE, ADVICE_COLD,
	ADVICE_PAGEOUT, ADVICE_WILLNEED, ADVICE_FLAGS, ADVICE_READ_IN, ADVICE_WRITE_IN,
	ADVICE_REMOVE, ADVICE_COLLAPSE,
};

static enum advice advice_of(int advice)
{
	switch (advice) {
	case MADV_WILLNEED:
		return ADVICE_WILLNEED;
	case MADV_NORMAL:
	case MADV_RANDOM:
	case MADV_SEQUENTIAL:
	case MADV_DONTDUMP:
	case MADV_DODUMP:
	case MADV_DONTFORK:
	case MADV_DOFORK:
	case MADV_WIPEONFORK:
	case MADV_KEEPONFORK:
	case MADV_HUGEPAGE:
	case MADV_NOHUGEPAGE:
		return ADVICE_FLAGS;
	case MADV_FREE:
		return ADVICE_FREE;
	case MADV_REMOVE:
		return ADVICE_REMOVE;
	case MADV_COLLAPSE_:
		return ADVICE_COLLAPSE;
	case MADV_COLD:
		return ADVICE_COLD;
	case MADV_PAGEOUT:
		return ADVICE_PAGEOUT;
	case MADV_DONTNEED_LOCKED_:
		return ADVICE_ZAP_LOCKED;
	case MADV_DONTNEED:
		return ADVICE_ZAP;
	case MADV_POPULATE_READ:
		return ADVICE_READ_IN;
	case MADV_POPULATE_WRITE:
		return ADVICE_WRITE_IN;
	default:
		return ADVICE_UNKNOWN;
	}
}

/* May v, which is mapped there, be treated so? */
static int check_part(const struct vma *v, enum advice what)
{
	if (v->flags & VM_LOCKED &&
	    (what == ADVICE_ZAP || what == ADVICE_FREE || what == ADVICE_COLD ||
	     what == ADVICE_PAGEOUT))
		return -EINVAL;
	if (vma_is_huge(v) && (what == ADVICE_COLD || what == ADVICE_PAGEOUT))
		return -EINVAL;
	return what == ADVICE_FREE && (v->obj || v->flags & VM_SHARED) ? -EINVAL : 0;
}

/* ---- slots from swap ---- */

#define SOME		32u		/* at a time */

/* Some of the slots that entries from *va to end name; how many. *va: where to go on. */
static unsigned find_slots(struct mm *mm, vaddr_t *va, vaddr_t end, swp_t *slot)
{
	struct cursor c;
	unsigned n = 0;

	cursor_find(&c, &mm->as, *va, 1);
	*va = c.level > 1 ? cursor_behind(&c) : c.va;
	while (c.level == 1 && *va < end && n < SOME) {
		pte_t e = cursor_get(&c);

		if (pte_kind(e, 1) == PTE_SWAP)
			slot[n++] = pte_swp(e);
		*va += PAGE_SIZE;
		if (!cursor_next(&c))
			break;
	}
	cursor_close(&c);
	return n;
}

/* What is in swap is read, and waits in the cache to be wanted. A slot may be out of use by then. */
static __attribute__((noinline)) void read_slots(struct mm *mm, vaddr_t va, vaddr_t end)
{
	swp_t slot[SOME];
	struct page *p;
	bool major;

	while (slots_on && va < end) {
		unsigned n = find_slots(mm, &va, end, slot);

		for (unsigned i = 0; i < n; i++)
			if (!swap_page(slot[i], NULL, 0, &p, &major))
				page_put(p);
		resched_point();
	}
}

static int zap_part(struct mm *mm, vaddr_t start, vaddr_t end, struct gather *g)
{
	if (pt_own_zap(&mm->as, start, end))
		return -ENOMEM;
	pt_zap(&mm->as, start, end, g);
	return 0;
}

/* Of explicit huge pages, as on Linux: those that begin in the range and lie in it. */
static __attribute__((noinline)) int zap_hugetlb(struct mm *mm, const struct vma *v, vaddr_t start,
						 vaddr_t end, struct gather *g)
{
	if (!IS_ALIGNED(start, hugetlb_size(v)))
		return -EINVAL;
	end = ALIGN_DOWN(end, hugetlb_size(v));
	if (start >= end)
		return 0;
	pt_zap(&mm->as, start, end, g);
	gather_flush(g);		/* back in the pool: they can be promised again */
	hugetlb_promise_again(v, start, end);
	return 0;
}

/* The mapped parts of the range one by one; -ENOMEM at the end if there were holes. */
static int for_each_part(struct mm *mm, vaddr_t start, vaddr_t end, enum advice what,
			 struct gather *g)
{
	struct vma *v = vma_find(mm, start);
	vaddr_t at = start;
	bool hole = false;
	int err;

	for (; v && v->start < end; v = vma_next(v)) {
		hole |= v->start > at;
		at = MIN(v->end, end);
		err = check_part(v, what);
		if (err)
			return err;
		if (what == ADVICE_COLD || what == ADVICE_PAGEOUT)
			madvise_age(mm, MAX(v->start, start), at, what == ADVICE_PAGEOUT);
		if (what == ADVICE_FREE)
			madvise_free(mm, MAX(v->start, start), at, g);
		if (what != ADVICE_ZAP && what != ADVICE_ZAP_LOCKED)
			continue;
		if (vma_is_huge(v))
			err = zap_hugetlb(mm, v, MAX(v->start, start), at, g);
		else
			err = zap_part(mm, MAX(v->start, start), at, g);
		if (err)
			return err;
	}
	return hole || at < end ? -ENOMEM : 0;
}

static int note_or_zap(struct mm *mm, vaddr_t start, vaddr_t end, enum advice what)
{
	struct gather g;
	int err;

	read_lock(&mm->lock);
	gather_init_for(&g, &mm->as, what == ADVICE_FREE ? FLUSH_LAZYFREE : FLUSH_DONTNEED);
	err = for_each_part(mm, start, end, what, &g);
	gather_finish(&g);
	read_unlock(&mm->lock);
	if (what == ADVICE_WILLNEED)
		read_slots(mm, start, MIN(end, mm_user_end()));
	return err;
}

/* Only private anonymous memory can be wiped. */
static int may_wipe(const struct vma *v)
{
	return v->obj || v->flags & VM_SHARED ? -EINVAL : 0;
}

/* Changes the mapped parts of the range, and goes on behind holes. mm.lock held for writing. */
static int change_parts(struct mm *mm, vaddr_t start, vaddr_t end, struct vma_change *c,
			struct vma **dead)
{
	bool hole = false;
	int err = 0;

	while (start < end && !err) {
		struct vma *v = vma_find(mm, start);
		vaddr_t stop = v ? MIN(v->end, end) : end;

		hole |= !v || v->start > start;
		if (v && v->start < end)
			err = map_change(mm, MAX(v->start, start), stop, c, dead);
		start = stop;
	}
	if (err == -ENOMEM)		/* no memory, or too many VMAs: as Linux tells it from a hole */
		return -EAGAIN;
	return err ? err : hole ? -ENOMEM : 0;
}

/* What fork, faults, who reads ahead, and who dumps core are to do with the range. */
static int change_flags(struct mm *mm, vaddr_t start, vaddr_t end, int advice)
{
	struct vma_change c = { 0 };
	struct vma *dead = NULL;
	int err;

	switch (advice) {
	case MADV_NORMAL:	c.clear = VM_READ_ORDER; break;
	case MADV_RANDOM:	c.clear = VM_READ_ORDER; c.set = VM_RAND_READ; break;
	case MADV_SEQUENTIAL:	c.clear = VM_READ_ORDER; c.set = VM_SEQ_READ; break;
	case MADV_DONTDUMP:	c.set = VM_DONTDUMP; break;
	case MADV_DODUMP:	c.clear = VM_DONTDUMP; break;
	case MADV_DONTFORK:	c.set = VM_DONTCOPY; break;
	case MADV_DOFORK:	c.clear = VM_DONTCOPY; break;
	case MADV_WIPEONFORK:	c.set = VM_WIPEONFORK; c.check = may_wipe; break;
	case MADV_HUGEPAGE:	c.clear = VM_THP_ADVICE; c.set = VM_HUGEPAGE; break;
	case MADV_NOHUGEPAGE:	c.clear = VM_THP_ADVICE; c.set = VM_NOHUGEPAGE; break;
	default:		c.clear = VM_WIPEONFORK; break;
	}
	mm_write_lock(mm);
	err = change_parts(mm, start, end, &c, &dead);
	mm_write_unlock(mm);
	vma_bury(dead);
	if (advice == MADV_HUGEPAGE)
		thp_ask();
	return err;
}

/* How far the range can be faulted in; in *err what stands in the way there: a hole, a right. */
static vaddr_t may_populate(struct mm *mm, vaddr_t start, vaddr_t end, bool write, int *err)
{
	unsigned right = write ? VM_WRITE : VM_READ;

	*err = 0;
	read_lock(&mm->lock);
	while (start < end && !*err) {
		struct vma *v = vma_find(mm, start);

		if (!v || v->start > start)
			*err = -ENOMEM;
		else if (!(v->flags & right))
			*err = -EINVAL;
		else
			start = MIN(v->end, end);
	}
	read_unlock(&mm->lock);
	return start;
}

static int populate(struct mm *mm, vaddr_t start, vaddr_t end, bool write)
{
	int err;

	end = may_populate(mm, start, end, write, &err);
	if (start >= end)
		return err;
	switch (map_populate(mm, start, end, write ? ACCESS_WRITE : ACCESS_READ)) {
	case FAULT_OK:
		return err;
	case FAULT_BUS:
		return -EFAULT;
	default:
		return -ENOMEM;
	}
}

/* May what v shows be taken out of its object? */
static int may_remove(const struct vma *v)
{
	const unsigned writes = VM_SHARED | VM_WRITE;

	if (v->flags & VM_LOCKED || !v->obj)
		return -EINVAL;
	if ((v->flags & writes) != writes)
		return -EACCES;
	return v->obj->ops->memory ? 0 : -EOPNOTSUPP;
}

/*
 * The first mapping from *start on: its object, with a reference, the place in it that *start,
 * which moves up to the mapping if that begins later, shows, and where its part ends. NULL:
 * nothing is mapped there (*err 0), or it may not be removed.
 */
static struct object *removable(struct mm *mm, vaddr_t *start, vaddr_t end, uint64_t *off,
				vaddr_t *stop, int *err)
{
	struct object *o = NULL;
	struct vma *v;

	read_lock(&mm->lock);
	v = vma_find(mm, *start);
	*err = v && v->start < end ? may_remove(v) : 0;
	if (v && v->start < end && !*err) {
		*start = MAX(*start, v->start);
		*stop = MIN(v->end, end);
		*off = vma_pgoff(v, *start) << PAGE_SHIFT;
		o = v->obj;
		object_get(o);
	}
	read_unlock(&mm->lock);
	return o;
}

/* Mapping by mapping, with no lock held: other mappings of an object are zapped, too. */
static int remove_range(struct mm *mm, vaddr_t start, vaddr_t end)
{
	vaddr_t at = start, stop;
	struct object *o;
	bool hole = false;
	uint64_t off;
	int err = 0;

	while (start < end && !err) {
		o = removable(mm, &at, end, &off, &stop, &err);
		hole |= !o || at > start;
		if (!o)
			break;
		err = object_punch(o, off, stop - at);
		object_put(o);
		start = at = stop;
	}
	return err ? err : hole ? -ENOMEM : 0;
}

int mm_madvise(struct mm *mm, vaddr_t addr, size_t len, int advice)
{
	enum advice what = advice_of(advice);
	size_t whole = ALIGN_UP(len, PAGE_SIZE);

	if (what == ADVICE_UNKNOWN || !IS_ALIGNED(addr, PAGE_SIZE))
		return -EINVAL;
	if ((len && !whole) || addr + whole < addr)
		return -EINVAL;
	if (!whole)
		return 0;
	if (what == ADVICE_READ_IN || what == ADVICE_WRITE_IN)
		return populate(mm, addr, addr + whole, what == ADVICE_WRITE_IN);
	if (what == ADVICE_REMOVE)
		return remove_range(mm, addr, addr + whole);
	if (what == ADVICE_COLLAPSE)
		return mm_collapse(mm, addr, addr + whole);
	if (what == ADVICE_FLAGS)
		return change_flags(mm, addr, addr + whole, advice);
	return note_or_zap(mm, addr, addr + whole, what);
}
