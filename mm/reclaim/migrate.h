/* Pages in use get other frames: for who wants theirs (compact.c). */
#ifndef MM_RECLAIM_MIGRATE_H
#define MM_RECLAIM_MIGRATE_H

#include <mm/alloc/page.h>

#define MIGRATE_BATCH	32u		/* pages that share a flush */

/*
 * Moves n (<= MIGRATE_BATCH) pages, off the lists and referenced by the caller (lists_isolate), whose references are taken
 * over, to frames of the caller's: PAGE_KERNEL, alone his. Those of the k pages that are refused at once remain
 * his, the last k of `to`. Returns k; *moved: how many of the others were moved. No lock held; may sleep.
 */
unsigned migrate_pages(struct page *const *from, struct page *const *to, unsigned n, unsigned *moved);

#endif
