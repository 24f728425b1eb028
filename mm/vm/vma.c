/*
 * Making, splitting, joining and freeing VMAs.
 *
 * Each VMA holds one reference of its object. Two neighbours are joined when
 * they are alike in flags and object and the content runs on from one to the
 * next, so that a range set and set back leaves the tree as it was. Where they are
 * counted (struct object_watch) one may grow at another's cost, but none goes.
 *
 * A VMA taken out of the tree is dead: whoever holds mm.lock collects the
 * dead, and buries them when the lock is free, because the last reference of
 * an object may call a file system. Lookups without mm.lock may still be
 * reading a dead VMA: its memory goes after a grace period.
 *
 * Locks: mm.lock for writing, unless said otherwise, and the mark of every VMA
 * that changes (vma_lock.h): faults are kept out of it until mm.lock is given up.
 */
#include <mm/vm/vma.h>
#include <lib/assert.h>
#include <mm/alloc/slab.h>
#include <mm/mm.h>
#include <mm/vm/hugetlb.h>

#include <linux/errno.h>

static struct kmem_cache *vma_cache;

void vma_boot(void)
{
	vma_cache = kmem_cache_create("vma", sizeof(struct vma), 0);
}

struct vma *vma_alloc(void)
{
	return kmem_alloc(vma_cache);
}

void vma_drop(struct vma *spare)
{
	kmem_free(vma_cache, spare);
}

static bool alike(const struct vma *v, const struct vma_spec *s)
{
	return v->flags == s->flags && v->obj == s->obj;
}

static bool joins_below(const struct vma *v, const struct vma_spec *s)
{
	return v && v->end == s->start && alike(v, s) &&
	       (!s->obj || vma_pgoff(v, v->end) == s->pgoff);
}

static bool joins_above(const struct vma *v, const struct vma_spec *s)
{
	return v && v->start == s->end && alike(v, s) &&
	       (!s->obj || v->pgoff == s->pgoff + ((s->end - s->start) >> PAGE_SHIFT));
}

/* Tells v's object where v shows it. */
static void mapping_set(struct vma *v)
{
	const unsigned writes = VM_SHARED | VM_MAYWRITE;

	v->mapping = (struct mapping){
		.as = &v->mm->as, .start = v->start, .first = v->pgoff,
		.last = v->pgoff + ((v->end - v->start) >> PAGE_SHIFT) - 1,
		.writes = (v->flags & writes) == writes, .promised = v->flags & VM_HUGE_OWNER,
	};
	object_map(v->obj, &v->mapping);
}

/* v shows its object from now on; no more. Apart: anonymous memory does without. */
static __attribute__((noinline)) void take_object(struct vma *v)
{
	object_get(v->obj);
	mapping_set(v);
	if (unlikely(v->obj->watch))
		v->obj->watch->shown(v->obj->watch);
}

static __attribute__((noinline)) void give_object(struct vma *v)
{
	hugetlb_forget(v, v->start, v->end);
	if (unlikely(v->obj->watch))
		v->obj->watch->hidden(v->obj->watch);
	object_put(v->obj);
}

/*
 * Makes `spare` the VMA that s says, outside of the tree. Field by field: the
 * mapping is for objects, the end for the dead.
 */
static void vma_make(struct mm *mm, struct vma *spare, const struct vma_spec *s)
{
	spare->lock = 0;
	spare->mark = mm->writes;	/* nobody is to use it before all of this is done */
	spare->start = s->start;
	spare->end = s->end;
	vma_set_flags(spare, s->flags);
	spare->obj = s->obj;
	spare->pgoff = s->obj ? s->pgoff : s->start >> PAGE_SHIFT;
	spare->mm = mm;
	if (spare->obj)
		take_object(spare);
}

static struct vma *vma_fill(struct mm *mm, struct vma *spare, const struct vma_spec *s,
			    struct vma *prev, struct vma *next)
{
	vma_make(mm, spare, s);
	vma_insert(mm, spare, prev, next);
	return spare;
}

void vma_rebound(struct mm *mm, struct vma *v, vaddr_t start, vaddr_t end)
{
	vma_mark(mm, v);
	if (v->obj)
		object_unmap(v->obj, &v->mapping);
	vma_resize(mm, v, start, end);
	if (v->obj)
		mapping_set(v);
}

static __always_inline_ struct vma *add(struct mm *mm, const struct vma_spec *s,
					struct vma **spare)
{
	struct vma *next = s->next ? s->next : vma_find(mm, s->start);
	struct vma *prev = next ? vma_prev(next) : vma_last(mm);
	struct vma *v;

	assert(!next || next->start >= s->end);
	debug_assert(next == vma_find(mm, s->start));
	if (joins_below(prev, s)) {
		vma_rebound(mm, prev, prev->start, s->end);
		return prev;
	}
	if (joins_above(next, s)) {
		vma_rebound(mm, next, s->start, next->end);
		return next;
	}
	assert(*spare);
	v = vma_fill(mm, *spare, s, prev, next);
	*spare = NULL;
	*vma_hint(mm, v->start) = v;	/* who maps it is about to use it */
	return v;
}

struct vma *vma_add(struct mm *mm, const struct vma_spec *s, struct vma **spare)
{
	return add(mm, s, spare);
}

struct vma *vma_add_joined(struct mm *mm, const struct vma_spec *s, struct vma **spare,
			   struct vma **dead)
{
	struct vma *v = add(mm, s, spare);

	return *spare ? vma_join(mm, v, dead) : v;	/* used: it has no neighbour like it */
}

struct vma *vma_split(struct mm *mm, struct vma *v, vaddr_t at)
{
	struct vma_spec upper = { at, v->end, v->flags, v->obj, vma_pgoff(v, at), NULL };
	struct vma *spare = vma_alloc();

	assert(at > v->start && at < v->end);
	if (!spare)
		return NULL;
	vma_rebound(mm, v, v->start, at);
	return vma_fill(mm, spare, &upper, v, vma_next(v));
}

struct vma *vma_clone(struct mm *to, const struct vma *v)
{
	struct vma_spec s = { v->start, v->end, v->flags & ~(VM_LOCK_MASK | VM_HUGE_OWNER), v->obj, v->pgoff,
			      NULL };
	struct vma *spare = vma_alloc();

	if (spare)
		vma_make(to, spare, &s);
	return spare;
}

struct vma *vma_rejoin(struct mm *mm, struct vma *v, struct vma **dead)
{
	struct vma_spec s = { v->start, v->end, v->flags, v->obj, v->pgoff, NULL };
	struct vma *prev = vma_prev(v), *next = vma_next(v);

	if (joins_above(next, &s)) {
		vaddr_t end = next->end;

		next->flags &= ~VM_HUGE_OWNER;	/* v is */
		vma_kill(mm, next, dead);
		vma_rebound(mm, v, v->start, end);
	}
	if (joins_below(prev, &s)) {
		vaddr_t end = v->end;

		v->flags &= ~VM_HUGE_OWNER;	/* prev is */
		vma_kill(mm, v, dead);
		vma_rebound(mm, prev, prev->start, end);
		v = prev;
	}
	return v;
}

struct vma *vma_join(struct mm *mm, struct vma *v, struct vma **dead)
{
	return unlikely(v->obj && v->obj->watch) ? v : vma_rejoin(mm, v, dead);
}

struct vma *vma_move_border(struct mm *mm, struct vma *v, vaddr_t start, vaddr_t end,
			    unsigned flags)
{
	struct vma_spec s = { start, end, flags, v->obj, vma_pgoff(v, start), NULL };
	struct vma *to = NULL;

	if (start == v->start && end < v->end) {
		to = vma_prev(v);
		if (!joins_below(to, &s))
			return NULL;
		vma_rebound(mm, v, end, v->end);
		vma_rebound(mm, to, to->start, end);
	} else if (start > v->start && end == v->end) {
		to = vma_next(v);
		if (!joins_above(to, &s))
			return NULL;
		vma_rebound(mm, v, v->start, start);
		vma_rebound(mm, to, start, to->end);
	}
	return to;
}

int vma_isolate(struct mm *mm, struct vma **v, vaddr_t start, vaddr_t end, struct vma **dead)
{
	unsigned cuts = ((*v)->start < start) + ((*v)->end > end);
	struct vma *upper;

	if (vma_is_huge(*v) && !hugetlb_whole(*v, start, end))
		return -EINVAL;
	if (mm->nvmas + cuts > vm_max_map_count)
		return -ENOMEM;
	if ((*v)->end > end && !vma_split(mm, *v, end))
		return -ENOMEM;
	if ((*v)->start < start) {
		upper = vma_split(mm, *v, start);
		if (!upper) {
			vma_rejoin(mm, *v, dead);
			return -ENOMEM;
		}
		*v = upper;
	}
	return 0;
}

void vma_kill(struct mm *mm, struct vma *v, struct vma **dead)
{
	vma_mark(mm, v);
	if (v->obj)
		object_unmap(v->obj, &v->mapping);
	vma_remove(mm, v);
	v->mm = NULL;			/* who still has its address does not get its lock */
	mm->minflt += vma_faults(v);
	v->next_dead = *dead;
	*dead = v;
}

struct vma *vma_kill_all(struct mm *mm)
{
	struct vma *v, *next, *dead = NULL;
	uint64_t promised = 0;

	for (v = vma_first(mm); v; v = next) {
		next = vma_next(v);
		if (v->flags & VM_ACCOUNT)
			promised += vma_pages(v);
		mm->minflt += vma_faults(v);
		if (v->obj)
			object_unmap(v->obj, &v->mapping);
		v->next_dead = dead;
		dead = v;
	}
	commit_release(promised);
	RB_INIT(&mm->vmas);
	mm->nvmas = 0;
	mm->size_pages = mm->data_pages = mm->locked_pages = 0;
	for (unsigned i = 0; i < VMA_HINTS; i++)
		mm->last[i] = NULL;
	return dead;
}

static void vma_free(struct grace_head *h)
{
	kmem_free(vma_cache, container_of(h, struct vma, grace));
}

void vma_bury(struct vma *dead)
{
	while (dead) {
		struct vma *v = dead;

		dead = v->next_dead;
		if (v->obj)
			give_object(v);
		if (grace_is_instant())
			kmem_free(vma_cache, v);
		else
			grace_call(&v->grace, vma_free);
	}
}
