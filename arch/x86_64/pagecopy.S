/*
 * Clearing and copying a page, each in five ways (pagecopy.c chooses).
 *
 * The vector registers hold the user's values while the kernel runs: those
 * used here are kept on the stack meanwhile. Legacy SSE instructions leave
 * the upper halves of the YMM registers alone, so clear_sse and copy_sse save
 * 16 bytes of each; AVX ones save 32. There is no third half to lose: AVX-512
 * is never on. An interrupt that comes between may call these again, for it
 * saves in its turn; nothing here can fault or switch threads.
 *
 * No store is non-temporal: the page is about to be used.
 *
 * Loops count from -4096 up to 0, one addition being counter and pointer.
 */
	.text

	.macro function name
	.globl \name
	.type \name, @function
	.balign 16
\name:
	.endm

	.macro end name
	.size \name, . - \name
	.endm

/* 4096 = BYTES a round * rounds; rcx runs, rdi (and rsi) point behind the page. */
	.macro page_end reg
	addq $4096, \reg
	.endm

	function clear_rep_stosq
	xorl %eax, %eax
	movl $512, %ecx
	rep stosq
	ret
	end clear_rep_stosq

	function clear_rep_stosb
	xorl %eax, %eax
	movl $4096, %ecx
	rep stosb
	ret
	end clear_rep_stosb

	function clear_mov64
	xorl %eax, %eax
	movq $-4096, %rcx
	page_end %rdi
1:
	.set at, 0
	.rept 16
	movq %rax, at(%rdi, %rcx)
	.set at, at + 8
	.endr
	addq $128, %rcx
	jnz 1b
	ret
	end clear_mov64

/* clear_sse, clear_avx: by one register of `size` bytes; mov: aligned, save: not. */
	.macro clear_vector name, mov, save, reg, size, zero:vararg
	function \name
	subq $\size, %rsp
	\save \reg, (%rsp)
	\zero
	movq $-4096, %rcx
	page_end %rdi
1:
	.set at, 0
	.rept 16
	\mov \reg, at(%rdi, %rcx)
	.set at, at + \size
	.endr
	addq $16 * \size, %rcx
	jnz 1b
	\save (%rsp), \reg
	addq $\size, %rsp
	ret
	end \name
	.endm

	clear_vector clear_sse, movaps, movups, %xmm0, 16, xorps %xmm0, %xmm0
	clear_vector clear_avx, vmovaps, vmovups, %ymm0, 32, vxorps %xmm0, %xmm0, %xmm0

	function copy_rep_movsq
	movl $512, %ecx
	rep movsq
	ret
	end copy_rep_movsq

	function copy_rep_movsb
	movl $4096, %ecx
	rep movsb
	ret
	end copy_rep_movsb

	function copy_mov64
	movq $-4096, %rcx
	page_end %rdi
	page_end %rsi
1:
	.set at, 0
	.rept 4
	movq at(%rsi, %rcx), %rax
	movq at + 8(%rsi, %rcx), %rdx
	movq at + 16(%rsi, %rcx), %r8
	movq at + 24(%rsi, %rcx), %r9
	movq %rax, at(%rdi, %rcx)
	movq %rdx, at + 8(%rdi, %rcx)
	movq %r8, at + 16(%rdi, %rcx)
	movq %r9, at + 24(%rdi, %rcx)
	.set at, at + 32
	.endr
	addq $128, %rcx
	jnz 1b
	ret
	end copy_mov64

/* copy_sse, copy_avx: by four registers, reg0 to reg3. */
	.macro copy_vector name, mov, save, reg, size
	function \name
	subq $4 * \size, %rsp
	\save \reg\()0, (%rsp)
	\save \reg\()1, \size(%rsp)
	\save \reg\()2, 2 * \size(%rsp)
	\save \reg\()3, 3 * \size(%rsp)
	movq $-4096, %rcx
	page_end %rdi
	page_end %rsi
1:
	.set at, 0
	.rept 4
	\mov at(%rsi, %rcx), \reg\()0
	\mov at + \size(%rsi, %rcx), \reg\()1
	\mov at + 2 * \size(%rsi, %rcx), \reg\()2
	\mov at + 3 * \size(%rsi, %rcx), \reg\()3
	\mov \reg\()0, at(%rdi, %rcx)
	\mov \reg\()1, at + \size(%rdi, %rcx)
	\mov \reg\()2, at + 2 * \size(%rdi, %rcx)
	\mov \reg\()3, at + 3 * \size(%rdi, %rcx)
	.set at, at + 4 * \size
	.endr
	addq $16 * \size, %rcx
	jnz 1b
	\save (%rsp), \reg\()0
	\save \size(%rsp), \reg\()1
	\save 2 * \size(%rsp), \reg\()2
	\save 3 * \size(%rsp), \reg\()3
	addq $4 * \size, %rsp
	ret
	end \name
	.endm

	copy_vector copy_sse, movaps, movups, %xmm, 16
	copy_vector copy_avx, vmovaps, vmovups, %ymm, 32

	.section .note.GNU-stack, "", @progbits
