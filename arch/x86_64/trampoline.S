/*
 * Where the other CPUs begin: real mode, at physical AP_BASE, with nothing but
 * CS set. The code between ap_trampoline and its end is copied there; it goes by
 * way of protected mode straight to long mode, on the tables of the boot code
 * (which show low memory at its own address, with as many levels as the
 * kernel's), and jumps to ap_enter in the image. There is no stack until
 * ap_enter has claimed struct x86_cpu of the CPU that is awaited (smp.c).
 *
 * SDM vol. 3A 8.4.4 (INIT-SIPI-SIPI), 9.8.5 (entering IA-32e mode).
 */
#include <arch/x86_64/entry.h>
#include <arch/x86_64/x86.h>

#define AT(label)	((label) - ap_trampoline + AP_BASE)

	.section .rodata, "a"
	.balign 16
	.globl ap_trampoline, ap_trampoline_end, ap_cr3, ap_cr4
ap_trampoline:
	.code16
	cli
	cld
	xorw %ax, %ax
	movw %ax, %ds
	lgdtl AT(ap_gdt_ptr)
	movl %cr0, %eax
	orl $CR0_PE, %eax
	movl %eax, %cr0
	ljmpl $SEL_KCODE32, $AT(1f)
	.code32
1:	movl $SEL_KDATA, %eax
	movl %eax, %ds
	movl %eax, %ss
	movl AT(ap_cr4), %eax
	movl %eax, %cr4
	movl AT(ap_cr3), %eax
	movl %eax, %cr3
	movl $MSR_EFER, %ecx
	rdmsr
	orl $(EFER_LME | EFER_NXE), %eax
	wrmsr
	movl $(CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE), %eax
	movl %eax, %cr0
	ljmpl $SEL_KCODE, $AT(2f)
	.code64
2:	xorl %eax, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %fs
	movl %eax, %gs
	movq ap_entry(%rip), %rax
	jmp *%rax

	.balign 8
ap_gdt:					/* SEL_KCODE32, SEL_KCODE, SEL_KDATA */
	.quad 0, 0x00cf9b000000ffff, 0x00af9b000000ffff, 0x00cf93000000ffff
ap_gdt_ptr:
	.short ap_gdt_ptr - ap_gdt - 1
	.long AT(ap_gdt)
	.balign 8
ap_entry:
	.quad ap_enter
ap_cr3:	.quad 0				/* written into the copy */
ap_cr4:	.quad 0
ap_trampoline_end:

/* A CPU that nobody waits for, or not any more, sleeps for ever. */
	.text
ap_enter:
	movl $AP_AWAITED, %eax
	movl $AP_TAKEN, %ecx
	lock cmpxchgl %ecx, ap_state(%rip)
	jne 1f
	movq ap_root(%rip), %rax
	movq %rax, %cr3
	movq ap_cpu(%rip), %rdi
	movq CPU_KSTACK_TOP(%rdi), %rsp
	xorl %ebp, %ebp
	call ap_main
1:	cli
	hlt
	jmp 1b

	.section .note.GNU-stack, "", @progbits
