/*
 * The kernel's half of virtual memory, alike under 4 and 5 levels (with LA57
 * all of it lies under the last top-level entry), and the bounds of the
 * user's half. Drawn in README and in mm/pt/kmap.c.
 */
#ifndef ARCH_LAYOUT_H
#define ARCH_LAYOUT_H

#include <arch/types.h>

#ifdef HOST_TEST
#include <arch/fake_layout.h>	/* the fake machine of the host tests */
#else
#define DIRECT_BASE	0xffff800000000000ul	/* all RAM, at its physical address */
#define VMEMMAP_BASE	0xffffc00000000000ul	/* struct page of every frame of RAM */
#define KERNEL_BASE	0xffffffff80000000ul	/* the image: virtual - physical */
#endif
#define DIRECT_SIZE	(1ul << 45)		/* 32 TB */
#define KMAP_BASE	0xffffd00000000000ul	/* kernel stacks with guards, MMIO */
#define KMAP_END	0xffffd08000000000ul	/* one top-level slot: 512 GB */
#define KERNEL_HALF	0xffff800000000000ul	/* at and above: the kernel's */

/* A frame of the first MB that is never given out: where other CPUs start, in real mode. */
#define AP_TRAMPOLINE	0x8000ul

#define USER_MIN	0x10000ul		/* mmap_min_addr */
#define USER_END_4	0x00007ffffffff000ul	/* exclusive; one page is left unused */
#define USER_END_5	0x00fffffffffff000ul	/* with LA57, for mmap hints above 47 bits */

static inline void *phys_to_virt(paddr_t p) { return (void *)(DIRECT_BASE + p.v); }
/* Of an address in the direct map only. */
static inline paddr_t virt_to_phys(const void *v) { return paddr((uintptr_t)v - DIRECT_BASE); }

#endif
