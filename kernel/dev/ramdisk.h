/* The RAM disk: a part of RAM that is set aside at boot, as the block device /dev/ram0. */
#ifndef KERNEL_DEV_RAMDISK_H
#define KERNEL_DEV_RAMDISK_H

#include <arch/types.h>

/* Takes bytes (whole pages) of RAM for it. Before page_init. False: there is not so much, or there is one already. */
bool __must_check ramdisk_set_aside(uint64_t bytes);
/* Registers it, if there is one. */
void ramdisk_init(void);

#endif
