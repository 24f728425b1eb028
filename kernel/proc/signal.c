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
#define HARMLESS	(SIG_BIT(SIGCHLD) | SIG_BIT(SIGCONT) | SIG_BIT(SIGURG) | SIG_BIT(SIGWINCH))

/* Flags of sigaction(2) that are kept; the others read back as 0. */
#define FLAGS_KNOWN	(SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_ONSTACK | SA_RESTART | \
			 SA_NODEFER | SA_RESETHAND | SA_EXPOSE_TAGBITS | SA_RESTORER)

static struct kmem_cache *entry_cache;
static uint64_t nqueued;		/* atomic: of all processes, for all are one user's */

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
	return SIG_BIT(sig) & SIG_STOPPING;
}

/* ---- queues; the lock is held ---- */

static void queue_init(struct sig_queue *q)
{
	q->set = q->brief = 0;
	TAILQ_INIT(&q->entries);
}

static void count(uint64_t n)
{
	__atomic_fetch_add(&nqueued, n, __ATOMIC_RELAXED);
}

/* No entry is needed for it. */
static bool is_brief(const struct sig_info *info)
{
	return info->signo < SIGRTMIN && !(info->error | info->pad) && !info->uid &&
	       info->code == (int16_t)info->code && info->pid == (int16_t)info->pid &&
	       !(info->value | info->utime | info->stime);
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
		count(-1ul);
	return e;
}

static void entry_free(struct sig_entry *e)
{
	if (!e)
		return;
	kmem_free(entry_cache, e);
	count(-1ul);
}

TAILQ_HEAD(entry_list, sig_entry);

/* Takes the signals of `set` out; their entries go to `dead`, to be freed without the lock. */
static void queue_drop(struct sig_queue *q, uint64_t set, struct entry_list *dead)
{
	struct sig_entry *e, *next;

	if (!(q->set & set))
		return;
	for (uint64_t gone = q->brief & set; gone; gone &= gone - 1)
		count(-1ul);
	q->set &= ~set;
	q->brief &= ~set;
	for (e = TAILQ_FIRST(&q->entries); e; e = next) {
		next = TAILQ_NEXT(e, link);
		if (!(SIG_BIT(e->info.signo) & set))
			continue;
		TAILQ_REMOVE(&q->entries, e, link);
		TAILQ_INSERT_TAIL(dead, e, link);
	}
}

/* The same of all queues of a process. */
static void drop_everywhere(struct signals *s, uint64_t set, struct entry_list *dead)
{
	struct sig_thread *t;

	queue_drop(&s->shared, set, dead);
	TAILQ_FOREACH(t, &s->threads, link)
		queue_drop(&t->queue, set, dead);
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

/* As queue_take, of what has an entry or nothing. */
static void take_entry(struct sig_queue *q, int sig, struct sig_info *info, struct sig_entry **e)
{
	bool more;

	*e = queue_find(q, sig, &more);
	if (*e) {
		TAILQ_REMOVE(&q->entries, *e, link);
		*info = (*e)->info;
	} else {
		*info = (struct sig_info){ .signo = sig, .code = SI_USER };
	}
	if (!more)
		q->set &= ~SIG_BIT(sig);
}

/* Takes the next one of `set`: its number, or 0; *e is its entry, if it has one. */
static int queue_take(struct sig_queue *q, uint64_t set, struct sig_info *info,
		      struct sig_entry **e)
{
	uint64_t now = q->set & set;
	int sig;

	if (!now)
		return 0;
	sig = __builtin_ctzl(now & SYNCHRONOUS ? now & SYNCHRONOUS : now) + 1;
	if (unlikely(!(q->brief & SIG_BIT(sig)))) {
		take_entry(q, sig, info, e);
		return sig;
	}
	q->set &= ~SIG_BIT(sig);
	q->brief &= ~SIG_BIT(sig);
	count(-1ul);
	*info = (struct sig_info){
		.signo = sig, .code = q->told[sig].code, .pid = q->told[sig].pid,
	};
	return sig;
}

int signal_take(struct sig_thread *t, uint64_t set, struct sig_info *info, struct sig_entry **e)
{
	int sig;

	*e = NULL;
	if (!((t->queue.set | t->of->shared.set) & set))
		return 0;
	sig = queue_take(&t->queue, set, info, e);
	return sig ? sig : queue_take(&t->of->shared, set, info, e);
}

void signal_taken(struct sig_entry *e)
{
	entry_free(e);
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

/* ---- life ---- */

void signal_init(void)
{
	entry_cache = kmem_cache_create("sig_entry", sizeof(struct sig_entry), 0);
	if (!entry_cache)
		panic("no memory for the cache of signals");
}

void signal_create(struct signals *s)
{
	memset(s, 0, offsetof(struct signals, shared));
	spin_init(&s->lock, RANK_SIGNAL);
	TAILQ_INIT(&s->threads);
	queue_init(&s->shared);
	waitq_init(&s->cont);
	signal_alarm_init(s);
}

void signal_thread_create(struct sig_thread *t, struct signals *s, struct thread *thread)
{
	memset(t, 0, offsetof(struct sig_thread, queue));
	t->of = s;
	t->thread = thread;
	t->state.stack_flags = SS_DISABLE;
	queue_init(&t->queue);
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
	struct entry_list dead = TAILQ_HEAD_INITIALIZER(dead);
	struct signals *s = t->of;
	uint64_t flags = spin_lock_irqsave(&s->lock);
	bool last, all_stopped;

	leave(t);
	queue_drop(&t->queue, ~0ul, &dead);
	last = !s->nthreads;
	if (last) {
		s->alive = false;
		queue_drop(&s->shared, ~0ul, &dead);
	}
	all_stopped = s->stopped && !last && s->nstopped == s->nthreads;
	spin_unlock_irqrestore(&s->lock, flags);
	entries_free(&dead);
	if (last)
		timer_cancel(&s->alarm);
	if (all_stopped)		/* it was the only one that still ran */
		process_changed(current_process(), CLD_STOPPED, s->stop_signal);
}

/* It goes on where it stopped. */
static void wake_stopped(struct signals *s)
{
	uint64_t flags;

	s->stopped = false;
	s->continued = true;
	flags = waitq_lock(&s->cont);
	waitq_wake_all(&s->cont);
	waitq_unlock(&s->cont, flags);
}

bool signal_end_others(struct signals *s)
{
	struct sig_thread *t;
	uint64_t flags = spin_lock_irqsave(&s->lock);
	bool first = !s->ending;

	s->ending = true;
	if (first) {
		if (s->stopped)
			wake_stopped(s);
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

/* What a signal does whether it is blocked, ignored, caught or not. */
static void effects_at_once(struct signals *s, int sig, struct entry_list *dead)
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
		wake_stopped(s);
}

/* Adds it, with its entry or briefly; true: the entry is in the queue. */
static bool queue_add(struct sig_queue *q, const struct sig_info *info, struct sig_entry *e,
		      bool brief)
{
	int sig = info->signo;

	if (sig < SIGRTMIN && q->set & SIG_BIT(sig))
		return false;
	q->set |= SIG_BIT(sig);
	if (e) {
		TAILQ_INSERT_TAIL(&q->entries, e, link);
	} else if (brief) {
		q->brief |= SIG_BIT(sig);
		q->told[sig] = (struct sig_brief){
			(int16_t)info->code, (int16_t)info->pid,
		};
		count(1);
	}
	return e;
}

/* The lock is held. t: NULL: to the process. True: the entry is in a queue. */
static bool send_locked(struct signals *s, struct sig_thread *t, const struct sig_info *info,
			struct sig_entry *e, bool brief)
{
	uint64_t bit = SIG_BIT(info->signo);
	bool kept;

	if (ignored(t ? t : TAILQ_FIRST(&s->threads), info->signo))
		return false;
	kept = queue_add(t ? &t->queue : &s->shared, info, e, brief);
	if (!t)
		wake_for(s, bit, NULL);
	else if (wants(t, bit))
		thread_interrupt(t->thread);
	return kept;
}

int signal_send(struct process *p, struct sig_thread *t, const struct sig_info *info)
{
	struct entry_list dead = TAILQ_HEAD_INITIALIZER(dead);
	struct signals *s = &p->signals;
	struct sig_entry *e = NULL;
	bool kept = false, brief = is_brief(info);
	int sig = info->signo;
	uint64_t flags;

	if (sig < 1 || sig > SIGNAL_MAX)
		return -EINVAL;
	if (unlikely(!brief)) {
		e = entry_create(p, info);
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
		entry_free(e);
	entries_free(&dead);
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
			wake_stopped(s);
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
	info.uid = 0;
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
		    (next->handler == (uint64_t)SIG_DFL && signal_ignored_by_default(sig)))
			drop_everywhere(s, SIG_BIT(sig), &dead);
	}
	spin_unlock_irqrestore(&s->lock, flags);
	entries_free(&dead);
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
