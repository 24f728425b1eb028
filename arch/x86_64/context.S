/*
 * The moment at which one thread becomes another: what the calling convention
 * lets a call destroy is lost, the rest lies on each thread's stack.
 */
	.text

/* context_swap(uint64_t *prev_rsp, uint64_t next_rsp) */
	.globl context_swap
	.type context_swap, @function
context_swap:
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, (%rdi)
	movq %rsi, %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	ret

/* A new thread: rbx(r12). rbp 0 ends its stack traces. */
	.globl context_start
	.type context_start, @function
context_start:
	movq %r12, %rdi
	call *%rbx
	ud2

	.section .note.GNU-stack, "", @progbits
