/*
 * Futexes: sleeping until another thread says that a word of user memory has changed.
 * What ring 3's mutexes, condition variables and joins are made of. futex(2).
 */
#ifndef KERNEL_PROC_FUTEX_H
#define KERNEL_PROC_FUTEX_H

#include <arch/types.h>

struct task;

#define FUTEX_ANY	0xffffffffu	/* every bit of a bitset */

void futex_init(void);

/*
 * Sleeps, if the word at va is `value`, until one of `bits` is woken there. shared: others
 * may know the word by another address space. 0; -EAGAIN: it is not; -ETIMEDOUT;
 * -ERESTARTSYS; -EFAULT; -EINVAL: va is not aligned.
 */
int __must_check futex_wait(vaddr_t va, bool shared, uint32_t value, uint32_t bits,
			    uint64_t deadline_ns);
/* The same for several words at once: the number of one that was woken, or those errors; -ENOMEM. */
struct futex_word { vaddr_t va; uint32_t value; bool shared; };
int __must_check futex_wait_any(const struct futex_word *w, unsigned n, uint64_t deadline_ns);
/* Wakes up to n that wait at va for one of `bits`: how many, or -EFAULT, -EINVAL. */
long futex_wake(vaddr_t va, bool shared, unsigned n, uint32_t bits);
/*
 * Wakes up to `wake` at va and lets up to `move` more wait at `to` from now on, if the
 * word at va is *value (NULL: whatever it is). How many in all, or -EAGAIN, -EFAULT, -EINVAL.
 */
long futex_requeue(vaddr_t va, vaddr_t to, bool shared, unsigned wake, unsigned move,
		   const uint32_t *value);
/*
 * FUTEX_WAKE_OP: changes the word at `to` as `op` says, wakes up to n at va, and up to
 * `more` at `to` if what was there is as op asks. How many in all, or -errno.
 */
long futex_wake_op(vaddr_t va, vaddr_t to, bool shared, unsigned n, unsigned more, uint32_t op);
/*
 * The running task leaves its memory: the futexes of its robust list are marked as those
 * of a dead owner, and one who waits for each is woken. Its memory is loaded. (robust.c)
 */
void futex_exit(struct task *t);

#endif
