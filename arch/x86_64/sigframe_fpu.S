/*
 * XSAVE and XRSTOR with an area in user memory: as user copy (uaccess.S), and
 * with a #GP, which a malformed area is, forgiven as well.
 */
#include <arch/x86_64/entry.h>
#include <linux/errno.h>

#define XSAVE_HEADER	512
#define XSTATE_FPSSE	3

	.text

/*
 * int user_xsave(void *area, uint64_t components). The header is cleared first:
 * XSAVE writes nothing of it but the bits that were asked for. And x87 and SSE are
 * said to be there even where they are as at the start: some programs look
 * into the area without asking.
 */
	.globl user_xsave
	.type user_xsave, @function
user_xsave:
	STAC
	movq %rdi, %r8
	addq $XSAVE_HEADER, %rdi
	movl $8, %ecx
	xorl %eax, %eax
1:	rep stosq
	movl %esi, %eax
	movq %rsi, %rdx
	shrq $32, %rdx
2:	xsave64 (%r8)
3:	orq $XSTATE_FPSSE, XSAVE_HEADER(%r8)
	CLAC
	xorl %eax, %eax
	ret
	EXTABLE 1b, fpu_fault, EX_USER
	EXTABLE 2b, fpu_fault, EX_USER_GP
	EXTABLE 3b, fpu_fault, EX_USER

/* int user_xrstor(const void *area, uint64_t components) */
	.globl user_xrstor
	.type user_xrstor, @function
user_xrstor:
	movl %esi, %eax
	movq %rsi, %rdx
	shrq $32, %rdx
	STAC
1:	xrstor64 (%rdi)
	CLAC
	xorl %eax, %eax
	ret
	EXTABLE 1b, fpu_fault, EX_USER_GP

/* int user_fxsave(void *area) */
	.globl user_fxsave
	.type user_fxsave, @function
user_fxsave:
	STAC
1:	fxsave64 (%rdi)
	CLAC
	xorl %eax, %eax
	ret
	EXTABLE 1b, fpu_fault, EX_USER_GP

/* int user_fxrstor(const void *area) */
	.globl user_fxrstor
	.type user_fxrstor, @function
user_fxrstor:
	STAC
1:	fxrstor64 (%rdi)
	CLAC
	xorl %eax, %eax
	ret
	EXTABLE 1b, fpu_fault, EX_USER_GP

	.type fpu_fault, @function
fpu_fault:
	CLAC
	movl $-EFAULT, %eax
	ret

	.section .note.GNU-stack, "", @progbits
