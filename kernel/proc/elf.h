/*
 * ELF64 programs for x86-64: static ones, at fixed addresses (ET_EXEC) or
 * anywhere (ET_DYN, static-pie). Everything in the file's headers is checked
 * before anything is mapped; see elf.c for what is refused.
 */
#ifndef KERNEL_PROC_ELF_H
#define KERNEL_PROC_ELF_H

#include <arch/types.h>
#include <linux/elf.h>
#include <mm/mm.h>

struct elf {
	struct object *file;
	struct elf64_hdr head;
	struct elf64_phdr *phdr;	/* head.e_phnum of them; kmalloc */
	vaddr_t low, high;		/* pages that the segments span, before the bias */
	uint64_t align;			/* largest of the segments */
	vaddr_t bias;			/* what is added to every address; ET_EXEC: 0 */
	bool exec_stack;		/* PT_GNU_STACK asks for one */
};

/* Reads and checks the headers. 0; -ENOEXEC; -ENOMEM, -EIO. After 0: elf_close. */
int __must_check elf_open(struct elf *e, struct object *file);
void elf_close(struct elf *e);
/*
 * Chooses where it goes (random: not the same each time) and maps its segments
 * into mm. 0 or -errno.
 */
int __must_check elf_map(struct elf *e, struct mm *mm, bool random);
/*
 * Zeroes what follows each segment's file part in its last page. mm is the
 * running thread's. 0 or -EFAULT.
 */
int __must_check elf_clear_tails(const struct elf *e);

static inline vaddr_t elf_entry(const struct elf *e) { return e->bias + e->head.e_entry; }
/* Where the heap can begin. */
static inline vaddr_t elf_end(const struct elf *e) { return e->bias + e->high; }
struct mm_layout;
/*
 * Fills in where code and data are: the code is what can be executed, the data
 * the last segment, as Linux has it.
 */
void elf_layout(const struct elf *e, struct mm_layout *l);
/* Where the program finds its own program headers; 0: in no segment. */
vaddr_t elf_phdr_address(const struct elf *e);

#endif
