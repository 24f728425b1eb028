/*
 * Clearing and copying whole frames by the fastest routine this CPU has,
 * found by measuring at boot (arch/x86_64/pagecopy.c).
 */
#ifndef ARCH_PAGE_H
#define ARCH_PAGE_H

#include <arch/types.h>

#ifdef HOST_TEST
void clear_page(void *p);
void copy_page(void *dst, const void *src);
#else
extern void (*arch_clear_page)(void *p);
extern void (*arch_copy_page)(void *dst, const void *src);
/* p, dst, src are page-aligned kernel addresses. */
static inline void clear_page(void *p) { arch_clear_page(p); }
static inline void copy_page(void *dst, const void *src) { arch_copy_page(dst, src); }
#endif

/* Measures the routines, chooses, and logs what each took. Needs the clock. */
void arch_pagecopy_init(void);

#endif
