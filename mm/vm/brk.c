/*
 * The two mappings that grow: the heap by brk(2), and the stack by faults
 * below it.
 *
 * A stack is a VMA that grows down. It grows when something below it is
 * touched, no further than its limit allows, and never closer than the guard
 * gap to an accessible mapping below: whoever runs off a stack meets a fault
 * there, not somebody else's memory. (A PROT_NONE mapping below is a guard of
 * the program's own, and may be touched.)
 *
 * Locks: mm.lock for writing.
 */
#include <mm/vm/map.h>
#include <mm/alloc/stat.h>
#include <lib/assert.h>

#include <linux/errno.h>

#define STACK_FIRST	(33 * PAGE_SIZE)	/* mapped from the beginning */
#define BRK_RANDOM_PAGES	(1ul << 13)		/* 32 MB */

/* ---- heap ---- */

void mm_set_brk(struct mm *mm, vaddr_t start)
{
	mm_write_lock(mm);
	mm->brk_start = mm->brk = ALIGN_UP(start, PAGE_SIZE) + map_random(mm, BRK_RANDOM_PAGES);
	mm_write_unlock(mm);
}

/* The heap's end from old up to new, both whole pages. */
static int grow_heap(struct mm *mm, vaddr_t old, vaddr_t new, struct vma **dead)
{
	struct vma_spec s = {
		.start = old, .end = new,
		.flags = VM_READ | VM_WRITE | VM_MAYWRITE | VM_HEAP | VM_ACCOUNT | mm->lock_new,
	};
	uint64_t pages = (new - old) >> PAGE_SHIFT;
	struct vma *next = vma_find(mm, old), *spare;

	if (next && new + PAGE_SIZE > vma_room(next))
		return -ENOMEM;
	if (!map_may_lock(mm, s.flags, pages) || !map_may_expand(mm, s.flags, pages) ||
	    mm->nvmas > vm_max_map_count)
		return -ENOMEM;
	spare = vma_alloc();
	if (!spare)
		return -ENOMEM;
	if (map_promise(mm, pages)) {
		vma_drop(spare);
		return -ENOMEM;
	}
	vma_add_joined(mm, &s, &spare, dead);
	vma_drop(spare);
	return 0;
}

/* RLIMIT_DATA, for the heap and the program's data together; mappings do not count here. */
static bool may_be_break(const struct mm *mm, vaddr_t brk)
{
	const struct mm_layout *l = &mm->layout;

	return mm->limits.data == ~0ul ||
	       brk - mm->brk_start + (l->data_end - l->data_start) <= mm->limits.data;
}

vaddr_t mm_brk(struct mm *mm, vaddr_t brk)
{
	struct vma *dead = NULL;
	vaddr_t old = 0, new = 0, result;
	bool fill = false;
	int err = -ENOMEM;

	mm_write_lock(mm);
	if (brk >= mm->brk_start && brk < mm_user_end() && may_be_break(mm, brk)) {
		old = ALIGN_UP(mm->brk, PAGE_SIZE);
		new = ALIGN_UP(brk, PAGE_SIZE);
		if (new > old)
			err = grow_heap(mm, old, new, &dead);
		else
			err = new < old ? map_take_out(mm, new, old, &dead) : 0;
	}
	if (!err)
		mm->brk = brk;
	result = mm->brk;
	fill = !err && new > old && mm->lock_new == VM_LOCKED;
	mm_write_unlock(mm);
	vma_bury(dead);
	if (fill && map_populate(mm, old, new, ACCESS_WRITE) != FAULT_OK)
		return result;		/* the heap is as large as it was asked to be */
	return result;
}

/* ---- stack ---- */

/* What is to be the stack, if there is room and no limit against it. mm.lock held for writing. */
static int check_stack(struct mm *mm, const struct vma_spec *s)
{
	uint64_t pages = (s->end - s->start) >> PAGE_SHIFT;
	struct vma *v = vma_find(mm, s->start);

	if ((v && v->start < s->end) || !map_may_expand(mm, s->flags, pages))
		return -ENOMEM;
	return map_promise(mm, pages);
}

long mm_map_stack(struct mm *mm)
{
	struct vma_spec s = {
		.flags = VM_READ | VM_WRITE | VM_MAYWRITE | VM_GROWSDOWN | VM_STACK | VM_ACCOUNT,
	};
	struct vma *spare = vma_alloc(), *dead = NULL;
	long top = -ENOMEM;

	if (!spare)
		return -ENOMEM;
	s.end = USER_END_4 - map_random(mm, STACK_RANDOM_PAGES);
	mm_write_lock(mm);
	s.start = s.end - MIN(MAX(ALIGN_DOWN(mm->limits.stack, PAGE_SIZE), PAGE_SIZE), STACK_FIRST);
	if (check_stack(mm, &s) == 0) {
		vma_add_joined(mm, &s, &spare, &dead);
		mm->stack_top = top = s.end;
	}
	mm_write_unlock(mm);
	vma_drop(spare);
	vma_bury(dead);
	return top;
}

/* May v, which grows down, begin at `start`? */
static bool may_grow(const struct mm *mm, struct vma *v, vaddr_t start)
{
	const struct vma *below = vma_prev(v);

	uint64_t pages = (v->start - start) >> PAGE_SHIFT;

	if (start < USER_MIN || v->end - start > mm->limits.stack)
		return false;
	if (!map_may_expand(mm, v->flags, pages) || !map_may_lock(mm, v->flags, pages))
		return false;
	if (below && below->flags & VM_RIGHTS && !(below->flags & VM_GROWSDOWN))
		return start >= below->end + STACK_GUARD_GAP;
	return !below || start >= below->end;
}

/* Promises what v will have more, if it promises anything. */
static int pay(const struct mm *mm, const struct vma *v, vaddr_t start)
{
	return v->flags & VM_ACCOUNT ? map_promise(mm, (v->start - start) >> PAGE_SHIFT) : 0;
}

enum fault_result mm_grow_stack(struct mm *mm, vaddr_t va)
{
	enum fault_result r = FAULT_SEGV_MAPERR;
	vaddr_t start = ALIGN_DOWN(va, PAGE_SIZE);
	struct vma *v;

	mm_write_lock(mm);
	v = vma_find(mm, va);
	if (v && va >= v->start) {
		r = FAULT_OK;			/* somebody else grew it, or mapped something */
	} else if (v && v->flags & VM_GROWSDOWN && may_grow(mm, v, start) && pay(mm, v, start) == 0) {
		vma_rebound(mm, v, start, v->end);
		vm_count(STACK_GROWN, 1);
		r = FAULT_OK;
	}
	mm_write_unlock(mm);
	return r;
}
