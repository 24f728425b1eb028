/*
 * A thread's machine state: the frame that an entry from ring 3 or an
 * exception saves, the saved stack pointer of a thread that does not run,
 * and the FPU area.
 */
#ifndef ARCH_CONTEXT_H
#define ARCH_CONTEXT_H

#include <arch/types.h>

/* Pushed by entry.S, the same for exceptions, interrupts and system calls. */
struct trapframe {
	uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	uint64_t vector;	/* exception or interrupt; 256: system call */
	uint64_t error;		/* error code; of a system call: its number (orig_rax) */
	uint64_t rip, cs, rflags, rsp, ss;
};
#define TRAP_SYSCALL	256

static inline bool trap_from_user(const struct trapframe *tf) { return tf->cs & 3; }

struct context {
	uint64_t rsp;		/* callee-saved registers lie on the stack it points to */
	void *fpu;		/* XSAVE area of arch_features.xsave_size, 64-byte aligned; NULL: kernel thread */
	uint64_t fs_base, gs_base; /* user's, while the thread does not run */
};

/* Makes ctx start in fn(arg) on a fresh stack whose top is stack_top. fn never returns. */
void arch_context_init(struct context *ctx, uint64_t stack_top, void (*fn)(void *), void *arg);

/*
 * Saves prev's registers, FPU and FS/GS bases, loads next's, and sets where
 * next's entries from ring 3 land (kstack_top). Returns when somebody switches
 * back to prev. Interrupts off. The address space is the caller's business.
 */
void arch_context_switch(struct context *prev, struct context *next, uint64_t kstack_top);

/* Sets an FPU area to the state a new program starts with (x87 and MXCSR defaults). */
void arch_fpu_init(void *area);
/* Saves the CPU's state of the moment to an area that held none, or one of another thread. */
void arch_fpu_fork(void *area);
/* Loads the running thread's FPU area into the CPU (after exec). */
void arch_fpu_load(const void *area);

/* The user's FS base of the running thread (arch_prctl ARCH_SET_FS, ARCH_GET_FS), GS likewise. */
void arch_set_fs_base(uint64_t v);
uint64_t arch_get_fs_base(void);
void arch_set_gs_base(uint64_t v);
uint64_t arch_get_gs_base(void);

/*
 * Enters ring 3 with the registers of *tf (made by arch_user_frame) on the
 * running thread's stack, by the interrupt-return path. Never returns.
 */
void arch_enter_user(struct trapframe *tf) __noreturn;
/* Fills *tf for a program's first instruction: ip, sp, flags, all registers 0. */
void arch_user_frame(struct trapframe *tf, vaddr_t ip, vaddr_t sp);

/* The trap frame at the top of a kernel stack. */
static inline struct trapframe *arch_stack_frame(uint64_t stack_top)
{
	return (struct trapframe *)(stack_top - sizeof(struct trapframe));
}

/* Registers and a symbolised stack trace on the log; tf may be NULL (here). */
void arch_show_regs(const struct trapframe *tf);
void arch_backtrace(const struct trapframe *tf);
/*
 * Into line, of n bytes: by what ring 3 entered the kernel, if it did, and who called the
 * function whose frame that is, innermost first. Returns its length.
 */
size_t arch_trace_line(const void *frame, char *line, size_t n);
/* Where the trace of a thread begins that does not run. */
const void *arch_context_frame(const struct context *ctx);

#endif
