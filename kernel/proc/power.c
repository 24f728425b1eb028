/* How the machine ends; see power.h. */
#include <kernel/proc/power.h>
#include <arch/cpu.h>
#include <arch/machine.h>
#include <kernel/core/clock.h>
#include <kernel/dev/block.h>
#include <kernel/proc/process.h>
#include <lib/log.h>

#define ASKED_NS	(NS_PER_SEC / 2)	/* that programs have to end by themselves, */
#define KILLED_NS	(2 * NS_PER_SEC)	/* and to be killed */

int power_asked_by(int sig)
{
	switch (sig) {
	case SIGUSR1:	return POWER_HALT;
	case SIGUSR2:	return POWER_OFF;
	case SIGTERM:	return POWER_RESTART;
	default:	return -1;
	}
}

void power_end(enum power_end how)
{
	static const char *const said[] = {
		[POWER_OFF] = "off", [POWER_HALT] = "halted", [POWER_RESTART] = "starts again",
	};

	block_flush_all();
	log_info("power: %s", said[how]);
	if (how == POWER_RESTART)
		arch_reboot();
	if (how == POWER_HALT) {
		cpus_park();
		arch_halt();
	}
	arch_power_off();
}

void power_end_orderly(enum power_end how)
{
	process_end_all(SIGTERM, clock_monotonic_ns() + ASKED_NS);
	process_end_all(SIGKILL, clock_monotonic_ns() + KILLED_NS);
	power_end(how);
}
