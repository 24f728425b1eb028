/*
 * fork: a copy of an address space, without copying pages.
 *
 * The child gets every VMA of the parent but those of MADV_DONTFORK, and the
 * parent's last-level tables: both now point to them without W, and whoever
 * writes first copies that table, and then the page (mm/pt/share.c,
 * fault_cow.c). A table is shared if all VMAs in its span are private and
 * inherited as they are. Otherwise the child gets copies of the entries that
 * it inherits, whose pages both map without W. Mappings shared with an object
 * fault in again, the child's on the pages of the object; memory that is
 * wiped on fork is empty in the child.
 *
 * A failure half-way leaves the parent as it was, but for W: the next write
 * finds that the table, or the page, is its own again.
 *
 * Locks: the parent's mm.lock for writing, all its VMAs marked. The child is nobody's so far.
 */
#include <mm/vm/map.h>
#include <lib/assert.h>
#include <mm/pt/pt.h>

#include <linux/errno.h>

#define SPAN		LEVEL_SIZE(2)	/* of a last-level table */

/* ---- VMAs ---- */

/* What the parent's mapping promises the child's promises again. NULL: no memory. */
static struct vma *copy_vma(struct mm *child, const struct mm *parent, const struct vma *v)
{
	uint64_t promised = v->flags & VM_ACCOUNT ? vma_pages(v) : 0;
	struct vma *copy;

	if (promised && map_promise(parent, promised))
		return NULL;
	copy = vma_clone(child, v);
	if (unlikely(v->flags & VM_HUGETLB))
		child->as.huge = true;	/* look closer at what is taken out */
	if (!copy && promised)
		commit_release(promised);
	return copy;
}

/* Also on failure the child has those that there are, and what they promise, for its end. */
static int copy_vmas(struct mm *child, struct mm *parent)
{
	struct vma *first = NULL, **tail = &first, *v;
	unsigned n = 0;

	for (v = vma_first(parent); v; v = vma_next(v)) {
		vma_mark(parent, v);	/* no fault comes to its entries until this is over */
		if (v->flags & VM_DONTCOPY)
			continue;
		*tail = copy_vma(child, parent, v);
		if (!*tail)
			break;
		tail = &(*tail)->next_dead;
		n++;
	}
	*tail = NULL;
	vma_plant(child, first, n);
	return v ? -ENOMEM : 0;
}

/* ---- tables ---- */

struct fork {
	struct mm *child, *parent;
	struct gather *g;		/* of the parent */
	vaddr_t shared;			/* the tables below are the child's, too */
	vaddr_t refused;		/* a span whose table cannot be shared, or ~0 */
};

/* Does the child get v's entries? */
static bool has_pages(const struct vma *v)
{
	return !(v->flags & (VM_SHARED | VM_WIPEONFORK | VM_DONTCOPY));
}

/*
 * May both have one table of v's entries? Not if a truncate may take some out
 * of it: that has no mm's lock under which to make tables its own.
 */
static bool shareable(const struct vma *v)
{
	return has_pages(v) && !(v->flags & VM_LOCKED) && !(v->obj && v->obj->ops->memory);
}

/* Is everything that has entries in the span from va on the child's, as it is? */
static bool span_shareable(struct mm *mm, vaddr_t va)
{
	struct vma *v = vma_find(mm, va);

	for (; v && v->start < va + SPAN; v = vma_next(v))
		if (!shareable(v))
			return false;
	return true;
}

static int share(struct fork *f, vaddr_t start, vaddr_t end)
{
	f->shared = end;
	return pt_share(&f->child->as, &f->parent->as, start, end, f->g);
}

/* The entries of v in the span of va. *next: where to go on. */
static int fork_span(struct fork *f, const struct vma *v, vaddr_t va, vaddr_t *next)
{
	vaddr_t span = ALIGN_DOWN(va, SPAN);

	if (span != f->refused && span_shareable(f->parent, span)) {
		*next = span + SPAN;
		return share(f, span, span + SPAN);
	}
	f->refused = span;
	*next = MIN(span + SPAN, v->end);
	return has_pages(v) ? pt_copy(&f->child->as, &f->parent->as, va, *next, f->g) : 0;
}

/* What v maps and is not the child's so far. */
static int fork_vma(struct fork *f, const struct vma *v)
{
	vaddr_t va = MAX(v->start, f->shared), whole = ALIGN_DOWN(v->end, SPAN);
	int err = 0;

	if (unlikely(v->flags & VM_HUGETLB))	/* of leaves that may be larger than a span */
		return has_pages(v) ? pt_copy(&f->child->as, &f->parent->as, v->start, v->end, f->g) : 0;
	while (va < v->end && !err) {
		if (IS_ALIGNED(va, SPAN) && va < whole && shareable(v)) {
			err = share(f, va, whole);
			va = whole;
		} else {
			err = fork_span(f, v, va, &va);
		}
	}
	return err;
}

static int fork_tables(struct mm *child, struct mm *parent, struct gather *g)
{
	struct fork f = { .child = child, .parent = parent, .g = g, .refused = ~0ul };
	int err = 0;

	for (struct vma *v = vma_first(parent); v && !err; v = vma_next(v))
		err = fork_vma(&f, v);
	return err;
}

/* ---- the whole ---- */

/* What an address space knows besides its VMAs and tables. */
static void copy_places(struct mm *child, const struct mm *parent)
{
	child->mmap_top = parent->mmap_top;
	child->brk_start = parent->brk_start;
	child->brk = parent->brk;
	child->stack_top = parent->stack_top;
	child->limits = parent->limits;
	child->layout = parent->layout;
	child->thp_disabled = parent->thp_disabled;
}

struct mm *mm_fork(struct mm *parent)
{
	struct mm *child = mm_create();
	struct gather g;
	int err;

	if (!child)
		return NULL;
	gather_init_for(&g, &parent->as, FLUSH_FORK);
	mm_write_lock(parent);
	copy_places(child, parent);
	err = copy_vmas(child, parent);
	if (!err)
		err = fork_tables(child, parent, &g);
	gather_finish(&g);
	mm_write_unlock(parent);
	child->writes++;		/* its VMAs are made */
	if (!err)
		return child;
	mm_put(child);
	return NULL;
}
