/*
 * Which CPU a thread runs on.
 *
 * Where a woken thread goes: to an idle CPU of its affinity mask, the one it ran
 * on last or the next after it; else to the one it ran on last; else to the
 * least loaded that it may run on. An idle CPU that halts is in `idle`, and who
 * sends a thread there takes it out: two do not choose the same one.
 *
 * Before it halts a CPU steals a thread that waits elsewhere. A tick of a CPU on
 * which threads wait makes an idle one look, and now and then takes a thread
 * over from a CPU that has two more of them.
 *
 * A thread's cpu changes only under both queues' locks, the lower address
 * first: so whoever holds the lock of the queue it belongs to has it in
 * its hand (thread_runq_lock). A thread that may not run any more where it
 * does gives way at its CPU's next switch, stands in the ready list there for
 * a moment (RUNQ_MISPLACED), and is pushed on by the next thread.
 *
 * Parking: one thread asks all other CPUs to halt at their next call of the
 * scheduler, and has the machine for itself until it lets them go.
 */
#include <kernel/core/call.h>
#include <kernel/core/runq.h>
#include <arch/smp.h>
#include <lib/assert.h>
#include <linux/errno.h>

#define BALANCE_TICKS	25
#define LOOKS		8		/* at threads that wait, in a tick */

static struct cpumask idle;		/* atomic bits: halted, or about to be */
static struct cpu *parker;		/* atomic: whose thread has the others parked; NULL: nobody's */
static uint32_t parked;			/* atomic: CPUs that are */

static bool may_run(const struct thread *t, const struct runq *rq)
{
	return cpumask_has(&t->affinity, rq->cpu->id);
}

/* ---- locks ---- */

static void lock_two(struct runq *a, struct runq *b)
{
	spin_lock(a < b ? &a->lock : &b->lock);
	if (a != b)
		spin_lock_nested(a < b ? &b->lock : &a->lock);
}

static void unlock_two(struct runq *a, struct runq *b)
{
	spin_unlock(&a->lock);
	if (a != b)
		spin_unlock(&b->lock);
}

struct runq *thread_runq_lock(struct thread *t)
{
	for (;;) {
		struct runq *rq = READ_ONCE(t->cpu)->runq;

		spin_lock(&rq->lock);
		if (likely(READ_ONCE(t->cpu) == rq->cpu))
			return rq;
		spin_unlock(&rq->lock);
	}
}

/* ---- idle CPUs ---- */

void idle_enter(const struct cpu *c)
{
	__atomic_fetch_or(&idle.w[c->id / 64], 1ul << c->id % 64, __ATOMIC_SEQ_CST);
}

/* True if the CPU was in the set, and is not any more. */
static bool idle_take(unsigned cpu)
{
	uint64_t bit = 1ul << cpu % 64;

	return __atomic_fetch_and(&idle.w[cpu / 64], ~bit, __ATOMIC_SEQ_CST) & bit;
}

void idle_exit(const struct cpu *c)
{
	idle_take(c->id);
}

/* Takes an idle CPU of the mask out of the set, the first from `last` on; MAX_CPUS: there is none. */
static unsigned idle_near(const struct cpumask *mask, unsigned last)
{
	struct cpumask m;

	for (unsigned i = 0; i < CPUMASK_WORDS; i++)
		m.w[i] = READ_ONCE(idle.w[i]) & READ_ONCE(mask->w[i]);
	while (!cpumask_empty(&m)) {
		unsigned cpu = cpumask_next(&m, last);

		if (cpu == MAX_CPUS)
			cpu = cpumask_next(&m, 0);
		if (idle_take(cpu))
			return cpu;
		cpumask_remove(&m, cpu);
	}
	return MAX_CPUS;
}

/* ---- placing ---- */

static struct runq *runq_of(unsigned cpu)
{
	return arch_cpus[cpu]->runq;
}

static struct runq *least_loaded(const struct cpumask *mask)
{
	struct runq *best = NULL;

	for (unsigned i = 0; i < arch_ncpus; i++) {
		struct runq *rq = runq_of(i);

		if (cpumask_has(mask, i) && (!best || READ_ONCE(rq->nready) < READ_ONCE(best->nready)))
			best = rq;
	}
	return best ? best : this_runq();	/* the mask is being changed: looked at again */
}

/* Where t, which does not run, is best put. */
static struct runq *place(const struct thread *t)
{
	struct runq *last = t->cpu->runq;
	unsigned cpu = idle_near(&t->affinity, last->cpu->id);

	if (cpu < MAX_CPUS)
		return runq_of(cpu);
	return may_run(t, last) ? last : least_loaded(&t->affinity);
}

/* Makes the CPU look at its queue, if it idles. */
static void poke(const struct runq *rq)
{
	if (rq->cpu != this_cpu() && READ_ONCE(rq->cpu->current) == rq->cpu->idle)
		arch_ipi_send(rq->cpu->id, IPI_RESCHEDULE);
}

/* rq's lock held, nobody else has t. Where it is to be ready, locked, and rq as well. */
static struct runq *wake_place(struct runq *rq, struct thread *t)
{
	struct runq *to = place(t);

	if (to == rq)
		return to;
	spin_unlock(&rq->lock);
	for (;;) {
		lock_two(rq, to);
		if (likely(may_run(t, to)))
			return to;
		unlock_two(rq, to);		/* its mask changed meanwhile */
		poke(to);
		to = place(t);
	}
}

void runq_wake(struct runq *rq, struct thread *t)
{
	struct runq *to = rq;

	if (unlikely(arch_ncpus > 1))
		to = wake_place(rq, t);
	runq_make_ready(to, t);
	unlock_two(rq, to);
	if (unlikely(to->cpu != this_cpu()))
		poke(to);
}

/* ---- moving what waits ---- */

/* The first thread on from's list that may run on to's CPU, and must if `misplaced`. Both locked. */
static struct thread *find_movable(struct runq *from, struct runq *to, bool misplaced)
{
	struct thread *t;

	TAILQ_FOREACH(t, &from->ready, run_link)
		if (may_run(t, to) && !(misplaced && may_run(t, from)))
			break;
	return t;
}

static bool move_one(struct runq *from, struct runq *to, bool misplaced)
{
	struct thread *t;

	lock_two(from, to);
	t = find_movable(from, to, misplaced);
	if (t) {
		TAILQ_REMOVE(&from->ready, t, run_link);
		from->nready--;
		runq_make_ready(to, t);
	}
	unlock_two(from, to);
	return t;
}

/* Where the first misplaced thread of rq should go; NULL: there is none, which is noted. */
static struct runq *misplaced_to(struct runq *rq)
{
	struct thread *t;
	struct runq *to = NULL;

	spin_lock(&rq->lock);
	TAILQ_FOREACH(t, &rq->ready, run_link)
		if (!may_run(t, rq))
			break;
	if (t)
		to = place(t);
	else
		rq->special &= ~RUNQ_MISPLACED;
	spin_unlock(&rq->lock);
	return to;
}

static void push_misplaced(struct runq *rq)
{
	uint64_t flags = irq_save();
	struct runq *to;

	while ((to = misplaced_to(rq))) {
		move_one(rq, to, true);
		poke(to);
	}
	irq_restore(flags);
}

bool runq_steal(struct runq *rq)
{
	unsigned me = rq->cpu->id;

	for (unsigned n = 1; n < arch_ncpus; n++) {
		struct runq *from = runq_of((me + n) % arch_ncpus);

		if (READ_ONCE(from->nready) && move_one(from, rq, false))
			return true;
	}
	return false;
}

/* Somebody waits here: an idle CPU that may run one of the first that do is woken to steal it. */
static void wake_thief(struct runq *rq)
{
	unsigned cpu = MAX_CPUS, looks = LOOKS;
	struct thread *t;

	spin_lock(&rq->lock);
	TAILQ_FOREACH(t, &rq->ready, run_link) {
		cpu = idle_near(&t->affinity, rq->cpu->id);
		if (cpu < MAX_CPUS || !--looks)
			break;
	}
	spin_unlock(&rq->lock);
	if (cpu < MAX_CPUS)
		poke(runq_of(cpu));
}

void runq_tick(struct runq *rq)
{
	struct runq *busiest = rq;

	if (READ_ONCE(rq->nready) && !cpumask_empty(&idle))
		wake_thief(rq);
	if (++rq->balance_ticks < BALANCE_TICKS)
		return;
	rq->balance_ticks = 0;
	for (unsigned i = 0; i < arch_ncpus; i++)
		if (READ_ONCE(runq_of(i)->nready) > READ_ONCE(busiest->nready))
			busiest = runq_of(i);
	if (READ_ONCE(busiest->nready) >= READ_ONCE(rq->nready) + 2)
		move_one(busiest, rq, false);
}

/* ---- affinity ---- */

/* The running thread t may not run there any more. rq locked. */
static void drive_off(struct runq *rq, const struct thread *t)
{
	if (rq->cpu->current != t)
		return;
	__atomic_fetch_or(&rq->cpu->need_resched, NEED_SCHEDULE, __ATOMIC_RELAXED);
	if (rq->cpu != this_cpu())
		arch_ipi_send(rq->cpu->id, IPI_RESCHEDULE);
}

static void set_mask(struct thread *t, const struct cpumask *mask)
{
	struct runq *rq = thread_runq_lock(t);
	bool push = false;

	t->affinity = *mask;
	if (!may_run(t, rq)) {
		push = t->state == THREAD_READY;
		if (push)
			rq->special |= RUNQ_MISPLACED;
		else
			drive_off(rq, t);
	}
	spin_unlock(&rq->lock);
	if (push)
		push_misplaced(rq);
}

int thread_set_affinity(struct thread *t, const struct cpumask *mask)
{
	struct cpumask m = cpumask_all();
	uint64_t flags;

	for (unsigned i = 0; i < CPUMASK_WORDS; i++)
		m.w[i] &= mask->w[i];
	if (cpumask_empty(&m))
		return -EINVAL;
	if (!t->cpu) {			/* nobody else can know it */
		t->affinity = m;
		return 0;
	}
	assert(t != t->cpu->idle);
	flags = irq_save();
	set_mask(t, &m);
	irq_restore(flags);
	while (t == current_thread() && !may_run(t, this_runq()))
		schedule();
	return 0;
}

void thread_get_affinity(const struct thread *t, struct cpumask *mask)
{
	struct cpumask all = cpumask_all();

	for (unsigned i = 0; i < CPUMASK_WORDS; i++)
		mask->w[i] = READ_ONCE(t->affinity.w[i]) & all.w[i];
}

void cpu_visit(void (*fn)(void *), void *arg)
{
	struct thread *t = current_thread();
	struct cpumask before = t->affinity, all = cpumask_all();

	cpumask_for_each(cpu, &all) {
		struct cpumask m = cpumask_of(cpu);

		if (arch_ncpus > 1 && thread_set_affinity(t, &m))
			continue;
		fn(arg);
	}
	if (arch_ncpus > 1 && thread_set_affinity(t, &before))
		panic("a CPU is gone");
}

/* ---- parking ---- */

/* Halts here while somebody else has the machine. No spinlock held. */
static void park(struct runq *rq)
{
	uint64_t flags = irq_save();

	if (READ_ONCE(rq->special) & RUNQ_PARK && READ_ONCE(parker) != rq->cpu) {
		rq->parked_at = __builtin_frame_address(0);
		__atomic_add_fetch(&parked, 1, __ATOMIC_SEQ_CST);
		while (__atomic_load_n(&rq->special, __ATOMIC_SEQ_CST) & RUNQ_PARK) {
			arch_idle();
			irq_disable();
		}
		__atomic_sub_fetch(&parked, 1, __ATOMIC_SEQ_CST);
	}
	irq_restore(flags);
}

void runq_special(struct runq *rq)
{
	if (READ_ONCE(rq->special) & RUNQ_MISPLACED)
		push_misplaced(rq);
	if (READ_ONCE(rq->special) & RUNQ_PARK)
		park(rq);
}

/* Sets or clears RUNQ_PARK of all other CPUs, which then look. */
static void park_all(bool on)
{
	for (unsigned i = 0; i < arch_ncpus; i++) {
		struct runq *rq = runq_of(i);
		uint64_t flags;

		if (rq->cpu == this_cpu())
			continue;
		flags = spin_lock_irqsave(&rq->lock);
		if (on)
			rq->special |= RUNQ_PARK;
		else
			rq->special &= ~RUNQ_PARK;
		if (on)
			__atomic_fetch_or(&rq->cpu->need_resched, NEED_SCHEDULE, __ATOMIC_RELAXED);
		spin_unlock_irqrestore(&rq->lock, flags);
		arch_ipi_send(i, IPI_RESCHEDULE);
	}
}

void cpus_park(void)
{
	struct cpu *nobody = NULL;

	if (arch_ncpus == 1)
		return;
	lock_assert_may_sleep(0);
	while (!__atomic_compare_exchange_n(&parker, &nobody, this_cpu(), false, __ATOMIC_SEQ_CST,
					    __ATOMIC_SEQ_CST)) {
		nobody = NULL;
		schedule();
	}
	park_all(true);
	while (__atomic_load_n(&parked, __ATOMIC_SEQ_CST) != arch_ncpus - 1)
		cpu_relax();
}

void cpus_release(void)
{
	if (arch_ncpus == 1)
		return;
	park_all(false);
	while (__atomic_load_n(&parked, __ATOMIC_SEQ_CST))
		cpu_relax();
	__atomic_store_n(&parker, NULL, __ATOMIC_SEQ_CST);
}

size_t thread_trace(const struct thread *t, char *line, size_t n)
{
	const void *frame = arch_context_frame(&t->ctx);

	if (t == current_thread())
		frame = __builtin_frame_address(0);
	else if (t->state == THREAD_RUNNING)
		frame = runq_of(t->cpu->id)->parked_at;
	return arch_trace_line(frame, line, n);
}
