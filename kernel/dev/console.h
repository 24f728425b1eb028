/*
 * COM1 as the programs' terminal: /dev/console, /dev/tty and the standard
 * files of a program that the kernel starts.
 */
#ifndef KERNEL_DEV_CONSOLE_H
#define KERNEL_DEV_CONSOLE_H

#include <kernel/fs/file.h>

/* After fs_init: opens the line's interrupts, adds /dev/console, /dev/tty, /dev/null, /dev/zero. */
void console_init(void);
/*
 * The file that a program finds as fd 0, 1 or 2: a terminal where option tty=
 * says so, else like one end of a pipe. 0 or -ENOMEM.
 */
int __must_check console_open_std(unsigned fd, struct file **out);

/* Its number, as stat(2) shows it. */
uint64_t console_device(void);
/* True if one of them at least is a terminal: then it is the program's controlling one. */
bool console_is_terminal(void);

/* /dev/null, /dev/zero and their like (mem.c). */
void mem_devices_init(void);
/* n random bytes to user memory: how many, or -EFAULT if none. */
ssize_t random_read(void __user *to, size_t n);

#endif
