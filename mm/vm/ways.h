/*
 * How often a page is mapped: each of its slots counts for each owner of the table that the slot lies in. A slot of
 * a table shared by a fork is one slot, so the shared tables of all address spaces are gone through first, each where its
 * first owner has it: for the pages that have other slots, too, what is found says how many ways there are besides
 * the slots. Likewise for slots of swap and the entries that name them.
 */
#ifndef MM_VM_WAYS_H
#define MM_VM_WAYS_H

#include <mm/alloc/page.h>
#include <mm/obj/radix.h>
#include <mm/pt/pt.h>

struct ways {
	struct radix page, slot;	/* how many more: of pages and blocks, by numbers of their own; by swp_t */
	bool all;			/* also of pages that have one slot: not for ways_to_page */
};

/* The page of the leaf, or noaccess entry, e (a block's head at higher levels); NULL: it has none that counts. */
static inline struct page *leaf_page(pte_t e, unsigned level)
{
	enum pte_kind k = pte_kind(e, level);

	return (k == PTE_PRESENT || k == PTE_MIGRATING || k == PTE_NOACCESS || k == PTE_HUGE) &&
	       !(e.v & PTE_SPECIAL) ?
	       pfn_to_page(pte_pfn(e)) : NULL;
}

/* Fills *more, which is empty. 0 or -ENOMEM. Then ways_drop, also on failure. May sleep; no lock held. */
int __must_check ways_find(struct ways *more);
void ways_drop(struct ways *more);
/* The ways to p besides its slots. */
uint64_t ways_more(const struct page *p, const struct ways *more);
/* All ways to p, to s, which an entry of a table with so many owners names. */
uint64_t ways_to_page(const struct page *p, unsigned owners, const struct ways *more);
uint64_t ways_to_slot(swp_t s, unsigned owners, const struct ways *more);

#endif
