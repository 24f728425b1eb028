/* Time in nanoseconds: since boot, and since 1970. */
#ifndef KERNEL_CORE_CLOCK_H
#define KERNEL_CORE_CLOCK_H

#include <arch/cpu.h>

#define NS_PER_SEC	1000000000ul
#define NS_PER_MS	1000000ul

static inline uint64_t clock_monotonic_ns(void) { return arch_clock_ns(); }
static inline uint64_t clock_realtime_ns(void)
{
	return arch_boot_epoch_s() * NS_PER_SEC + arch_clock_ns();
}

#endif
