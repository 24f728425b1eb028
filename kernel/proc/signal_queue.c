/* Signals that have been sent and not taken: see signal_queue.h. */
#include <kernel/proc/signal_queue.h>
#include <kernel/proc/posix_timer.h>
#include <kernel/proc/process.h>
#include <lib/assert.h>
#include <mm/alloc/slab.h>

/* Exceptions come before whatever else is pending. */
#define SYNCHRONOUS	(SIG_BIT(SIGSEGV) | SIG_BIT(SIGBUS) | SIG_BIT(SIGILL) | \
			 SIG_BIT(SIGTRAP) | SIG_BIT(SIGFPE) | SIG_BIT(SIGSYS))

static struct kmem_cache *entry_cache;
static uint64_t nqueued;		/* atomic: of all processes, for all are one user's */

void signal_init(void)
{
	entry_cache = kmem_cache_create("sig_entry", sizeof(struct sig_entry), 0);
	if (!entry_cache)
		panic("no memory for the cache of signals");
}

void sig_queue_init(struct sig_queue *q)
{
	q->set = q->brief = 0;
	TAILQ_INIT(&q->entries);
}

static void count(uint64_t n)
{
	__atomic_fetch_add(&nqueued, n, __ATOMIC_RELAXED);
}

struct sig_entry *sig_entry_create(const struct process *p, const struct sig_info *info)
{
	uint64_t others = __atomic_fetch_add(&nqueued, 1, __ATOMIC_RELAXED);
	bool allowed = info->signo < SIGRTMIN || others < process_limit(p, RLIMIT_SIGPENDING);
	struct sig_entry *e = allowed ? kmem_alloc(entry_cache) : NULL;

	if (!e) {
		count(-1ul);
		return NULL;
	}
	e->info = *info;
	e->timer = NULL;
	return e;
}

void sig_entry_free(struct sig_entry *e)
{
	if (!e)
		return;
	kmem_free(entry_cache, e);
	count(-1ul);
}

void sig_queue_drop(struct sig_queue *q, uint64_t set, struct sig_entries *dead)
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
		if (e->timer)
			(void)posix_timer_taken(e->timer);
		else
			TAILQ_INSERT_TAIL(dead, e, link);
	}
}

void sig_entries_free(struct sig_entries *dead)
{
	struct sig_entry *e;

	while ((e = TAILQ_FIRST(dead))) {
		TAILQ_REMOVE(dead, e, link);
		sig_entry_free(e);
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

/* Without it, a signal is pending as long as another entry says so. */
static void forget_if_last(struct sig_queue *q, int sig)
{
	bool more;

	if (!queue_find(q, sig, &more))
		q->set &= ~SIG_BIT(sig);
}

void sig_queue_remove(struct sig_queue *q, struct sig_entry *e)
{
	int sig = e->info.signo;

	TAILQ_REMOVE(&q->entries, e, link);
	if (!(q->brief & SIG_BIT(sig)))
		forget_if_last(q, sig);
}

/* As sig_queue_take, of what has an entry or nothing. */
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
	if (*e && (*e)->timer) {
		info->uid = posix_timer_taken((*e)->timer);
		*e = NULL;
	}
}

int sig_queue_take(struct sig_queue *q, uint64_t set, struct sig_info *info, struct sig_entry **e)
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
	q->brief &= ~SIG_BIT(sig);
	forget_if_last(q, sig);
	count(-1ul);
	*info = (struct sig_info){
		.signo = sig, .code = q->told[sig].code, .pid = q->told[sig].pid,
	};
	return sig;
}

bool sig_queue_add(struct sig_queue *q, const struct sig_info *info, struct sig_entry *e, bool brief)
{
	int sig = info->signo;

	if (sig < SIGRTMIN && q->set & SIG_BIT(sig) && !(e && e->timer))
		return false;
	q->set |= SIG_BIT(sig);
	if (e) {
		TAILQ_INSERT_TAIL(&q->entries, e, link);
	} else if (brief) {
		q->brief |= SIG_BIT(sig);
		q->told[sig] = (struct sig_brief){ (int16_t)info->code, (int16_t)info->pid };
		count(1);
	}
	return e;
}
