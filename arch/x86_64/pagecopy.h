/*
 * The routines of pagecopy.S, one of which clears and one of which copies
 * pages. Private to this folder and to its tests.
 */
#ifndef ARCH_X86_64_PAGECOPY_H
#define ARCH_X86_64_PAGECOPY_H

#include <arch/types.h>

void clear_rep_stosq(void *p);
void clear_rep_stosb(void *p);
void clear_mov64(void *p);
void clear_sse(void *p);
void clear_avx(void *p);
void copy_rep_movsq(void *dst, const void *src);
void copy_rep_movsb(void *dst, const void *src);
void copy_mov64(void *dst, const void *src);
void copy_sse(void *dst, const void *src);
void copy_avx(void *dst, const void *src);

struct page_routine {
	const char *clear_name, *copy_name;
	void (*clear)(void *p);
	void (*copy)(void *dst, const void *src);
	bool avx;			/* needs AVX, switched on */
};

/* The simplest first. */
#define PAGE_ROUTINES	5
extern const struct page_routine page_routines[PAGE_ROUTINES];
bool page_routine_usable(const struct page_routine *r);

#endif
