/*
 * What the platform devices of arch/x86_64 (interrupt controllers, timers,
 * clocks) show each other. Private to this folder.
 */
#ifndef ARCH_X86_64_DEV_H
#define ARCH_X86_64_DEV_H

#include <arch/x86_64/x86.h>

typedef void *(*map_mmio_fn)(paddr_t pa, size_t bytes);

/* acpi.c: index of the century byte in the CMOS (FADT); 0: it has none. */
extern uint8_t acpi_century_index;
/* acpi.c: switches the machine off where ACPI's tables tell how; else returns. */
void acpi_power_off(void);

/* apic.c */
#define LAPIC_ID		0x20
#define LAPIC_VERSION		0x30
#define LAPIC_TPR		0x80
#define LAPIC_EOI		0xb0
#define LAPIC_SVR		0xf0
#define LAPIC_ISR		0x100	/* 8 registers of 32 vectors */
#define LAPIC_ESR		0x280
#define LAPIC_ICR		0x300
#define LAPIC_ICR_HIGH		0x310
#define LAPIC_LVT_TIMER		0x320
#define LAPIC_LVT_LINT0		0x350
#define LAPIC_LVT_LINT1		0x360
#define LAPIC_LVT_ERROR		0x370
#define LAPIC_TIMER_INITIAL	0x380
#define LAPIC_TIMER_CURRENT	0x390
#define LAPIC_TIMER_DIVIDE	0x3e0

#define ICR_NMI			(4u << 8)
#define ICR_INIT		(5u << 8)
#define ICR_STARTUP		(6u << 8)
#define ICR_BUSY		(1u << 12)
#define ICR_ASSERT		(1u << 14)

#define LVT_MASKED		(1u << 16)
#define LVT_NMI			(4u << 8)
#define LVT_TIMER_PERIODIC	(1u << 17)

uint32_t lapic_read(unsigned reg);
void lapic_write(unsigned reg, uint32_t v);
static inline void lapic_eoi(void) { lapic_write(LAPIC_EOI, 0); }
/* True if this CPU's LAPIC holds the vector as being serviced: it wants an EOI. */
bool lapic_in_service(unsigned vector);

/* Sends what command says (ICR) to one CPU. Any context. */
void lapic_send(uint32_t apic_id, uint32_t command);
/* True if lapic_send can name that CPU. */
bool lapic_reaches(uint32_t apic_id);

/* Moves both 8259s to vectors 0x20 .. 0x2f and masks them for good. */
void pic_silence(void);
/* Finds and maps the LAPIC; enables this CPU's. */
void lapic_init(map_mmio_fn map);
/* The same for another CPU. */
void lapic_init_ap(void);
/* Maps the IOAPIC and masks all its pins. */
void ioapic_init(map_mmio_fn map);
/* Sends an ISA line, as the MADT describes it, to `vector` of this CPU, unmasked. */
void ioapic_route_isa(unsigned isa_irq, unsigned vector);

/* timer.c */
/* The moment that arch_clock_ns() counts from. */
void clock_set_zero(void);
/* Calibrates the TSC, and the LAPIC timer against it. */
void time_init(void);
/* The timer's interrupt, after its EOI. */
void alarm_interrupt(struct trapframe *tf);

/* rtc.c: reads the CMOS clock; needs arch_clock_ns(). */
void rtc_init(void);

#endif
