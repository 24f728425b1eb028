/*
 * mprotect: the range's VMAs get the new rights, split at its ends and joined
 * with what they then equal; rights that go are taken from the translations
 * at once, and every CPU has forgotten them when the call returns. The right to
 * write is given where the page is surely its own; elsewhere the next write
 * faults, and the fault knows whether the page may be written in place.
 *
 * As in Linux a hole stops the call with ENOMEM, and what came before it
 * keeps its new rights; and private locked memory that becomes writable is
 * written to at once, so that its first write need not wait for a copy.
 *
 * Locks: mm.lock for writing; it is let go where memory is faulted in.
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

/* Private memory, locked, that could not be written to and now can. */
static bool wants_copies(unsigned old, unsigned new)
{
	return (old & (VM_LOCK_MASK | VM_SHARED | VM_WRITE)) == VM_LOCKED && new & VM_WRITE;
}

/*
 * Memory that becomes the process's own to write: within its limits, and
 * promised from then on, even if the right to write goes again.
 */
static int may_write(const struct mm *mm, unsigned old, unsigned *new, uint64_t pages)
{
	if (!(*new & VM_WRITE))
		return 0;
	if (!map_may_expand(mm, *new, pages) && map_may_expand(mm, old, pages))
		return -ENOMEM;
	if (old & (VM_ACCOUNT | VM_WRITE | VM_SHARED | VM_NORESERVE))
		return 0;
	*new |= VM_ACCOUNT;
	return map_promise(mm, pages);
}

/* New rights for [start, end) of v. 0, -errno, or 1: the range wants its pages at once. */
static int protect_vma(struct mm *mm, struct vma *v, vaddr_t start, vaddr_t end, unsigned rights,
		       struct vma **dead)
{
	const unsigned before = v->flags;
	unsigned flags = (v->flags & ~VM_RIGHTS) | rights, old = leaf_prot(v), new;
	uint64_t pages = (end - start) >> PAGE_SHIFT;
	bool edge = (start == v->start) != (end == v->end);
	struct vma *to = NULL;
	struct gather g;
	int err;

	if (flags == v->flags)
		return 0;
	if ((rights & VM_WRITE && !(flags & VM_MAYWRITE)) || (rights & VM_EXEC && flags & VM_NEVER_EXEC))
		return -EACCES;
	err = may_write(mm, v->flags, &flags, pages);
	if (err)
		return err;
	vma_mark(mm, v);
	err = pt_own(&mm->as, start, end);
	if (!err && edge)
		to = vma_move_border(mm, v, start, end, flags);
	if (!err && !to)
		err = vma_isolate(mm, &v, start, end, dead);
	if (err) {
		if (flags & ~before & VM_ACCOUNT)
			commit_release(pages);
		return err;
	}
	if (!to)
		vma_change_flags(mm, v, flags);
	new = leaf_prot(to ? to : v);
	if (old != new) {
		gather_init_for(&g, &mm->as, FLUSH_PROTECT);
		pt_protect(&mm->as, start, end, new | (flags & VM_SHARED ? 0 : PROT_GIVE_W), &g);
		gather_finish(&g);
	}
	if (!to)
		vma_join(mm, v, dead);
	return wants_copies(before, flags);
}

/* Where the call begins: with PROT_GROWSDOWN at the beginning of the mapping. */
static int find_start(struct mm *mm, vaddr_t *start, vaddr_t end, int prot)
{
	struct vma *v;

	if (likely(!(prot & (PROT_GROWSDOWN | PROT_GROWSUP))))
		return 0;
	v = vma_find(mm, *start);
	if (prot & PROT_GROWSUP)	/* nothing grows up here */
		return v && v->start <= *start ? -EINVAL : -ENOMEM;
	if (!v || v->start >= end)
		return -ENOMEM;
	if (!(v->flags & VM_GROWSDOWN))
		return -EINVAL;
	*start = v->start;
	return 0;
}

/* From *at on, up to and with the first part that wants its pages at once (1): [*part, *at). */
static int protect_range(struct mm *mm, vaddr_t *at, vaddr_t end, unsigned rights, vaddr_t *part,
			 struct vma **dead)
{
	int err = 0;

	while (*at < end && !err) {
		struct vma *v = vma_lookup(mm, *at);

		if (!v || v->start > *at)
			return -ENOMEM;
		*part = *at;
		*at = MIN(end, v->end);
		err = protect_vma(mm, v, *part, *at, rights, dead);
	}
	return err;
}

static int protect(struct mm *mm, vaddr_t start, vaddr_t end, int prot, unsigned rights)
{
	struct vma *dead = NULL;
	vaddr_t part = start;
	int err;

	mm_write_lock(mm);
	err = find_start(mm, &start, end, prot);
	while (!err && (err = protect_range(mm, &start, end, rights, &part, &dead)) > 0) {
		mm_write_unlock(mm);
		map_populate(mm, part, start, ACCESS_WRITE);	/* as far as it goes */
		mm_write_lock(mm);
		err = 0;
	}
	mm_write_unlock(mm);
	vma_bury(dead);
	return err;
}

int mm_mprotect(struct mm *mm, vaddr_t addr, size_t len, int prot)
{
	unsigned rights = (prot & PROT_READ ? VM_READ : 0) | (prot & PROT_WRITE ? VM_WRITE : 0) |
			  (prot & PROT_EXEC ? VM_EXEC : 0);

	if ((prot & PROT_GROWSDOWN && prot & PROT_GROWSUP) || !IS_ALIGNED(addr, PAGE_SIZE))
		return -EINVAL;
	if (len == 0)
		return 0;
	len = ALIGN_UP(len, PAGE_SIZE);
	if (len == 0 || addr + len <= addr)
		return -ENOMEM;
	if (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM | PROT_GROWSDOWN | PROT_GROWSUP))
		return -EINVAL;
	return protect(mm, addr, addr + len, prot, rights);
}
