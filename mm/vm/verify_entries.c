/*
 * mm_verify, of one address space: its entries against its VMAs and tables, each counted at its page or
 * slot (verify.c has the theory).
 */
#include <mm/vm/verify.h>
#include <mm/alloc/slots.h>
#include <mm/pt/huge.h>
#include <mm/vm/hugetlb.h>
#include <mm/vm/map.h>

/* Is e the entry of a page that reclaim was about to discard? */
static bool is_hidden(pte_t e)
{
	return !(e.v & PTE_SPECIAL) && pfn_valid(pte_pfn(e)) &&
	       pfn_to_page(pte_pfn(e))->flags & PG_LAZYFREE;
}

static void check_rights(struct verify *v, const struct vma *a, vaddr_t va, pte_t e)
{
	struct vma again = *a;

	vma_set_flags(&again, a->flags);
	if (again.prot != a->prot)
		verify_bad(v, "0x%lx: VMA of flags %x gives its leaves rights %x", va, a->flags,
			   a->prot);
	if (pte_present(e) ? !(a->flags & VM_RIGHTS) : a->flags & VM_RIGHTS && !is_hidden(e))
		verify_bad(v, "0x%lx: entry 0x%lx in a VMA of rights %x", va, e.v,
			   a->flags & VM_RIGHTS);
	if (!pte_present(e))
		return;
	if (!pte_user(e))
		verify_bad(v, "0x%lx: entry 0x%lx is not the user's", va, e.v);
	if (pte_writable(e) && !(a->flags & VM_WRITE))
		verify_bad(v, "0x%lx: entry 0x%lx is writable, its VMA is not", va, e.v);
	if (pte_exec(e) && arch_features.nx && !(a->flags & VM_EXEC))
		verify_bad(v, "0x%lx: entry 0x%lx is executable, its VMA is not", va, e.v);
}

static void check_special(struct verify *v, const struct vma *a, vaddr_t va, unsigned level, pte_t e)
{
	if (pte_pfn(e).v != (level > 1 ? huge_zero_pfn : zero_pfn).v)
		verify_bad(v, "0x%lx: special entry 0x%lx is not the zero page", va, e.v);
	if (pte_writable(e))
		verify_bad(v, "0x%lx: the zero page is writable", va);
	if (e.v & PTE_LOCKED)
		verify_bad(v, "0x%lx: the zero page is locked", va);
	if (a->obj)
		verify_bad(v, "0x%lx: the zero page in a mapping of an object", va);
}

static void check_anon(struct verify *v, const struct vma *a, vaddr_t va, unsigned level,
		       const pte_t *slot, pte_t e, const struct page *p)
{
	v->anon += LEVEL_SIZE(level) >> PAGE_SHIFT;
	if (a->flags & VM_SHARED)
		verify_bad(v, "0x%lx: anonymous page in a shared mapping", va);
	if (pte_writable(e) && p->slots > 1)
		verify_bad(v, "0x%lx: writable, but its page has %u slots", va, p->slots);
	if (pte_writable(e) && p->flags & PG_SWAPCACHE)
		verify_bad(v, "0x%lx: writable, but its page is in the swap cache", va);
	if (level == 1 && p->slots == 1 && p->slot != slot)
		verify_bad(v, "0x%lx: anonymous page does not know its slot", va);
}

static void check_file(struct verify *v, const struct vma *a, vaddr_t va, unsigned level, pte_t e,
		       const struct page *p)
{
	const uint64_t n = LEVEL_SIZE(level) >> PAGE_SHIFT;
	bool right = a->obj;

	v->file += n;
	for (uint64_t i = 0; i < n && right; i++)
		right = p[i].owner == a->obj && p[i].index == vma_pgoff(a, va) + i;
	if (!right)
		verify_bad(v, "0x%lx: page of a file or place that is not mapped here", va);
	if (pte_writable(e) && !(a->flags & VM_SHARED))
		verify_bad(v, "0x%lx: cached page writable in a private mapping", va);
}

/* A table of several owners is counted once: for the first. */
static bool first_look(const struct verify *v, const pte_t *slot)
{
	return virt_to_page(slot)->as == &v->mm->as;
}

/* How many struct pages, from p on, count the slot of an entry that names p. */
static unsigned counts_of(const struct page *p, unsigned level)
{
	return level > 1 && !block_is_whole(p) ? BLOCK_PAGES : 1;
}

/* Is e locked as its VMA is? Takes it out of the count of locked ones: 0 must be left at the end. Tallies it. */
static void count_entry(struct verify *v, const struct vma *a, vaddr_t va, unsigned level, pte_t e,
			struct page *p)
{
	unsigned n = counts_of(p, level);

	if (!(e.v & PTE_LOCKED) != !(a->flags & VM_LOCKED))
		verify_bad(v, "0x%lx: entry 0x%lx %s locked, its VMA %s", va, e.v,
			   e.v & PTE_LOCKED ? "is" : "is not",
			   a->flags & VM_LOCKED ? "is" : "is not");
	v->locked += e.v & PTE_LOCKED ? n : 0;
	for (const struct page *end = p + n; p < end; p++) {
		p->nlocked -= e.v & PTE_LOCKED ? 1 : 0;
		if (p->flags >> PG_TALLY_SHIFT < TALLY_MAX)
			p->flags += TALLY_ONE;
	}
}

/* A slot is named: 0 must be left of its count at the end. */
static void check_swap(struct verify *v, const struct vma *a, vaddr_t va, const pte_t *slot, pte_t e)
{
	v->swap++;
	if (a->flags & VM_SHARED)
		verify_bad(v, "0x%lx: swap entry 0x%lx in a shared mapping", va, e.v);
	if (first_look(v, slot) && !slot_tally(pte_swp(e)))
		verify_bad(v, "0x%lx: swap entry 0x%lx names a slot that has no such entry", va, e.v);
}

/* A leaf of an explicit huge page. */
static void check_hugetlb(struct verify *v, const struct vma *a, vaddr_t va, unsigned level, pte_t e,
			  const struct page *p)
{
	if (!(a->flags & VM_HUGETLB) || level != (a->flags & VM_HUGE_1G ? 3 : 2))
		verify_bad(v, "0x%lx: entry 0x%lx of level %u in a VMA of flags 0x%x", va, e.v, level, a->flags);
	if (p->owner ? p->owner != huge_file(a->obj) || p->index != vma_pgoff(a, va) : a->flags & VM_SHARED)
		verify_bad(v, "0x%lx: huge page of another object, or place in it", va);
	if (pte_writable(e) && !(a->flags & VM_SHARED) && (p->owner || p->slots > 1))
		verify_bad(v, "0x%lx: writable, but its huge page is somebody else's, too", va);
}

/* A leaf or noaccess entry of any level, which lies in a, or at least meets it. */
static void check_entry(struct verify *v, const struct vma *a, vaddr_t va, unsigned level,
			const pte_t *slot, pte_t e)
{
	bool moving = pte_kind(e, 1) == PTE_MIGRATING;
	struct page *p;

	if (va < a->start || va + LEVEL_SIZE(level) > a->end)
		verify_bad(v, "0x%lx: entry 0x%lx of level %u is not in one VMA", va, e.v, level);
	if (moving)
		e = pte_migrated(e);
	check_rights(v, a, va, e);
	if (e.v & PTE_SPECIAL) {
		check_special(v, a, va, level, e);
		return;
	}
	if (!pfn_valid(pte_pfn(e))) {
		verify_bad(v, "0x%lx: entry 0x%lx names no frame of RAM", va, e.v);
		return;
	}
	p = pfn_to_page(pte_pfn(e));
	if (p->kind == PAGE_ANON)
		check_anon(v, a, va, level, slot, e, p);
	else if (p->kind == PAGE_FILE && moving && !p->owner)
		v->file++;		/* it was not moved in the end: a fault takes the entry out */
	else if (p->kind == PAGE_FILE)
		check_file(v, a, va, level, e, p);
	else if (p->kind == PAGE_HUGETLB)
		check_hugetlb(v, a, va, level, e, p);
	else
		verify_bad(v, "0x%lx: entry 0x%lx names a page of kind %u", va, e.v, p->kind);
	if (first_look(v, slot))
		count_entry(v, a, va, level, e, p);
}

static int visit(void *arg, vaddr_t va, unsigned level, pte_t *slot, pte_t e)
{
	struct verify *v = arg;
	struct vma *a = vma_find(v->mm, va);

	if (!a || a->start >= va + LEVEL_SIZE(level)) {
		verify_bad(v, "0x%lx: entry 0x%lx of level %u outside of every VMA", va, e.v, level);
		return 0;
	}
	switch (pte_kind(e, level)) {
	case PTE_TABLE:
		return 0;
	case PTE_PRESENT:
	case PTE_SPECIAL_LEAF:
	case PTE_NOACCESS:
	case PTE_HUGE:
	case PTE_MIGRATING:
		check_entry(v, a, va, level, slot, e);
		return 0;
	case PTE_SWAP:
		check_swap(v, a, va, slot, e);
		return 0;
	case PTE_NONE:
	case PTE_MARKER:
		break;
	}
	verify_bad(v, "0x%lx: entry 0x%lx of a kind that nothing makes", va, e.v);
	return 0;
}

static void add_promises(struct verify *v, struct mm *mm)
{
	for (struct vma *a = vma_first(mm); a; a = vma_next(a))
		if (a->flags & VM_ACCOUNT)
			v->promised += vma_pages(a);
}

void verify_mm(struct verify *v, struct mm *mm)
{
	struct aspace_counts n;
	const char *why = vma_verify(mm);

	if (why) {		/* the tree cannot be relied on below */
		verify_bad(v, "%s (mm %p)", why, (void *)mm);
		return;
	}
	add_promises(v, mm);
	v->mm = mm;
	v->anon = v->file = v->swap = 0;
	pt_walk(&mm->as, 0, mm_user_end(), visit, v);
	verify_bad_if(v, "", pt_verify(&mm->as));
	aspace_count(&mm->as, &n);
	if (n.anon != v->anon || n.file + n.shmem != v->file)
		verify_bad(v, "mm %p: %lu anonymous, %lu object pages by tables, %lu, %lu by entries",
			   (void *)mm, n.anon, n.file + n.shmem, v->anon, v->file);
	if (n.swap != v->swap)
		verify_bad(v, "mm %p: %lu swap entries by tables, %lu by entries", (void *)mm, n.swap,
			   v->swap);
	if (n.table_pages * PAGE_SIZE != mm->as.table_bytes)
		verify_bad(v, "mm %p: %lu table pages, but %lu bytes", (void *)mm, n.table_pages,
			   mm->as.table_bytes);
}

/* Back into the counts. */
static int restore_entry(void *arg, vaddr_t va, unsigned level, pte_t *slot, pte_t e)
{
	struct verify *v = arg;
	const struct vma *a = vma_find(v->mm, va);
	enum pte_kind k = pte_kind(e, level);
	struct page *p;

	if (k == PTE_SWAP && a && a->start <= va && first_look(v, slot))
		slot_restore(pte_swp(e));
	if (!(e.v & PTE_LOCKED) ||
	    (k != PTE_PRESENT && k != PTE_NOACCESS && k != PTE_MIGRATING && k != PTE_HUGE) ||
	    e.v & PTE_SPECIAL)
		return 0;
	if (!a || a->start > va || !pfn_valid(pte_pfn(e)) || !first_look(v, slot))
		return 0;
	p = pfn_to_page(pte_pfn(e));
	for (unsigned i = 0; i < counts_of(p, level); i++)
		p[i].nlocked++;
	return 0;
}

void verify_restore(struct verify *v, struct mm *mm)
{
	v->mm = mm;
	if (!vma_verify(mm))		/* else verify_mm has taken nothing out */
		pt_walk(&mm->as, 0, mm_user_end(), restore_entry, v);
}
