/*
 * Where swapped pages are kept: a device as mm sees it. Whoever has one (kernel/dev) fills in
 * this struct; mm never knows more of it.
 */
#ifndef MM_RECLAIM_STORE_H
#define MM_RECLAIM_STORE_H

#include <mm/alloc/page.h>

#define STORE_BATCH	32u		/* pages of one transfer at most */

struct store;

struct store_ops {
	/*
	 * n (1 .. STORE_BATCH) pages from page `first` of the device on, all within it, to
	 * or from memory. Returns when it is done: 0 or -EIO. Sleeps unless `memory`; no spinlock held.
	 */
	int (*read)(struct store *s, uint64_t first, struct page *const *pages, unsigned n);
	int (*write)(struct store *s, uint64_t first, struct page *const *pages, unsigned n);
	bool memory;			/* a copy in RAM: never sleeps, any number of callers at once */
};

struct store {
	const struct store_ops *ops;
	const char *name;		/* "/dev/ram0" */
	uint64_t npages;
};

#endif
