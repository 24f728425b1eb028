/* The end of all: programs are ended, disks written to, and the machine stops or starts again. */
#ifndef KERNEL_PROC_POWER_H
#define KERNEL_PROC_POWER_H

enum power_end { POWER_OFF, POWER_HALT, POWER_RESTART };

/* At once (reboot(2)): whatever runs runs no more. */
void power_end(enum power_end how) __attribute__((noreturn));
/* In order, by pid 1: all programs are asked to end, then made to. */
void power_end_orderly(enum power_end how) __attribute__((noreturn));
/* What pid 1 is asked for by a signal, as busybox's halt, poweroff and reboot do; -1: nothing. */
int power_asked_by(int sig);

#endif
