/*
 * Memory limits: how many frames a tree of processes may have at once. Frames of memory, of files
 * and of page tables are charged to the limit of the address space that the running thread
 * has, when they are allocated (who touches first pays, who copies a table pays for
 * the copy), and come off when they are freed; page->limit_id says whose they are.
 *
 * Limits lie within each other: what is charged to one is charged to all around it. One that
 * nobody runs under any more lives on until its last frame is free.
 *
 * As long as there is no limit nobody looks but page_alloc at limits_on. Figures are atomic;
 * limits_lock guards the making. An address space's limit_id changes only to
 * one within it, so an id that was read a moment ago is still good.
 */
#ifndef MM_ALLOC_LIMIT_H
#define MM_ALLOC_LIMIT_H

#include <arch/types.h>

#define LIMITS_MAX	1024u		/* ids are 1 .. LIMITS_MAX - 1 */
#define LIMIT_NONE	(~0ull)

struct memlimit {
	uint64_t max;			/* frames; LIMIT_NONE: any number */
	uint64_t used, peak;		/* atomic */
	uint64_t failed;		/* atomic: charges refused */
	uint64_t maker;			/* what limit_make was told; const */
	uint32_t refs;			/* atomic: address spaces, limits directly within */
	uint16_t around;		/* the one around it; 0: none; const */
	bool taken;			/* limits_lock */
};

extern bool limits_on;			/* some limit was made; stays set */

/* That of the running thread's address space; 0: none. */
uint16_t limit_current(void);
/* n frames more; false: no room, in id or in one around it. force: even then. id not 0. */
bool __must_check limit_charge(uint16_t id, uint64_t n, bool force);
void limit_uncharge(uint16_t id, uint64_t n);
/* The innermost, from id outwards, that has no room for n frames; 0: all have. */
uint16_t limit_full(uint16_t id, uint64_t n);
/* Is id the limit `outer`, or within it? */
bool limit_within(uint16_t id, uint16_t outer);

/* One within `around` (0: none), with a reference; 0: there are too many. */
uint16_t limit_make(uint16_t around, uint64_t max, uint64_t maker);
void limit_get(uint16_t id);		/* 0 is fine for both */
void limit_put(uint16_t id);
/* id not 0, in use. */
const struct memlimit *limit_of(uint16_t id);
void limit_set(uint16_t id, uint64_t max);

/* For page_verify: charges[id] frames were found; NULL, or the limit that disagrees in *id and what it has. */
bool limit_verify(const uint64_t *charges, uint16_t *id);

#endif
