/*
 * A set of byte ranges: sorted, apart from each other, in a fixed table. For
 * boot, when there is no allocator, and for pfn_valid afterwards.
 */
#ifndef MM_ALLOC_RANGESET_H
#define MM_ALLOC_RANGESET_H

#include <arch/types.h>
#include <boot/bootinfo.h>

struct range { uint64_t start, end; };	/* end exclusive */

#define RANGES_MAX	(2 * BOOT_RANGES_MAX)

struct rangeset {
	unsigned n;
	struct range r[RANGES_MAX];
};

/* Adds [start, end), joining what touches. Nothing if it is empty. False: no room, not added. */
bool __must_check rangeset_add(struct rangeset *s, uint64_t start, uint64_t end);
/* Takes [start, end) out. False: no room for the second piece of a range cut in two; it is lost. */
bool __must_check rangeset_remove(struct rangeset *s, uint64_t start, uint64_t end);
/* True if [start, end) overlaps or adjoins a range of the set. */
bool rangeset_touch(const struct rangeset *s, uint64_t start, uint64_t end);
/* Calls fn for each part of a that is not in b. */
void rangeset_diff(const struct rangeset *a, const struct rangeset *b,
		   void (*fn)(uint64_t start, uint64_t end));
/* The lowest aligned start in [from, to) of `size` bytes that lie in one range and below `to`. */
bool __must_check rangeset_fit(const struct rangeset *s, uint64_t from, uint64_t to, uint64_t size,
			     uint64_t align, uint64_t *start);
uint64_t rangeset_bytes(const struct rangeset *s);

#endif
