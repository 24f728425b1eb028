/*
 * Huge leaves: entries at level 2 (2 MB) and level 3 (1 GB, explicit only).
 *
 * A huge leaf of anonymous memory maps a block (mm/alloc/block.h), and is
 * shorthand for 512 small leaves: so it can become a table of them at any time
 * (a split), and nobody's rights, content or counts change by that. Range
 * operations meet huge leaves only as a whole: pt_own and pt_own_zap, which
 * come before anything changes, split those that lie across an end of the range.
 *
 *	split, one leaf		512 ordinary pages, anchored in the new table
 *	split, several leaves	the block is mixed: small slots of a page hang on
 *				its anchor (rmap.h), huge ones on the block's list. A page
 *				of a mixed block without a small slot has no anchor (slot
 *				is NULL). All tables that map pieces of a block are of one family: the
 *				blocks and their places are aligned, so a piece has one index
 *	the last huge leaf goes	ordinary pages
 *
 * The list of huge leaves of a block: the first is head->leaf, the others are linked
 * through the companions of their tables (share.c), like the owners of a shared
 * table: an entry is either the one or the other.
 *
 * Pages of objects are on no list: the object's mappings find their leaves. A leaf of 512 pages of a memory object
 * (mm/obj/block.c) becomes a table with no more ado where a system call splits it; truncate and reclaim, which
 * have no table to give and may not fail, take it out as a whole: what stays of the object faults in
 * again. A leaf of an explicit huge page, which is never pages, cannot be split.
 *
 * A table of which all entries are leaves is shared by fork like a last-level table: its
 * owners are entries of level 3 without W. An entry of it is one slot, however many
 * owners the table has. cursor_open makes such a table own, as it does below.
 *
 * What the rest of pt.h says of huge leaves:
 *	cursor_open(c, as, va, 2)   stands on the entry of 2 MB: none, a leaf, the
 *			zero block, or a table. (To map a block: if none, cursor_map)
 *	cursor_open(c, as, va, 1)   -EEXIST: on the huge entry in the way, locked,
 *			c->level is 2 (3: 1 GB), its table as's own
 *	cursor_find(c, as, va, 1)   stands on it likewise; its table may be shared
 *	cursor_map(c, head, prot)   at level 2 or 3, over none: the caller's reference
 *			of the block becomes the leaf's
 *	cursor_map_special(c, huge_zero_pfn, PROT_R | PROT_U)   the huge page of zeros
 *	cursor_replace(c, head, prot, g)   zeros to a block, block to block
 *	cursor_clear, cursor_protect, cursor_clear_young, cursor_mark_written   as for small ones
 *	cursor_give_write   if block_is_own(head), with the leaf's table locked
 *	gather   a gather has room for a block if !gather_owners_full(g)
 *
 * A write to a huge leaf without W: if block_is_own, cursor_give_write; else close,
 * pt_split, and the small leaf faults again (one 4 KB page is copied).
 *
 * Locks: the table of the leaf, then the block's; a split also takes the new table's.
 */
#ifndef MM_PT_HUGE_H
#define MM_PT_HUGE_H

#include <mm/alloc/block.h>
#include <mm/pt/pt.h>

/* BLOCK_PAGES frames of zeros, without slot and count; 0: there are none. They stay while there is a user (huge_zero.c). */
extern pfn_t huge_zero_pfn;
/* as is a user from now on: before cursor_map_special. No spinlock held. 0 or -ENOMEM. */
int __must_check huge_zero_get(struct aspace *as);
/* `to` gets tables of `from`: it is one, too, if `from` is. `from` has no faults meanwhile. */
void huge_zero_share(struct aspace *to, const struct aspace *from);
/* The end of as, which has no entries any more. */
void huge_zero_put(struct aspace *as);
/* Frees the page if it has no users; how many frames that brought. No spinlock held. */
uint64_t huge_zero_shrink(void);

/*
 * The huge leaf of 2 MB at va, if there is one, becomes a table of 512 leaves; the aspace's
 * CPUs have forgotten it. No spinlock held; nothing else of the range is changed meanwhile
 * by others (a VMA lock or mm.lock is held). 0 (also if there is none), -ENOMEM, or -EINVAL: it is of 1 GB, or an explicit huge page.
 */
int __must_check pt_split(struct aspace *as, vaddr_t va);
/* The same for huge leaves that lie across start or end. Part of pt_own and pt_own_zap. */
int __must_check pt_split_edges(struct aspace *as, vaddr_t start, vaddr_t end);
/* For all that begin in [start, end). */
int __must_check pt_split_range(struct aspace *as, vaddr_t start, vaddr_t end);
/*
 * The step in it that cannot fail: the leaf under the cursor, at level 2 of an own table, becomes
 * the table t (table_alloc(0)), which is then the leaf's; the cursor stays on the entry. Notes the range in g.
 */
void cursor_split(struct cursor *c, struct page *t, struct gather *g);

/* ---- collapse.c ---- */

/*
 * The table of va, aligned to 2 MB, becomes a leaf of the block head, whose content is the pages', and zeros
 * where there are none; the caller's reference of head is the leaf's. mm.lock is held for writing,
 * no fault is in the range, all of which has the rights prot. 0, or -errno and nothing has changed: -EEXIST: it is huge already; -EINVAL: nothing
 * is there, or something swapped out; -EBUSY: others may have the table too (pt_own); -EAGAIN: somebody has a page just now.
 */
int __must_check pt_collapse(struct aspace *as, vaddr_t va, struct page *head, unsigned prot);

#endif
