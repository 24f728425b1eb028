/*
 * Faults at entries of 2 MB.
 *
 *	entry			read			write
 *	------------------------------------------------------------------
 *	none			the huge page of zeros	a fresh block, cleared
 *	huge page of zeros	-			a fresh block in its place; if
 *							there is none: split
 *	block, W missing	-			own: W back; else split, and
 *							4 KB are copied (fault_cow.c)
 *	noaccess		rights back		rights back, then as above
 *	table			4 KB: fault_anon.c	(another thread was here first)
 *
 * A huge page comes where nothing is mapped in the 2 MB around the address, all of
 * them lie in the VMA, and that wants huge pages (thp.h). If there is no block the
 * fault goes on with 4 KB, and khugepaged may do better later. A block that
 * others have too is not copied as a whole: 2 MB for a write of one byte are too much to wait
 * for, and to pay; the split costs one table (and the other mappers nothing).
 */
#include <mm/vm/fault.h>
#include <lib/assert.h>
#include <mm/pt/huge.h>
#include <mm/reclaim/compact.h>
#include <mm/vm/hugetlb.h>

#include <linux/errno.h>

bool fault_wants_huge(const struct fault *f)
{
	unsigned level;

	if (vma_is_huge(f->vma))
		return true;
	if (f->vma->obj)
		return fault_wants_shmem(f);
	return !f->small && thp_wanted(f->vma) && thp_fits(f->vma, f->va) &&
	       pte_is_none(pt_lookup(&f->mm->as, f->va, &level)) && level > 1;
}

/* No block: 4 KB are what is needed then. The next one may find more. */
static void go_small(struct fault *f)
{
	compact_wake();
	vm_count(THP_FAULT_FALLBACK, 1);
	f->small = true;
	f->need = NEED_NOTHING;
}

/* Reads of what nobody has written share the huge page of zeros, unless that is not wanted. */
static bool wants_zeros(const struct fault *f)
{
	return !fault_writes(f) && READ_ONCE(thp.use_zero_page);
}

static void prepare_huge(struct fault *f)
{
	if (wants_zeros(f)) {
		if (huge_zero_get(&f->mm->as))
			go_small(f);
		return;
	}
	if (!f->fresh)
		f->fresh = page_alloc(ORDER_HUGE, PAGE_ANON, ALLOC_ZERO);
	if (!f->fresh)
		go_small(f);
}

/* FAULT_OK: look at the entry. */
static int prepare(struct fault *f)
{
	if (f->need == NEED_HUGE)
		prepare_huge(f);
	if (f->need != NEED_SPLIT)
		return FAULT_OK;
	f->need = NEED_NOTHING;
	return pt_split(&f->mm->as, f->va) ? FAULT_OOM : FAULT_SMALL;
}

static int huge_none(struct fault *f, struct cursor *c)
{
	if (f->need != NEED_HUGE)
		return FAULT_SMALL;
	if (!f->fresh) {
		vm_count(FAULT_ZERO_PAGE, 1);
		cursor_map_special(c, huge_zero_pfn, f->prot);
		return FAULT_OK;
	}
	vm_count(THP_FAULT_ALLOC, 1);
	cursor_map(c, fault_take_fresh(f), f->prot | (f->vma->flags & VM_WRITE ? PROT_W : 0));
	return FAULT_OK;
}

/* Zeros are to be written: a block of one's own takes their place. */
static int write_zeros(struct fault *f, struct cursor *c)
{
	if (f->small)
		return fault_ask(f, NEED_SPLIT, NULL);
	if (f->need != NEED_HUGE || !f->fresh)
		return fault_ask(f, NEED_HUGE, NULL);
	vm_count(THP_FAULT_ALLOC, 1);
	return fault_replace(f, c);
}

static int write_huge(struct fault *f, struct cursor *c, pte_t e)
{
	if (e.v & PTE_SPECIAL)
		return write_zeros(f, c);
	if (!block_is_own(pfn_to_page(pte_pfn(e))))
		return fault_ask(f, NEED_SPLIT, NULL);
	vm_count(PGREUSE, 1);
	cursor_give_write(c);
	return FAULT_OK;
}

int fault_huge_else(struct fault *f, struct cursor *c, pte_t e)
{
	switch (pte_kind(e, c->level)) {
	case PTE_NOACCESS:
		return fault_noaccess(f, c);
	case PTE_TABLE:
		return FAULT_SMALL;
	default:
		panic("fault at 0x%lx meets entry 0x%lx at level %u", f->va, e.v, c->level);
	}
}

static int huge_entry(struct fault *f, struct cursor *c)
{
	pte_t e = cursor_get(c);

	switch (pte_kind(e, c->level)) {
	case PTE_NONE:
		return huge_none(f, c);
	case PTE_HUGE:
		if (fault_writes(f) && !pte_writable(e))
			return write_huge(f, c, e);
		return fault_allowed(f, c, e);
	default:
		return fault_huge_else(f, c, e);
	}
}

int fault_settle_huge(struct fault *f)
{
	struct cursor c;
	int r;

	if (f->vma->obj)
		return fault_settle_shmem(f);
	do {
		r = prepare(f);
		if (r == FAULT_OK && cursor_open(&c, &f->mm->as, f->va, 2) == -ENOMEM)
			r = FAULT_OOM;
		if (r != FAULT_OK)
			return r;
		r = huge_entry(f, &c);
		cursor_close(&c);
		if (f->gathering)
			gather_finish(&f->g);
	} while (r == FAULT_AGAIN);
	if (r == FAULT_SMALL)
		fault_ask(f, NEED_NOTHING, NULL);
	return r;
}
