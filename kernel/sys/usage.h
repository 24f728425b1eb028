/* Accounts as programs see them. */
#ifndef KERNEL_SYS_USAGE_H
#define KERNEL_SYS_USAGE_H

#include <kernel/proc/process.h>
#include <linux/resource.h>

void usage_to_user(const struct usage *u, struct rusage *r);

#endif
