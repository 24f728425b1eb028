/*
 * Interval timers: a signal when the time has come, once or again and again.
 *
 * ITIMER_REAL: SIGALRM.
 * Threads that set it take turns by process_lock: cancelling and arming are one step. Its
 * interrupt takes no such lock; it arms the timer again before timer_cancel returns.
 *
 * ITIMER_VIRTUAL, ITIMER_PROF: SIGVTALRM, SIGPROF. Each tick that finds one of the process's
 * threads in ring 3 (or anywhere) takes its length off, under signals.lock. As on Linux it is
 * one tick more than was asked for: the first one ends a time that was not whole.
 */
#include <kernel/core/clock.h>
#include <kernel/proc/process.h>
#include <kernel/proc/signal_internal.h>
#include <lib/assert.h>
#include <linux/time.h>

/* In the timer interrupt. */
static void alarm_rings(struct timer *t)
{
	struct signals *s = container_of(t, struct signals, alarm);

	signal_raise(container_of(s, struct process, signals), SIGALRM);
	if (s->alarm_every)
		timer_arm(t, clock_monotonic_ns() + s->alarm_every);
}

void signal_alarm_init(struct signals *s)
{
	s->alarm.fn = alarm_rings;
}

static uint64_t left(uint64_t at)
{
	uint64_t now = clock_monotonic_ns();

	return !at ? 0 : at > now ? at - now : 1;
}

void signal_set_alarm(struct process *p, uint64_t ns, uint64_t every, uint64_t *old_ns,
		      uint64_t *old_every)
{
	struct signals *s = &p->signals;
	uint64_t at;

	spin_lock(&process_lock);
	at = timer_cancel(&s->alarm);
	*old_ns = left(at);
	*old_every = at ? s->alarm_every : 0;
	s->alarm_every = ns ? every : 0;
	if (ns)
		timer_arm(&s->alarm, clock_monotonic_ns() + ns);
	spin_unlock(&process_lock);
}

void signal_get_alarm(struct process *p, uint64_t *ns, uint64_t *every)
{
	uint64_t at;

	spin_lock(&process_lock);
	at = READ_ONCE(p->signals.alarm.at);
	*every = p->signals.alarm_every;
	*ns = !at && *every ? 1 : left(at);	/* its interrupt is about to arm it again */
	if (!*ns)
		*every = 0;
	spin_unlock(&process_lock);
}

/* ---- CPU time ---- */

static struct cpu_timer *cpu_timer(struct process *p, int which)
{
	assert(which == ITIMER_VIRTUAL || which == ITIMER_PROF);
	return &p->signals.cpu_timer[which - ITIMER_VIRTUAL];
}

void signal_set_cpu_timer(struct process *p, int which, uint64_t ns, uint64_t every,
			  uint64_t *old_ns, uint64_t *old_every)
{
	struct cpu_timer *t = cpu_timer(p, which);
	uint64_t flags = spin_lock_irqsave(&p->signals.lock);

	*old_ns = t->left;
	*old_every = t->every;
	WRITE_ONCE(t->left, ns ? ns + sched_tick_ns() : 0);
	t->every = every;
	spin_unlock_irqrestore(&p->signals.lock, flags);
}

void signal_get_cpu_timer(struct process *p, int which, uint64_t *ns, uint64_t *every)
{
	struct cpu_timer *t = cpu_timer(p, which);
	uint64_t flags = spin_lock_irqsave(&p->signals.lock);

	*ns = t->left;
	*every = t->every;
	spin_unlock_irqrestore(&p->signals.lock, flags);
}

/* That much CPU time has passed: is it due? One that comes late is due so much sooner again. */
static bool is_due(struct cpu_timer *t, uint64_t ns)
{
	uint64_t late = ns - t->left;

	if (!t->left)
		return false;
	if (t->left > ns) {
		WRITE_ONCE(t->left, t->left - ns);
		return false;
	}
	WRITE_ONCE(t->left, t->every > late ? t->every - late : t->every ? 1 : 0);
	return true;
}

void signal_cpu_tick(struct process *p, bool user)
{
	struct cpu_timer *t = p->signals.cpu_timer;
	uint64_t flags, ns = sched_tick_ns();
	bool virtual, prof;

	if (likely(!(READ_ONCE(t[0].left) | READ_ONCE(t[1].left))))
		return;
	flags = spin_lock_irqsave(&p->signals.lock);
	virtual = user && is_due(&t[0], ns);
	prof = is_due(&t[1], ns);
	spin_unlock_irqrestore(&p->signals.lock, flags);
	if (virtual)
		signal_raise(p, SIGVTALRM);
	if (prof)
		signal_raise(p, SIGPROF);
}
