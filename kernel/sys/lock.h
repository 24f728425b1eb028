/* The commands of fcntl(2) about locks. */
#ifndef KERNEL_SYS_LOCK_H
#define KERNEL_SYS_LOCK_H

#include <arch/types.h>

struct file;
struct flock;

/* F_GETLK and its like. */
bool lock_is_command(unsigned cmd);
long lock_command(struct file *f, unsigned cmd, struct flock __user *to);

#endif
