/*
 * A radix tree: pointers by a 64-bit index, 64 to a node. Depth follows the
 * largest index; empty nodes are freed. The owner's lock guards it.
 */
#ifndef MM_OBJ_RADIX_H
#define MM_OBJ_RADIX_H

#include <arch/types.h>

struct radix {
	void *root;			/* node of the top level; NULL: empty */
	unsigned height;		/* levels of nodes; 0: empty */
};

/* Makes the cache of nodes: before the first insert. */
void radix_boot(void);

/* Puts a non-NULL item at an index that has none. 0 or -ENOMEM. */
int __must_check radix_insert(struct radix *r, uint64_t index, void *item);
/* Another item in the place of the one at index. */
void radix_replace(struct radix *r, uint64_t index, void *item);
/* The item at index, or NULL. */
void *radix_get(const struct radix *r, uint64_t index);
/* Takes out and returns the item at index, or NULL. */
void *radix_remove(struct radix *r, uint64_t index);
/*
 * The items of index, a multiple of RADIX_ROW, and of the others up to the next multiple; NULL: there are none. Good until
 * the tree is changed.
 */
#define RADIX_ROW	64u
void *const *radix_row(const struct radix *r, uint64_t index);
/* The first item at or after *index, which is set to where it is; NULL: no more. */
void *radix_next(const struct radix *r, uint64_t *index);
/* Every node's count against its slots: 0, or a text. */
const char *radix_verify(const struct radix *r);

#endif
