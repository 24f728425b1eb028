/*
 * The queue of signals that have been sent and not taken (struct sig_queue): a set of numbers, and what
 * each says: briefly, in place, or by an entry of its own, which is made before the lock is taken
 * and freed after it is given up. Exceptions are taken first, then the lowest number.
 *
 * Locks: a queue's functions are called with the signals.lock of its process held.
 */
#ifndef KERNEL_PROC_SIGNAL_QUEUE_H
#define KERNEL_PROC_SIGNAL_QUEUE_H

#include <kernel/proc/signal.h>

TAILQ_HEAD(sig_entries, sig_entry);

void sig_queue_init(struct sig_queue *q);
/* Can info be told briefly? Else it wants an entry. */
static inline bool sig_is_brief(const struct sig_info *info)
{
	return info->signo < SIGRTMIN && !(info->error | info->pad) && !info->uid &&
	       info->code == (int16_t)info->code && info->pid == (int16_t)info->pid &&
	       !(info->value | info->utime | info->stime);
}

/* An entry for info, sent to p; NULL: no memory, or there are too many. No lock held. */
struct sig_entry *sig_entry_create(const struct process *p, const struct sig_info *info);
void sig_entry_free(struct sig_entry *e);		/* NULL is fine; no lock held */
void sig_entries_free(struct sig_entries *dead);	/* the same */

/*
 * Adds it, with its entry, or briefly, or with neither; true: the entry is in the queue. A standard signal that
 * is there already is not added, but for a timer's: each says which timer it is.
 */
bool __must_check sig_queue_add(struct sig_queue *q, const struct sig_info *info, struct sig_entry *e, bool brief);
/* Takes the next one of `set`: its number, or 0; *e is its entry, if it has one. */
int __must_check sig_queue_take(struct sig_queue *q, uint64_t set, struct sig_info *info, struct sig_entry **e);
/*
 * Takes the signals of `set` out; their entries go to `dead`, to be freed without the lock, but those of timers
 * back to them.
 */
void sig_queue_drop(struct sig_queue *q, uint64_t set, struct sig_entries *dead);
/* Takes that entry out. */
void sig_queue_remove(struct sig_queue *q, struct sig_entry *e);

#endif
