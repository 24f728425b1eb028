/*
 * Starting programs: the strings that a program is given, its stack, and the
 * change from one program to another.
 */
#ifndef KERNEL_PROC_EXEC_H
#define KERNEL_PROC_EXEC_H

#include <arch/types.h>
#include <arch/uaccess.h>

struct elf;
struct node;
struct page;
struct trapframe;

#define EXEC_STRINGS_MAX	(2ul << 20)	/* all strings together */
#define EXEC_STRING_MAX		131072ul	/* one of them: Linux's MAX_ARG_STRLEN */
#define EXEC_PAGES		(EXEC_STRINGS_MAX / PAGE_SIZE)

/*
 * argv's strings, then envp's, then the file's name, each with its NUL, one after
 * another over pages.
 */
struct exec_args {
	struct page *page[EXEC_PAGES];
	size_t len;
	unsigned argc, envc;
	struct node *first;		/* of a new process: the program that it is to run; counted; else NULL */
};

/* NULL if there is no memory. */
struct exec_args *exec_args_create(void);
void exec_args_free(struct exec_args *a);
/* Appends a string of the kernel's. 0, -E2BIG, -ENOMEM. The caller counts argc and envc. */
int __must_check exec_args_add(struct exec_args *a, const char *s);
/*
 * The strings of the NULL-ended list at `list`; *n counts them. Also -EFAULT. A
 * NULL list is empty.
 */
int __must_check exec_args_add_user(struct exec_args *a, const uint64_t __user *list, unsigned *n);
/* Where the string behind the one at pos begins; and the string number n: argv's, envp's, the file's name. */
size_t exec_args_next(const struct exec_args *a, size_t pos);
size_t exec_args_find(const struct exec_args *a, unsigned n);
/* Appends all of another's strings from pos on. 0, -E2BIG, -ENOMEM; the caller counts. */
int __must_check exec_args_copy(struct exec_args *to, const struct exec_args *from, size_t pos);

/* ---- scripts (exec_script.c) ---- */

#define EXEC_SCRIPT_LINE	256	/* bytes of the first line that count: Linux's BINPRM_BUF_SIZE */

/* What the line `#!INTERPRETER [ARGUMENT]` says. */
struct exec_script {
	char line[EXEC_SCRIPT_LINE + 1];
	const char *interpreter, *argument;	/* in line; argument NULL: none */
};

/* 1: exe is a script, and *s says whose; 0: it is none; -ENOEXEC: its line names nobody; -EIO. */
int __must_check exec_script_read(struct exec_script *s, struct node *exe);
/*
 * The interpreter's strings, into the empty *to: itself, its argument, the script's name, and
 * what `from` gives the script behind argv[0]. nested: the script is an interpreter itself, and
 * argv[0] is its name. 0, -E2BIG, -ENOMEM.
 */
int __must_check exec_script_args(const struct exec_script *s, const struct exec_args *from,
				  bool nested, struct exec_args *to);

/*
 * Makes the running process run the program `exe`, whose name stands last in
 * args: a new address space, stack and registers (into *tf). On an error the
 * process is as it was. 0, -ENOEXEC, -EACCES, -ENOMEM, -E2BIG, -EIO; a script's interpreter
 * cannot be found: as path_lookup; scripts by scripts five deep: -ELOOP. Or EXEC_TOO_LARGE:
 * the old program is gone, and the process's limits have no room for the new one: the caller ends
 * the process, on Linux by SIGSEGV.
 */
#define EXEC_TOO_LARGE	1
int __must_check exec_program(struct node *exe, const char *name, const struct exec_args *args,
			      struct trapframe *tf);

/* Why exec_program said err, in words. */
const char *exec_error(int err);

struct mm_layout;
/* exec_stack.c: fills in where the strings lie below top. */
void exec_stack_layout(vaddr_t top, const struct exec_args *args, struct mm_layout *l);
/* Writes strings, vectors and auxv below top, in the running thread's address space; base: where the interpreter is. */
int __must_check exec_build_stack(vaddr_t top, const struct exec_args *args, const struct elf *e, vaddr_t base,
				  vaddr_t *sp);

#endif
