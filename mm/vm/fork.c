/*
 * fork: a copy of an address space, without copying pages.
 *
 * The child gets every VMA of the parent but those of MADV_DONTFORK. Private
 * memory keeps its pages, which both now map without W: the first write of
 * either copies the page (fault_cow.c). Mappings shared with an object fault
 * in again, the child's on the pages of the object; memory that is wiped on
 * fork is empty in the child.
 *
 * A failure half-way leaves the parent as it was, but for W: the next write
 * finds that the page is its own again.
 *
 * Locks: the parent's mm.lock for writing. The child is nobody's so far.
 */
#include <mm/vm/map.h>
#include <lib/assert.h>
#include <mm/pt/pt.h>

#include <linux/errno.h>

/* The pages of v, for the child. */
static int copy_pages(struct mm *child, struct mm *parent, const struct vma *v, struct gather *g)
{
	if (v->flags & (VM_SHARED | VM_WIPEONFORK))
		return 0;
	return pt_copy(&child->as, &parent->as, v->start, v->end, g);
}

static int copy_vmas(struct mm *child, struct mm *parent, struct gather *g)
{
	int err = 0;

	for (struct vma *v = vma_first(parent); v && !err; v = vma_next(v)) {
		if (v->flags & VM_DONTCOPY)
			continue;
		err = vma_clone(child, v);
		if (!err)
			err = copy_pages(child, parent, v, g);
	}
	return err;
}

/* What an address space knows besides its VMAs and tables. */
static void copy_places(struct mm *child, const struct mm *parent)
{
	child->mmap_top = parent->mmap_top;
	child->brk_start = parent->brk_start;
	child->brk = parent->brk;
	child->stack_top = parent->stack_top;
	child->stack_limit = parent->stack_limit;
	child->layout = parent->layout;
}

struct mm *mm_fork(struct mm *parent)
{
	struct mm *child = mm_create();
	struct gather g;
	int err;

	if (!child)
		return NULL;
	gather_init(&g, &parent->as);
	write_lock(&parent->lock);
	copy_places(child, parent);
	err = copy_vmas(child, parent, &g);
	gather_finish(&g);
	write_unlock(&parent->lock);
	if (!err)
		return child;
	mm_put(child);
	return NULL;
}
