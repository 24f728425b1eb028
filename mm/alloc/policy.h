/*
 * Which page goes when one must go: a policy, one file (mm/reclaim/policy_*.c), small enough to write in
 * an afternoon. The same file runs in the kernel and in the replay of recorded
 * traces on the host (tools/replay), beside Belady's OPT.
 *
 * A policy keeps the pages it is given on lists of its own (page->link; PG_ACTIVE and
 * page->policy are its own too). All calls come under one
 * lock (lists_lock), none sleeps or allocates.
 */
#ifndef MM_ALLOC_POLICY_H
#define MM_ALLOC_POLICY_H

#include <mm/alloc/page.h>

#define REFAULT_NEVER	(~0ull)

struct policy {
	const char *name;		/* reclaim=NAME */
	const char *what;		/* one line for `help` */
	bool asks;			/* judge wants to know whether a candidate was used */
	/* Nothing is on its lists. frames: about how many pages there will be room for. */
	void (*reset)(uint64_t frames);
	/*
	 * p is here now. distance: how many pages were evicted since p itself was;
	 * REFAULT_NEVER: it is new, or that is forgotten.
	 */
	void (*add)(struct page *p, uint64_t distance);
	/* p, on its lists, is freed or must stay for now. */
	void (*remove)(struct page *p);
	/* Takes up to n pages off its lists for a closer look; returns how many. */
	unsigned (*candidates)(struct page **out, unsigned n);
	/* Was candidate p used since the last look? True: it shall go. False: it is on a list again. */
	bool (*judge)(struct page *p, bool used);
	/* Candidate p was to go, but cannot (busy, no swap left): back on a list. */
	void (*putback)(struct page *p);
};

/* Is p content of a file (dropped or read again), not memory that only swap can hold? */
static inline bool policy_is_file(const struct page *p)
{
	return p->kind == PAGE_FILE && !(p->flags & PG_SHMEM);
}

#endif
