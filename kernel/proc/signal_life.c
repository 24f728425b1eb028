/*
 * The beginning and the end of what signals are to a process and to its threads:
 * start, fork, exec, exit, and all but one told to end. See signal.h.
 */
#include <kernel/proc/process.h>
#include <kernel/proc/signal_internal.h>
#include <kernel/proc/signal_queue.h>
#include <lib/assert.h>
#include <lib/string.h>

void signal_create(struct signals *s)
{
	memset(s, 0, offsetof(struct signals, shared));
	spin_init(&s->lock, RANK_SIGNAL);
	TAILQ_INIT(&s->threads);
	TAILQ_INIT(&s->timers);
	sig_queue_init(&s->shared);
	waitq_init(&s->cont);
	signal_alarm_init(s);
}

void signal_thread_create(struct sig_thread *t, struct signals *s, struct thread *thread)
{
	memset(t, 0, offsetof(struct sig_thread, queue));
	t->of = s;
	t->thread = thread;
	t->state.stack_flags = SS_DISABLE;
	sig_queue_init(&t->queue);
}

void signal_inherit(struct signals *s, struct signals *from)
{
	uint64_t flags = spin_lock_irqsave(&from->lock);

	memcpy(s->action, from->action, sizeof(s->action));
	spin_unlock_irqrestore(&from->lock, flags);
}

void signal_thread_inherit(struct sig_thread *t, const struct sig_thread *from, bool same_memory)
{
	t->blocked = from->mask_kept ? from->kept_mask : from->blocked;
	if (same_memory)
		return;
	t->state.stack = from->state.stack;
	t->state.stack_size = from->state.stack_size;
	t->state.stack_flags = from->state.stack_flags;
}

bool signal_start(struct sig_thread *t)
{
	struct signals *s = t->of;
	uint64_t flags = spin_lock_irqsave(&s->lock);
	bool may = !s->ending;

	if (may) {
		TAILQ_INSERT_TAIL(&s->threads, t, link);
		s->nthreads++;
		s->alive = true;
		if (unlikely(s->stopped))	/* before it sees ring 3, it stops with the others */
			thread_interrupt(t->thread);
	}
	spin_unlock_irqrestore(&s->lock, flags);
	return may;
}

/* t leaves the others: what is sent to all, and it would have taken, they take. */
static void leave(struct sig_thread *t)
{
	struct signals *s = t->of;

	TAILQ_REMOVE(&s->threads, t, link);
	s->nthreads--;
	t->gone = true;
	signal_leave_to_others(t, ~t->blocked | t->awaited);
}

void signal_exit(struct sig_thread *t)
{
	struct sig_entries dead = TAILQ_HEAD_INITIALIZER(dead);
	struct signals *s = t->of;
	uint64_t flags = spin_lock_irqsave(&s->lock);
	bool last, all_stopped;

	leave(t);
	sig_queue_drop(&t->queue, ~0ul, &dead);
	last = !s->nthreads;
	if (last) {
		s->alive = false;
		sig_queue_drop(&s->shared, ~0ul, &dead);
	}
	all_stopped = s->stopped && !last && s->nstopped == s->nthreads;
	spin_unlock_irqrestore(&s->lock, flags);
	sig_entries_free(&dead);
	if (last)
		timer_cancel(&s->alarm);
	if (all_stopped)		/* it was the only one that still ran */
		process_changed(current_process(), CLD_STOPPED, s->stop_signal);
}

bool signal_end_others(struct signals *s)
{
	struct sig_thread *t;
	uint64_t flags = spin_lock_irqsave(&s->lock);
	bool first = !s->ending;

	s->ending = true;
	if (first) {
		if (s->stopped)
			signal_wake_stopped(s);
		TAILQ_FOREACH(t, &s->threads, link)
			if (t->thread != current_thread())
				thread_interrupt(t->thread);
	}
	spin_unlock_irqrestore(&s->lock, flags);
	return first;
}

void signal_ended_others(struct signals *s)
{
	uint64_t flags = spin_lock_irqsave(&s->lock);

	assert(s->nthreads == 1);
	s->ending = false;
	spin_unlock_irqrestore(&s->lock, flags);
}

void signal_exec(struct sig_thread *t)
{
	struct signals *s = t->of;
	uint64_t flags = spin_lock_irqsave(&s->lock);

	for (int sig = 1; sig <= SIGNAL_MAX; sig++)
		if (s->action[sig].handler != (uint64_t)SIG_IGN)
			s->action[sig] = (struct sig_action){ 0 };
	spin_unlock_irqrestore(&s->lock, flags);
	t->state.stack = t->state.stack_size = 0;
	t->state.stack_flags = SS_DISABLE;
}
