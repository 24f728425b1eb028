/*
 * Out of memory; see oom.h.
 *
 * A thread of its own chooses and kills, one round after another, for all who ask: who asks is
 * in a fault, may hold sleeping locks, and only waits. A round:
 *
 *	get back what lies idle	callbacks of grace periods, free frames of each CPU. If that
 *				is enough, nobody is killed
 *	choose			the most points; of several, the youngest
 *	kill			it, and who shares its memory: all threads get SIGKILL, and
 *				may use the reserve from now on. The log says so
 *	wait			until it has left its memory. One that has not after a second
 *				(it waits for a lock that who asks holds, say) is reaped: its
 *				memory is taken from it as if by munmap. What cannot be reaped
 *				either is passed over after five
 *
 * No second one is chosen while the first has not given its memory back. Then all who wait try
 * again, and ask again if that was not enough.
 *
 * Locks: process_lock for the choice; inside of it that of oom.wait, for the rest.
 */
#include <kernel/proc/oom.h>
#include <kernel/core/clock.h>
#include <kernel/core/grace.h>
#include <kernel/proc/process.h>
#include <lib/assert.h>
#include <lib/log.h>
#include <lib/string.h>
#include <linux/oom.h>
#include <mm/mm.h>

#define REAP_NS		NS_PER_SEC		/* from the kill on */
#define PASS_OVER_NS	(5 * NS_PER_SEC)
#define RETRY_NS	(NS_PER_SEC / 50)
#define PATIENT_TRIES	100u	/* attempts for which memory must be short, or nobody is killed */

#define KB(pages)	((uint64_t)(pages) << (PAGE_SHIFT - 10))

struct request {
	bool pending;
	bool insists;			/* memory does not look short, but there is none */
	int pid;
	char name[16];
	vaddr_t va;
	uint16_t limit;			/* that is full; 0: the machine is. Held while pending */
};

static struct {
	struct waitq wait;		/* of the thread, of who asks; its lock guards the rest */
	struct request request;		/* one at a time: others wait for its round */
	uint64_t rounds;		/* that are over */
	unsigned nvictims;		/* processes in state OOM_VICTIM */
	struct thread thread;
} oom = { .wait = WAITQ_INIT(oom.wait) };

uint64_t oom_kills;

int64_t oom_points(const struct mm_figures *f, int oom_score_adj, uint64_t all)
{
	uint64_t has = f->anon + f->file + f->shmem + f->swap + (f->table_bytes >> PAGE_SHIFT);

	return (int64_t)has + (int64_t)(all / 1000) * oom_score_adj;
}

/* ---- who asks ---- */

/* It ends before it sees ring 3 again. A look without a lock: who waits looks again soon. */
static bool must_end(const struct sig_thread *t)
{
	return READ_ONCE(t->of->ending) ||
	       (READ_ONCE(t->queue.set) | READ_ONCE(t->of->shared.set)) & SIG_BIT(SIGKILL);
}

/* oom.wait's lock held. */
static void ask(const struct process *p, vaddr_t va)
{
	struct request *r = &oom.request;

	if (r->pending)
		return;
	r->pending = true;
	r->insists = false;
	r->pid = p->pid;
	r->va = va;
	r->limit = mm_limit_reached(p->mm);
	mm_limit_get(r->limit);
	strlcpy(r->name, current_thread()->name, sizeof(r->name));
	waitq_wake_all(&oom.wait);
}

bool oom_wait(vaddr_t va, unsigned tries)
{
	const struct process *p = current_process();
	uint64_t flags, seen;

	if (!p || p == &init_process || must_end(signal_thread()))
		return false;
	flags = waitq_lock(&oom.wait);
	seen = oom.rounds;
	ask(p, va);
	if (tries >= PATIENT_TRIES && oom.request.pid == p->pid && !mm_is_limited(p->mm))
		oom.request.insists = true;
	while (oom.rounds == seen && !must_end(signal_thread()))
		(void)waitq_sleep_until(&oom.wait, &flags, arch_clock_ns() + RETRY_NS);
	waitq_unlock(&oom.wait, flags);
	return !must_end(signal_thread());
}

void oom_settle(void)
{
	uint64_t flags = waitq_lock(&oom.wait), seen = oom.rounds;

	while (oom.request.pending && oom.rounds == seen && !must_end(signal_thread()))
		(void)waitq_sleep_until(&oom.wait, &flags, arch_clock_ns() + RETRY_NS);
	waitq_unlock(&oom.wait, flags);
}

/* ---- the choice; process_lock held ---- */

static bool may_be_killed(const struct process *p, uint16_t limit)
{
	return p != &init_process && p->mm && p->oom == OOM_NONE &&
	       p->oom_score_adj > OOM_SCORE_ADJ_MIN && mm_limit_within(p->mm, limit);
}

/* Somebody who shares p's memory must not be killed. */
static bool is_protected(const struct process *p)
{
	const struct process *q;

	if (READ_ONCE(p->mm->refs) == 1)
		return false;
	TAILQ_FOREACH(q, &processes, link)
		if (q->mm == p->mm && q->oom_score_adj == OOM_SCORE_ADJ_MIN)
			return true;
	return false;
}

static struct process *choose(uint16_t limit, struct mm_figures *figures)
{
	struct process *p, *chosen = NULL;
	struct mm_memory_limit l;
	int64_t most = INT64_MIN, points;
	struct mm_figures f;

	mm_limit_figures(limit, &l);
	TAILQ_FOREACH(p, &processes, link) {
		if (!may_be_killed(p, limit) || is_protected(p))
			continue;
		mm_weigh(p->mm, &f);
		points = oom_points(&f, p->oom_score_adj, l.max >> PAGE_SHIFT);
		if (points < most)
			continue;
		most = points;
		chosen = p;
		*figures = f;
	}
	return chosen;
}

static void mark(struct process *p)
{
	struct task *t;
	uint64_t flags;

	p->oom = OOM_VICTIM;
	flags = waitq_lock(&oom.wait);
	oom.nvictims++;
	waitq_unlock(&oom.wait, flags);
	TAILQ_FOREACH(t, &p->tasks, link)
		WRITE_ONCE(t->thread.reserve, true);
	signal_raise(p, SIGKILL);
}

/* All who use mm end. */
static void mark_all(const struct mm *mm)
{
	struct process *p;

	TAILQ_FOREACH(p, &processes, link)
		if (p->mm == mm && p != &init_process && p->oom == OOM_NONE)
			mark(p);
}

static void unmark(struct process *p)
{
	uint64_t flags = waitq_lock(&oom.wait);

	p->oom = OOM_OVER;
	oom.nvictims--;
	waitq_wake_all(&oom.wait);
	waitq_unlock(&oom.wait, flags);
}

void oom_given_back(struct process *p)
{
	assert(spin_is_locked(&process_lock) && p->oom == OOM_VICTIM);
	unmark(p);
}

/* ---- waiting for it ---- */

/* Until the deadline, or all victims have left their memory: true. */
static bool wait_for_victims(uint64_t deadline)
{
	uint64_t flags = waitq_lock(&oom.wait);
	bool gone;

	while (oom.nvictims && arch_clock_ns() < deadline)
		(void)waitq_sleep_until(&oom.wait, &flags, deadline);
	gone = !oom.nvictims;
	waitq_unlock(&oom.wait, flags);
	return gone;
}

/* A victim whose memory has not come back, and that memory, counted. False: none is left. */
static bool next_victim(struct process **victim, struct mm **mm)
{
	struct process *p;

	spin_lock(&process_lock);
	TAILQ_FOREACH(p, &processes, link)
		if (p->oom == OOM_VICTIM)
			break;
	if (p) {
		process_get(p);
		*victim = p;
		*mm = p->mm ? mm_get(p->mm) : NULL;
	}
	spin_unlock(&process_lock);
	return p;
}

static void pass_over(struct process *p)
{
	spin_lock(&process_lock);
	if (p->oom == OOM_VICTIM)
		unmark(p);
	spin_unlock(&process_lock);
}

/* Takes the memory of one that hangs; false: not now. */
static bool reap(struct mm *mm)
{
	return mm && mm_reap(mm);
}

static void reap_victims(uint64_t deadline)
{
	struct process *p;
	struct mm *mm;
	bool done;

	while (next_victim(&p, &mm)) {
		done = reap(mm);
		if (done)
			log_warn("oom: process %d (%s) hangs: its memory was taken", p->pid,
				 p->leader->thread.name);
		else if (arch_clock_ns() >= deadline)
			log_warn("oom: process %d (%s) hangs: passed over", p->pid,
				 p->leader->thread.name);
		if (done || arch_clock_ns() >= deadline)
			pass_over(p);
		if (mm)
			mm_put(mm);
		process_put(p);
		if (!done)
			(void)wait_for_victims(arch_clock_ns() + RETRY_NS);
	}
}

/* ---- a round ---- */

static void drain(void *arg)
{
	(void)arg;
	page_drain();
}

/* What is free, but out of reach of who asked, comes within. Is there nothing, still? */
static bool is_short(const struct request *r)
{
	struct mm_memory_limit l;

	grace_wait();
	mm_limit_figures(r->limit, &l);
	if (r->limit)
		return l.used + (MM_FAULT_FRAMES << PAGE_SHIFT) > l.max;
	cpu_visit(drain, NULL);
	return r->insists || page_free_count() < page_min_mark() + arch_ncpus + MM_FAULT_FRAMES;
}

static void say_killed(const struct process *p, const struct mm_figures *f)
{
	log_warn("Out of memory: Killed process %d (%s) total-vm:%lukB, anon-rss:%lukB, "
		 "file-rss:%lukB, shmem-rss:%lukB, swap:%lukB, UID:0 pgtables:%lukB "
		 "oom_score_adj:%d", p->pid, p->leader->thread.name, KB(f->size_pages), KB(f->anon),
		 KB(f->file), KB(f->shmem), KB(f->swap), f->table_bytes >> 10, p->oom_score_adj);
}

/* Nobody else may be killed: who asked cannot go on, and ends. */
static void end_asker(const struct request *r)
{
	struct process *p;

	log_warn("Out of memory and no killable processes: %s[%d] ends", r->name, r->pid);
	spin_lock(&process_lock);
	p = process_find(r->pid);
	if (p && p != &init_process)
		signal_raise(p, SIGKILL);
	spin_unlock(&process_lock);
}

/* The one that was chosen, counted, and killed by now; NULL: there is none. */
static struct process *kill_one(uint16_t limit)
{
	struct mm_figures f = { 0 };
	struct process *p;

	spin_lock(&process_lock);
	p = choose(limit, &f);
	if (p) {
		process_get(p);
		mark_all(p->mm);
	}
	spin_unlock(&process_lock);
	if (!p)
		return NULL;
	__atomic_fetch_add(&oom_kills, 1, __ATOMIC_RELAXED);
	say_killed(p, &f);
	return p;
}

static void settle(const struct request *r)
{
	const char *of = r->limit ? "its memory limit" : "all memory";
	uint64_t begin = arch_clock_ns();
	struct mm_memory_limit before, after;
	struct process *p;

	if (!is_short(r))
		return;
	mm_limit_figures(r->limit, &before);
	log_warn("%s[%d] invoked oom-killer: no page for 0x%lx: %lu kB in use of %s, %lu kB "
		 "(%lu kB free, min %lu kB)", r->name, r->pid, r->va, before.used >> 10, of, before.max >> 10,
		 KB(page_free_count()), KB(page_min_mark()));
	p = kill_one(r->limit);
	if (!p) {
		end_asker(r);
		return;
	}
	if (!wait_for_victims(begin + REAP_NS))
		reap_victims(begin + PASS_OVER_NS);
	mm_limit_figures(r->limit, &after);
	log_warn("oom: process %d (%s): after %lu ms %lu kB of %s are in use, "
		 "%lu kB were (%lu kB free)", p->pid, p->leader->thread.name, (arch_clock_ns() - begin) / 1000000, after.used >> 10, of,
		 before.used >> 10, KB(page_free_count()));
	process_put(p);
}

static void wait_for_request(struct request *r)
{
	uint64_t flags = waitq_lock(&oom.wait);

	while (!oom.request.pending)
		waitq_sleep(&oom.wait, &flags);
	*r = oom.request;
	waitq_unlock(&oom.wait, flags);
}

static void end_round(void)
{
	uint64_t flags = waitq_lock(&oom.wait);

	oom.request.pending = false;
	mm_limit_put(oom.request.limit);
	oom.rounds++;
	waitq_wake_all(&oom.wait);
	waitq_unlock(&oom.wait, flags);
}

static void oom_main(void *arg)
{
	struct request r;

	(void)arg;
	for (;;) {
		wait_for_request(&r);
		settle(&r);
		end_round();
	}
}

void oom_init(void)
{
	uint64_t bottom, top;

	if (kstack_alloc(&bottom, &top))
		panic("no memory for the thread that kills for want of memory");
	thread_init(&oom.thread, "oom", bottom, top, oom_main, NULL);
	thread_start(&oom.thread);
}
