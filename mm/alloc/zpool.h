/*
 * A pool of objects smaller than a page, packed well: compressed pages (mm/reclaim/zswap.c).
 */
#ifndef MM_ALLOC_ZPOOL_H
#define MM_ALLOC_ZPOOL_H

#include <arch/types.h>

#define ZPOOL_OBJECT_MAX	3064u		/* bytes */
#define ZPOOL_TAG_BITS		52u
#define ZPOOL_PLACES_MAX	64u		/* objects of a block */

/* Empty, of at most `pages` pages. Later again: other bounds for what is added from then on. */
void zpool_init(void);
void zpool_bound(uint64_t pages);
/*
 * Keeps the n (1 .. ZPOOL_OBJECT_MAX) bytes for their owner, whom the tag names, and gives a number for them,
 * never 0. 0; -ENOSPC: the pool is as large as it may be; -ENOMEM. Takes of the reserve for reclaim
 * at most one half. Nothing from RANK_POOL on is held.
 */
int __must_check zpool_add(const void *data, unsigned n, uint64_t tag, uint64_t *object);
/* The bytes, and in *n how many: where they lie, or in scratch (ZPOOL_OBJECT_MAX bytes) where that is in two pieces. */
const void *zpool_look(uint64_t object, void *scratch, unsigned *n);
void zpool_drop(uint64_t object);
/*
 * Who has the objects of the block that has been full for the longest time; how many, 0: no block
 * is full. It counts as the youngest then.
 */
unsigned zpool_oldest(uint64_t tag[ZPOOL_PLACES_MAX]);

uint64_t zpool_pages(void);
uint64_t zpool_objects(void);

/* mm_verify, at rest: is it an object, and of that owner? */
bool zpool_is(uint64_t object, uint64_t tag);
/* Blocks against their lists and the sums: NULL, or a text. */
const char *zpool_verify(void);

#endif
