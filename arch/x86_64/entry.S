/*
 * Every way into the kernel and back to ring 3.
 *
 *	syscall		own stack by GS, full trapframe, back by sysretq if the
 *			frame is as it was, else by iretq
 *	exception	from ring 3 (by CS): swapgs; C; return_to_user
 *	interrupt	the same; from the kernel straight back: not preemptible
 *	#DB NMI #DF #MC	on their own stacks (IST): they may come where GS and
 *			the stack are still, or again, the user's. From ring 3 they
 *			move to the thread's stack; from the kernel they take
 *			their CPU from the top of the IST stack and put the old
 *			GS base back afterwards.
 *
 * GS: in ring 3 its base is the user's and MSR_KERNEL_GS_BASE the CPU's; in the
 * kernel the other way round. With interrupts off and the frame popped there are a
 * few instructions at either end where it is not: only IST entries and the
 * fault of iretq itself (bad_iret) can hit them, and both know.
 *
 * AC (SMAP) and DF are cleared at every entry: ring 3 may have set them.
 * Every frame from ring 3 lies at the very top of the thread's stack.
 *
 * SDM vol. 3A 6.8, 6.12, 6.14 (64-bit handling, IST); vol. 2 SYSCALL, SYSRET,
 * SWAPGS. Linux's Documentation/x86/entry_64.rst tells the same story.
 */
#include <arch/x86_64/entry.h>
#include <arch/x86_64/x86.h>

	.cfi_sections .debug_frame

/* What a debugger needs to walk through a frame that lies at rsp. */
.macro FRAME_CFI
	.cfi_startproc simple
	.cfi_signal_frame
	.cfi_def_cfa rsp, TF_SIZE
	.cfi_offset rip, -40
	.cfi_offset rsp, -16
	.cfi_offset rdi, -64
	.cfi_offset rsi, -72
	.cfi_offset rdx, -80
	.cfi_offset rcx, -88
	.cfi_offset rax, -96
	.cfi_offset r8, -104
	.cfi_offset r9, -112
	.cfi_offset r10, -120
	.cfi_offset r11, -128
	.cfi_offset rbx, -136
	.cfi_offset rbp, -144
	.cfi_offset r12, -152
	.cfi_offset r13, -160
	.cfi_offset r14, -168
	.cfi_offset r15, -176
.endm

.macro PUSH_REGS
	pushq %rdi
	pushq %rsi
	pushq %rdx
	pushq %rcx
	pushq %rax
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %r11
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
.endm

.macro POP_REGS
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	popq %r11
	popq %r10
	popq %r9
	popq %r8
	popq %rax
	popq %rcx
	popq %rdx
	popq %rsi
	popq %rdi
.endm

/* C with the frame as its argument; the return address is listed for stack traces. */
.macro CALL_C function
	movq %rsp, %rdi
	call \function
.Lcall\@:
	.pushsection .rodata.entry_calls, "a"
	.quad .Lcall\@
	.popsection
.endm

	.section .rodata.entry_calls, "a"
	.balign 8
	.globl entry_calls, entry_calls_end
entry_calls:

	.text

/*
 * System calls. In: rcx rip, r11 rflags, IF DF TF AC NT RF cleared by SFMASK.
 * This path is counted in instructions.
 */
	.globl syscall_entry
	.type syscall_entry, @function
	.balign 64
syscall_entry:
	swapgs
	movq %rsp, %gs:CPU_USER_RSP
	movq %gs:CPU_KSTACK_TOP, %rsp
	pushq $SEL_UDATA3
	pushq %gs:CPU_USER_RSP
	pushq %r11
	pushq $SEL_UCODE3
	pushq %rcx
	pushq %rax			/* number */
	pushq $TF_SYSCALL
	PUSH_REGS
	FRAME_CFI
	sti
	CALL_C upcall_syscall
	cli
	cmpl $0, %gs:CPU_NEED_RESCHED
	jne return_work
	/*
	 * sysretq takes rip from rcx and rflags from r11, and with a
	 * non-canonical rcx faults in ring 0 on the user's stack. Whoever
	 * gave the thread other registers (exec, signals) gets iretq.
	 */
	movq TF_RIP(%rsp), %rcx
	movq TF_RFLAGS(%rsp), %r11
	cmpq %rcx, TF_RCX(%rsp)
	jne .Lrestore_user
	cmpq %r11, TF_R11(%rsp)
	jne .Lrestore_user
	testl $(RFLAGS_TF | RFLAGS_RF), %r11d
	jnz .Lrestore_user
	cmpl $SEL_UCODE3, TF_CS(%rsp)
	jne .Lrestore_user
	shrq $47, %rcx
	jnz .Lrestore_user
	POP_REGS
	movq TF_RSP - TF_VECTOR(%rsp), %rsp
	swapgs
	sysretq
	.cfi_endproc

/* Back to ring 3 with the frame at rsp; interrupts on or off. */
	.globl return_to_user
return_to_user:
	FRAME_CFI
	cli
	cmpl $0, %gs:CPU_NEED_RESCHED
	jne return_work
.Lrestore_user:
	swapgs
	POP_REGS
	addq $16, %rsp
.Luser_iretq:
	iretq
	.cfi_endproc

return_work:
	FRAME_CFI
	sti
	CALL_C upcall_return_to_user
	jmp return_to_user
	.cfi_endproc

/*
 * One entry point for each vector, 16 bytes apart: pushes an error code where
 * the CPU does not, and the vector.
 */
	.globl entry_stubs
	.balign 64
entry_stubs:
vector = 0
.rept 256
	.balign ENTRY_STUB_SIZE
	.if !(vector == VEC_DF || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || \
	      vector == 29 || vector == 30)
	pushq $0
	.endif
	pushq $vector
	.if vector >= VEC_IRQ_FIRST
	jmp irq_common
	.elseif vector == VEC_DB || vector == VEC_NMI || vector == VEC_DF || vector == VEC_MC
	jmp ist_common
	.else
	jmp exception_common
	.endif
	vector = vector + 1
.endr
	.balign ENTRY_STUB_SIZE

exception_common:
	PUSH_REGS
	FRAME_CFI
	cld
	CLAC
	testb $3, TF_CS(%rsp)
	jz 1f
	swapgs
	CALL_C trap_user
	jmp return_to_user
1:	cmpq $.Luser_iretq, TF_RIP(%rsp)
	je bad_iret
	CALL_C trap_kernel
.Lreturn_to_kernel:
	POP_REGS
	addq $16, %rsp
	iretq
	.cfi_endproc

irq_common:
	PUSH_REGS
	FRAME_CFI
	cld
	CLAC
	testb $3, TF_CS(%rsp)
	jz 1f
	swapgs
	CALL_C irq_entry
	jmp return_to_user
1:	CALL_C irq_entry
	jmp .Lreturn_to_kernel
	.cfi_endproc

/*
 * iretq faulted on the registers it was to load (rip not canonical, a bad
 * selector): it happened in ring 0 with the user's GS, but it is ring 3's
 * exception. What iretq was to load are still the last words of the stack; with
 * the registers saved here put below them they make the frame of an exception
 * in ring 3.
 */
bad_iret:
	FRAME_CFI
	swapgs
	movq %gs:CPU_KSTACK_TOP, %rbx
	leaq TF_RIP - 8(%rsp), %rsi
	leaq -(TF_SIZE - TF_RIP + 8)(%rbx), %rdi
	movl $(TF_RIP / 8), %ecx
	std
	rep movsq
	cld
	leaq -TF_SIZE(%rbx), %rsp
	CALL_C trap_user
	jmp return_to_user
	.cfi_endproc

/* #DB, NMI, #DF, #MC, on a stack of their own. */
ist_common:
	PUSH_REGS
	FRAME_CFI
	cld
	CLAC
	testb $3, TF_CS(%rsp)
	jz 1f
	swapgs
	movq %gs:CPU_KSTACK_TOP, %rbx
	movq %rsp, %rsi
	leaq -TF_SIZE(%rbx), %rdi
	movl $(TF_SIZE / 8), %ecx
	rep movsq
	leaq -TF_SIZE(%rbx), %rsp
	CALL_C trap_user
	jmp return_to_user

1:	movl $MSR_GS_BASE, %ecx
	rdmsr
	movl %eax, %r12d
	movl %edx, %r13d
	movq %rsp, %rax
	orq $(IST_SIZE - 1), %rax
	movq 1 - IST_CPU(%rax), %rax
	movq %rax, %rdx
	shrq $32, %rdx
	wrmsr
	CALL_C trap_ist
	movl $MSR_GS_BASE, %ecx
	movl %r12d, %eax
	movl %r13d, %edx
	wrmsr
	jmp .Lreturn_to_kernel
	.cfi_endproc

/* entry_to_user(tf, kstack_top): moves the frame to where frames of ring 3 lie, upwards. */
	.globl entry_to_user
	.type entry_to_user, @function
entry_to_user:
	cli
	movq %rsi, %rsp
	leaq TF_SIZE - 8(%rdi), %rsi
	movl $(TF_SIZE / 8), %ecx
1:	pushq (%rsi)
	subq $8, %rsi
	decl %ecx
	jnz 1b
	jmp return_to_user

	.section .rodata.entry_calls, "a"
entry_calls_end:

	.section .note.GNU-stack, "", @progbits
