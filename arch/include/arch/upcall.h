/*
 * The door up from the machine: what the entry code calls and higher floors
 * define. Nothing else below may call up.
 */
#ifndef ARCH_UPCALL_H
#define ARCH_UPCALL_H

#include <arch/types.h>
#include <arch/context.h>

struct bootinfo;

/* What an access that faulted wanted. */
#define ACCESS_READ	0u
#define ACCESS_WRITE	1u
#define ACCESS_EXEC	2u
#define ACCESS_USER	4u	/* made in ring 3 (else: by user copy) */
#define ACCESS_PRESENT	8u	/* the entry was there: a right was missing */

/*
 * #PF on a user address, from ring 3 or from user copy. Interrupts as they
 * were before the fault. From ring 3: settles the fault or the program.
 * Returns false only for user copy: no such memory, the copy comes up short.
 */
bool upcall_page_fault(struct trapframe *tf, vaddr_t va, unsigned access);
/* Any other exception that ring 3 caused. Interrupts on. */
void upcall_user_exception(struct trapframe *tf);
/* A system call: number in tf->error, arguments rdi rsi rdx r10 r8 r9; the result goes to tf->rax. Interrupts on. */
void upcall_syscall(struct trapframe *tf);
/* A timer tick of this CPU. Interrupts off. */
void upcall_timer(struct trapframe *tf);
/* Another CPU wants something of this one (IPI_CALL). Interrupts off. */
void upcall_call(void);
/* Before each return to ring 3 when this_cpu()->need_resched is set. Interrupts on. */
void upcall_return_to_user(struct trapframe *tf);

/* The two mains, on kernel-image stacks, interrupts off. */
void kernel_main(struct bootinfo *bi) __noreturn;
void kernel_main_ap(void) __noreturn;

#endif
