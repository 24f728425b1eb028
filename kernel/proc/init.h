/*
 * The first thread: runs the tests, or the programs that the initramfs asks for,
 * and ends the machine.
 */
#ifndef KERNEL_PROC_INIT_H
#define KERNEL_PROC_INIT_H

/* Starts it. After everything else is ready. */
void init_start(void);

#endif
