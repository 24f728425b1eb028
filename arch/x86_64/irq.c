/*
 * Interrupts after their entry: from a vector to whom it belongs, and the
 * end of each at the LAPIC.
 *
 * EOI: the timer's is sent before upcall_timer, since that may take long; a
 * line's after its handler, which has quieted the device by then (a
 * level-triggered line would come again at once). Spurious interrupts get
 * none: the LAPIC's sets no bit in service, and the 8259s, silenced at boot,
 * can still send the one that was on its way (their vectors 7 and 15).
 *
 * Lines' handlers run with interrupts off, on the boot CPU. The table is written at
 * boot, by arch_irq_register, before a line is opened.
 */
#include <arch/x86_64/dev.h>

#include <arch/machine.h>
#include <arch/upcall.h>
#include <lib/assert.h>
#include <lib/log.h>

#define ISA_LINES	16

static struct { void (*fn)(void *); void *arg; } handlers[ISA_LINES];

void arch_irq_init(map_mmio_fn map_mmio)
{
	assert(!irq_enabled());
	pic_silence();
	lapic_init(map_mmio);
	ioapic_init(map_mmio);
	time_init();
	rtc_init();
}

void arch_irq_register(unsigned isa_irq, void (*fn)(void *), void *arg)
{
	assert(isa_irq < ISA_LINES && !handlers[isa_irq].fn);
	handlers[isa_irq].arg = arg;
	handlers[isa_irq].fn = fn;
	ioapic_route_isa(isa_irq, VEC_ISA + isa_irq);
}

static void dispatch_isa(unsigned line)
{
	if (handlers[line].fn)
		handlers[line].fn(handlers[line].arg);
	lapic_eoi();
}

static void dispatch_other(unsigned vector)
{
	if (vector == VEC_SPURIOUS || !lapic_in_service(vector))
		return;
	log_once("irq: vector %#x belongs to nobody", vector);
	lapic_eoi();
}

void arch_irq_dispatch(struct trapframe *tf)
{
	unsigned vector = tf->vector;

	debug_assert(!irq_enabled());
	if (vector == VEC_TIMER) {
		lapic_eoi();
		alarm_interrupt(tf);
	} else if (vector == VEC_CALL) {
		lapic_eoi();
		upcall_call();
	} else if (vector == VEC_RESCHEDULE) {
		lapic_eoi();		/* the way back, or the end of the halt, does the rest */
	} else if (vector >= VEC_ISA && vector < VEC_ISA + ISA_LINES) {
		dispatch_isa(vector - VEC_ISA);
	} else {
		dispatch_other(vector);
	}
}

/* sti holds interrupts back for one more instruction: none can slip in before the hlt. */
void arch_idle(void)
{
	__asm__ volatile("sti; hlt" ::: "memory");
}
