/*
 * A CPU's standing state: what it has (CPUID), its descriptor tables, the
 * system-call registers, and which protections are on:
 *
 *	CR0   WP: the kernel, too, obeys read-only; NE; no EM, no TS: the FPU
 *	      is switched with the thread
 *	CR4   SMEP, SMAP, UMIP, FSGSBASE where present; PGE comes with the
 *	      kernel's own tables (aspace.c)
 *	EFER  SCE, NXE
 *	XCR0  x87, SSE, AVX and nothing else: what a thread's save area holds
 *
 * cpu_setup does all of this for the CPU that runs it. The boot CPU's data
 * and stacks are static.
 *
 * SDM vol. 3A 2.5 (control registers), 5.8.8 (SYSCALL), 13 (XSAVE); vol. 2
 * CPUID.
 */
#include <arch/x86_64/percpu.h>
#include <arch/layout.h>
#include <arch/machine.h>
#include <lib/log.h>
#include <lib/string.h>

#define XCR0_X87	1u
#define XCR0_SSE	2u
#define XCR0_AVX	4u
#define FXSAVE_SIZE	512
#define MSR_SYSENTER_CS	0x174

/* Long-mode descriptors: type, DPL, present; L for code. */
#define DESC_KCODE	0x00af9b000000ffffull
#define DESC_KDATA	0x00cf93000000ffffull
#define DESC_UCODE	0x00affb000000ffffull
#define DESC_UDATA	0x00cff3000000ffffull
#define DESC_TSS	0x0000890000000000ull

struct cpu *arch_cpus[MAX_CPUS];
unsigned arch_ncpus;
unsigned arch_levels = 4;
struct cpu_features arch_features;

/* The lowest page is a guard. */
uint8_t boot_stack[BOOT_STACK_SIZE]
	__attribute__((aligned(PAGE_SIZE), section(".bss.aligned")));
static struct ist_stack boot_ist[IST_COUNT] __attribute__((section(".bss.aligned")));

struct x86_cpu boot_cpu = {
	.cpu = { .self = &boot_cpu.cpu, .kstack_top = (uint64_t)boot_stack + BOOT_STACK_SIZE },
};

_Static_assert(offsetof(struct cpu, self) == 0, "this_cpu");
_Static_assert(offsetof(struct cpu, current) == 8, "current_thread");
_Static_assert(offsetof(struct cpu, kstack_top) == CPU_KSTACK_TOP, "entry.S");
_Static_assert(offsetof(struct cpu, user_rsp) == CPU_USER_RSP, "entry.S");
_Static_assert(offsetof(struct cpu, need_resched) == CPU_NEED_RESCHED, "entry.S");
_Static_assert(offsetof(struct x86_cpu, cpu) == 0, "GS base");
_Static_assert(offsetof(struct ist_stack, cpu) == IST_SIZE - IST_CPU, "entry.S");
_Static_assert(sizeof(struct ist_stack) == IST_SIZE, "entry.S");
_Static_assert(sizeof(struct tss) == 104, "SDM");

bool arch_image_guard(vaddr_t va)
{
	vaddr_t page = va & PAGE_MASK;

	if (page == (vaddr_t)boot_stack)
		return true;
	for (unsigned i = 0; i < IST_COUNT; i++)
		if (page == (vaddr_t)boot_ist[i].guard)
			return true;
	return false;
}

struct cpuid cpuid(uint32_t leaf, uint32_t sub)
{
	struct cpuid r;
	uint32_t max, b, c, d;

	__asm__ volatile("cpuid" : "=a"(max), "=b"(b), "=c"(c), "=d"(d)
			 : "a"(leaf & 0xc0000000), "c"(0));	/* basic, hypervisor, extended */
	if (leaf > max)
		return (struct cpuid){ 0 };
	__asm__ volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d)
			 : "a"(leaf), "c"(sub));
	return r;
}

static bool bit(uint32_t word, unsigned n)
{
	return word >> n & 1;
}

static void read_names(struct cpu_features *f)
{
	struct cpuid l0 = cpuid(0, 0);

	memcpy(f->vendor, &l0.b, 4);
	memcpy(f->vendor + 4, &l0.d, 4);
	memcpy(f->vendor + 8, &l0.c, 4);
	for (uint32_t i = 0; i < 3; i++) {
		struct cpuid part = cpuid(0x80000002 + i, 0);

		memcpy(f->brand + 16 * i, &part, 16);
	}
}

static void read_features(struct cpu_features *f)
{
	struct cpuid l1 = cpuid(1, 0), l7 = cpuid(7, 0), x1 = cpuid(0x80000001, 0);
	uint32_t bits = cpuid(0x80000008, 0).a;

	read_names(f);
	f->pge = bit(l1.d, 13);
	f->pat = bit(l1.d, 16);
	f->pcid = bit(l1.c, 17);
	f->x2apic = bit(l1.c, 21);
	f->tsc_deadline = bit(l1.c, 24);
	f->xsave = bit(l1.c, 26);
	f->avx = bit(l1.c, 28) && f->xsave;
	f->rdrand = bit(l1.c, 30);
	f->hypervisor = bit(l1.c, 31);
	f->fsgsbase = bit(l7.b, 0);
	f->avx2 = bit(l7.b, 5) && f->avx;
	f->smep = bit(l7.b, 7);
	f->erms = bit(l7.b, 9);
	f->invpcid = bit(l7.b, 10);
	f->smap = bit(l7.b, 20);
	f->umip = bit(l7.c, 2);
	f->la57 = bit(l7.c, 16);
	f->nx = bit(x1.d, 20);
	f->pdpe1gb = bit(x1.d, 26);
	f->phys_bits = bits ? bits & 0xff : 36;
	f->virt_bits = arch_levels == 5 ? 57 : 48;
	f->xcr0 = f->xsave ? XCR0_X87 | XCR0_SSE | (f->avx ? XCR0_AVX : 0) : 0;
}

/* Before the kernel's own tables take the write right from the text. */
static void smap_patch(void)
{
	for (const struct smap_site *s = smap_sites_start; s < smap_sites_end; s++) {
		volatile uint8_t *insn = (volatile uint8_t *)rel_addr(&s->insn);

		insn[0] = 0x0f;
		insn[1] = 0x01;
		insn[2] = (uint8_t)s->opcode;
	}
}

static void descriptors_load(struct x86_cpu *xc)
{
	uint64_t base = (uint64_t)&xc->tss;
	struct { uint16_t limit; uint64_t base; } __attribute__((packed)) gdtr = {
		sizeof(xc->gdt) - 1, (uint64_t)xc->gdt,
	};

	xc->tss.rsp[0] = xc->cpu.kstack_top;
	xc->tss.iomap = sizeof(xc->tss);
	xc->gdt[SEL_KCODE / 8] = DESC_KCODE;
	xc->gdt[SEL_KDATA / 8] = DESC_KDATA;
	xc->gdt[SEL_UDATA / 8] = DESC_UDATA;
	xc->gdt[SEL_UCODE / 8] = DESC_UCODE;
	xc->gdt[SEL_TSS / 8] = DESC_TSS | (sizeof(xc->tss) - 1) | (base & 0xffffff) << 16 |
			       (base >> 24 & 0xff) << 56;
	xc->gdt[SEL_TSS / 8 + 1] = base >> 32;
	__asm__ volatile("lgdt %0\n\t"
			 "pushq %1\n\t"
			 "pushq $1f\n\t"
			 "lretq\n"
			 "1:	movl %2, %%ss\n\t"
			 "ltr %w3\n\t"
			 "lldt %w4"	/* none: the one of the reset has room for 8192 entries at 0 */
			 :: "m"(gdtr), "i"(SEL_KCODE), "r"(SEL_KDATA), "r"(SEL_TSS), "r"(0) : "memory");
}

static void control_load(const struct cpu_features *f)
{
	bool mce = bit(cpuid(1, 0).d, 7);

	write_cr0(CR0_PG | CR0_AM | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE);
	write_cr4((read_cr4() & CR4_LA57) | CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT |
		  (mce ? CR4_MCE : 0) | (f->xsave ? CR4_OSXSAVE : 0) |
		  (f->fsgsbase ? CR4_FSGSBASE : 0) | (f->umip ? CR4_UMIP : 0) |
		  (f->smep ? CR4_SMEP : 0) | (f->smap ? CR4_SMAP : 0));
}

static void syscall_load(void)
{
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE | EFER_NXE);
	wrmsr(MSR_STAR, (uint64_t)(SEL_UCODE32 | 3) << 48 | (uint64_t)SEL_KCODE << 32);
	wrmsr(MSR_LSTAR, (uint64_t)syscall_entry);
	wrmsr(MSR_SFMASK, RFLAGS_IF | RFLAGS_DF | RFLAGS_TF | RFLAGS_AC | RFLAGS_NT | RFLAGS_RF |
			  RFLAGS_IOPL | RFLAGS_CF);
	wrmsr(MSR_SYSENTER_CS, 0);
	wrmsr(MSR_FS_BASE, 0);
	wrmsr(MSR_KERNEL_GS_BASE, 0);
}

static void fpu_load(const struct cpu_features *f)
{
	if (f->xsave)
		__asm__ volatile("xsetbv" :: "a"((uint32_t)f->xcr0), "d"(0), "c"(0));
	__asm__ volatile("fninit");
}

void cpu_setup(struct x86_cpu *xc)
{
	wrmsr(MSR_GS_BASE, (uint64_t)&xc->cpu);
	descriptors_load(xc);
	idt_load();
	control_load(&arch_features);
	syscall_load();
	fpu_load(&arch_features);
}

void arch_cpu_init(void)
{
	arch_levels = read_cr4() & CR4_LA57 ? 5 : 4;
	read_features(&arch_features);
	if (arch_features.smap)
		smap_patch();
	for (unsigned i = 0; i < IST_COUNT; i++) {
		boot_ist[i].cpu = &boot_cpu.cpu;
		boot_cpu.tss.ist[i] = (uint64_t)&boot_ist[i].cpu;
	}
	idt_init();
	cpu_setup(&boot_cpu);
	/* what XSAVE writes with XCR0 as it is now */
	arch_features.xsave_size = arch_features.xsave ? cpuid(0xd, 0).b : FXSAVE_SIZE;
	arch_cpus[0] = &boot_cpu.cpu;
	arch_ncpus = 1;
}

void arch_cpu_show(void)
{
	const struct cpu_features *f = &arch_features;

	log_info("cpu: %s, %s, %u-bit physical, %u-bit virtual addresses, %u levels", f->vendor,
		 f->brand[0] ? f->brand : "no name", f->phys_bits, f->virt_bits, arch_levels);
	log_info("cpu: WP NX%s%s%s%s%s%s%s, FPU area of %u bytes", f->smep ? " SMEP" : "",
		 f->smap ? " SMAP" : "", f->umip ? " UMIP" : "", f->pge ? " PGE" : "",
		 f->pcid ? " PCID" : "", f->fsgsbase ? " FSGSBASE" : "", f->avx ? " AVX" : "", f->xsave_size);
}
