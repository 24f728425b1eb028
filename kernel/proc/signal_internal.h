/* What the files of signals share. signals.lock is held for all of the first part. */
#ifndef KERNEL_PROC_SIGNAL_INTERNAL_H
#define KERNEL_PROC_SIGNAL_INTERNAL_H

#include <kernel/proc/signal.h>

/*
 * Takes the next pending one of `set`: its number, or 0. *e is for signal_taken, once
 * the lock is given up.
 */
int signal_take(struct signals *s, uint64_t set, struct sig_info *info, struct sig_entry **e);
/* The process's own thread is interrupted, or not, as what is pending, blocked and awaited says. */
void signal_look(struct signals *s);

void signal_taken(struct sig_entry *e);
void signal_alarm_init(struct signals *s);

#endif
