/*
 * More than one CPU: starting the others, and reaching them. What an IPI
 * means is kernel/core's (upcall_ipi); NMIs are the machine's own, for panics.
 */
#ifndef ARCH_SMP_H
#define ARCH_SMP_H

#include <arch/types.h>

enum arch_ipi {
	IPI_RESCHEDULE,		/* need_resched of the target has been set, or it is to leave its halt */
	IPI_CALL,		/* upcall_call() there */
};

/*
 * Starts the CPUs that the MADT lists (no more than nr_cpus=): arch_cpus[] and
 * arch_ncpus grow, each goes to kernel_main_ap and says there that it is ready. A CPU that does not answer is
 * named in the log and left out. stack(): a kernel stack of 16 KB, aligned to
 * its size, with a guard page below: its top, or 0; zalloc(n): n bytes of
 * zeros, or NULL. Both need not be given back. Interrupts off; after arch_irq_init.
 */
void arch_smp_start(uint64_t (*stack)(void), void *(*zalloc)(size_t n));

/* The running CPU, in kernel_main_ap: others may count on it from now on. */
void arch_smp_join(void);

/* Any context but NMI. What was written before is seen there by the handler. */
void arch_ipi_send(unsigned cpu, enum arch_ipi kind);

/* Stops all other CPUs for good, by NMI; each says in a line what it did. Of a CPU that panics. */
void arch_stop_others(void);

#endif
