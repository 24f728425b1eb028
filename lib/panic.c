/*
 * The end of the kernel: says what happened and leaves the machine.
 *
 * Only the first panic speaks, and then the other CPUs, one line each. One that comes out of its printing (the same
 * CPU again) gets one line; a third leaves at once. Another CPU that panics
 * meanwhile stops: the first one ends the machine for all.
 *
 * What is printed goes to the log's target, and to the debug console where
 * there is one, and nowhere else: with log=debugcon the serial line belongs
 * to a program.
 */
#include <lib/assert.h>
#include <arch/context.h>
#include <arch/cpu.h>
#include <arch/machine.h>
#include <arch/smp.h>
#include <lib/format.h>
#include <lib/lock.h>
#include <lib/log.h>

#define VECTOR_PF	14
#define MESSAGE_MAX	256

bool panicking;
void (*panic_hook)(void);

static struct cpu *panic_cpu;
static unsigned panic_depth;

/* Returns on the first panic only. */
static void panic_enter(const char *message)
{
	struct cpu *nobody = NULL;

	irq_disable();
	if (__atomic_compare_exchange_n(&panic_cpu, &nobody, this_cpu(), false,
					__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		WRITE_ONCE(panicking, true);
		return;
	}
	if (panic_cpu != this_cpu())
		for (;;)
			cpu_relax();
	if (panic_depth++ == 0)
		log_raw("panic while panicking: %s", message);
	arch_exit(0x12);
}

static __noreturn __cold_ void panic_message(const struct trapframe *tf, const char *message)
{
	panic_enter(message);
	log_warn("*** PANIC: %s", message);
	log_warn("*** CPU %u of %u", this_cpu()->id, arch_ncpus);
	if (panic_hook)
		panic_hook();
	lock_show_held();
	arch_show_regs(tf);
	if (tf && tf->vector == VECTOR_PF)
		arch_show_walk(arch_read_cr2());
	arch_backtrace(tf);
	arch_stop_others();
	log_raw("# quire: panic: %s", message);
	arch_exit(0x12);
}

void panic(const char *fmt, ...)
{
	char message[MESSAGE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	panic_message(NULL, message);
}

void panic_trap(const struct trapframe *tf, const char *fmt, ...)
{
	char message[MESSAGE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	panic_message(tf, message);
}
