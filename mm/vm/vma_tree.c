/*
 * The VMAs of an address space: a red-black tree by address. Each node knows
 * the gap below it, as far as the VMA before, and the largest gap of its
 * subtree, so that both "whose is this address" and "where is room for n
 * bytes" take O(log n).
 *
 * A turn of the tree changes the sums of two nodes, and RB_AUGMENT sees to
 * them; it relies on all others being right. So a VMA is hung in, and the gaps
 * that change are followed up as far as they count, before the tree turns; and
 * a VMA goes out with a gap of 0, which is nothing to those above it.
 *
 * A VMA that grows down claims its guard gap too: its room starts there. The
 * gap may reach into the VMA below (MAP_FIXED does not ask): then there is
 * none to count.
 *
 * Locks: mm.lock, for writing where the tree changes; vma_walk takes none.
 *
 * Why vma_walk may go beside a writer. It may be led astray, since the tree turns
 * under it: then it finds nothing or another VMA, and whoever asked looks at
 * what it found under that VMA's lock (vma_lock.h), or takes mm.lock: so its
 * answer need not be right, and no sequence of the tree is counted. It ends,
 * since it takes no more steps than the deepest tree has. And it touches no
 * memory that is no VMA's any more: every VMA that it comes to was in the tree
 * at some time since it began, and is freed a grace period after it has left
 * the tree, before which the walk is over (it does not sleep). For it begins at
 * the root; and a link that it reads is either of a VMA that is in the tree,
 * which leads to one that is, too, or is being taken out by a writer who has
 * not finished; or of one that has been taken out since the walk began, which
 * leads to where it led then: nobody writes to its links any more. A new VMA
 * is filled in, its links too, before it can be reached, and pointers are
 * stored as wholes; on x86 stores are seen in their order.
 */
#define RB_AUGMENT(v)	sum(v)
#define __unused	__attribute__((unused))

#include <mm/vm/vma.h>
#include <lib/assert.h>

/* True if the sum has changed. */
static inline bool sum(struct vma *v)
{
	const struct vma *l = RB_LEFT(v, node), *r = RB_RIGHT(v, node);
	uint64_t max = v->gap, old = v->gap_max;

	if (l)
		max = MAX(max, l->gap_max);
	if (r)
		max = MAX(max, r->gap_max);
	v->gap_max = max;
	return max != old;
}

static int vma_cmp(const struct vma *a, const struct vma *b)
{
	return a->start < b->start ? -1 : a->start > b->start;
}

RB_GENERATE_STATIC(vma_tree, vma, node, vma_cmp)

static uint64_t gap(vaddr_t from, vaddr_t to)
{
	return to > from ? to - from : 0;
}

/* What the gap below v is where prev, or nothing, comes before it. */
static uint64_t gap_after(const struct vma *prev, const struct vma *v)
{
	return gap(prev ? prev->end : 0, vma_room(v));
}

/* Something below v has changed, or v's gap. */
static void follow_up(struct vma *v)
{
	while (v && sum(v))
		v = RB_PARENT(v, node);
}

static void set_gap(struct vma *v, uint64_t bytes)
{
	v->gap = bytes;
	follow_up(v);
}

/* v's bounds are new. */
static void set_gaps_around(struct vma *v)
{
	struct vma *next = vma_next(v);

	set_gap(v, gap_after(vma_prev(v), v));
	if (next)
		set_gap(next, gap_after(v, next));
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

/* No tree is deeper: 2 log2(VMAs + 1), and their number is one of 31 bits. */
#define DEPTH_MAX	64u

struct vma *vma_walk(struct mm *mm, vaddr_t va)
{
	struct vma *v = READ_ONCE(RB_ROOT(&mm->vmas));

	for (unsigned i = 0; v && i < DEPTH_MAX; i++) {
		if (va >= READ_ONCE(v->end))
			v = READ_ONCE(RB_RIGHT(v, node));
		else if (va < READ_ONCE(v->start))
			v = READ_ONCE(RB_LEFT(v, node));
		else
			return v;
	}
	return NULL;
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

/* Hangs v between its neighbours: one of them has no child on that side. */
static void link(struct mm *mm, struct vma *v, struct vma *prev, struct vma *next)
{
	struct vma *parent = next && !RB_LEFT(next, node) ? next : prev;

	RB_SET(v, parent, node);
	__atomic_thread_fence(__ATOMIC_RELEASE); /* who can reach it finds it filled in */
	if (!parent)
		RB_ROOT(&mm->vmas) = v;
	else if (parent == next)
		RB_LEFT(next, node) = v;
	else
		RB_RIGHT(prev, node) = v;
	v->gap = v->gap_max = gap_after(prev, v);
	if (next)
		next->gap = gap_after(v, next);
	follow_up(parent);
	if (next && next != parent)
		follow_up(next);
	vma_tree_RB_INSERT_COLOR(&mm->vmas, v);
}

void vma_insert(struct mm *mm, struct vma *v, struct vma *prev, struct vma *next)
{
	assert(v->start < v->end && IS_ALIGNED(v->start | v->end, PAGE_SIZE));
	debug_assert((!prev || prev->end <= v->start) && (!next || v->end <= next->start));
	debug_assert(prev == (next ? vma_prev(next) : vma_last(mm)));
	link(mm, v, prev, next);
	mm->nvmas++;
	vma_sum(mm, v->flags, vma_pages(v));
	mm->size_max = MAX(mm->size_max, mm->size_pages);
}

struct planting {
	struct mm *mm;
	struct vma *next;		/* to be planted */
	const struct vma *prev;		/* the one before it, or NULL */
};

/*
 * The next n VMAs as a subtree whose halves differ by one at most, so that only
 * the lowest level of all is not full: its nodes are red. black: full levels.
 */
static struct vma *plant(struct planting *p, unsigned n, unsigned black)
{
	struct vma *v, *l, *r;

	if (n == 0)
		return NULL;
	l = plant(p, n / 2, black - 1);
	v = p->next;
	p->next = v->next_dead;
	v->gap = gap_after(p->prev, v);
	p->prev = v;
	r = plant(p, n - 1 - n / 2, black - 1);
	RB_LEFT(v, node) = l;
	RB_RIGHT(v, node) = r;
	RB_COLOR(v, node) = black ? RB_BLACK : RB_RED;
	if (l)
		RB_PARENT(l, node) = v;
	if (r)
		RB_PARENT(r, node) = v;
	v->gap_max = 0;
	sum(v);
	vma_sum(p->mm, v->flags, vma_pages(v));
	return v;
}

void vma_plant(struct mm *mm, struct vma *first, unsigned n)
{
	struct planting p = { .mm = mm, .next = first };
	struct vma *root;

	assert(RB_EMPTY(&mm->vmas) && mm->nvmas == 0);
	root = plant(&p, n, 31 - (unsigned)__builtin_clz(n + 1));
	if (root)
		RB_PARENT(root, node) = NULL;
	RB_ROOT(&mm->vmas) = root;
	mm->nvmas = n;
	mm->size_max = MAX(mm->size_max, mm->size_pages);
}

void vma_remove(struct mm *mm, struct vma *v)
{
	struct vma *next = vma_next(v);

	v->gap = 0;
	if (next)
		next->gap = gap_after(vma_prev(v), next);
	follow_up(v);
	if (next)
		follow_up(next);
	RB_REMOVE(vma_tree, &mm->vmas, v);
	assert(mm->nvmas > 0);
	mm->nvmas--;
	vma_sum(mm, v->flags, -vma_pages(v));
_Pragma("GCC unroll 4")
	for (unsigned i = 0; i < VMA_HINTS; i++)
		if (mm->last[i] == v)
			mm->last[i] = NULL;
}

void vma_resize(struct mm *mm, struct vma *v, vaddr_t start, vaddr_t end)
{
	assert(start < end && IS_ALIGNED(start | end, PAGE_SIZE));
	v->pgoff += (start >> PAGE_SHIFT) - (v->start >> PAGE_SHIFT);
	vma_sum(mm, v->flags, ((end - start) >> PAGE_SHIFT) - vma_pages(v));
	mm->size_max = MAX(mm->size_max, mm->size_pages);
	v->start = start;
	v->end = end;
	set_gaps_around(v);
}

static bool has_gap(const struct vma *v, size_t len)
{
	return v && v->gap_max >= len;
}

/* The last VMA of v's subtree with a gap of len bytes; there is one. */
static struct vma *last_with_gap(struct vma *v, size_t len)
{
	for (;;) {
		if (has_gap(RB_RIGHT(v, node), len))
			v = RB_RIGHT(v, node);
		else if (v->gap >= len)
			return v;
		else
			v = RB_LEFT(v, node);
	}
}

/* The last VMA before v with a gap of len bytes, or NULL. */
static struct vma *prev_with_gap(struct vma *v, size_t len)
{
	while (!has_gap(RB_LEFT(v, node), len)) {
		const struct vma *child;

		do {
			child = v;
			v = RB_PARENT(v, node);
		} while (v && child == RB_LEFT(v, node));
		if (!v || v->gap >= len)
			return v;
	}
	return last_with_gap(RB_LEFT(v, node), len);
}

/*
 * The highest place for len bytes in [low, high) below v, the first VMA that
 * reaches up to high; else 0. Of the gaps long enough only those in the guard gap
 * above them, and the one across low, are looked at in vain.
 */
static vaddr_t top_gap(struct vma *v, vaddr_t low, vaddr_t high, size_t len, struct vma **next)
{
	for (; v; v = prev_with_gap(v, len)) {
		vaddr_t room = vma_room(v), from = MAX(low, room - v->gap);

		high = MIN(high, room);
		*next = v;
		if (gap(from, high) >= len)
			return high - len;
		if (from == low)
			break;
	}
	return 0;
}

vaddr_t vma_gap_top(struct mm *mm, vaddr_t low, vaddr_t high, size_t len, struct vma **next)
{
	struct vma *v = vma_find(mm, high - 1);

	assert(low > 0 && high > 0 && len > 0);
	if (likely(v))
		return top_gap(v, low, high, len, next);
	*next = NULL;
	v = vma_last(mm);
	if (gap(MAX(low, v ? v->end : 0), high) >= len)
		return high - len;
	v = RB_ROOT(&mm->vmas);
	return has_gap(v, len) ? top_gap(last_with_gap(v, len), low, high, len, next) : 0;
}

/*
 * The lowest place for len bytes in the gaps below the VMAs of v's subtree, as
 * far as they lie in [low, high); else 0. A subtree is left at once if it has no
 * gap large enough; one that lies within [low, high) and has one cannot fail: so
 * only the two border paths of the range are ever walked in vain.
 */
static vaddr_t bottom_gap(const struct vma *v, vaddr_t low, vaddr_t high, size_t len)
{
	for (; has_gap(v, len) && gap(low, high) >= len; v = RB_RIGHT(v, node)) {
		vaddr_t room = vma_room(v), from = MAX(low, room - v->gap), found;

		if (from > low && has_gap(RB_LEFT(v, node), len)) {
			found = bottom_gap(RB_LEFT(v, node), low, MIN(high, room), len);
			if (found)
				return found;
		}
		if (gap(from, MIN(high, room)) >= len)
			return from;
		low = MAX(low, v->end);
	}
	return 0;
}

vaddr_t vma_gap_bottom(struct mm *mm, vaddr_t low, vaddr_t high, size_t len)
{
	const struct vma *v;
	vaddr_t found, last;

	assert(low > 0 && len > 0);
	found = bottom_gap(RB_ROOT(&mm->vmas), low, high, len);
	if (found)
		return found;
	v = vma_last(mm);
	last = MAX(low, v ? v->end : 0);
	return gap(last, high) >= len ? last : 0;
}

static bool sums_right(const struct vma *v, const struct vma *prev)
{
	struct vma again = *v;

	return v->gap == gap_after(prev, v) && !sum(&again);
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
	struct vma *v, *prev = NULL;
	vaddr_t end = 0;
	struct mm sums = { 0 };
	uint64_t n = 0;

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
		if (!sums_right(v, prev))
			return "VMA tree's sums are wrong";
		prev = v;
		end = v->end;
		vma_sum(&sums, v->flags, vma_pages(v));
		if (++n > mm->nvmas)
			break;
	}
	if (n != mm->nvmas)
		return "count of VMAs is wrong";
	if (sums.size_pages != mm->size_pages)
		return "sum of VMA sizes is wrong";
	if (sums.data_pages != mm->data_pages)
		return "sum of the sizes of data is wrong";
	return sums.locked_pages == mm->locked_pages ? NULL : "sum of locked VMAs is wrong";
}
