/* Tiny programs made by hand, for tests of the loader and of what becomes of programs. */
#ifndef TESTS_KERNEL_PROGRAM_H
#define TESTS_KERNEL_PROGRAM_H

#include <kernel/fs/node.h>
#include <linux/elf.h>

/*
 *	file 0x0000	ELF header, two program headers
 *	     0x1000	code, at 0x401000, read and execute
 *	     0x2000	data, at 0x402000, read and write, with 6 KB of bss behind
 */
#define PROGRAM_SIZE	0x2010ul
#define PROGRAM_CODE	0x401000ul
#define PROGRAM_DATA	0x402000ul
#define PROGRAM_DATA_SIZE 0x10ul
#define PROGRAM_MEM_SIZE 0x1800ul

struct program {
	union {
		uint8_t byte[PROGRAM_SIZE];
		struct {
			struct elf64_hdr head;
			struct elf64_phdr phdr[2];
		};
	};
};

/* A program whose code is the n bytes given. kfree. */
struct program *program_create(const void *code, size_t n);
/* Makes it an ET_DYN one, linked at 0. */
void program_make_pie(struct program *p);
/* A file with the first `size` bytes of p, which must outlive it. */
struct node *program_file(const struct program *p, size_t size);
/* Starts it: 0, -ENOMEM, -EAGAIN. It is to be waited for. */
struct process;
int __must_check program_spawn(struct node *file, struct process **out);
/*
 * Runs it to its end, or for at most ms milliseconds, after which it is killed.
 * Its status as of wait4(2), or -ENOMEM.
 */
int program_run(const struct program *p, unsigned ms);

/* mov edi, n; mov eax, 231; syscall: exit_group(n) */
#define CODE_EXIT(n)	0xbf, (n), 0, 0, 0, 0xb8, 231, 0, 0, 0, 0x0f, 0x05

/* A generator of numbers that are the same at each run (xorshift64*). */
static inline uint64_t random_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dul;
}

#endif
