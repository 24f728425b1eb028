/*
 * What an object's index holds: a page, or, for a page of a memory object that is in swap, its
 * slot, of which the index is one entry (slots.h). Told apart by the lowest bit. Inside mm/obj/.
 */
#ifndef MM_OBJ_SWAPPED_H
#define MM_OBJ_SWAPPED_H

#include <arch/pte.h>
#include <mm/obj/object.h>

static inline bool item_is_swap(const void *item) { return (uintptr_t)item & 1; }
static inline swp_t item_swp(const void *item) { return (swp_t){ (uintptr_t)item >> 1 }; }
static inline void *swap_item(swp_t s) { return (void *)(uintptr_t)(s.v << 1 | 1); }
/* The page, or NULL. */
static inline struct page *item_page(void *item) { return item_is_swap(item) ? NULL : item; }

/* Takes the slot at index out; a memory object's promise for the page goes with it. o->lock held. */
void object_drop_swap(struct object *o, uint64_t index);

#endif
