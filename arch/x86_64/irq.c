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
 * Handlers run with interrupts off, on the boot CPU. The tables are written at
 * boot, by arch_irq_register before a line is opened, and by arch_msi_register before the
 * device is told what to write (SDM vol. 3A 11.11: the address names the CPU, the data the vector).
 */
#include <arch/x86_64/dev.h>

#include <arch/machine.h>
#include <arch/upcall.h>
#include <lib/assert.h>
#include <lib/log.h>

#define ISA_LINES	16

#define MSI_ADDRESS	0xfee00000u
#define MSI_CPU_SHIFT	12

struct handler { void (*fn)(void *); void *arg; };
static struct handler handlers[ISA_LINES], messages[MSI_VECTORS];

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

bool arch_msi_register(void (*fn)(void *), void *arg, struct arch_msi *msi)
{
	unsigned i = 0;

	while (i < MSI_VECTORS && messages[i].fn)
		i++;
	if (i == MSI_VECTORS || this_cpu()->apic_id > 255)
		return false;
	messages[i] = (struct handler){ fn, arg };
	msi->address = MSI_ADDRESS | this_cpu()->apic_id << MSI_CPU_SHIFT;
	msi->data = VEC_MSI + i;
	return true;
}

static void dispatch(const struct handler *h)
{
	if (h->fn)
		h->fn(h->arg);
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
	this_cpu()->interrupts++;
	if (vector == VEC_TIMER) {
		lapic_eoi();
		alarm_interrupt(tf);
	} else if (vector == VEC_CALL) {
		lapic_eoi();
		upcall_call();
	} else if (vector == VEC_RESCHEDULE) {
		lapic_eoi();		/* the way back, or the end of the halt, does the rest */
	} else if (vector >= VEC_ISA && vector < VEC_ISA + ISA_LINES) {
		dispatch(&handlers[vector - VEC_ISA]);
	} else if (vector >= VEC_MSI && vector < VEC_MSI + MSI_VECTORS) {
		dispatch(&messages[vector - VEC_MSI]);
	} else {
		dispatch_other(vector);
	}
}

/* sti holds interrupts back for one more instruction: none can slip in before the hlt. */
void arch_idle(void)
{
	__asm__ volatile("sti; hlt" ::: "memory");
}
