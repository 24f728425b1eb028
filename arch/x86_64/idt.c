/*
 * The interrupt descriptor table: 256 interrupt gates (interrupts off at
 * entry) to the entry points in entry.S. One table for all CPUs.
 *
 * SDM vol. 3A 6.14.1 (gates), 6.14.5 (IST), table 6-1 (exceptions).
 */
#include <arch/x86_64/percpu.h>

#define GATE_INTERRUPT	0x8e00u		/* present, type 14 */
#define GATE_DPL3	0x6000u
#define VEC_OF		4

struct gate {
	uint16_t offset_low, selector;
	uint16_t flags;			/* IST number in the low three bits */
	uint16_t offset_mid;
	uint32_t offset_high, reserved;
};

static struct gate idt[256] __attribute__((aligned(16)));

const char *vector_name(uint64_t vector)
{
	static const char *const names[VEC_IRQ_FIRST] = {
		"#DE divide error", "#DB debug", "NMI", "#BP breakpoint", "#OF overflow",
		"#BR bound range", "#UD invalid opcode", "#NM device not available",
		"#DF double fault", "vector 9", "#TS invalid TSS", "#NP segment not present",
		"#SS stack fault", "#GP general protection", "#PF page fault", "vector 15",
		"#MF x87 error", "#AC alignment check", "#MC machine check", "#XM SIMD error",
		"#VE virtualization", "#CP control protection", "vector 22", "vector 23",
		"vector 24", "vector 25", "vector 26", "vector 27", "#HV hypervisor injection",
		"#VC VMM communication", "#SX security", "vector 31",
	};

	if (vector < VEC_IRQ_FIRST)
		return names[vector];
	return vector == TRAP_SYSCALL ? "system call" : "interrupt";
}

static unsigned gate_ist(unsigned vector)
{
	switch (vector) {
	case VEC_DF:	return IST_DF;
	case VEC_NMI:	return IST_NMI;
	case VEC_MC:	return IST_MC;
	case VEC_DB:	return IST_DB;
	default:	return 0;
	}
}

void idt_init(void)
{
	for (unsigned v = 0; v < 256; v++) {
		uint64_t entry = (uint64_t)entry_stubs + v * ENTRY_STUB_SIZE;
		bool ring3 = v == VEC_BP || v == VEC_OF;	/* int3 and into are for everybody */

		idt[v] = (struct gate){
			.offset_low = (uint16_t)entry,
			.offset_mid = (uint16_t)(entry >> 16),
			.offset_high = (uint32_t)(entry >> 32),
			.selector = SEL_KCODE,
			.flags = (uint16_t)(GATE_INTERRUPT | (ring3 ? GATE_DPL3 : 0) | gate_ist(v)),
		};
	}
}

void idt_load(void)
{
	struct { uint16_t limit; uint64_t base; } __attribute__((packed)) idtr = {
		sizeof(idt) - 1, (uint64_t)idt,
	};

	__asm__ volatile("lidt %0" :: "m"(idtr));
}
