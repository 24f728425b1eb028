/* Names of the kernel's functions by address: the table that tools/ksyms puts into the second link. */
#ifndef LIB_KSYMS_H
#define LIB_KSYMS_H

#include <arch/types.h>

/*
 * The function that addr lies in, and how far behind its start; NULL if addr
 * is not in the kernel's code. A return address wants addr - 1.
 */
const char *ksym_lookup(vaddr_t addr, uint64_t *offset);

#endif
