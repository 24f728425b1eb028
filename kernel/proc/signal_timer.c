/*
 * ITIMER_REAL: SIGALRM when its time has come, once or again and again.
 *
 * Threads that set it take turns by process_lock: cancelling and arming are one step. Its
 * interrupt takes no such lock; it arms the timer again before timer_cancel returns.
 */
#include <kernel/core/clock.h>
#include <kernel/proc/process.h>
#include <kernel/proc/signal_internal.h>

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
