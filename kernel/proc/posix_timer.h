/*
 * timer_create(2): timers of a process that send it signals. Each has a signal of its own, which is
 * sent again only when it has been taken; how often the time came meanwhile is its overrun count.
 *
 * Clocks of CPU time go by ticks, as ITIMER_PROF does (signal_timer.c).
 */
#ifndef KERNEL_PROC_POSIX_TIMER_H
#define KERNEL_PROC_POSIX_TIMER_H

#include <kernel/core/timer.h>

struct posix_timer;
struct process;

struct posix_timer_spec {
	int clock;			/* CLOCK_REALTIME, _MONOTONIC, _BOOTTIME, _TAI, _*_CPUTIME_ID */
	int signo;			/* 0: none is sent */
	int tid;			/* the thread of the process that it is for; 0: all of it */
	int cpu_tid;			/* whose time CLOCK_THREAD_CPUTIME_ID is */
	bool own_value;			/* its number instead of value */
	uint64_t value;
};

/* ---- of the running process ---- */

/* 0; -EAGAIN: no memory, or RLIMIT_SIGPENDING; -EINVAL: that is none of its threads. */
int __must_check posix_timer_create(const struct posix_timer_spec *spec, int *id);
/* Those that are told of have -EINVAL for a timer that is not there. Due at `ns` of its clock, or from now (0: off). */
int __must_check posix_timer_set(int id, uint64_t ns, bool absolute, uint64_t every, struct timer_setting *old);
int __must_check posix_timer_get(int id, struct timer_setting *now);
/* Of the signal that was taken last. */
int __must_check posix_timer_overruns(int id);
int __must_check posix_timer_delete(int id);
/* All of them, at its end and for a new program; by its only thread. */
void posix_timers_end(struct process *p);

/* ---- for signals ---- */

/* Its signal is in no queue any more: its overruns. signals.lock is held. */
uint32_t posix_timer_taken(struct posix_timer *t);
/* A tick has found the running thread, of p. In its interrupt, no lock held. */
void posix_timer_tick(struct process *p);

#endif
