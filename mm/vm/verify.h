/* What the parts of mm_verify share (verify.c tells what it checks). Private to mm/vm/verify*.c. */
#ifndef MM_VM_VERIFY_H
#define MM_VM_VERIFY_H

#include <mm/alloc/page.h>
#include <mm/obj/object.h>
#include <mm/vm/mm_struct.h>

#define TALLY_ONE	(1u << PG_TALLY_SHIFT)
#define TALLY_MAX	(~0u >> PG_TALLY_SHIFT)

struct verify {
	char *why;			/* the first disagreement */
	size_t n;
	unsigned bad;
	struct mm *mm;			/* whose entries are being looked at */
	uint64_t anon, file, swap;	/* of it */
	uint64_t locked;		/* entries whose pages' nlocked is one lower now */
	uint64_t promised;		/* pages, by all VMAs and objects so far */
	const struct object *known;	/* the last one that was found in the list */
};

void verify_bad(struct verify *v, const char *fmt, ...) __printf(2, 3);
/* What another check found: NULL, or a text. */
void verify_bad_if(struct verify *v, const char *whose, const char *why);

/*
 * mm's VMAs, tables and entries. Tallies the entries at their pages, and takes the locked and the swapped ones
 * out of their counts.
 */
void verify_mm(struct verify *v, struct mm *mm);
/* Into those counts again. */
void verify_restore(struct verify *v, struct mm *mm);

#endif
