/*
 * Pools of explicit huge pages: blocks of 2 MB and of 1 GB that are set aside, at boot or later, for who
 * asks for them by name (MAP_HUGETLB). A page of a pool is never split, moved or swapped.
 *
 *	pages = free + in use		reserved <= free: promised to mappings, not taken so far
 *	pages = what was asked for + surplus
 *
 * A mapping reserves what it may need when it is made, so that its faults find a page. Who takes a
 * page without a reservation gets one only of those that are not promised. Where too few are free, the pool
 * grows by surplus pages, up to as many as its overcommit allows. A page whose last reference goes comes back
 * (page_put), or goes to the buddy if there are surplus ones: because of that, or because the pool has been
 * made smaller meanwhile.
 *
 * Options as on Linux: hugepagesz=2M|1G hugepages=N, in this order, any number of times.
 */
#ifndef MM_ALLOC_HUGEPOOL_H
#define MM_ALLOC_HUGEPOOL_H

#include <mm/alloc/page.h>

enum { HUGEPOOL_2M, HUGEPOOL_1G, HUGEPOOLS };

struct hugepool_figures { uint64_t pages, free, reserved, surplus, overcommit; };

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
 * Where a pool's pages come from once it has been booted: page_alloc, till who goes to more trouble has set it. No lock
 * of memory's ranks is held; may sleep.
 */
extern struct page *(*hugepool_source)(unsigned order, enum page_kind kind, unsigned flags);
/*
 * Makes the pool n pages large, as far as there is memory; what is in use or reserved stays, as surplus. Any number of
 * callers; no lock held, may sleep.
 */
void hugepool_resize(struct hugepool *pool, uint64_t n);
/* How many surplus pages it may make. -EINVAL: blocks of 1 GB are not made on demand. */
int __must_check hugepool_set_overcommit(struct hugepool *pool, uint64_t n);
/* So many pages it could have at most, as of now. */
uint64_t hugepool_most(const struct hugepool *pool);

/* Promises n pages; with `more`, which may sleep, of surplus ones, too. False: there are not so many free ones. */
bool __must_check hugepool_reserve(struct hugepool *pool, uint64_t n, bool more);
/* Takes back the promise of n pages that nobody has taken. */
void hugepool_unreserve(struct hugepool *pool, uint64_t n);
/*
 * A page, refs 1, of undefined content; `reserved`: one of those promised to the caller. NULL: none
 * is free that is not promised, nor can be made. May sleep.
 */
struct page *hugepool_take(struct hugepool *pool, bool reserved);
/* A page just taken by a promise, not used, refs 1, comes back, and is promised again. */
void hugepool_restore(struct page *p);
/* A page without references comes back: page_put's. */
void hugepool_give(struct page *p);
/* Free pages and counts against each other: 0, or a text. At rest. */
const char *hugepool_verify(void);

#endif
