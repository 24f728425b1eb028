/*
 * Where the fake machine of the host tests has its memory: variables instead
 * of constants, since the host says where there is room. fake_ram.c sets them.
 */
#ifndef ARCH_FAKE_LAYOUT_H
#define ARCH_FAKE_LAYOUT_H

#include <arch/types.h>

extern uint64_t fake_direct_base;	/* the arena that plays RAM; 1 GB aligned */
extern uint64_t fake_vmemmap_base;	/* `vmemmap` of <mm/alloc/page.h> as a number */
extern uint64_t fake_kernel_base;	/* such that kernel_start lies at physical 1 MB */

#define DIRECT_BASE	fake_direct_base
#define VMEMMAP_BASE	fake_vmemmap_base
#define KERNEL_BASE	fake_kernel_base

#endif
