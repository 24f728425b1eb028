/*
 * Explicit huge pages: mappings; see hugetlb.h. Their faults: fault_hugetlb.c.
 *
 * As on Linux a mapping gets its promise from the pool when it is made, so that mmap fails, and no fault later. Not
 * promised: MAP_NORESERVE, a child's copies after fork. Also as on Linux a mapping that may be written makes a file that
 * ends sooner longer.
 *
 * Locks: mm.lock for writing, but where said otherwise.
 */
#include <mm/vm/hugetlb.h>
#include <mm/pt/pt.h>

#include <linux/errno.h>
#include <linux/mman.h>

/* The place of the mapping: s->pgoff of file (NULL: a fresh object), at addr, if flags order that. */
static int check_place(const struct vma_spec *s, vaddr_t addr, size_t *len, int flags, size_t size)
{
	size_t whole = ALIGN_UP(*len, size);

	if (whole < *len)
		return -ENOMEM;
	*len = whole;
	if (s->obj && !IS_ALIGNED(s->pgoff << PAGE_SHIFT, size))
		return -EINVAL;
	if (!(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)))
		return 0;
	if (!IS_ALIGNED(addr, size))
		return -EINVAL;
	return whole > mm_user_end() || addr > mm_user_end() - whole ? -ENOMEM : 0;
}

/* The object that s is to show: the file that it has, an account of it, or one of its own (no file). */
static int choose_object(struct vma_spec *s, struct hugepool *pool, size_t len, bool account, struct object **made)
{
	if (s->obj && !account)
		return 0;
	*made = s->obj ? huge_create_account(s->obj) : huge_create(pool, len, NULL, NULL);
	if (!*made)
		return -ENOMEM;
	if (!s->obj)
		s->pgoff = 0;
	s->obj = *made;
	return 0;
}

/* Whose pages a mapping of file, or (NULL) with these flags, has. NULL: it cannot have any. */
static struct hugepool *pool_for(const struct object *file, int flags)
{
	if (!file)
		return hugepool_of((unsigned)flags >> MAP_HUGE_SHIFT & MAP_HUGE_MASK);
	return object_is_huge(file) ? huge_pool(file) : NULL;
}

int hugetlb_mmap(struct mm *mm, vaddr_t addr, size_t *len, int flags, struct vma_spec *s,
		 struct object **made)
{
	struct hugepool *pool = pool_for(s->obj, flags);
	bool promised = !(flags & MAP_NORESERVE), owner = promised && !(s->flags & VM_SHARED);
	uint64_t end;
	int err;

	if (!pool)
		return -EINVAL;
	err = check_place(s, addr, len, flags, PAGE_SIZE << hugepool_order(pool));
	if (!err)
		err = choose_object(s, pool, *len, owner, made);
	end = s->pgoff + (*len >> PAGE_SHIFT);
	if (!err && promised)
		err = huge_reserve(s->obj, s->pgoff, end, true);
	if (err)
		return err;
	if (s->flags & VM_WRITE)
		huge_grow(huge_file(s->obj), end << PAGE_SHIFT);
	s->flags |= VM_HUGETLB | VM_NORESERVE |	/* the pool promises, as far as it does */
		    (hugepool_order(pool) == ORDER_GIANT ? VM_HUGE_1G : 0) | (owner ? VM_HUGE_OWNER : 0);
	mm->as.huge = true;		/* look closer at what is taken out */
	return 0;
}

vaddr_t hugetlb_place(struct mm *mm, vaddr_t hint, size_t len, int flags, const struct object *o)
{
	size_t size = PAGE_SIZE << huge_order(o);
	struct vma *next;
	vaddr_t at = map_place(mm, ALIGN_UP(hint, size), len, flags, &next);

	if (IS_ALIGNED(at, size))
		return at;
	at = map_place(mm, 0, len + size - PAGE_SIZE, flags, &next);
	return at ? ALIGN_UP(at, size) : 0;
}

void hugetlb_release(const struct vma *v, vaddr_t start, vaddr_t end)
{
	huge_unreserve(v->obj, vma_pgoff(v, start), vma_pgoff(v, end));
}

void hugetlb_promise_again(const struct vma *v, vaddr_t start, vaddr_t end)
{
	if (v->flags & VM_HUGE_OWNER)
		(void)!huge_reserve(v->obj, vma_pgoff(v, start), vma_pgoff(v, end), false);
}

static uint64_t mapped_of(struct mm *mm, const struct vma *v)
{
	uint64_t n = 0;
	unsigned level;

	for (vaddr_t va = v->start; va < v->end; va += hugetlb_size(v))
		n += !pte_is_none(pt_lookup(&mm->as, va, &level)) && level > 1;
	return n * (hugetlb_size(v) >> PAGE_SHIFT);
}

uint64_t hugetlb_mapped(struct mm *mm)
{
	uint64_t n = 0;

	for (struct vma *v = mm->as.huge ? vma_first(mm) : NULL; v; v = vma_next(v))
		n += vma_is_huge(v) ? mapped_of(mm, v) : 0;
	return n;
}

const char *hugetlb_verify(void)
{
	uint64_t promised[HUGEPOOLS] = { 0 };
	struct hugepool_figures f;
	struct object *o;

	TAILQ_FOREACH(o, &objects, all_link)
		for (unsigned i = 0; object_is_huge(o) && i < HUGEPOOLS; i++)
			promised[i] += hugepool_nth(i) == huge_pool(o) ? huge_promised(o) : 0;
	for (unsigned i = 0; i < HUGEPOOLS; i++) {
		hugepool_figures(hugepool_nth(i), &f);
		if (f.reserved != promised[i])
			return "a pool of huge pages has promised another number than objects have been";
	}
	return NULL;
}
