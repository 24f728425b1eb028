/*
 * The first instructions, from either door:
 *
 *	multiboot2 (GRUB)   32-bit protected mode, paging off, eax magic, ebx info
 *	PVH (qemu -kernel)  the same, ebx hvm_start_info
 *
 * Both lead to 64-bit mode on early tables that show
 *
 *	0 .. 4 GB		itself (until the kernel's own tables are loaded)
 *	DIRECT_BASE + 0 .. 4 GB	the same, no-execute
 *	KERNEL_BASE + 0 .. 1 GB	the image
 *
 * by 2 MB pages, and from there to boot_main. The image is linked in the high
 * half; 32-bit code names what it touches by PHYS().
 *
 * Multiboot2 specification 2.0, 3.1 and 3.3; Xen's pvh.pandoc; SDM vol. 3A
 * 9.8.5 (entering IA-32e mode), 4.5 (five levels are chosen while paging is off).
 */
#include <arch/x86_64/entry.h>
#include <arch/x86_64/x86.h>

#define MB2_HEADER_MAGIC	0xe85250d6
#define BOOT_MULTIBOOT2		0x36d76289
#define BOOT_PVH		0x336ec578
#define KERNEL_BASE		0xffffffff80000000
#define PHYS(sym)		((sym) - KERNEL_BASE)

#define ENTRY_TABLE		3	/* present, writable */
#define ENTRY_2M		0x83	/* present, writable, PS */
#define ENTRY_NX_HIGH		0x80000000	/* bit 63, in the upper half */
#define BOOT_STACK_TOP		(boot_stack + BOOT_STACK_SIZE)

	.section .boot.header, "a"
	.balign 8
mb2_header:
	.long MB2_HEADER_MAGIC
	.long 0				/* i386 protected mode */
	.long mb2_header_end - mb2_header
	.long -(MB2_HEADER_MAGIC + (mb2_header_end - mb2_header))
	.short 6, 0			/* modules on page borders */
	.long 8
	.short 0, 0			/* end of tags */
	.long 8
mb2_header_end:

	.section .note.pvh, "a", @note
	.balign 4
	.long 4, 8, 18			/* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.quad PHYS(pvh_entry)

	.section .boot.text, "ax"
	.code32
	.globl multiboot2_entry, pvh_entry
multiboot2_entry:
	movl $PHYS(message_loader), %ebp
	cmpl $BOOT_MULTIBOOT2, %eax
	jne boot_refuse
	movl %eax, %edi
	jmp boot_common
pvh_entry:
	movl $BOOT_PVH, %edi
boot_common:
	movl %ebx, %esi			/* edi, esi: boot_main's arguments from here on */
	cli
	cld
	movl $PHYS(BOOT_STACK_TOP), %esp
	call check_cpu
	call build_tables

	movl $CR4_PAE, %eax
	movl %eax, %cr4
	movl $PHYS(early_pml4), %eax
	movl %eax, %cr3
	movl $MSR_EFER, %ecx
	rdmsr
	orl $(EFER_LME | EFER_NXE), %eax
	wrmsr
	movl $(CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE), %eax
	movl %eax, %cr0
	lgdt PHYS(boot_gdt_ptr)
	ljmp $SEL_KCODE, $PHYS(boot_64_low)

/* Long mode and no-execute, or there is no point in going on. */
check_cpu:
	movl $PHYS(message_cpu), %ebp
	movl $0x80000000, %eax
	cpuid
	cmpl $0x80000001, %eax
	jb boot_refuse
	movl $0x80000001, %eax
	cpuid
	andl $(1 << 29 | 1 << 20), %edx
	cmpl $(1 << 29 | 1 << 20), %edx
	jne boot_refuse
	ret

build_tables:
	movl $PHYS(early_pdpt + ENTRY_TABLE), %eax
	movl %eax, PHYS(early_pml4)
	movl %eax, PHYS(early_pml4 + 256 * 8)
	movl $ENTRY_NX_HIGH, PHYS(early_pml4 + 256 * 8 + 4)
	movl $PHYS(early_pdpt_high + ENTRY_TABLE), PHYS(early_pml4 + 511 * 8)
	movl $PHYS(early_pd + ENTRY_TABLE), PHYS(early_pdpt_high + 510 * 8)

	movl $PHYS(early_pd + ENTRY_TABLE), %eax
	xorl %ecx, %ecx
1:	movl %eax, PHYS(early_pdpt)(, %ecx, 8)
	addl $4096, %eax
	incl %ecx
	cmpl $4, %ecx
	jb 1b

	movl $ENTRY_2M, %eax
	xorl %ecx, %ecx
2:	movl %eax, PHYS(early_pd)(, %ecx, 8)
	addl $0x200000, %eax
	incl %ecx
	cmpl $(4 * 512), %ecx
	jb 2b
	ret

/* Says the text at ebp on COM1 and the debug console, and leaves as a panic does. */
boot_refuse:
	movb (%ebp), %al
	incl %ebp
	testb %al, %al
	jz 1f
	movw $0x3f8, %dx
	outb %al, %dx
	outb %al, $0xe9
	jmp boot_refuse
1:	movb $0x12, %al
	outb %al, $0xf4
2:	cli
	hlt
	jmp 2b

	.code64
boot_64_low:
	movl $SEL_KDATA, %eax
	movl %eax, %ss
	xorl %eax, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %fs
	movl %eax, %gs
	movq $boot_64_high, %rax
	jmp *%rax
boot_64_high:
	movq $BOOT_STACK_TOP, %rsp
	movl $MSR_GS_BASE, %ecx
	movq $boot_cpu, %rax
	movq %rax, %rdx
	shrq $32, %rdx
	wrmsr
	xorl %ebp, %ebp
	call boot_main
	ud2

/*
 * void boot_enter_la57(uint32_t root5): the number of levels can change only
 * while paging is off, so down to 32 bits in the identity-mapped low memory
 * and up again. The upper halves of the registers are lost on the way.
 */
	.globl boot_enter_la57
boot_enter_la57:
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, la57_rsp(%rip)
	pushq $SEL_KCODE32
	pushq $PHYS(la57_32)
	lretq
	.code32
la57_32:
	movl %cr0, %eax
	btrl $31, %eax			/* CR0.PG */
	movl %eax, %cr0
	movl %cr4, %ecx
	orl $CR4_LA57, %ecx
	movl %ecx, %cr4
	movl %edi, %cr3
	btsl $31, %eax
	movl %eax, %cr0
	ljmp $SEL_KCODE, $PHYS(la57_64)
	.code64
la57_64:
	movq $1f, %rax
	jmp *%rax
1:	movq la57_rsp(%rip), %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	ret

	.section .rodata, "a"
message_loader:
	.asciz "Quire: not started by a multiboot2 loader\n"
message_cpu:
	.asciz "Quire: this CPU has no 64-bit mode with no-execute pages\n"
	.balign 8
boot_gdt:				/* SEL_KCODE32, SEL_KCODE, SEL_KDATA */
	.quad 0, 0x00cf9b000000ffff, 0x00af9b000000ffff, 0x00cf93000000ffff
boot_gdt_ptr:
	.short boot_gdt_ptr - boot_gdt - 1
	.long PHYS(boot_gdt)

	.bss
	.balign 8
la57_rsp:
	.skip 8

	.section .bss.aligned, "aw", @nobits
	.balign 4096
	.globl early_pml4, early_pml5
early_pml4:	.skip 4096
early_pml5:	.skip 4096
early_pdpt:	.skip 4096
early_pdpt_high: .skip 4096
early_pd:	.skip 4 * 4096

	.section .note.GNU-stack, "", @progbits
