/*
 * The x86-64 machine as arch/x86_64 and boot see it: port I/O, control and
 * model-specific registers, CPUID, interrupt vectors, descriptor layouts. Private to these
 * folders; everybody else goes through <arch/...>. Also included by .S files
 * for its numbers.
 *
 * SDM vol. 3A 2.5 (control registers), vol. 4 (MSRs), 6.3 (vectors).
 */
#ifndef ARCH_X86_64_X86_H
#define ARCH_X86_64_X86_H

/* Exceptions. */
#define VEC_DE		0
#define VEC_DB		1
#define VEC_NMI		2
#define VEC_BP		3
#define VEC_DF		8
#define VEC_GP		13
#define VEC_PF		14
#define VEC_MF		16
#define VEC_MC		18
#define VEC_XM		19
/* Interrupts. */
#define VEC_IRQ_FIRST	32	/* from here on arch_irq_dispatch's */
#define VEC_ISA		0x30	/* ISA line n: VEC_ISA + n */
#define VEC_MSI		0x40	/* devices' own: 16 of them */
#define MSI_VECTORS	16
#define VEC_TIMER	0xf0
#define VEC_RESCHEDULE	0xf1
#define VEC_CALL	0xf2
#define VEC_SPURIOUS	0xff

/* Selectors: Linux's numbers, for ring 3 can see them. */
#define SEL_KCODE32	0x08	/* boot only */
#define SEL_KCODE	0x10
#define SEL_KDATA	0x18
#define SEL_UCODE32	0x20	/* empty: no 32-bit code in ring 3; STAR counts from here */
#define SEL_UDATA	0x28
#define SEL_UCODE	0x30
#define SEL_TSS		0x40	/* 16 bytes */
#define SEL_UDATA3	(SEL_UDATA | 3)
#define SEL_UCODE3	(SEL_UCODE | 3)

#define CR0_PE		(1 << 0)
#define CR0_MP		(1 << 1)
#define CR0_EM		(1 << 2)
#define CR0_TS		(1 << 3)
#define CR0_ET		(1 << 4)
#define CR0_NE		(1 << 5)
#define CR0_WP		(1 << 16)
#define CR0_AM		(1 << 18)
#define CR0_NW		(1 << 29)
#define CR0_CD		(1 << 30)
#define CR0_PG		0x80000000

#define CR3_PCID	0xffful
#define CR3_KEEP	(1ul << 63)	/* written: nothing of this PCID is forgotten */

#define CR4_PAE		(1 << 5)
#define CR4_MCE		(1 << 6)
#define CR4_PGE		(1 << 7)
#define CR4_OSFXSR	(1 << 9)
#define CR4_OSXMMEXCPT	(1 << 10)
#define CR4_UMIP	(1 << 11)
#define CR4_LA57	(1 << 12)
#define CR4_FSGSBASE	(1 << 16)
#define CR4_PCIDE	(1 << 17)
#define CR4_OSXSAVE	(1 << 18)
#define CR4_SMEP	(1 << 20)
#define CR4_SMAP	(1 << 21)

#define MSR_APIC_BASE		0x1b
#define MSR_TSC_DEADLINE	0x6e0
#define MSR_PAT			0x277
#define MSR_EFER		0xc0000080
#define MSR_STAR		0xc0000081
#define MSR_LSTAR		0xc0000082
#define MSR_CSTAR		0xc0000083
#define MSR_SFMASK		0xc0000084
#define MSR_FS_BASE		0xc0000100
#define MSR_GS_BASE		0xc0000101
#define MSR_KERNEL_GS_BASE	0xc0000102	/* what swapgs swaps with */

#define EFER_SCE	(1 << 0)
#define EFER_LME	(1 << 8)
#define EFER_LMA	(1 << 10)
#define EFER_NXE	(1 << 11)

#define RFLAGS_FIXED	(1 << 1)	/* always 1 */
#define RFLAGS_CF	(1 << 0)
#define RFLAGS_TF	(1 << 8)
#define RFLAGS_IF	(1 << 9)
#define RFLAGS_DF	(1 << 10)
#define RFLAGS_IOPL	(3 << 12)
#define RFLAGS_NT	(1 << 14)
#define RFLAGS_RF	(1 << 16)
#define RFLAGS_AC	(1 << 18)

#ifndef __ASSEMBLER__

#include <arch/context.h>
#include <arch/cpu.h>
#include <arch/types.h>

static inline void outb(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" :: "a"(v), "Nd"(port) : "memory");
}
static inline void outw(uint16_t port, uint16_t v)
{
	__asm__ volatile("outw %0, %1" :: "a"(v), "Nd"(port) : "memory");
}
static inline void outl(uint16_t port, uint32_t v)
{
	__asm__ volatile("outl %0, %1" :: "a"(v), "Nd"(port) : "memory");
}
static inline uint8_t inb(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}
static inline uint16_t inw(uint16_t port)
{
	uint16_t v;

	__asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}
static inline uint32_t inl(uint16_t port)
{
	uint32_t v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}

static inline uint64_t rdmsr(uint32_t msr)
{
	uint32_t lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr) : "memory");
	return (uint64_t)hi << 32 | lo;
}
static inline void wrmsr(uint32_t msr, uint64_t v)
{
	__asm__ volatile("wrmsr" :: "a"((uint32_t)v), "d"((uint32_t)(v >> 32)), "c"(msr) : "memory");
}

struct cpuid { uint32_t a, b, c, d; };

/* All zero for a leaf that this CPU does not have. */
struct cpuid cpuid(uint32_t leaf, uint32_t sub);

#define READ_CR(n) \
	static inline uint64_t read_cr##n(void) \
	{ \
		uint64_t v; \
		__asm__ volatile("movq %%cr" #n ", %0" : "=r"(v) :: "memory"); \
		return v; \
	}
#define WRITE_CR(n) \
	static inline void write_cr##n(uint64_t v) \
	{ \
		__asm__ volatile("movq %0, %%cr" #n :: "r"(v) : "memory"); \
	}

READ_CR(0)
WRITE_CR(0)
READ_CR(2)
#ifdef HOST_TEST	/* of the fake machine's CPU */
uint64_t read_cr3(void);
uint64_t read_cr4(void);
void write_cr3(uint64_t v);
void write_cr4(uint64_t v);
void invpcid_all(void);
#else
READ_CR(3)
READ_CR(4)
WRITE_CR(3)
WRITE_CR(4)
/* All PCIDs, and global entries (SDM vol. 2A INVPCID, type 2). */
static inline void invpcid_all(void)
{
	static const uint64_t none[2];

	__asm__ volatile("invpcid %0, %1" :: "m"(none), "r"(2ul) : "memory");
}
#endif

/* irq.c: vectors 32 .. 255. Called with irq_depth raised and interrupts off; sends the EOI. */
void arch_irq_dispatch(struct trapframe *tf);

/* Stops this CPU for good: interrupts off, hlt, for ever. */
void cpu_halt(void) __noreturn;

#endif /* __ASSEMBLER__ */
#endif
