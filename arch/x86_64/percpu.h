/*
 * The machine's own part of a CPU's data: descriptor table, task state and
 * the stacks for the exceptions that cannot trust the one in use.
 *
 * SDM vol. 3A 3.4.5 (descriptors), 7.7 (64-bit TSS).
 */
#ifndef ARCH_X86_64_PERCPU_H
#define ARCH_X86_64_PERCPU_H

#include <arch/x86_64/entry.h>

/* IST numbers as the IDT's gates have them. */
enum { IST_DF = 1, IST_NMI, IST_MC, IST_DB, IST_COUNT = IST_DB };

struct tss {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3;
	uint16_t iomap;			/* past the limit: no port for ring 3 */
} __attribute__((packed));

/* Aligned to its size: the entry code finds `cpu` from any stack pointer into it. */
struct ist_stack {
	uint8_t guard[PAGE_SIZE];	/* not in the kernel's own tables */
	uint8_t stack[IST_SIZE - PAGE_SIZE - IST_CPU];
	struct cpu *cpu;
	uint64_t pad;
} __attribute__((aligned(IST_SIZE)));

#define GDT_ENTRIES	(SEL_TSS / 8 + 2)

struct x86_cpu {
	struct cpu cpu;			/* first: GS base points here */
	uint64_t gdt[GDT_ENTRIES];
	struct tss tss;
	uint64_t nmis;			/* taken so far; own CPU only */
	bool stopped;			/* by arch_stop_others; atomic */
};

static inline struct x86_cpu *this_x86_cpu(void)
{
	return container_of(this_cpu(), struct x86_cpu, cpu);
}

/* The boot CPU's, in the image: usable from the first 64-bit instruction on. */
extern struct x86_cpu boot_cpu;
/* smp.c: where another CPU leaves the trampoline; what it does. */
extern uint32_t ap_state;
extern struct x86_cpu *ap_cpu;
extern uint64_t ap_root;
void ap_main(struct x86_cpu *xc) __noreturn;
/* An NMI, from wherever. */
void smp_nmi(const struct trapframe *tf);
/* One line on the log: which CPU, and where it was. */
void arch_backtrace_line(const struct trapframe *tf);
/* CR3 of the boot code: its tables show low memory at its own address. */
extern paddr_t boot_root;

/* Loads descriptor tables and control registers of the running CPU; xc's stacks are set. */
void cpu_setup(struct x86_cpu *xc);

#endif
