/* Signals sent and pending; actions and blocked sets. See signal.h. */
#include <kernel/core/clock.h>
#include <kernel/proc/process.h>
#include <kernel/proc/signal_internal.h>
#include <lib/assert.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <mm/alloc/slab.h>

/* Exceptions come before whatever else is pending. */
#define SYNCHRONOUS	(SIG_BIT(SIGSEGV) | SIG_BIT(SIGBUS) | SIG_BIT(SIGILL) | \
			 SIG_BIT(SIGTRAP) | SIG_BIT(SIGFPE) | SIG_BIT(SIGSYS))
#define STOPPING	(SIG_BIT(SIGSTOP) | SIG_BIT(SIGTSTP) | SIG_BIT(SIGTTIN) | SIG_BIT(SIGTTOU))
#define HARMLESS	(SIG_BIT(SIGCHLD) | SIG_BIT(SIGCONT) | SIG_BIT(SIGURG) | SIG_BIT(SIGWINCH))

/* Flags of sigaction(2) that are kept; the others read back as 0. */
#define FLAGS_KNOWN	(SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_ONSTACK | SA_RESTART | \
			 SA_NODEFER | SA_RESETHAND | SA_EXPOSE_TAGBITS | SA_RESTORER)

static struct kmem_cache *entry_cache;
static uint64_t nqueued;		/* atomic: entries of all processes, for all are one user's */

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
	return SIG_BIT(sig) & STOPPING;
}

/* ---- queues; the lock is held ---- */

static void queue_init(struct sig_queue *q)
{
	q->set = q->by_kernel = 0;
	TAILQ_INIT(&q->entries);
}

/* An entry for info: NULL: no memory, or there are too many. No lock held. */
static struct sig_entry *entry_create(const struct process *p, const struct sig_info *info)
{
	uint64_t others = __atomic_fetch_add(&nqueued, 1, __ATOMIC_RELAXED);
	bool allowed = info->signo < SIGRTMIN || others < process_limit(p, RLIMIT_SIGPENDING);
	struct sig_entry *e = allowed ? kmem_alloc(entry_cache) : NULL;

	if (e)
		e->info = *info;
	else
		__atomic_fetch_sub(&nqueued, 1, __ATOMIC_RELAXED);
	return e;
}

static void entry_free(struct sig_entry *e)
{
	if (!e)
		return;
	kmem_free(entry_cache, e);
	__atomic_fetch_sub(&nqueued, 1, __ATOMIC_RELAXED);
}

TAILQ_HEAD(entry_list, sig_entry);

/* Takes the signals of `set` out; their entries go to `dead`, to be freed without the lock. */
static void queue_drop(struct sig_queue *q, uint64_t set, struct entry_list *dead)
{
	struct sig_entry *e, *next;

	if (!(q->set & set))
		return;
	q->set &= ~set;
	q->by_kernel &= ~set;
	for (e = TAILQ_FIRST(&q->entries); e; e = next) {
		next = TAILQ_NEXT(e, link);
		if (!(SIG_BIT(e->info.signo) & set))
			continue;
		TAILQ_REMOVE(&q->entries, e, link);
		TAILQ_INSERT_TAIL(dead, e, link);
	}
}

static void entries_free(struct entry_list *dead)
{
	struct sig_entry *e;

	while ((e = TAILQ_FIRST(dead))) {
		TAILQ_REMOVE(dead, e, link);
		entry_free(e);
	}
}

/* The first entry of sig, and whether there is another one. */
static struct sig_entry *queue_find(struct sig_queue *q, int sig, bool *more)
{
	struct sig_entry *e, *first = NULL;

	*more = false;
	TAILQ_FOREACH(e, &q->entries, link) {
		if (e->info.signo != sig)
			continue;
		if (first) {
			*more = true;
			break;
		}
		first = e;
	}
	return first;
}

/* Takes the next one of `set`: its number, or 0; *e is its entry, which may be NULL. */
static int queue_take(struct sig_queue *q, uint64_t set, struct sig_info *info,
		      struct sig_entry **e)
{
	uint64_t now = q->set & set;
	bool more;
	int sig;

	if (!now)
		return 0;
	sig = __builtin_ctzl(now & SYNCHRONOUS ? now & SYNCHRONOUS : now) + 1;
	*e = queue_find(q, sig, &more);
	if (*e) {
		TAILQ_REMOVE(&q->entries, *e, link);
		*info = (*e)->info;
	} else {
		*info = (struct sig_info){
			.signo = sig, .code = q->by_kernel & SIG_BIT(sig) ? SI_KERNEL : SI_USER,
		};
	}
	if (!more) {
		q->set &= ~SIG_BIT(sig);
		q->by_kernel &= ~SIG_BIT(sig);
	}
	return sig;
}

int signal_take(struct signals *s, uint64_t set, struct sig_info *info, struct sig_entry **e)
{
	int sig;

	*e = NULL;
	sig = queue_take(&s->own, set, info, e);
	return sig ? sig : queue_take(&s->shared, set, info, e);
}

void signal_taken(struct sig_entry *e)
{
	entry_free(e);
}

/* After a change of what is pending, blocked or awaited. By the process's own thread. */
void signal_look(struct signals *s)
{
	if ((s->own.set | s->shared.set) & (~s->blocked | s->awaited))
		thread_interrupt(current_thread());
	else
		thread_interrupt_done();
}

/* ---- life ---- */

void signal_init(void)
{
	entry_cache = kmem_cache_create("sig_entry", sizeof(struct sig_entry), 0);
	if (!entry_cache)
		panic("no memory for the cache of signals");
}

void signal_create(struct signals *s)
{
	memset(s, 0, offsetof(struct signals, action));
	spin_init(&s->lock, RANK_SIGNAL);
	queue_init(&s->own);
	queue_init(&s->shared);
	waitq_init(&s->cont);
	s->stack_flags = SS_DISABLE;
	signal_alarm_init(s);
}

void signal_inherit(struct signals *s, const struct signals *from, bool same_memory)
{
	memcpy(s->action, from->action, sizeof(s->action));
	s->blocked = from->mask_kept ? from->kept_mask : from->blocked;
	if (same_memory)
		return;
	s->stack = from->stack;
	s->stack_size = from->stack_size;
	s->stack_flags = from->stack_flags;
}

void signal_start(struct process *p)
{
	p->signals.alive = true;
}

/* What is sent from now on is forgotten. */
void signal_exit(struct process *p)
{
	struct signals *s = &p->signals;
	struct entry_list dead = TAILQ_HEAD_INITIALIZER(dead);
	uint64_t flags;

	timer_cancel(&s->alarm);
	flags = spin_lock_irqsave(&s->lock);
	s->alive = false;
	queue_drop(&s->own, ~0ul, &dead);
	queue_drop(&s->shared, ~0ul, &dead);
	spin_unlock_irqrestore(&s->lock, flags);
	entries_free(&dead);
}

void signal_exec(struct process *p)
{
	struct signals *s = &p->signals;
	uint64_t flags = spin_lock_irqsave(&s->lock);

	for (int sig = 1; sig <= SIGNAL_MAX; sig++)
		if (s->action[sig].handler != (uint64_t)SIG_IGN)
			s->action[sig] = (struct sig_action){ 0 };
	spin_unlock_irqrestore(&s->lock, flags);
	s->stack = s->stack_size = 0;
	s->stack_flags = SS_DISABLE;
}

/* ---- sending ---- */

/* Sent and forgotten: not if it is blocked or waited for, whatever its action is then. */
static bool ignored(const struct signals *s, int sig)
{
	uint64_t handler = s->action[sig].handler;

	if ((s->blocked | s->awaited) & SIG_BIT(sig))
		return false;
	return handler == (uint64_t)SIG_IGN ||
	       (handler == (uint64_t)SIG_DFL && signal_ignored_by_default(sig));
}

/* It goes on where it stopped. */
static void wake_stopped(struct signals *s)
{
	uint64_t flags;

	s->stopped = false;
	flags = waitq_lock(&s->cont);
	waitq_wake_all(&s->cont);
	waitq_unlock(&s->cont, flags);
}

/* What a signal does whether it is blocked, ignored, caught or not. */
static void effects_at_once(struct signals *s, int sig, struct entry_list *dead)
{
	if (signal_stops(sig)) {
		queue_drop(&s->own, SIG_BIT(SIGCONT), dead);
		queue_drop(&s->shared, SIG_BIT(SIGCONT), dead);
	} else if (sig == SIGCONT || sig == SIGKILL) {
		queue_drop(&s->own, STOPPING, dead);
		queue_drop(&s->shared, STOPPING, dead);
		s->stop_taken = false;
		if (s->stopped)
			wake_stopped(s);
	}
}

/* Adds it with its entry, if it has one; true: the entry is in the queue. */
static bool queue_add(struct sig_queue *q, int sig, struct sig_entry *e, bool by_kernel)
{
	if (sig < SIGRTMIN && q->set & SIG_BIT(sig))
		return false;
	q->set |= SIG_BIT(sig);
	if (e)
		TAILQ_INSERT_TAIL(&q->entries, e, link);
	else if (by_kernel)
		q->by_kernel |= SIG_BIT(sig);
	return e;
}

/* The lock is held. True: the entry is in a queue. */
static bool send_locked(struct process *p, int sig, struct sig_entry *e, struct sig_queue *q,
			bool by_kernel)
{
	struct signals *s = &p->signals;
	bool kept;

	if (ignored(s, sig))
		return false;
	kept = queue_add(q, sig, e, by_kernel);
	if (SIG_BIT(sig) & (~s->blocked | s->awaited))
		thread_interrupt(&p->leader->thread);
	return kept;
}

int signal_send(struct process *p, const struct sig_info *info, bool to_thread)
{
	struct signals *s = &p->signals;
	struct entry_list dead = TAILQ_HEAD_INITIALIZER(dead);
	int sig = info->signo;
	bool kept = false;
	struct sig_entry *e;
	uint64_t flags;

	if (sig < 1 || sig > SIGNAL_MAX)
		return -EINVAL;
	e = entry_create(p, info);
	if (!e && sig >= SIGRTMIN && info->code != SI_USER)
		return -EAGAIN;
	flags = spin_lock_irqsave(&s->lock);
	if (s->alive) {
		effects_at_once(s, sig, &dead);
		kept = send_locked(p, sig, e, to_thread ? &s->own : &s->shared, false);
	}
	spin_unlock_irqrestore(&s->lock, flags);
	if (!kept)
		entry_free(e);
	entries_free(&dead);
	return 0;
}

void signal_raise(struct process *p, int sig)
{
	struct signals *s = &p->signals;
	uint64_t flags = spin_lock_irqsave(&s->lock);

	assert(sig > 0 && sig <= SIGNAL_MAX && sig != SIGCONT);
	if (s->alive) {
		if (sig == SIGKILL && s->stopped)
			wake_stopped(s);
		send_locked(p, sig, NULL, &s->shared, true);
	}
	spin_unlock_irqrestore(&s->lock, flags);
}

struct sig_info signal_info_user(int sig, int code)
{
	return (struct sig_info){ .signo = sig, .code = code, .pid = current_process()->pid };
}

/* ---- for the process itself ---- */

void signal_set_blocked(struct process *p, uint64_t set)
{
	struct signals *s = &p->signals;
	uint64_t flags = spin_lock_irqsave(&s->lock);

	s->blocked = set & ~SIG_UNBLOCKABLE;
	signal_look(s);
	spin_unlock_irqrestore(&s->lock, flags);
}

void signal_set_blocked_for_call(struct process *p, uint64_t set)
{
	p->signals.mask_kept = true;
	p->signals.kept_mask = p->signals.blocked;
	signal_set_blocked(p, set);
}

void signal_restore_blocked(struct process *p)
{
	if (!p->signals.mask_kept)
		return;
	p->signals.mask_kept = false;
	signal_set_blocked(p, p->signals.kept_mask);
}

uint64_t signal_pending_blocked(struct process *p)
{
	const struct signals *s = &p->signals;

	return (READ_ONCE(s->own.set) | READ_ONCE(s->shared.set)) & s->blocked;
}

int signal_set_action(struct process *p, int sig, const struct sig_action *next,
		      struct sig_action *old)
{
	struct signals *s = &p->signals;
	struct entry_list dead = TAILQ_HEAD_INITIALIZER(dead);
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
		    (next->handler == (uint64_t)SIG_DFL && signal_ignored_by_default(sig))) {
			queue_drop(&s->own, SIG_BIT(sig), &dead);
			queue_drop(&s->shared, SIG_BIT(sig), &dead);
		}
	}
	spin_unlock_irqrestore(&s->lock, flags);
	entries_free(&dead);
	return 0;
}

/* Takes one of `set`, or says that it is waited for. The lock is held. */
static int take_or_await(struct signals *s, uint64_t set, struct sig_info *info,
			 struct sig_entry **e)
{
	int sig = signal_take(s, set, info, e);

	s->awaited = sig ? 0 : set;
	signal_look(s);
	return sig;
}

int signal_wait(struct process *p, uint64_t set, uint64_t deadline_ns, struct sig_info *info)
{
	struct signals *s = &p->signals;
	struct sig_entry *e;
	int sig, err = 0;
	uint64_t flags;

	set &= ~SIG_UNBLOCKABLE;
	flags = spin_lock_irqsave(&s->lock);
	sig = take_or_await(s, set, info, &e);
	spin_unlock_irqrestore(&s->lock, flags);
	if (!sig) {
		err = sleep_interruptible_until(deadline_ns);
		flags = spin_lock_irqsave(&s->lock);
		sig = signal_take(s, set, info, &e);
		s->awaited = 0;
		signal_look(s);
		spin_unlock_irqrestore(&s->lock, flags);
	}
	signal_taken(e);
	return sig ? sig : err ? -EINTR : -EAGAIN;
}
