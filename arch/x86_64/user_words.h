/*
 * Single words to and from user memory, many in a row: SMAP is opened once around
 * them, and each goes to `fault` when its access finds nothing. The whole range has
 * been checked (user_range_ok). Between begin and end no function is called.
 */
#ifndef ARCH_X86_64_USER_WORDS_H
#define ARCH_X86_64_USER_WORDS_H

#include <arch/x86_64/entry.h>

/* SMAP_SITE of entry.h. */
#define USER_WORDS_SMAP(opcode) \
	__asm__ volatile("880: .byte 0x0f, 0x1f, 0x00\n\t" \
			 ".pushsection .smap_sites, \"a\"\n\t" \
			 ".balign 4\n\t" \
			 ".long 880b - ., " opcode "\n\t" \
			 ".popsection" ::: "memory")

/* Behind the table proper (linker.ld): there are many, and they hardly fault. */
#define USER_WORDS_EXTABLE \
	".pushsection .extable.words, \"a\"\n\t" \
	".balign 4\n\t" \
	".long 1b - ., %l[fault] - ., 1\n\t" \
	".popsection"

_Static_assert(EX_USER == 1, "as USER_WORDS_EXTABLE says");

static __always_inline_ void user_words_begin(void) { USER_WORDS_SMAP("0xcb"); }
static __always_inline_ void user_words_end(void) { USER_WORDS_SMAP("0xca"); }

/* *p, in user memory, becomes v. */
#define user_word_put64(v, p) \
	__asm__ goto("1: movq %0, %1\n\t" USER_WORDS_EXTABLE \
		     :: "er"((uint64_t)(v)), "m"(*(uint64_t *)(p)) :: fault)
#define user_word_put32(v, p) \
	__asm__ goto("1: movl %0, %1\n\t" USER_WORDS_EXTABLE \
		     :: "ir"((uint32_t)(v)), "m"(*(uint32_t *)(p)) :: fault)

/*
 * *to becomes *p, which is in user memory. (From memory to memory: older compilers get an
 * `asm goto` with results wrong.)
 */
#define user_word_get64(to, p) \
	__asm__ goto("1: movq %1, %%rax\n\tmovq %%rax, %0\n\t" USER_WORDS_EXTABLE \
		     :: "m"(*(uint64_t *)(to)), "m"(*(const uint64_t *)(p)) : "rax", "memory" \
		     : fault)
#define user_word_get32(to, p) \
	__asm__ goto("1: movl %1, %%eax\n\tmovl %%eax, %0\n\t" USER_WORDS_EXTABLE \
		     :: "m"(*(uint32_t *)(to)), "m"(*(const uint32_t *)(p)) : "rax", "memory" \
		     : fault)

#endif
