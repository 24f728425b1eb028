/*
 * VMAs of one address space: the tree by address (vma_tree.c), and making,
 * splitting and joining them (vma.c). Private to mm/vm; mm.lock is held, for
 * writing wherever something changes.
 */
#ifndef MM_VM_VMA_H
#define MM_VM_VMA_H

#include <arch/layout.h>
#include <arch/pte.h>
#include <mm/vm/mm_struct.h>
#include <mm/vm/vma_lock.h>

struct object;

#define VMAS_MAX	65530u		/* of one address space, unless vm_max_map_count is set */
#define STACK_GUARD_GAP	(256 * PAGE_SIZE) /* kept free below a VMA that grows down */

#define VM_RIGHTS	(VM_READ | VM_WRITE | VM_EXEC)

/* ---- the tree: pure (vma_tree.c) ---- */

/* The first VMA that ends above va (it may start above va, too), or NULL. */
struct vma *vma_find(struct mm *mm, vaddr_t va);
/* The VMA of va, or NULL, without any lock: a guess. The caller has not slept when he locks it. */
struct vma *vma_walk(struct mm *mm, vaddr_t va);
struct vma *vma_next(struct vma *v);
struct vma *vma_prev(struct vma *v);
struct vma *vma_first(struct mm *mm);
struct vma *vma_last(struct mm *mm);
/* Puts v into the tree between prev and next, the VMAs around it (or NULL); counts it. */
void vma_insert(struct mm *mm, struct vma *v, struct vma *prev, struct vma *next);
/* The n VMAs from `first` on, in order and linked by next_dead, are those of mm, which had none. */
void vma_plant(struct mm *mm, struct vma *first, unsigned n);
void vma_remove(struct mm *mm, struct vma *v);
/* New bounds, which must not touch a neighbour's; pgoff stays with the content. */
void vma_resize(struct mm *mm, struct vma *v, vaddr_t start, vaddr_t end);
/*
 * The highest (lowest) free range of len bytes within [low, high): its start, or 0.
 * *next: the VMA above it.
 */
vaddr_t vma_gap_top(struct mm *mm, vaddr_t low, vaddr_t high, size_t len, struct vma **next);
vaddr_t vma_gap_bottom(struct mm *mm, vaddr_t low, vaddr_t high, size_t len);
/* Order, bounds, sums and counts: 0, or a text. */
const char *vma_verify(struct mm *mm);

/* Where the room that v claims begins: below a stack, its guard gap. */
static inline vaddr_t vma_room(const struct vma *v)
{
	if (likely(!(v->flags & VM_GROWSDOWN)))
		return v->start;
	return v->start > STACK_GUARD_GAP ? v->start - STACK_GUARD_GAP : 0;
}

/* Memory of the process's own that it writes: what RLIMIT_DATA is about. */
static inline bool vma_is_data(unsigned flags)
{
	return (flags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN)) == VM_WRITE;
}

/* mm's sums for `pages` more (or fewer) of these flags; size_max is the caller's. */
static inline void vma_sum(struct mm *mm, unsigned flags, uint64_t pages)
{
	mm->size_pages += pages;
	if (vma_is_data(flags))
		mm->data_pages += pages;
	if (unlikely(flags & VM_LOCKED))
		mm->locked_pages += pages;
}

static inline uint64_t vma_pages(const struct vma *v)
{
	return (v->end - v->start) >> PAGE_SHIFT;
}

/*
 * Where the answer for va is kept: threads that each work in a place of their
 * own have an answer each.
 */
static inline struct vma **vma_hint(struct mm *mm, vaddr_t va)
{
	return &mm->last[(va >> LEVEL_SHIFT(2)) % VMA_HINTS];
}

/* vma_find by the last answer where that still fits. mm.lock held. */
static inline struct vma *vma_lookup(struct mm *mm, vaddr_t va)
{
	struct vma **hint = vma_hint(mm, va), *v = READ_ONCE(*hint);

	if (likely(v && va - v->start < v->end - v->start))
		return v;
	v = vma_find(mm, va);
	WRITE_ONCE(*hint, v);
	return v;
}

/* vma_read_lock_at where the last answer is of no use. */
struct vma *vma_read_lock_found(struct mm *mm, vaddr_t va);

/*
 * The VMA of va, locked for reading, without mm.lock: what a fault asks. NULL:
 * there is none, or a writer is at it, or in the way: mm.lock must be taken to know.
 */
static inline struct vma *vma_read_lock_at(struct mm *mm, vaddr_t va)
{
	struct vma *v = READ_ONCE(*vma_hint(mm, va));

	if (likely(v && vma_read_trylock(mm, v, va)))
		return v;
	return vma_read_lock_found(mm, va);
}

/* ---- making and joining (vma.c) ---- */

void vma_boot(void);

/* What a new mapping is to be. */
struct vma_spec {
	vaddr_t start, end;
	unsigned flags;
	struct object *obj;
	uint64_t pgoff;			/* obj NULL: not looked at */
	struct vma *next;		/* the first VMA above, where it is known, or NULL */
};

/* Room for one VMA, or NULL. */
struct vma *vma_alloc(void);
/* Gives back what vma_alloc gave and nobody used; may be NULL. */
void vma_drop(struct vma *spare);
/*
 * Maps s, whose range is free: a neighbour grows where it can be joined, else
 * *spare becomes the VMA, with a reference of the object, and *spare is NULL.
 */
struct vma *vma_add(struct mm *mm, const struct vma_spec *s, struct vma **spare);
/* vma_add, and a neighbour that grew is joined with the other one where it can be. */
struct vma *vma_add_joined(struct mm *mm, const struct vma_spec *s, struct vma **spare,
			   struct vma **dead);
/* vma_resize, and v's object knows of it. */
void vma_rebound(struct mm *mm, struct vma *v, vaddr_t start, vaddr_t end);
/* Cuts v at `at`; the new upper half is returned, v keeps the lower one. NULL: no memory. */
struct vma *vma_split(struct mm *mm, struct vma *v, vaddr_t at);
/*
 * Splits *v so that *v is [start, end) alone, which lies in it. 0, or -ENOMEM, or -EINVAL (that would be
 * inside of an explicit huge page), and nothing changed.
 */
int __must_check vma_isolate(struct mm *mm, struct vma **v, vaddr_t start, vaddr_t end,
			     struct vma **dead);
/*
 * If [start, end), at one end of v, with these flags would be joined with the neighbour there:
 * moves the border between the two, and returns the neighbour; else NULL, nothing changed.
 */
struct vma *vma_move_border(struct mm *mm, struct vma *v, vaddr_t start, vaddr_t end,
			    unsigned flags);
/* The same VMA for `to`, in no tree (vma_plant); not locked there. NULL: no memory. */
struct vma *vma_clone(struct mm *to, const struct vma *v);
/* Joins v with neighbours like it; returns what it is part of now. The rest goes to *dead. */
struct vma *vma_join(struct mm *mm, struct vma *v, struct vma **dead);
/* The same of what was cut for nothing: even where VMAs are counted. */
struct vma *vma_rejoin(struct mm *mm, struct vma *v, struct vma **dead);
/* Out of the tree, to *dead. */
void vma_kill(struct mm *mm, struct vma *v, struct vma **dead);
/* All of them, of an address space that ends: for vma_bury. No lock needed. */
struct vma *vma_kill_all(struct mm *mm);
/*
 * Gives the dead ones' objects back and frees them after a grace period.
 * mm.lock not held: an object may end, and its file system be called.
 */
void vma_bury(struct vma *dead);

/*
 * Sets v's flags, and what follows from them for its leaves. A private leaf
 * gets W by the fault alone, which knows whether the page is the VMA's own.
 */
static inline void vma_set_flags(struct vma *v, unsigned flags)
{
	const unsigned shared_write = VM_SHARED | VM_WRITE;

	v->flags = flags;
	v->prot = PROT_U | (flags & VM_RIGHTS ? PROT_R : 0) | (flags & VM_EXEC ? PROT_X : 0) |
		  ((flags & shared_write) == shared_write ? PROT_W : 0) |
		  (flags & VM_LOCKED ? PROT_LOCKED : 0);
}
/* The same for a VMA in the tree. */
static inline void vma_change_flags(struct mm *mm, struct vma *v, unsigned flags)
{
	vma_mark(mm, v);
	vma_sum(mm, v->flags, -vma_pages(v));
	vma_set_flags(v, flags);
	vma_sum(mm, flags, vma_pages(v));
}
/* v's pgoff for va. */
static inline uint64_t vma_pgoff(const struct vma *v, vaddr_t va)
{
	return v->pgoff + ((va - v->start) >> PAGE_SHIFT);
}

#endif
