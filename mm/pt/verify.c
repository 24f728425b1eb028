/*
 * pt_verify: every table of an address space recounted from its entries, and
 * every entry held against the struct page that it names. Everything must be
 * at rest; nothing is locked and nothing changed.
 *
 * What is checked of a table: it is one (kind, level, base, owner, not dead);
 * if it is shared, all its owners are linked, point to it, and have no W;
 * used, first, last, counts; its upper entry is where it says. Of an entry: a
 * kind that may be there, rights that fit the half it is in, no W with X in
 * the kernel's; of the page: kind, slot count, references, and for an
 * anonymous page that it knows one of its slots, and that the family of this
 * one has all. A writable entry of an anonymous page is its only one.
 */
#include <lib/format.h>
#include <lib/string.h>
#include <mm/alloc/block.h>
#include <mm/pt/table.h>

struct verify {
	struct aspace *as;
	uint64_t tables;
};

/* What the entries of one table add up to. */
struct recount {
	unsigned used, anon, file, shmem, swap;
};

static char text[200];

#define bad(...) (snprintf(text, sizeof(text), __VA_ARGS__), false)

/* The page's anchor is this slot, or one of another table; by it all of its slots are found. */
static bool check_anchor(const struct page *p, vaddr_t va, const pte_t *slot, pte_t e)
{
	unsigned n;

	if (!p->slot)
		return bad("%lx: page %lx has no anchor", va, pte_pfn(e).v);
	if (p->slot != slot) {
		if (p->slots > 1 && slot_index(p->slot) == slot_index(slot) &&
		    entry_names(pte_read(p->slot), p))
			return true;
		return bad("%lx: page %lx does not know its slot", va, pte_pfn(e).v);
	}
	n = kin_count(virt_to_page(slot), slot_index(slot), p);
	if (p->flags & PG_MIXED)
		n += leaf_count(block_head(p));
	if (n != p->slots)
		return bad("%lx: page %lx has %u slots, of which its anchor's family has %d", va,
			   pte_pfn(e).v, p->slots, (int)n);
	return true;
}

static bool check_block(const struct page *head, vaddr_t va, const pte_t *slot, pte_t e)
{
	const char *why = leaf_verify(head, slot);

	for (unsigned i = 1; i < BLOCK_PAGES && !block_is_whole(head) && pte_writable(e); i++)
		if (head[i].slots > 1)
			return bad("%lx: a writable block of which page %u has other slots", va, i);
	return !why || bad("%lx: block %lx has %s", va, pte_pfn(e).v, why);
}

static bool check_page(const struct page *p, unsigned level, vaddr_t va, const pte_t *slot, pte_t e)
{
	if (p->kind != PAGE_ANON && p->kind != PAGE_FILE && p->kind != PAGE_KERNEL &&
	    p->kind != PAGE_HUGETLB)
		return bad("%lx: entry %lx names a page of kind %u", va, e.v, p->kind);
	if (p->slots == 0 || p->refs < p->slots)
		return bad("%lx: page %lx has %u slots, %u refs", va, pte_pfn(e).v, p->slots,
			   p->refs);
	if (level == 2 && p->kind == PAGE_FILE && !p->leaves)
		return bad("%lx: page %lx does not know that a huge leaf names it", va, pte_pfn(e).v);
	if (p->order != 9 * (level - 1) &&
	    !(level == 2 && !p->order && (p->flags & PG_MIXED || p->kind == PAGE_FILE)))
		return bad("%lx: entry %lx of level %u names a block of order %u", va, e.v, level,
			   p->order);
	if (p->kind != PAGE_ANON)
		return true;
	if (p->slots > 1 && pte_writable(e))
		return bad("%lx: page %lx writable, with %u slots", va, pte_pfn(e).v, p->slots);
	return level > 1 ? check_block(p, va, slot, e) : check_anchor(p, va, slot, e);
}

/* An entry that names a frame with a slot, or a leaf without. */
static bool check_frame(const struct verify *v, struct recount *r, unsigned level, vaddr_t va,
			const pte_t *slot, pte_t e)
{
	const struct page *p;

	if (level > 3 || !IS_ALIGNED(pte_pfn(e).v, 1ul << 9 * (level - 1)))
		return bad("%lx: entry %lx cannot be a leaf of level %u", va, e.v, level);
	if (pte_present(e) && pte_user(e) == v->as->kernel)
		return bad("%lx: entry %lx in the wrong half", va, e.v);
	if (v->as->kernel && pte_writable(e) && pte_exec(e))
		return bad("%lx: entry %lx of the kernel is writable and executable", va, e.v);
	if (e.v & PTE_SPECIAL)
		return true;
	if (!pfn_valid(pte_pfn(e)))
		return bad("%lx: entry %lx names no frame of RAM", va, e.v);
	p = pfn_to_page(pte_pfn(e));
	r->anon += p->kind == PAGE_ANON;
	if (p->kind == PAGE_FILE)
		*(p->flags & PG_SHMEM ? &r->shmem : &r->file) += 1;
	return check_page(p, level, va, slot, e);
}

static bool check_table(struct verify *v, struct page *t, unsigned level, vaddr_t base,
			const pte_t *owner_slot);

static bool check_entry(struct verify *v, struct recount *r, unsigned level, vaddr_t va,
			const pte_t *slot, pte_t e)
{
	switch (pte_kind(e, level)) {
	case PTE_NONE:
		return bad("%lx: entry %lx is of no kind", va, e.v);
	case PTE_PRESENT:
	case PTE_SPECIAL_LEAF:
	case PTE_NOACCESS:
	case PTE_MIGRATING:
	case PTE_HUGE:
		return check_frame(v, r, level, va, slot, e);
	case PTE_SWAP:
		r->swap++;
		return !(e.v & PTE_LOCKED) || bad("%lx: a locked page is in swap: %lx", va, e.v);
	case PTE_MARKER:
		return true;
	case PTE_TABLE:
		if (!pfn_valid(pte_pfn(e)) || pte_user(e) == v->as->kernel || !pte_exec(e) ||
		    (!pte_writable(e) && (level > 3 || !v->as->shares)))
			return bad("%lx: bad upper entry %lx", va, e.v);
		return check_table(v, pfn_to_page(pte_pfn(e)), level - 1, va, slot);
	}
	return bad("%lx: entry %lx is of no kind", va, e.v);
}

static bool check_counts(const struct page *t, const struct recount *r)
{
	if (t->used != r->used)
		return bad("table %lx of %lx: used says %u, %u are", page_to_phys(t).v, t->base,
			   t->used, r->used);
	if (t->anon != r->anon || t->file != r->file || t->shmem != r->shmem || t->swap != r->swap)
		return bad("table %lx of %lx: anon %u file %u shmem %u swap %u, not %u, %u, %u, %u",
			   page_to_phys(t).v, t->base, t->anon, t->file, t->shmem, t->swap,
			   r->anon, r->file, r->shmem, r->swap);
	return true;
}

/* Does t's page know that owner_slot, at base, points to it? */
static bool check_owner(const struct verify *v, const struct page *t, vaddr_t base,
			const pte_t *owner_slot)
{
	const char *why;

	if (!t->shared)
		return t->as == v->as && t->base == base && t->owner_slot == owner_slot;
	why = t->level <= 2 ? owner_verify(t, owner_slot) : "an upper table";
	return !why || bad("shared table %lx of %lx: %s", page_to_phys(t).v, base, why);
}

static bool check_table(struct verify *v, struct page *t, unsigned level, vaddr_t base,
			const pte_t *owner_slot)
{
	const pte_t *tab = table_entries(t);
	bool root = level == arch_levels;
	unsigned i = root ? root_first(v->as) : 0, end = root ? root_end(v->as) : PT_ENTRIES;
	struct recount r = { 0 };

	v->tables += !root;
	text[0] = '\0';
	if (level == 1 && kin_verify(t))
		return bad("table %lx of %lx: %s", page_to_phys(t).v, base, kin_verify(t));
	if (t->kind != PAGE_TABLE || t->level != level || t->dead || spin_is_locked(&t->lock) ||
	    !check_owner(v, t, base, owner_slot))
		return text[0] ? false :
		       bad("table %lx of %lx, level %u: its page says kind %u, level %u, %lx%s%s",
			   page_to_phys(t).v, base, level, t->kind, t->level, t->base,
			   t->dead ? ", dead" : "", spin_is_locked(&t->lock) ? ", locked" : "");
	for (; i < end; i++) {
		pte_t e = pte_read(&tab[i]);

		if (e.v == 0)
			continue;
		r.used++;
		if (i < t->first || i > t->last)
			return bad("table %lx: entry %u in use, first %u, last %u",
				   page_to_phys(t).v, i, t->first, t->last);
		if (!check_entry(v, &r, level, base + i * LEVEL_SIZE(level), &tab[i], e))
			return false;
	}
	return check_counts(t, &r);
}

/* A user's root must hold the kernel's half as the kernel's own root has it. */
static bool check_kernel_half(const struct aspace *as)
{
	const pte_t *a = table_entries(aspace_root(as));
	const pte_t *b = table_entries(aspace_root(&kernel_aspace));

	for (unsigned i = PT_ENTRIES / 2; i < PT_ENTRIES; i++)
		if ((a[i].v ^ b[i].v) & ~PTE_A)
			return bad("root %lx: entry %u of the kernel's half is %lx, not %lx",
				   as->root.v, i, a[i].v, b[i].v);
	return true;
}

const char *pt_verify(struct aspace *as)
{
	struct verify v = { .as = as };
	vaddr_t base = as->kernel ? -LEVEL_SIZE(arch_levels + 1) : 0;

	if (!check_table(&v, aspace_root(as), arch_levels, base, NULL))
		return text;
	if (!as->kernel && !check_kernel_half(as))
		return text;
	if (as->table_bytes != v.tables * PAGE_SIZE) {
		snprintf(text, sizeof(text), "root %lx: %lu bytes of tables, %lu counted",
			 as->root.v, as->table_bytes, v.tables * PAGE_SIZE);
		return text;
	}
	return NULL;
}
