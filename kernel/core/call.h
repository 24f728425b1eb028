/* Cross-calls: a function run by other CPUs, at once, in their interrupt. */
#ifndef KERNEL_CORE_CALL_H
#define KERNEL_CORE_CALL_H

#include <kernel/core/cpumask.h>

/*
 * Runs fn(arg) on every CPU of the mask (this one may be among them), with
 * interrupts off there, and returns when all have: what fn did is seen then. fn
 * takes irq-off locks only, does not sleep or wait, and makes no cross-call.
 * Interrupts on, no spinlock held: two CPUs may call each other.
 */
void cpu_call(const struct cpumask *mask, void (*fn)(void *), void *arg);

#endif
