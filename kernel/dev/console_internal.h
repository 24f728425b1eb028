/* What the files of the console share: its state, and what each tells the others of a change. */
#ifndef KERNEL_DEV_CONSOLE_INTERNAL_H
#define KERNEL_DEV_CONSOLE_INTERNAL_H

#include <asm/termios.h>
#include <kernel/core/wait.h>
#include <kernel/dev/ldisc.h>

struct file;

struct console {
	struct waitq input;		/* who waits for something to read */
	struct ldisc ldisc;		/* input.lock */
	struct winsize winsize;		/* input.lock */
	struct waitq room;		/* who waits to write */
};

extern struct console console;

/* Output may go on, or settings have changed: whoever waits looks again. No lock held. */
void console_changed(void);
/* ioctl(2) of the terminal; and of a standard file that is to be like a pipe (console_ioctl.c). */
long console_ioctl(struct file *f, unsigned cmd, uint64_t arg);
long console_pipe_ioctl(struct file *f, unsigned cmd, uint64_t arg);

#endif
