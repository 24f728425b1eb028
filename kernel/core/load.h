/*
 * How busy the CPUs have been. Averages of how many threads ran or could have run, over 1, 5 and 15 minutes: every
 * five seconds each of them moves towards what is so now, by Linux's constants, in fixed point.
 */
#ifndef KERNEL_CORE_LOAD_H
#define KERNEL_CORE_LOAD_H

#include <arch/types.h>

#define LOAD_SHIFT	11		/* averages are in 1/2048 */
#define LOAD_AVERAGES	3

struct cpu_load {
	uint64_t user_ns, kernel_ns, idle_ns;	/* since boot; the first two divided as the ticks found it */
	uint64_t switches, interrupts;
};

/* After the scheduler and the timers. */
void load_init(void);
/* A tick of this CPU found ring 3 at work, or the kernel. Interrupts off. */
void load_tick(bool user);
uint64_t load_average(unsigned i);
void load_of_cpu(unsigned cpu, struct cpu_load *out);

#endif
