/*
 * Grace periods by epochs.
 *
 * `epoch` only grows. Each CPU publishes in `seen` the epoch that it read at
 * its last quiescent state, or SEEN_IDLE while it is idle. A batch of
 * callbacks raises the epoch when it begins to wait and remembers the new
 * value; once every CPU has seen that value (or is idle), each has been
 * quiescent after the batch's objects were unlinked.
 *
 * Ordering: the writer's unlink comes before its raise of epoch (a locked
 * instruction); a CPU reads epoch before it publishes seen. An idle CPU that
 * wakes publishes seen, then a full barrier, then reads: either the writer
 * sees that it is awake, or it sees the unlink.
 *
 * Every list belongs to one CPU and is touched with interrupts off: no lock.
 * Who puts off much, system call after system call, looks on the way back to
 * user mode whether its time has come, so that memory does not pile up until
 * the next tick, and is found again while it is in the caches.
 * The scheme is QSBR; McKenney, "Is Parallel Programming Hard", ch. 9.5, and
 * FreeBSD's subr_smr.c are good reading.
 */
#include <kernel/core/grace.h>
#include <kernel/core/wait.h>

#define SEEN_IDLE	UINT64_MAX
#define GRACE_MANY	8		/* callbacks after which a thread pauses on its way to user mode */

struct grace_cpu {
	uint64_t seen;			/* own CPU writes, all read */
	uint64_t target;		/* epoch that `waiting` waits for */
	struct grace_head *waiting;	/* the batch that waits */
	struct grace_head *next, **tail; /* what came since; tail NULL: empty */
	unsigned called;		/* callbacks handed over, modulo GRACE_MANY */
} __attribute__((aligned(64)));

static uint64_t epoch = 1;
static struct grace_cpu grace_cpus[MAX_CPUS];

static struct grace_cpu *this_grace(void)
{
	return &grace_cpus[this_cpu()->id];
}

/* Makes what came in the meantime the batch that waits. Interrupts off. */
static void batch_start(struct grace_cpu *g)
{
	if (g->waiting || !g->next)
		return;
	g->waiting = g->next;
	g->next = NULL;
	g->tail = NULL;
	g->target = __atomic_add_fetch(&epoch, 1, __ATOMIC_SEQ_CST);
}

static bool all_have_seen(uint64_t target)
{
	for (unsigned i = 0; i < arch_ncpus; i++)
		if (__atomic_load_n(&grace_cpus[i].seen, __ATOMIC_SEQ_CST) < target)
			return false;
	return true;
}

void grace_call(struct grace_head *h, void (*fn)(struct grace_head *))
{
	uint64_t flags = irq_save();
	struct grace_cpu *g = this_grace();

	h->fn = fn;
	h->next = NULL;
	*(g->tail ? g->tail : &g->next) = h;
	g->tail = &h->next;
	batch_start(g);
	if (unlikely(++g->called == GRACE_MANY)) {
		g->called = 0;
		__atomic_fetch_or(&this_cpu()->need_resched, NEED_GRACE, __ATOMIC_RELAXED);
	}
	irq_restore(flags);
}

void grace_quiescent(void)
{
	uint64_t now = __atomic_load_n(&epoch, __ATOMIC_SEQ_CST);

	__atomic_store_n(&this_grace()->seen, now, __ATOMIC_SEQ_CST);
}

/* Takes the waiting batch if its time has come, and starts the next. */
static struct grace_head *batch_take(void)
{
	uint64_t flags = irq_save();
	struct grace_cpu *g = this_grace();
	struct grace_head *done = NULL;

	if (g->waiting && all_have_seen(g->target)) {
		done = g->waiting;
		g->waiting = NULL;
		batch_start(g);
	}
	irq_restore(flags);
	return done;
}

void grace_poll(void)
{
	struct grace_head *h, *next;

	if (likely(!READ_ONCE(this_grace()->waiting)))
		return;
	for (h = batch_take(); h; h = next) {
		next = h->next;
		h->fn(h);
	}
}

bool grace_pending(void)
{
	return READ_ONCE(this_grace()->waiting) != NULL;
}

bool grace_wanted(void)
{
	return grace_pending() || READ_ONCE(this_grace()->seen) < READ_ONCE(epoch);
}

void grace_idle_enter(void)
{
	__atomic_store_n(&this_grace()->seen, SEEN_IDLE, __ATOMIC_SEQ_CST);
}

void grace_idle_exit(void)
{
	grace_quiescent();
}

struct waiter {
	struct grace_head head;
	struct waitq q;
	bool done;			/* q.lock */
};

static void waiter_done(struct grace_head *h)
{
	struct waiter *w = container_of(h, struct waiter, head);
	uint64_t flags = waitq_lock(&w->q);

	w->done = true;
	waitq_wake_all(&w->q);
	waitq_unlock(&w->q, flags);
}

void grace_wait(void)
{
	struct waiter w = { .done = false };
	uint64_t flags;

	waitq_init(&w.q);
	grace_call(&w.head, waiter_done);
	flags = waitq_lock(&w.q);
	while (!w.done)
		waitq_sleep(&w.q, &flags);
	waitq_unlock(&w.q, flags);
}
