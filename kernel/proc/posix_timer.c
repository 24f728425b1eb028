/*
 * Timers that send signals; see posix_timer.h.
 *
 * One that is due sends its signal, and is still until that is taken: then it is armed for the first
 * of its times that has not come yet, and those that have are counted. So none costs more than
 * its signals do, however short its interval.
 *
 * Locks: process_lock guards which timers there are, and is held for a whole change of one;
 * signals.lock all that the interrupt and who takes the signal look at. `next` is 0 while a change is
 * under way: then neither arms it, and cancelling and arming are one step.
 */
#include <kernel/proc/posix_timer.h>
#include <kernel/core/clock.h>
#include <kernel/core/timer.h>
#include <kernel/proc/process.h>
#include <kernel/proc/signal_internal.h>
#include <kernel/proc/signal_queue.h>
#include <lib/assert.h>
#include <linux/errno.h>
#include <linux/time.h>
#include <mm/alloc/slab.h>

struct posix_timer {
	TAILQ_ENTRY(posix_timer) link;	/* process_lock, and signals.lock to write */
	struct process *process;	/* const */
	struct posix_timer_spec spec;	/* const */
	int id;				/* const */
	struct timer timer;
	/* the rest: signals.lock */
	uint64_t next, every;		/* ns of the clock as clock_now tells it; next 0: off */
	uint64_t cpu_ns;		/* CPU time since it was made, in ticks */
	struct sig_queue *in;		/* where its entry is; NULL: in no queue */
	struct sig_entry *entry;	/* const */
	bool waits;			/* to be armed again when its signal is taken */
	uint64_t overruns;		/* of the signal taken last */
};

static struct signals *signals_of(const struct posix_timer *t)
{
	return &t->process->signals;
}

static bool by_cpu_time(const struct posix_timer *t)
{
	return t->spec.clock == CLOCK_PROCESS_CPUTIME_ID || t->spec.clock == CLOCK_THREAD_CPUTIME_ID;
}

static uint64_t clock_now(const struct posix_timer *t)
{
	return by_cpu_time(t) ? t->cpu_ns : clock_monotonic_ns();
}

/* ---- being due; signals.lock is held ---- */

static void arm(struct posix_timer *t, uint64_t at)
{
	if (!by_cpu_time(t))
		timer_arm(&t->timer, at);
}

/* Moves a periodic one on to the first of its times that has not come: how many have. */
static uint64_t forward(struct posix_timer *t)
{
	uint64_t now = clock_now(t), n;

	if (now < t->next)
		return 0;
	n = (now - t->next) / t->every + 1;
	t->next += n * t->every;
	return n;
}

/* The queue that its signal goes to; NULL: of a thread that is gone. */
static struct sig_queue *queue_for(const struct posix_timer *t, struct sig_thread **to)
{
	struct sig_thread *thread;

	*to = NULL;
	if (!t->spec.tid)
		return &signals_of(t)->shared;
	TAILQ_FOREACH(thread, &signals_of(t)->threads, link)
		if (thread->thread->tid == t->spec.tid) {
			*to = thread;
			return &thread->queue;
		}
	return NULL;
}

/* False: it is ignored, or there is nobody to take it. */
static bool send(struct posix_timer *t)
{
	struct sig_thread *to;
	struct sig_queue *q = queue_for(t, &to);

	if (t->in)			/* of an earlier setting */
		return true;
	if (!q || !signals_of(t)->alive || !signal_send_entry(signals_of(t), to, t->entry))
		return false;
	t->in = q;
	return true;
}

static void is_due(struct posix_timer *t)
{
	if (!t->every) {
		t->next = 0;
		(void)!send(t);
	} else if (send(t)) {
		t->waits = true;
	} else {
		forward(t);
		arm(t, MAX(t->next, clock_now(t) + sched_tick_ns()));
	}
}

/* In the timer interrupt. */
static void rings(struct timer *timer)
{
	struct posix_timer *t = container_of(timer, struct posix_timer, timer);
	struct signals *s = signals_of(t);
	uint64_t flags = spin_lock_irqsave(&s->lock);

	if (t->next && s->alive)
		is_due(t);
	spin_unlock_irqrestore(&s->lock, flags);
}

static void tick(struct posix_timer *t)
{
	if (t->spec.clock == CLOCK_THREAD_CPUTIME_ID && t->spec.cpu_tid != current_thread()->tid)
		return;
	t->cpu_ns += sched_tick_ns();
	if (t->spec.signo && t->next && !t->waits && t->cpu_ns >= t->next)
		is_due(t);
}

void posix_timer_tick(struct process *p)
{
	struct signals *s = &p->signals;
	struct posix_timer *t;
	uint64_t flags;

	if (likely(!READ_ONCE(s->ncpu_timers)))
		return;
	flags = spin_lock_irqsave(&s->lock);
	TAILQ_FOREACH(t, &s->timers, link)
		if (by_cpu_time(t))
			tick(t);
	spin_unlock_irqrestore(&s->lock, flags);
}

uint32_t posix_timer_taken(struct posix_timer *t)
{
	uint64_t n;

	t->in = NULL;
	if (!t->waits)
		return 0;
	t->waits = false;
	n = forward(t) - 1;
	t->overruns = MIN(n, (uint64_t)INT32_MAX);
	arm(t, t->next);
	return (uint32_t)t->overruns;
}

/* ---- changes; process_lock is held ---- */

static struct posix_timer *find(int id)
{
	struct posix_timer *t;

	TAILQ_FOREACH(t, &current_process()->signals.timers, link)
		if (t->id == id)
			return t;
	return NULL;
}

static void tell(const struct posix_timer *t, struct timer_setting *s)
{
	uint64_t now = clock_now(t);

	s->every_ns = t->every;
	if (!t->next)
		s->left_ns = 0;
	else if (now < t->next)
		s->left_ns = t->next - now;
	else if (t->every && (t->waits || !t->spec.signo))
		s->left_ns = t->every - (now - t->next) % t->every;
	else
		s->left_ns = t->spec.signo ? 1 : 0;
}

/* Off, and nobody arms it any more. */
static void stop(struct posix_timer *t, struct timer_setting *old)
{
	uint64_t flags = spin_lock_irqsave(&signals_of(t)->lock);

	tell(t, old);
	t->next = t->every = t->overruns = 0;
	t->waits = false;
	spin_unlock_irqrestore(&signals_of(t)->lock, flags);
	(void)timer_cancel(&t->timer);
}

/* What the clock that programs see says now. */
static uint64_t real_now(const struct posix_timer *t)
{
	const struct task *task;
	uint64_t user, system;

	switch (t->spec.clock) {
	case CLOCK_REALTIME:
	case CLOCK_TAI:
		return clock_realtime_ns();
	case CLOCK_PROCESS_CPUTIME_ID:
		process_times(t->process, &user, &system);
		return user + system;
	case CLOCK_THREAD_CPUTIME_ID:
		task = task_find(t->spec.cpu_tid);
		return task ? thread_cpu_ns(&task->thread) : 0;
	default:
		return clock_monotonic_ns();
	}
}

static void start(struct posix_timer *t, uint64_t ns, bool absolute, uint64_t every)
{
	uint64_t flags, now = absolute ? real_now(t) : 0, left = ns > now ? ns - now : 0;

	flags = spin_lock_irqsave(&signals_of(t)->lock);
	t->every = every;
	t->next = clock_now(t) + left + (by_cpu_time(t) ? sched_tick_ns() : 0);
	if (t->spec.signo)
		arm(t, t->next);
	spin_unlock_irqrestore(&signals_of(t)->lock, flags);
}

int posix_timer_set(int id, uint64_t ns, bool absolute, uint64_t every, struct timer_setting *old)
{
	struct posix_timer *t;

	spin_lock(&process_lock);
	t = find(id);
	if (t) {
		stop(t, old);
		if (ns)
			start(t, ns, absolute, every);
	}
	spin_unlock(&process_lock);
	return t ? 0 : -EINVAL;
}

int posix_timer_get(int id, struct timer_setting *now)
{
	struct posix_timer *t;
	uint64_t flags;

	spin_lock(&process_lock);
	t = find(id);
	if (t) {
		flags = spin_lock_irqsave(&signals_of(t)->lock);
		tell(t, now);
		spin_unlock_irqrestore(&signals_of(t)->lock, flags);
	}
	spin_unlock(&process_lock);
	return t ? 0 : -EINVAL;
}

int posix_timer_overruns(int id)
{
	const struct posix_timer *t;
	int n = -EINVAL;

	spin_lock(&process_lock);
	t = find(id);
	if (t)
		n = (int)READ_ONCE(t->overruns);
	spin_unlock(&process_lock);
	return n;
}

/* ---- life ---- */

/* The number that is next, which no timer has. process_lock is held. */
static int take_id(struct signals *s)
{
	int id;

	do {
		id = s->next_timer;
		s->next_timer = id == INT32_MAX ? 0 : id + 1;
	} while (find(id));
	return id;
}

static void count_cpu_timer(struct signals *s, const struct posix_timer *t, int n)
{
	if (by_cpu_time(t))
		WRITE_ONCE(s->ncpu_timers, s->ncpu_timers + (unsigned)n);
}

static void publish(struct posix_timer *t)
{
	struct signals *s = signals_of(t);
	uint64_t flags;

	t->id = take_id(s);
	t->entry->info = (struct sig_info){
		.signo = t->spec.signo, .code = SI_TIMER, .pid = t->id,
		.value = t->spec.own_value ? (uint64_t)t->id : t->spec.value,
	};
	flags = spin_lock_irqsave(&s->lock);
	TAILQ_INSERT_TAIL(&s->timers, t, link);
	count_cpu_timer(s, t, 1);
	spin_unlock_irqrestore(&s->lock, flags);
}

static bool is_own_thread(int tid)
{
	const struct task *t = task_find(tid);

	return t && t->process == current_process();
}

static struct posix_timer *create(const struct posix_timer_spec *spec)
{
	const struct sig_info counted = { .signo = SIGRTMIN };	/* as one that may not be many */
	struct posix_timer *t = kzalloc(sizeof(*t));

	if (!t)
		return NULL;
	t->entry = sig_entry_create(current_process(), &counted);
	if (!t->entry) {
		kfree(t);
		return NULL;
	}
	t->entry->timer = t;
	t->process = current_process();
	t->spec = *spec;
	t->timer.fn = rings;
	return t;
}

static void destroy(struct posix_timer *t)
{
	sig_entry_free(t->entry);
	kfree(t);
}

int posix_timer_create(const struct posix_timer_spec *spec, int *id)
{
	struct posix_timer *t = create(spec);
	int err = 0;

	if (!t)
		return -EAGAIN;
	spin_lock(&process_lock);
	if (spec->tid && !is_own_thread(spec->tid))
		err = -EINVAL;
	else
		publish(t);
	*id = t->id;
	spin_unlock(&process_lock);
	if (err)
		destroy(t);
	return err;
}

/* Nobody finds it any more, nor does its signal wait. process_lock is held. */
static void retract(struct posix_timer *t)
{
	struct signals *s = signals_of(t);
	struct timer_setting old;
	uint64_t flags;

	stop(t, &old);
	flags = spin_lock_irqsave(&s->lock);
	if (t->in)
		sig_queue_remove(t->in, t->entry);
	TAILQ_REMOVE(&s->timers, t, link);
	count_cpu_timer(s, t, -1);
	spin_unlock_irqrestore(&s->lock, flags);
}

int posix_timer_delete(int id)
{
	struct posix_timer *t;

	spin_lock(&process_lock);
	t = find(id);
	if (t)
		retract(t);
	spin_unlock(&process_lock);
	if (!t)
		return -EINVAL;
	destroy(t);
	return 0;
}

void posix_timers_end(struct process *p)
{
	struct posix_timer *t;

	while ((t = TAILQ_FIRST(&p->signals.timers))) {
		spin_lock(&process_lock);
		retract(t);
		spin_unlock(&process_lock);
		destroy(t);
	}
}
