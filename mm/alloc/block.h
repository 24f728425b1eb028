/*
 * Blocks: 512 frames (2 MB) that one huge leaf can map.
 *
 * One law carries everything: a huge leaf is shorthand for 512 small ones, and a
 * reference or a slot of a block is one of each of its frames.
 *
 *	whole	all leaves that name it are huge: refs and slots stand once, in
 *		the head (order ORDER_HUGE); the other frames are its tails
 *	mixed	one of several huge leaves has become a table (mm/pt/huge.h): each
 *		frame is a page of order 0, with refs and slots of its own, which
 *		those of the huge leaves and of the block's other holders are among.
 *		PG_MIXED is on all of them as long as a huge leaf names them
 *	pages	no huge leaf is left: 512 pages that know nothing of each other
 *
 * A block goes this way only (the last mapper of a mixed one may make it whole again:
 * block_is_own). Whoever has a reference of a block as a block does not know what it is by now,
 * and says so: block_put gives it back as what it has become. A reference that
 * was taken of one page, by its own struct page, is a page's and goes by page_put.
 *
 * Explicit huge pages, blocks of the kernel, and those of 1 GB are always whole. A block comes
 * from page_alloc(ORDER_HUGE, PAGE_ANON, ...), refs = 1, and is nobody's until it is mapped.
 *
 * A block of a memory object (mm/obj/block.c) is pages from its beginning: 512 frames in a row that are 512
 * pages in a row of the object, and nothing else says so. A huge leaf is a slot and a reference of each,
 * and all that is done with the object is done page by page.
 *
 * Locks: the block's (RANK_BLOCK, inside of table locks): refs and slots of a
 * whole one, what it is, PG_MIXED, and the list of huge leaves. Those of a mixed one's pages
 * are atomic as any page's. The queue has its own (RANK_LISTS): the head of a block that is in it has
 * `policy` set, and may get a reference under that lock alone, which is the block's or the page's as `policy` says;
 * a whole block is out of the queue while it becomes anything else.
 */
#ifndef MM_ALLOC_BLOCK_H
#define MM_ALLOC_BLOCK_H

#include <mm/alloc/page.h>

#define BLOCK_PAGES	(1u << ORDER_HUGE)

/* Of a page of a mixed block. */
static inline struct page *block_head(const struct page *p)
{
	return pfn_to_page(pfn(page_to_pfn(p).v & -(uint64_t)BLOCK_PAGES));
}

void block_lock(const struct page *head);
void block_unlock(const struct page *head);

/* Of a block that the caller has a reference of, or whose leaf's table is locked. */
static inline bool block_is_whole(const struct page *head)
{
	return READ_ONCE(head->order) != 0;
}

/* A reference more of the block: one of each frame. A leaf that names it is locked, or a reference held. */
void block_get(struct page *head);
/* Gives one back; frames whose last it was are free. No lock from RANK_BLOCK on is held. */
void block_put(struct page *head);
/*
 * Is there one slot and one reference of every frame? The only huge leaf's
 * table is locked: its holder may then write. A mixed block of which that is true is whole again.
 */
bool block_is_own(struct page *head);

/*
 * ---- for who reclaims: a queue of the anonymous ones that huge leaves map. Pages of mixed ones are on no other list
 * (lists.h) until no huge leaf is left. ----
 */

/* head, just mapped, comes behind the others. */
void block_list(struct page *head);
/*
 * The oldest, or the oldest that is charged to a memory limit (0: to any), with a reference more;
 * it is the youngest now. NULL: there is none, just now.
 */
struct page *block_oldest(uint16_t limit);
/* Was head, referenced, used since the last look? */
void block_used(struct page *head, bool used);
/* It counts as unused, and is the oldest now. */
void block_cool(struct page *head);
/* The same, and its owner has given it up (PG_LAZYFREE); or he has not, after all, and it stays where it is. */
void block_lazy(struct page *head, bool lazy);
/* Blocks in the queue; of these, used when they were looked at last. */
struct block_figures { uint64_t listed, active; };
struct block_figures block_figures(void);

/* ---- for mm/pt, which has the leaves; the block is locked ---- */

/* n (1 or -1) slots more of every frame; references alone. */
void block_add_slots(struct page *head, int n);
void block_add_refs(struct page *head, int n);
/* n slots more that mlock holds, of every frame. */
void block_add_locked(struct page *head, int n);
/* A whole one becomes BLOCK_PAGES pages of its refs and slots; mixed: huge leaves are left. */
void block_scatter(struct page *head, bool mixed);
/* No huge leaf names it any more. */
void block_unmix(struct page *head);

/* ---- for mm/obj, mm/pt: blocks that are pages of an object ---- */

/* A block that nobody has mapped so far becomes BLOCK_PAGES pages like it, the caller's reference one of each. */
void block_part(struct page *head);
/* Each of them gets this flag. */
void block_set_flag(struct page *head, uint32_t flag);
/* Does a huge leaf name the frames that p, in use, lies among, as pages of an object? A guess. */
bool block_is_cached(const struct page *p);

#endif
