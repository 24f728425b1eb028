/*
 * The VMAs of an address space: a red-black tree by address, each node with
 * what its subtree spans and the largest gap inside of that span, so that
 * both "whose is this address" and "where is room for n bytes" take O(log n).
 *
 * A node's sums follow from itself and its two children alone; the room below
 * the first and above the last VMA of a subtree is its parent's to count. So
 * a change is set right by summing again from the lowest node that changed up
 * to the root. (RB_AUGMENT makes rotations right, but leaves what is above
 * them stale: hence the walk.)
 *
 * A VMA that grows down claims its guard gap too: its room starts there. The
 * gap may reach into the VMA below (MAP_FIXED does not ask): then there is
 * none to count.
 *
 * Locks: mm.lock, for writing where the tree changes.
 */
#define RB_AUGMENT(v)	sum(v)
#define __unused	__attribute__((unused))

#include <mm/vm/vma.h>
#include <lib/assert.h>

static void sum(struct vma *v);

static int vma_cmp(const struct vma *a, const struct vma *b)
{
	return a->start < b->start ? -1 : a->start > b->start;
}

RB_GENERATE_STATIC(vma_tree, vma, node, vma_cmp)

static uint64_t gap(vaddr_t from, vaddr_t to)
{
	return to > from ? to - from : 0;
}

static void sum(struct vma *v)
{
	const struct vma *l = RB_LEFT(v, node), *r = RB_RIGHT(v, node);
	uint64_t max = 0;

	v->sub_start = l ? l->sub_start : vma_room(v);
	v->sub_end = r ? r->sub_end : v->end;
	if (l)
		max = MAX(l->gap_max, gap(l->sub_end, vma_room(v)));
	if (r)
		max = MAX(max, MAX(r->gap_max, gap(v->end, r->sub_start)));
	v->gap_max = max;
}

static void sum_up(struct vma *v)
{
	for (; v; v = RB_PARENT(v, node))
		sum(v);
}

struct vma *vma_find(struct mm *mm, vaddr_t va)
{
	struct vma *v = RB_ROOT(&mm->vmas), *found = NULL;

	while (v) {
		if (va >= v->end) {
			v = RB_RIGHT(v, node);
		} else {
			found = v;
			if (va >= v->start)
				break;
			v = RB_LEFT(v, node);
		}
	}
	return found;
}

struct vma *vma_next(struct vma *v)
{
	return RB_NEXT(vma_tree, NULL, v);
}

struct vma *vma_prev(struct vma *v)
{
	return RB_PREV(vma_tree, NULL, v);
}

struct vma *vma_first(struct mm *mm)
{
	return RB_MIN(vma_tree, &mm->vmas);
}

struct vma *vma_last(struct mm *mm)
{
	return RB_MAX(vma_tree, &mm->vmas);
}

void vma_insert(struct mm *mm, struct vma *v)
{
	assert(v->start < v->end && IS_ALIGNED(v->start | v->end, PAGE_SIZE));
	v->sub_start = vma_room(v);
	v->sub_end = v->end;
	v->gap_max = 0;
	if (RB_INSERT(vma_tree, &mm->vmas, v))
		panic("two VMAs start at 0x%lx", v->start);
	sum_up(v);
	mm->nvmas++;
	mm->size_pages += (v->end - v->start) >> PAGE_SHIFT;
	mm->size_max = MAX(mm->size_max, mm->size_pages);
}

/* The lowest node whose subtree another one loses when v goes. */
static struct vma *lowest_changed(struct vma *v)
{
	struct vma *next;

	if (!RB_LEFT(v, node) || !RB_RIGHT(v, node))
		return RB_PARENT(v, node);
	next = vma_next(v);		/* takes v's place */
	return RB_PARENT(next, node) == v ? next : RB_PARENT(next, node);
}

void vma_remove(struct mm *mm, struct vma *v)
{
	struct vma *from = lowest_changed(v);

	RB_REMOVE(vma_tree, &mm->vmas, v);
	sum_up(from);
	assert(mm->nvmas > 0);
	mm->nvmas--;
	mm->size_pages -= (v->end - v->start) >> PAGE_SHIFT;
	if (mm->last == v)
		mm->last = NULL;
}

void vma_resize(struct mm *mm, struct vma *v, vaddr_t start, vaddr_t end)
{
	assert(start < end && IS_ALIGNED(start | end, PAGE_SIZE));
	v->pgoff += (start >> PAGE_SHIFT) - (v->start >> PAGE_SHIFT);
	mm->size_pages += ((end - start) >> PAGE_SHIFT) - ((v->end - v->start) >> PAGE_SHIFT);
	mm->size_max = MAX(mm->size_max, mm->size_pages);
	v->start = start;
	v->end = end;
	sum_up(v);
}

/*
 * The highest (lowest) place for len bytes in what v's subtree leaves free of
 * [low, high), where low is no lower than the end of the VMA before the
 * subtree and high no higher than the room of the one after it; else 0. A
 * subtree is left at once if it has no gap large enough; one that lies within
 * [low, high) and has one cannot fail: so only the two border paths of the
 * range are ever walked in vain.
 */
static vaddr_t top_gap(const struct vma *v, vaddr_t low, vaddr_t high, size_t len)
{
	vaddr_t found;

	if (gap(low, high) < len)
		return 0;
	if (!v)
		return high - len;
	if (MAX(v->gap_max, MAX(gap(low, v->sub_start), gap(v->sub_end, high))) < len)
		return 0;
	found = top_gap(RB_RIGHT(v, node), MAX(low, v->end), high, len);
	return found ? found : top_gap(RB_LEFT(v, node), low, MIN(high, vma_room(v)), len);
}

static vaddr_t bottom_gap(const struct vma *v, vaddr_t low, vaddr_t high, size_t len)
{
	vaddr_t found;

	if (gap(low, high) < len)
		return 0;
	if (!v)
		return low;
	if (MAX(v->gap_max, MAX(gap(low, v->sub_start), gap(v->sub_end, high))) < len)
		return 0;
	found = bottom_gap(RB_LEFT(v, node), low, MIN(high, vma_room(v)), len);
	return found ? found : bottom_gap(RB_RIGHT(v, node), MAX(low, v->end), high, len);
}

vaddr_t vma_gap_top(struct mm *mm, vaddr_t low, vaddr_t high, size_t len)
{
	assert(low > 0 && len > 0);
	return top_gap(RB_ROOT(&mm->vmas), low, high, len);
}

vaddr_t vma_gap_bottom(struct mm *mm, vaddr_t low, vaddr_t high, size_t len)
{
	assert(low > 0 && len > 0);
	return bottom_gap(RB_ROOT(&mm->vmas), low, high, len);
}

static bool sums_right(const struct vma *v)
{
	struct vma again = *v;

	sum(&again);
	return again.sub_start == v->sub_start && again.sub_end == v->sub_end &&
	       again.gap_max == v->gap_max;
}

/* A red node has no red child, and children know their parent. */
static bool links_right(const struct vma *v)
{
	const struct vma *child[2] = { RB_LEFT(v, node), RB_RIGHT(v, node) };

	for (unsigned i = 0; i < 2; i++) {
		if (child[i] && RB_PARENT(child[i], node) != v)
			return false;
		if (child[i] && RB_COLOR(v, node) == RB_RED && RB_COLOR(child[i], node) == RB_RED)
			return false;
	}
	return true;
}

const char *vma_verify(struct mm *mm)
{
	struct vma *v;
	vaddr_t end = 0;
	uint64_t n = 0, pages = 0;

	RB_FOREACH(v, vma_tree, &mm->vmas) {
		if (!links_right(v))
			return "VMA tree's links or colours are wrong";
		if (v->start >= v->end || !IS_ALIGNED(v->start | v->end, PAGE_SIZE))
			return "VMA's bounds are wrong";
		if (v->start < end)
			return "VMAs overlap or are out of order";
		if (v->mm != mm)
			return "VMA names another mm";
		if (!v->obj && v->pgoff != v->start >> PAGE_SHIFT)
			return "anonymous VMA's pgoff is not its address";
		if (!sums_right(v))
			return "VMA tree's sums are wrong";
		end = v->end;
		pages += (v->end - v->start) >> PAGE_SHIFT;
		if (++n > mm->nvmas)
			break;
	}
	if (n != mm->nvmas)
		return "count of VMAs is wrong";
	return pages == mm->size_pages ? NULL : "sum of VMA sizes is wrong";
}
