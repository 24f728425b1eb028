/*
 * The instructions that touch user memory, each with its way out. SMAP is
 * open from STAC to CLAC only; a fault in between closes it, and its iretq
 * opens it again (AC is part of the saved flags).
 *
 * Words first, then bytes: where a word faults, the bytes of it that are
 * still there are copied one by one, so that the count of what is missing is
 * exact. (`rep movsb` alone would do on CPUs with ERMS, but an emulator
 * goes byte by byte.)
 */
#include <arch/x86_64/entry.h>
#include <linux/errno.h>

	.text

/* size_t user_copy(void *dst, const void *src, size_t n): bytes not copied. One is the user's. */
	.globl user_copy
	.type user_copy, @function
user_copy:
	STAC
	movq %rdx, %rcx
	shrq $3, %rcx
	andl $7, %edx
1:	rep movsq
	movl %edx, %ecx
2:	rep movsb
3:	movq %rcx, %rax
	CLAC
	ret
4:	leaq (%rdx, %rcx, 8), %rcx
	jmp 2b
	EXTABLE 1b, 4b, EX_USER
	EXTABLE 2b, 3b, EX_USER

/* size_t user_clear(void *dst, size_t n): bytes not cleared. */
	.globl user_clear
	.type user_clear, @function
user_clear:
	STAC
	movq %rsi, %rcx
	shrq $3, %rcx
	andl $7, %esi
	xorl %eax, %eax
1:	rep stosq
	movl %esi, %ecx
2:	rep stosb
3:	movq %rcx, %rax
	CLAC
	ret
4:	leaq (%rsi, %rcx, 8), %rcx
	jmp 2b
	EXTABLE 1b, 4b, EX_USER
	EXTABLE 2b, 3b, EX_USER

/* ssize_t user_strncpy(char *dst, const char *src, size_t n): length; n: no NUL in it; -EFAULT. */
	.globl user_strncpy
	.type user_strncpy, @function
user_strncpy:
	STAC
	xorl %eax, %eax
1:	cmpq %rdx, %rax
	je 3f
2:	movb (%rsi, %rax), %cl
	movb %cl, (%rdi, %rax)
	testb %cl, %cl
	jz 3f
	incq %rax
	jmp 1b
3:	CLAC
	ret
4:	movq $-EFAULT, %rax
	jmp 3b
	EXTABLE 2b, 4b, EX_USER

/* int name(uintN_t *v, const void *src): 0 or -EFAULT; kind: what becomes of a fault. */
.macro USER_GET name, mov, reg, kind
	.globl \name
	.type \name, @function
\name:
	STAC
1:	\mov (%rsi), \reg
	CLAC
	\mov \reg, (%rdi)
	xorl %eax, %eax
	ret
	EXTABLE 1b, user_fault, \kind
.endm

	USER_GET user_get64, movq, %rax, EX_USER
	USER_GET user_get32, movl, %eax, EX_USER
	USER_GET user_peek32, movl, %eax, EX_PROBE	/* not settled */

/* int name(uintN_t v, void *dst): 0 or -EFAULT. */
.macro USER_PUT name, mov, reg
	.globl \name
	.type \name, @function
\name:
	STAC
1:	\mov \reg, (%rsi)
	CLAC
	xorl %eax, %eax
	ret
	EXTABLE 1b, user_fault, EX_USER
.endm

	USER_PUT user_put64, movq, %rdi
	USER_PUT user_put32, movl, %edi

/* int user_cmpxchg32(void *p, uint32_t *old, uint32_t next) */
	.globl user_cmpxchg32
	.type user_cmpxchg32, @function
user_cmpxchg32:
	movl (%rsi), %eax
	STAC
1:	lock cmpxchgl %edx, (%rdi)
	CLAC
	movl %eax, (%rsi)
	xorl %eax, %eax
	ret
	EXTABLE 1b, user_fault, EX_USER

	.type user_fault, @function
user_fault:
	CLAC
	movl $-EFAULT, %eax
	ret

/* int probe_u64(uint64_t *v, vaddr_t va): 0, or -1 if the kernel cannot read there. */
	.globl probe_u64
	.type probe_u64, @function
probe_u64:
1:	movq (%rsi), %rax
	movq %rax, (%rdi)
	xorl %eax, %eax
	ret
2:	movl $-1, %eax
	ret
	EXTABLE 1b, 2b, EX_PROBE

	.section .note.GNU-stack, "", @progbits
