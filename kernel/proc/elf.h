/*
 * ELF64 programs for x86-64, at fixed addresses (ET_EXEC) or anywhere (ET_DYN); and
 * the interpreter (the dynamic linker) that a program may name, which is one, too. Everything in the file's headers is checked
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
	uint64_t interp_off, interp_size; /* where the file names its interpreter; size 0: it has none */
};

/* Reads and checks the headers. 0; -ENOEXEC; -ENOMEM, -EIO. After 0: elf_close. */
int __must_check elf_open(struct elf *e, struct object *file);
void elf_close(struct elf *e);
/*
 * Chooses where it goes (random: not the same each time) and maps its segments
 * into mm. 0 or -errno.
 */
int __must_check elf_map(struct elf *e, struct mm *mm, bool random);
/* The same for an interpreter: where there is room, beside the program that is mapped already. */
int __must_check elf_map_interpreter(struct elf *e, struct mm *mm);
static inline bool elf_is_dynamic(const struct elf *e) { return e->interp_size; }
/* The path of its interpreter, to PATH_MAX bytes. 0, -ENOEXEC: it is none; -EIO, -ENOMEM. */
int __must_check elf_interpreter(const struct elf *e, char *path);
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
