/*
 * Who takes a signal, and who is sent one: actions and blocked sets decide. See signal.h; how signals
 * are kept until then: signal_queue.h; the beginning and the end of all: signal_life.c.
 */
#include <kernel/core/clock.h>
#include <kernel/proc/process.h>
#include <kernel/proc/signal_internal.h>
#include <kernel/proc/signal_queue.h>
#include <lib/assert.h>
#include <linux/errno.h>

#define HARMLESS	(SIG_BIT(SIGCHLD) | SIG_BIT(SIGCONT) | SIG_BIT(SIGURG) | SIG_BIT(SIGWINCH))

/* Flags of sigaction(2) that are kept; the others read back as 0. */
#define FLAGS_KNOWN	(SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_ONSTACK | SA_RESTART | \
			 SA_NODEFER | SA_RESETHAND | SA_EXPOSE_TAGBITS | SA_RESTORER)

static const char *const names[] = {
	[SIGHUP] = "SIGHUP", [SIGINT] = "SIGINT", [SIGQUIT] = "SIGQUIT", [SIGILL] = "SIGILL",
	[SIGTRAP] = "SIGTRAP", [SIGABRT] = "SIGABRT", [SIGBUS] = "SIGBUS", [SIGFPE] = "SIGFPE",
	[SIGKILL] = "SIGKILL", [SIGUSR1] = "SIGUSR1", [SIGSEGV] = "SIGSEGV",
	[SIGUSR2] = "SIGUSR2", [SIGPIPE] = "SIGPIPE", [SIGALRM] = "SIGALRM",
	[SIGTERM] = "SIGTERM", [SIGSTKFLT] = "SIGSTKFLT", [SIGCHLD] = "SIGCHLD",
	[SIGCONT] = "SIGCONT", [SIGSTOP] = "SIGSTOP", [SIGTSTP] = "SIGTSTP",
	[SIGTTIN] = "SIGTTIN", [SIGTTOU] = "SIGTTOU", [SIGURG] = "SIGURG", [SIGXCPU] = "SIGXCPU",
	[SIGXFSZ] = "SIGXFSZ", [SIGVTALRM] = "SIGVTALRM", [SIGPROF] = "SIGPROF",
	[SIGWINCH] = "SIGWINCH", [SIGIO] = "SIGIO", [SIGPWR] = "SIGPWR", [SIGSYS] = "SIGSYS",
};

uint32_t signal_watchers;

const char *signal_name(int sig)
{
	return sig > 0 && (unsigned)sig < ARRAY_SIZE(names) ? names[sig] : "a real-time signal";
}

bool signal_ignored_by_default(int sig)
{
	return SIG_BIT(sig) & HARMLESS;
}

bool signal_stops(int sig)
{
	return SIG_BIT(sig) & SIG_STOPPING;
}

/* ---- taking; the lock is held ---- */

int signal_take(struct sig_thread *t, uint64_t set, struct sig_info *info, struct sig_entry **e)
{
	int sig;

	*e = NULL;
	if (!((t->queue.set | t->of->shared.set) & set))
		return 0;
	sig = sig_queue_take(&t->queue, set, info, e);
	return sig ? sig : sig_queue_take(&t->of->shared, set, info, e);
}

void signal_taken(struct sig_entry *e)
{
	sig_entry_free(e);
}

/* All threads are told something: to end, or to stop, which who waits for a vfork child puts off. */
static bool is_told(const struct sig_thread *t)
{
	return t->of->ending || (t->of->stopped && !t->only);
}

void signal_look(struct sig_thread *t)
{
	if ((t->queue.set | t->of->shared.set) & signal_takes(t) || unlikely(is_told(t)))
		thread_interrupt(t->thread);
	else
		thread_interrupt_done();
}

/* ---- whose it is; the lock is held ---- */

static bool wants(const struct sig_thread *t, uint64_t set)
{
	return set & signal_takes(t);
}

/*
 * Interrupts a thread, other than `but`, that takes one of `set`; SIGKILL all: the one may be
 * in a wait that nothing ends.
 */
static void wake_for(struct signals *s, uint64_t set, const struct sig_thread *but)
{
	struct sig_thread *t;

	TAILQ_FOREACH(t, &s->threads, link) {
		if (t == but || !wants(t, set))
			continue;
		thread_interrupt(t->thread);
		if (set != SIG_BIT(SIGKILL))
			break;
	}
}

void signal_leave_to_others(struct sig_thread *t, uint64_t set)
{
	for (set &= t->of->shared.set; set; set &= set - 1)
		wake_for(t->of, set & -set, t);
}

/* ---- sending ---- */

/*
 * Sent and forgotten: not if it is blocked or waited for, whatever its action is then: by
 * t, to which it is sent or which is the process's first.
 */
static bool ignored(const struct sig_thread *t, int sig)
{
	uint64_t handler = t->of->action[sig].handler;

	if ((t->blocked | t->awaited) & SIG_BIT(sig))
		return false;
	return handler == (uint64_t)SIG_IGN ||
	       (handler == (uint64_t)SIG_DFL && signal_ignored_by_default(sig));
}

void signal_wake_stopped(struct signals *s)
{
	uint64_t flags;

	s->stopped = false;
	s->continued = true;
	flags = waitq_lock(&s->cont);
	waitq_wake_all(&s->cont);
	waitq_unlock(&s->cont, flags);
}

/* Takes the signals of `set` out of all queues of a process. */
static void drop_everywhere(struct signals *s, uint64_t set, struct sig_entries *dead)
{
	struct sig_thread *t;

	sig_queue_drop(&s->shared, set, dead);
	TAILQ_FOREACH(t, &s->threads, link)
		sig_queue_drop(&t->queue, set, dead);
}

/* What a signal does whether it is blocked, ignored, caught or not. */
static void effects_at_once(struct signals *s, int sig, struct sig_entries *dead)
{
	if (likely(!(SIG_BIT(sig) & (SIG_STOPPING | SIG_BIT(SIGCONT) | SIG_BIT(SIGKILL)))))
		return;
	if (signal_stops(sig)) {
		drop_everywhere(s, SIG_BIT(SIGCONT), dead);
		return;
	}
	drop_everywhere(s, SIG_STOPPING, dead);
	s->stop_taken = false;
	if (s->stopped)
		signal_wake_stopped(s);
}

/* The lock is held. t: NULL: to the process. True: the entry is in a queue. */
static bool send_locked(struct signals *s, struct sig_thread *t, const struct sig_info *info,
			struct sig_entry *e, bool brief)
{
	uint64_t bit = SIG_BIT(info->signo);
	bool kept;

	if (ignored(t ? t : TAILQ_FIRST(&s->threads), info->signo))
		return false;
	kept = sig_queue_add(t ? &t->queue : &s->shared, info, e, brief);
	if (!t)
		wake_for(s, bit, NULL);
	else if (wants(t, bit))
		thread_interrupt(t->thread);
	if (unlikely(READ_ONCE(signal_watchers)))
		file_poll_wake();
	return kept;
}

bool signal_send_entry(struct signals *s, struct sig_thread *t, struct sig_entry *e)
{
	return send_locked(s, t, &e->info, e, false);
}

int signal_send(struct process *p, struct sig_thread *t, const struct sig_info *info)
{
	struct sig_entries dead = TAILQ_HEAD_INITIALIZER(dead);
	struct signals *s = &p->signals;
	struct sig_entry *e = NULL;
	bool kept = false, brief = sig_is_brief(info);
	int sig = info->signo;
	uint64_t flags;

	if (sig < 1 || sig > SIGNAL_MAX)
		return -EINVAL;
	if (unlikely(!brief)) {
		e = sig_entry_create(p, info);
		if (!e && sig >= SIGRTMIN && info->code != SI_USER)
			return -EAGAIN;
	}
	flags = spin_lock_irqsave(&s->lock);
	if (s->alive && !(t && t->gone)) {
		effects_at_once(s, sig, &dead);
		kept = send_locked(s, t, info, e, brief);
	}
	spin_unlock_irqrestore(&s->lock, flags);
	if (!kept)
		sig_entry_free(e);
	sig_entries_free(&dead);
	return 0;
}

void signal_raise(struct process *p, int sig)
{
	const struct sig_info info = { .signo = sig, .code = SI_KERNEL };
	struct signals *s = &p->signals;
	uint64_t flags = spin_lock_irqsave(&s->lock);

	assert(sig > 0 && sig < SIGRTMIN && sig != SIGCONT);
	if (s->alive) {
		if (sig == SIGKILL && s->stopped)
			signal_wake_stopped(s);
		send_locked(s, NULL, &info, NULL, true);
	}
	spin_unlock_irqrestore(&s->lock, flags);
}

struct sig_info signal_info_user(int sig, int code)
{
	struct sig_info info;

	info.signo = sig;
	info.error = 0;
	info.code = code;
	info.pad = 0;
	info.pid = current_process()->pid;
	info.uid = current_process()->cred.uid;
	info.value = info.utime = info.stime = 0;
	return info;
}

/* ---- for the running thread ---- */

void signal_set_blocked(struct sig_thread *t, uint64_t set)
{
	uint64_t flags = spin_lock_irqsave(&t->of->lock);

	signal_block(t, set);
	signal_look(t);
	spin_unlock_irqrestore(&t->of->lock, flags);
}

void signal_set_blocked_for_call(struct sig_thread *t, uint64_t set)
{
	t->mask_kept = true;
	t->kept_mask = t->blocked;
	signal_set_blocked(t, set);
}

void signal_restore_blocked(struct sig_thread *t)
{
	if (!t->mask_kept)
		return;
	t->mask_kept = false;
	signal_set_blocked(t, t->kept_mask);
}

/* What ends the process as things stand. The lock is held. */
static uint64_t fatal(const struct sig_thread *t)
{
	uint64_t set = ~t->blocked & ~(SIG_STOPPING | HARMLESS);

	for (int sig = 1; sig <= SIGNAL_MAX; sig++)
		if (t->of->action[sig].handler != (uint64_t)SIG_DFL)
			set &= ~SIG_BIT(sig);
	return set;
}

void signal_only_fatal(struct sig_thread *t, bool only)
{
	uint64_t flags = spin_lock_irqsave(&t->of->lock);

	t->only = only ? fatal(t) : 0;
	signal_look(t);
	spin_unlock_irqrestore(&t->of->lock, flags);
}

bool signal_is_pending(const struct sig_thread *t, uint64_t set)
{
	return (READ_ONCE(t->queue.set) | READ_ONCE(t->of->shared.set)) & set;
}

uint64_t signal_pending_blocked(const struct sig_thread *t)
{
	return (READ_ONCE(t->queue.set) | READ_ONCE(t->of->shared.set)) & t->blocked;
}

bool signal_ends(struct sig_thread *t)
{
	uint64_t flags = spin_lock_irqsave(&t->of->lock);
	uint64_t set = t->queue.set | t->of->shared.set;
	bool ends = t->of->ending || (unlikely(set & ~t->blocked) && set & fatal(t));

	spin_unlock_irqrestore(&t->of->lock, flags);
	return ends;
}

struct sig_action signal_get_action(struct signals *s, int sig)
{
	uint64_t flags = spin_lock_irqsave(&s->lock);
	struct sig_action a = s->action[sig];

	spin_unlock_irqrestore(&s->lock, flags);
	return a;
}

int signal_set_action(struct signals *s, int sig, const struct sig_action *next,
		      struct sig_action *old)
{
	struct sig_entries dead = TAILQ_HEAD_INITIALIZER(dead);
	uint64_t flags;

	if (sig < 1 || sig > SIGNAL_MAX || (next && SIG_BIT(sig) & SIG_UNBLOCKABLE))
		return -EINVAL;
	flags = spin_lock_irqsave(&s->lock);
	if (old)
		*old = s->action[sig];
	if (next) {
		s->action[sig] = *next;
		s->action[sig].mask &= ~SIG_UNBLOCKABLE;
		s->action[sig].flags &= (uint64_t)FLAGS_KNOWN;
		if (next->handler == (uint64_t)SIG_IGN ||
		    (next->handler == (uint64_t)SIG_DFL && signal_ignored_by_default(sig)))
			drop_everywhere(s, SIG_BIT(sig), &dead);
	}
	spin_unlock_irqrestore(&s->lock, flags);
	sig_entries_free(&dead);
	return 0;
}

/* Takes one of `set`, or says that it is waited for. The lock is held. */
static int take_or_await(struct sig_thread *t, uint64_t set, struct sig_info *info,
			 struct sig_entry **e)
{
	int sig = signal_take(t, set, info, e);

	t->awaited = sig ? 0 : set;
	signal_look(t);
	return sig;
}

/* The wait is over: what came for it and is not taken is for others. The lock is held. */
static int take_at_last(struct sig_thread *t, uint64_t set, struct sig_info *info,
			struct sig_entry **e)
{
	int sig = signal_take(t, set, info, e);

	t->awaited = 0;
	signal_leave_to_others(t, set & t->blocked);
	signal_look(t);
	return sig;
}

int signal_take_now(struct sig_thread *t, uint64_t set, struct sig_info *info)
{
	uint64_t flags = spin_lock_irqsave(&t->of->lock);
	struct sig_entry *e;
	int sig = signal_take(t, set, info, &e);

	signal_look(t);
	spin_unlock_irqrestore(&t->of->lock, flags);
	signal_taken(e);
	return sig;
}

int signal_wait(struct sig_thread *t, uint64_t set, uint64_t deadline_ns, struct sig_info *info)
{
	struct signals *s = t->of;
	struct sig_entry *e;
	int sig, err = 0;
	uint64_t flags;

	set &= ~SIG_UNBLOCKABLE;
	flags = spin_lock_irqsave(&s->lock);
	sig = take_or_await(t, set, info, &e);
	spin_unlock_irqrestore(&s->lock, flags);
	if (!sig) {
		err = sleep_interruptible_until(deadline_ns);
		flags = spin_lock_irqsave(&s->lock);
		sig = take_at_last(t, set, info, &e);
		spin_unlock_irqrestore(&s->lock, flags);
	}
	signal_taken(e);
	return sig ? sig : err ? -EINTR : -EAGAIN;
}
