/*
 * What entry.S, uaccess.S and the C files beside them share: offsets into
 * struct cpu and struct trapframe (asserted in cpu.c and trap.c), the
 * exception table, the places that open and close SMAP.
 */
#ifndef ARCH_X86_64_ENTRY_H
#define ARCH_X86_64_ENTRY_H

#define CPU_KSTACK_TOP	16
#define CPU_USER_RSP	24
#define CPU_NEED_RESCHED 32

#define TF_RCX		88
#define TF_R11		48
#define TF_VECTOR	120
#define TF_RIP		136
#define TF_CS		144
#define TF_RFLAGS	152
#define TF_RSP		160
#define TF_SIZE		176
#define TF_SYSCALL	256	/* vector of a system call */

#define ENTRY_STUB_SIZE	16

/* An IST stack: a guard page, stack, and in its last 16 bytes the CPU whose it is. */
#define IST_SIZE	16384
#define IST_CPU		16

/* Where other CPUs start (AP_TRAMPOLINE), and how far one has come: ap_state, smp.c. */
#define AP_BASE		0x8000
#define AP_NONE		0
#define AP_AWAITED	1
#define AP_TAKEN	2
#define AP_ALIVE	3
#define AP_GO		4

/* The boot CPU's first stack, the guard page below it included. */
#define BOOT_STACK_SIZE	(4096 + 16384)

/* Kinds of exception-table entries. */
#define EX_USER		1	/* forgives what upcall_page_fault could not settle */
#define EX_USER_GP	3	/* the same, and any #GP: what is in user memory is malformed */
#define EX_PROBE	2	/* forgives any #PF and #GP: a guess at a kernel address */

#ifdef __ASSEMBLER__

/* A fault of the instruction at `insn` goes on at `fixup`. */
.macro EXTABLE insn, fixup, kind
	.pushsection .extable, "a"
	.balign 4
	.long \insn - ., \fixup - ., \kind
	.popsection
.endm

/*
 * clac and stac do not exist on a CPU without SMAP: these places hold a no-op
 * of the same length until smap_patch() (cpu.c) writes the instruction there.
 */
.macro SMAP_SITE insn
880:	.byte 0x0f, 0x1f, 0x00
	.pushsection .smap_sites, "a"
	.balign 4
	.long 880b - ., \insn
	.popsection
.endm
#define CLAC	SMAP_SITE 0xca
#define STAC	SMAP_SITE 0xcb

#else

#include <arch/x86_64/x86.h>

/* Addresses are kept as distances from where they stand: rel_addr. */
struct extable_entry { int32_t insn, fixup; uint32_t kind; };
struct smap_site { int32_t insn; uint32_t opcode; };

static inline vaddr_t rel_addr(const int32_t *p) { return (vaddr_t)p + (vaddr_t)(intptr_t)*p; }

extern const struct extable_entry extable_start[], extable_end[];
extern const struct smap_site smap_sites_start[], smap_sites_end[];

/* One word at any address: 0, or -1 if it faults. */
int probe_u64(uint64_t *v, vaddr_t va);

/* Called by entry.S. Of ring 3: interrupts off at the call, any state after it. */
void trap_user(struct trapframe *tf);
void trap_kernel(struct trapframe *tf);
void trap_ist(struct trapframe *tf);
void irq_entry(struct trapframe *tf);

/* Return addresses of entry.S's calls of C: a trapframe lies above each on the stack. */
extern const uint64_t entry_calls[], entry_calls_end[];

/* 256 entry points of ENTRY_STUB_SIZE bytes each. */
extern const char entry_stubs[];
void syscall_entry(void);
/* Loads the registers at tf and goes to ring 3. */
void entry_to_user(struct trapframe *tf, uint64_t kstack_top) __noreturn;

extern uint8_t boot_stack[BOOT_STACK_SIZE];

/* trampoline.S: the code to be copied to AP_BASE; two words in it. */
extern const char ap_trampoline[], ap_trampoline_end[], ap_cr3[], ap_cr4[];

void idt_init(void);
void idt_load(void);

/* "#PF page fault" and so on; "interrupt" from 32 on. */
const char *vector_name(uint64_t vector);

#endif
#endif
