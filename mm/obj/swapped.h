/*
 * What an object's index holds: a page; or, for a page of a memory object that is in swap, its
 * slot, of which the index is one entry (slots.h); or, for a page of a file that was evicted, its
 * shadow (shadow.c). Told apart by the lowest two bits. Inside mm/obj/.
 */
#ifndef MM_OBJ_SWAPPED_H
#define MM_OBJ_SWAPPED_H

#include <arch/pte.h>
#include <mm/obj/object.h>

static inline bool item_is_swap(const void *item) { return (uintptr_t)item & 1; }
static inline swp_t item_swp(const void *item) { return (swp_t){ (uintptr_t)item >> 1 }; }
static inline void *swap_item(swp_t s) { return (void *)(uintptr_t)(s.v << 1 | 1); }
static inline bool item_is_shadow(const void *item) { return ((uintptr_t)item & 3) == 2; }
static inline uint32_t item_shadow(const void *item) { return (uint32_t)((uintptr_t)item >> 2); }
static inline void *shadow_item(uint32_t s) { return (void *)((uintptr_t)s << 2 | 2); }
/* The page, or NULL. */
static inline struct page *item_page(void *item) { return (uintptr_t)item & 3 ? NULL : item; }

/* Is the page's content there? */
static inline bool page_is_ready(const struct page *p)
{
	return READ_ONCE(p->flags) & PG_UPTODATE;
}
/* Is index before the end? */
static inline bool object_reaches(const struct object *o, uint64_t index)
{
	return index < (o->size + PAGE_SIZE - 1) >> PAGE_SHIFT;
}
/* For n pages more of o: their room and their promise. 0 or -ENOSPC. */
int __must_check object_pay(struct object *o, uint64_t n);
/* n pages less, in memory or in swap. */
void object_unpay(struct object *o, uint64_t n);
/* Takes the slot at index out; a memory object's promise for the page goes with it. o->lock held. */
void object_drop_swap(struct object *o, uint64_t index);

/* A shadow in the place of p; p in a place with a shadow, or nothing (0, -ENOMEM); a shadow goes. o->lock held. */
void object_leave_shadow(struct object *o, const struct page *p);
int __must_check object_place(struct object *o, uint64_t index, struct page *p);
void object_drop_shadow(struct object *o, uint64_t index);

/* Whatever is in the index of o, which nobody has any more, goes; what reclaim looks at is waited for. */
void object_drop_all(struct object *o);

#endif
