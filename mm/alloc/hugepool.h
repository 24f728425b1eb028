/*
 * Pools of explicit huge pages: blocks of 2 MB and of 1 GB that are set aside, at boot or later, for who
 * asks for them by name (MAP_HUGETLB). A page of a pool is never split, moved or swapped.
 *
 *	pages = free + in use		reserved <= free: promised to mappings, not taken so far
 *
 * A mapping reserves what it may need when it is made, so that its faults find a page. Who takes a
 * page without a reservation gets one only of those that are not promised. A page whose
 * last reference goes comes back (page_put), or goes to the buddy if the pool has been made smaller
 * meanwhile: then it was a surplus one.
 *
 * Options as on Linux: hugepagesz=2M|1G hugepages=N, in this order, any number of times.
 */
#ifndef MM_ALLOC_HUGEPOOL_H
#define MM_ALLOC_HUGEPOOL_H

#include <mm/alloc/page.h>

enum { HUGEPOOL_2M, HUGEPOOL_1G, HUGEPOOLS };

struct hugepool_figures { uint64_t pages, free, reserved, surplus; };

struct hugepool;
/* The pool of that size; 0: of the default size (2 MB). NULL: there is none of blocks of 2^shift bytes. */
struct hugepool *hugepool_of(unsigned shift);
struct hugepool *hugepool_nth(unsigned i);
/* Of its pages. */
unsigned hugepool_order(const struct hugepool *pool);
void hugepool_figures(const struct hugepool *pool, struct hugepool_figures *f);

/* What the options ask for. After page_init; says in the log what there is. */
void hugepool_boot(void);
/*
 * Makes the pool n pages large, as far as alloc, page_alloc or one that goes to more trouble, has
 * memory; what is in use or reserved stays, as surplus. Any number of callers; no lock held, may yield.
 */
void hugepool_resize(struct hugepool *pool, uint64_t n,
		     struct page *(*alloc)(unsigned order, enum page_kind kind, unsigned flags));

/* Promises n pages. False: there are not so many free ones. */
bool __must_check hugepool_reserve(struct hugepool *pool, uint64_t n);
/* Takes back the promise of n pages that nobody has taken. */
void hugepool_unreserve(struct hugepool *pool, uint64_t n);
/*
 * A page, refs 1, of undefined content; `reserved`: one of those promised to the caller. NULL: none
 * is free that is not promised.
 */
struct page *hugepool_take(struct hugepool *pool, bool reserved);
/* A page without references comes back: page_put's. */
void hugepool_give(struct page *p);
/* Free pages and counts against each other: 0, or a text. At rest. */
const char *hugepool_verify(void);

#endif
