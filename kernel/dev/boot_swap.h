/* Option swap=: swap devices that are there from boot on. */
#ifndef KERNEL_DEV_BOOT_SWAP_H
#define KERNEL_DEV_BOOT_SWAP_H

/* Takes the RAM for swap=SIZE, before page_init; says so if it refuses. */
void boot_swap_set_aside(void);
/* Enables the devices, in the order of the list. By the first thread; may sleep. */
void boot_swap_on(void);

#endif
