/*
 * What a present leaf of any size leads to: for who looks at the memory behind it. (pt.h's cursors
 * find it; huge.h tells of those above level 1.)
 */
#ifndef MM_PT_LEAF_H
#define MM_PT_LEAF_H

#include <mm/alloc/block.h>
#include <mm/pt/pt.h>

/* The frame that e, a leaf or noaccess entry of that level, has for va, which lies in it. */
static inline pfn_t leaf_frame(pte_t e, unsigned level, vaddr_t va)
{
	return pfn(pte_pfn(e).v + ((va & (LEVEL_SIZE(level) - 1)) >> PAGE_SHIFT));
}

/* Where the kernel has the byte at va. Good as long as the table is locked, or the leaf held. */
static inline void *leaf_at(const struct cursor *c, vaddr_t va)
{
	return (char *)phys_to_virt(pfn_to_paddr(leaf_frame(cursor_get(c), c->level, va))) +
	       va % PAGE_SIZE;
}

/* A reference of what the leaf under c maps, its page or block; leaf_let gives it back. */
static inline struct page *leaf_hold(const struct cursor *c)
{
	struct page *p = pfn_to_page(pte_pfn(cursor_get(c)));

	if (likely(c->level == 1))
		page_get(p);
	else
		block_get(p);
	return p;
}

static inline void leaf_let(const struct cursor *c, struct page *p)
{
	if (likely(c->level == 1))
		page_put(p);
	else
		block_put(p);
}

/*
 * The anonymous block of the huge leaf, or noaccess entry, of 2 MB under c, if nothing else names it: neither another
 * entry nor somebody who shares c's table; NULL.
 */
static inline struct page *leaf_own_block(const struct cursor *c)
{
	pte_t e = cursor_get(c);
	enum pte_kind kind = pte_kind(e, c->level);
	struct page *head;

	if (c->level != 2 || (kind != PTE_HUGE && kind != PTE_NOACCESS) || e.v & PTE_SPECIAL || c->table->shared)
		return NULL;
	head = pfn_to_page(pte_pfn(e));
	return head->kind == PAGE_ANON && block_is_whole(head) && READ_ONCE(head->slots) == 1 ? head : NULL;
}

/* Is it the huge leaf, or noaccess entry, of pages of an object that c stands on? */
static inline bool leaf_is_cached(const struct cursor *c)
{
	pte_t e = cursor_get(c);
	enum pte_kind kind = pte_kind(e, c->level);

	return c->level == 2 && (kind == PTE_HUGE || kind == PTE_NOACCESS) && !(e.v & PTE_SPECIAL) &&
	       pfn_to_page(pte_pfn(e))->kind == PAGE_FILE;
}

/* Does [va, end) have all of what c stands on? */
static inline bool leaf_lies_in(const struct cursor *c, vaddr_t va, vaddr_t end)
{
	return c->va >= va && end - c->va >= LEVEL_SIZE(c->level);
}

#endif
