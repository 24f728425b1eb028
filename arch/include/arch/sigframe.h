/*
 * The frame that a signal handler runs on: what ring 3 was doing, on its own
 * stack, laid out as Linux lays it out (rt_sigframe: return address, ucontext,
 * siginfo; above it the FPU's state). The handler returns into the restorer, which
 * calls rt_sigreturn(2); that takes the frame back, whatever it holds by then.
 * And what signals do to a system call that they interrupt.
 */
#ifndef ARCH_SIGFRAME_H
#define ARCH_SIGFRAME_H

#include <arch/context.h>

#define SIGINFO_HEAD	48		/* bytes of a siginfo_t that may be other than 0 */

/* What a frame says of its thread beyond the registers. */
struct sigframe_state {
	uint64_t stack, stack_size;	/* the alternate stack to come back to */
	int stack_flags;
	uint64_t trap, error, cr2;	/* the last exception */
};

struct sigframe {
	int signo;
	const void *info;		/* SIGINFO_HEAD bytes, or NULL: the handler takes none */
	vaddr_t handler, restorer;
	vaddr_t top;			/* end of another stack; 0: below what is in use */
	vaddr_t bottom;			/* the frame must lie at or above it */
	uint64_t mask;			/* blocked signals to come back to */
	const struct sigframe_state *state;
};

/*
 * Writes the frame and makes tf enter the handler. May sleep. -EFAULT: it cannot
 * be written, or there is no room; tf is as it was.
 */
int __must_check arch_sigframe_push(struct trapframe *tf, const struct sigframe *f);
/*
 * Loads tf and the FPU from the frame at tf's stack pointer, and mask and
 * alternate stack into *mask and *state. -EFAULT: it cannot be read or is none; tf and
 * FPU are then fit for ring 3, mask is as it was or the frame's, and no more can be
 * said of them.
 */
int __must_check arch_sigframe_pop(struct trapframe *tf, uint64_t *mask,
				   struct sigframe_state *state);

/* What the FPU complains of as FPE_*; 0: nothing, after all. */
int arch_fpe_code(const struct trapframe *tf);

/* A system call on its way back, its result in rax. */
static inline bool arch_in_syscall(const struct trapframe *tf)
{
	return tf->vector == TRAP_SYSCALL && (int64_t)tf->error >= 0;
}
/* From here on it is none any more. */
static inline void arch_syscall_over(struct trapframe *tf) { tf->error = UINT64_MAX; }
/* It will be made again, as number nr. */
static inline void arch_syscall_again(struct trapframe *tf, uint64_t nr)
{
	tf->rax = nr;
	tf->rip -= 2;			/* of `syscall` */
}

#endif
