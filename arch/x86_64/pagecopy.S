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

	function clear_sse
	subq $16, %rsp
	movups %xmm0, (%rsp)
	xorps %xmm0, %xmm0
	movq $-4096, %rcx
	page_end %rdi
1:
	.set at, 0
	.rept 16
	movaps %xmm0, at(%rdi, %rcx)
	.set at, at + 16
	.endr
	addq $256, %rcx
	jnz 1b
	movups (%rsp), %xmm0
	addq $16, %rsp
	ret
	end clear_sse

	function clear_avx
	subq $32, %rsp
	vmovups %ymm0, (%rsp)
	vxorps %xmm0, %xmm0, %xmm0
	movq $-4096, %rcx
	page_end %rdi
1:
	.set at, 0
	.rept 16
	vmovaps %ymm0, at(%rdi, %rcx)
	.set at, at + 32
	.endr
	addq $512, %rcx
	jnz 1b
	vmovups (%rsp), %ymm0
	addq $32, %rsp
	ret
	end clear_avx

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

	function copy_sse
	subq $64, %rsp
	movups %xmm0, (%rsp)
	movups %xmm1, 16(%rsp)
	movups %xmm2, 32(%rsp)
	movups %xmm3, 48(%rsp)
	movq $-4096, %rcx
	page_end %rdi
	page_end %rsi
1:
	.set at, 0
	.rept 4
	movaps at(%rsi, %rcx), %xmm0
	movaps at + 16(%rsi, %rcx), %xmm1
	movaps at + 32(%rsi, %rcx), %xmm2
	movaps at + 48(%rsi, %rcx), %xmm3
	movaps %xmm0, at(%rdi, %rcx)
	movaps %xmm1, at + 16(%rdi, %rcx)
	movaps %xmm2, at + 32(%rdi, %rcx)
	movaps %xmm3, at + 48(%rdi, %rcx)
	.set at, at + 64
	.endr
	addq $256, %rcx
	jnz 1b
	movups (%rsp), %xmm0
	movups 16(%rsp), %xmm1
	movups 32(%rsp), %xmm2
	movups 48(%rsp), %xmm3
	addq $64, %rsp
	ret
	end copy_sse

	function copy_avx
	subq $128, %rsp
	vmovups %ymm0, (%rsp)
	vmovups %ymm1, 32(%rsp)
	vmovups %ymm2, 64(%rsp)
	vmovups %ymm3, 96(%rsp)
	movq $-4096, %rcx
	page_end %rdi
	page_end %rsi
1:
	.set at, 0
	.rept 4
	vmovaps at(%rsi, %rcx), %ymm0
	vmovaps at + 32(%rsi, %rcx), %ymm1
	vmovaps at + 64(%rsi, %rcx), %ymm2
	vmovaps at + 96(%rsi, %rcx), %ymm3
	vmovaps %ymm0, at(%rdi, %rcx)
	vmovaps %ymm1, at + 32(%rdi, %rcx)
	vmovaps %ymm2, at + 64(%rdi, %rcx)
	vmovaps %ymm3, at + 96(%rdi, %rcx)
	.set at, at + 128
	.endr
	addq $512, %rcx
	jnz 1b
	vmovups (%rsp), %ymm0
	vmovups 32(%rsp), %ymm1
	vmovups 64(%rsp), %ymm2
	vmovups 96(%rsp), %ymm3
	addq $128, %rsp
	ret
	end copy_avx

	.section .note.GNU-stack, "", @progbits
