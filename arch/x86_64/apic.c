/*
 * Interrupt controllers: the two 8259s (silenced), each CPU's local APIC,
 * and the IOAPIC that carries the ISA lines.
 *
 * The LAPIC's registers are reached by MMIO, or by MSRs where the firmware
 * left it in x2APIC mode (which cannot be left again without a reset of the
 * APIC), a CPU has an id of more than 8 bits, or option x2apic says so. All CPUs' LAPICs answer at the same address. Interrupts are sent
 * with physical destinations to the boot CPU.
 *
 * IOAPIC registers are reached through an index: boot is single-threaded, and
 * afterwards nobody touches them.
 *
 * SDM vol. 3A 11 (APIC); 82093AA (IOAPIC); 8259A data sheets.
 */
#include <arch/x86_64/dev.h>

#include <lib/assert.h>
#include <lib/log.h>
#include <lib/option.h>
#include <arch/machine.h>

/* -- 8259 -- */

#define PIC1_CMD	0x20
#define PIC1_DATA	0x21
#define PIC2_CMD	0xa0
#define PIC2_DATA	0xa1
#define PIC_INIT	0x11	/* ICW1: edge, cascade, ICW4 follows */
#define PIC_8086	0x01	/* ICW4 */

void pic_silence(void)
{
	outb(PIC1_CMD, PIC_INIT);
	outb(PIC2_CMD, PIC_INIT);
	outb(PIC1_DATA, VEC_IRQ_FIRST);
	outb(PIC2_DATA, VEC_IRQ_FIRST + 8);
	outb(PIC1_DATA, 1 << 2);	/* the second sits on line 2 */
	outb(PIC2_DATA, 2);
	outb(PIC1_DATA, PIC_8086);
	outb(PIC2_DATA, PIC_8086);
	outb(PIC1_DATA, 0xff);
	outb(PIC2_DATA, 0xff);
}

/* -- LAPIC -- */

#define APIC_BASE_X2		(1u << 10)
#define APIC_BASE_ENABLE	(1u << 11)
#define XAPIC_IDS		255	/* 255: all CPUs */
#define MSR_X2APIC		0x800
#define SVR_ENABLE		(1u << 8)

static volatile uint32_t *lapic;	/* NULL: x2APIC mode */

static bool want_x2apic;
option_flag(x2apic, &want_x2apic, "local APICs in x2APIC mode where CPUs have it, not only where ids of CPUs need it");

uint32_t lapic_read(unsigned reg)
{
	return lapic ? lapic[reg / 4] : rdmsr(MSR_X2APIC + reg / 16);
}

void lapic_write(unsigned reg, uint32_t v)
{
	if (lapic)
		lapic[reg / 4] = v;
	else
		wrmsr(MSR_X2APIC + reg / 16, v);
}

bool lapic_in_service(unsigned vector)
{
	return lapic_read(LAPIC_ISR + vector / 32 * 16) >> vector % 32 & 1;
}

/* What the firmware may have left unfinished is ended: one EOI for each vector in service. */
static void lapic_drain(void)
{
	for (unsigned v = VEC_IRQ_FIRST; v < 256; v++)
		if (lapic_in_service(v))
			lapic_eoi();
}

/*
 * xAPIC: two writes, not to be torn apart by an interrupt that sends as well.
 * x2APIC: one, which does not wait for earlier stores by itself (SDM 11.12.3).
 */
void lapic_send(uint32_t apic_id, uint32_t command)
{
	uint64_t flags;

	if (!lapic) {
		__asm__ volatile("mfence; lfence" ::: "memory");
		wrmsr(MSR_X2APIC + LAPIC_ICR / 16, (uint64_t)apic_id << 32 | command);
		return;
	}
	flags = irq_save();
	while (lapic_read(LAPIC_ICR) & ICR_BUSY)
		cpu_relax();
	lapic_write(LAPIC_ICR_HIGH, apic_id << 24);
	lapic_write(LAPIC_ICR, command);
	irq_restore(flags);
}

bool lapic_reaches(uint32_t apic_id)
{
	return !lapic || apic_id < XAPIC_IDS;
}

static void lapic_enable(void)
{
	uint32_t id;

	lapic_write(LAPIC_SVR, SVR_ENABLE | VEC_SPURIOUS);
	lapic_write(LAPIC_TPR, 0);
	lapic_write(LAPIC_LVT_TIMER, LVT_MASKED | VEC_TIMER);
	lapic_write(LAPIC_LVT_LINT0, LVT_MASKED);
	lapic_write(LAPIC_LVT_LINT1, LVT_NMI);
	lapic_write(LAPIC_LVT_ERROR, LVT_MASKED | VEC_SPURIOUS);
	lapic_write(LAPIC_ESR, 0);
	lapic_drain();
	id = lapic_read(LAPIC_ID);
	this_cpu()->apic_id = lapic ? id >> 24 : id;
}

/* A CPU is listed that xAPIC mode cannot name, or the user wants it. */
static bool x2apic_wanted(void)
{
	bool wanted = want_x2apic;

	for (unsigned i = 0; i < arch_madt.ncpus; i++)
		wanted |= arch_madt.apic_id[i] >= XAPIC_IDS;
	if (wanted && !arch_features.x2apic)
		log_warn("apic: x2APIC mode is wanted, and the CPU has none");
	return wanted && arch_features.x2apic;
}

void lapic_init_ap(void)
{
	uint64_t base = rdmsr(MSR_APIC_BASE);

	if (!(base & APIC_BASE_ENABLE))
		wrmsr(MSR_APIC_BASE, base |= APIC_BASE_ENABLE);
	if (!lapic && !(base & APIC_BASE_X2))
		wrmsr(MSR_APIC_BASE, base | APIC_BASE_X2);
	lapic_enable();
}

void lapic_init(map_mmio_fn map)
{
	uint64_t base = rdmsr(MSR_APIC_BASE);

	if (!(cpuid(1, 0).d & 1 << 9))
		panic("this CPU has no local APIC");
	if (!(base & APIC_BASE_ENABLE)) {
		base |= APIC_BASE_ENABLE;
		wrmsr(MSR_APIC_BASE, base);
	}
	if (!(base & APIC_BASE_X2) && x2apic_wanted()) {
		base |= APIC_BASE_X2;
		wrmsr(MSR_APIC_BASE, base);
	}
	if (!(base & APIC_BASE_X2)) {
		paddr_t pa = paddr(base & 0x000ffffffffff000);

		if (pa.v != arch_madt.lapic.v)
			log_warn("apic: the MADT says %#lx, the CPU %#lx: the CPU is right",
				 arch_madt.lapic.v, pa.v);
		lapic = map(pa, PAGE_SIZE);
	}
	lapic_enable();
	log_info("apic: LAPIC id %u, version %#x, %s", this_cpu()->apic_id,
		 lapic_read(LAPIC_VERSION) & 0xff, lapic ? "xAPIC" : "x2APIC");
}

/* -- IOAPIC -- */

#define IOAPIC_INDEX	0
#define IOAPIC_DATA	(0x10 / 4)
#define IOAPIC_VERSION	1
#define IOAPIC_PIN_LO(p)	(0x10 + 2 * (p))
#define IOAPIC_PIN_HI(p)	(0x11 + 2 * (p))
#define PIN_ACTIVE_LOW	(1u << 13)
#define PIN_LEVEL	(1u << 15)
#define PIN_MASKED	(1u << 16)

/* Flags of a MADT override (MPS INTI): 0 and 1 are what ISA lines are anyway. */
#define INTI_POLARITY	3u
#define INTI_LOW	3u
#define INTI_TRIGGER	(3u << 2)
#define INTI_LEVEL	(3u << 2)

static volatile uint32_t *ioapic;
static unsigned ioapic_pins;		/* 0: there is none */

static uint32_t ioapic_read(unsigned reg)
{
	ioapic[IOAPIC_INDEX] = reg;
	return ioapic[IOAPIC_DATA];
}

static void ioapic_write(unsigned reg, uint32_t v)
{
	ioapic[IOAPIC_INDEX] = reg;
	ioapic[IOAPIC_DATA] = v;
}

void ioapic_init(map_mmio_fn map)
{
	uint64_t in_page = arch_madt.ioapic.v & ~PAGE_MASK;
	char *page = map(paddr(arch_madt.ioapic.v - in_page), PAGE_SIZE);
	uint32_t version;

	ioapic = (volatile uint32_t *)(page + in_page);
	version = ioapic_read(IOAPIC_VERSION);
	if (version == 0xffffffff || version == 0) {
		log_warn("apic: no IOAPIC at %#lx: no device can interrupt", arch_madt.ioapic.v);
		return;
	}
	ioapic_pins = (version >> 16 & 0xff) + 1;
	for (unsigned p = 0; p < ioapic_pins; p++) {
		ioapic_write(IOAPIC_PIN_LO(p), PIN_MASKED);
		ioapic_write(IOAPIC_PIN_HI(p), 0);
	}
	log_info("apic: IOAPIC at %#lx, version %#x, %u pins from %u on", arch_madt.ioapic.v,
		 version & 0xff, ioapic_pins, arch_madt.ioapic_gsi_base);
}

void ioapic_route_isa(unsigned isa_irq, unsigned vector)
{
	uint32_t pin = arch_madt.isa[isa_irq].gsi - arch_madt.ioapic_gsi_base;
	uint16_t flags = arch_madt.isa[isa_irq].flags;
	uint32_t lo = vector;

	if (pin >= ioapic_pins) {
		log_warn("apic: ISA line %u has no pin", isa_irq);
		return;
	}
	assert(this_cpu()->apic_id < 256);
	if ((flags & INTI_POLARITY) == INTI_LOW)
		lo |= PIN_ACTIVE_LOW;
	if ((flags & INTI_TRIGGER) == INTI_LEVEL)
		lo |= PIN_LEVEL;
	ioapic_write(IOAPIC_PIN_LO(pin), PIN_MASKED);
	ioapic_write(IOAPIC_PIN_HI(pin), this_cpu()->apic_id << 24);
	ioapic_write(IOAPIC_PIN_LO(pin), lo);
}
