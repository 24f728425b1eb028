/* What the files of signals share. signals.lock is held for all of the first part. */
#ifndef KERNEL_PROC_SIGNAL_INTERNAL_H
#define KERNEL_PROC_SIGNAL_INTERNAL_H

#include <kernel/proc/signal.h>

#define SIG_STOPPING	(SIG_BIT(SIGSTOP) | SIG_BIT(SIGTSTP) | SIG_BIT(SIGTTIN) | SIG_BIT(SIGTTOU))

/*
 * Takes the next pending one of `set`: its number, or 0. *e, unless it is NULL, is for
 * signal_taken once the lock is given up.
 */
int signal_take(struct sig_thread *t, uint64_t set, struct sig_info *info, struct sig_entry **e);
/* t does not take `set` any more, which is pending for the process: another thread is to. */
void signal_leave_to_others(struct sig_thread *t, uint64_t set);

/* The running thread blocks that, and leaves what it does not take any more to others. */
static inline void signal_block(struct sig_thread *t, uint64_t set)
{
	uint64_t more = set & ~t->blocked & t->of->shared.set;

	t->blocked = set & ~SIG_UNBLOCKABLE;
	if (unlikely(more))
		signal_leave_to_others(t, more);
}

/* What the thread takes of what is sent. */
static inline uint64_t signal_takes(const struct sig_thread *t)
{
	return unlikely(t->only) ? t->only : ~t->blocked | t->awaited;
}

/* The running thread, t, is interrupted, or not, as pending, blocked and awaited say. */
void signal_look(struct sig_thread *t);

/* The process, which is stopped, goes on where it stopped. The lock is held. */
void signal_wake_stopped(struct signals *s);

/*
 * Sends what e says, which is in no queue, to t (NULL: to the process). False: it is ignored. No memory
 * is needed; also in interrupts.
 */
bool __must_check signal_send_entry(struct signals *s, struct sig_thread *t, struct sig_entry *e);

void signal_taken(struct sig_entry *e);
void signal_alarm_init(struct signals *s);

#endif
