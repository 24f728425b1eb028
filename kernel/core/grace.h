/*
 * Grace periods: putting off the freeing of what others may still be looking
 * at without a lock.
 *
 * A reader looks at such data in thread context and does not sleep in between
 * (it calls nothing that may call schedule). A writer unlinks the object, so
 * that no new reader can find it, and hands it to grace_call: the function is
 * called after every CPU has passed a quiescent state (user mode, idle, or a
 * call of the scheduler), when no reader can be left.
 */
#ifndef KERNEL_CORE_GRACE_H
#define KERNEL_CORE_GRACE_H

#include <arch/cpu.h>
#include <arch/types.h>

struct grace_head {			/* embedded in the object */
	struct grace_head *next;
	void (*fn)(struct grace_head *);
};

/*
 * Any context. fn runs in thread context with no spinlock held; it may take
 * spinlocks and may not sleep.
 */
void grace_call(struct grace_head *h, void (*fn)(struct grace_head *));
/*
 * True if every grace period is over as soon as it begins: there is one CPU, and who asks, in
 * thread context, looks at nothing himself.
 */
static inline bool grace_is_instant(void) { return arch_ncpus == 1; }
/* Sleeps for a full grace period. */
void grace_wait(void);

/* -- the scheduler's side: each for this CPU -- */

/* This CPU looks at nothing now. */
void grace_quiescent(void);
/* Calls what has waited long enough. No spinlock held. */
void grace_poll(void);
/* True if this CPU has callbacks waiting, or others wait for it: it should call schedule() soon. */
bool grace_wanted(void);
/* True if this CPU has callbacks waiting. */
bool grace_pending(void);
/* In between, a CPU counts as quiescent without being asked: from before it halts until it has woken. */
void grace_idle_enter(void);
void grace_idle_exit(void);

#endif
