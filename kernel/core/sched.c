/*
 * Threads and the scheduler: one run queue per CPU, round robin with a time
 * slice, an idle thread that halts with the tick stopped. Which CPU: balance.c.
 *
 * The run queue's lock is held across the switch: the thread that switches
 * away takes it, the thread that comes on gives it up (in runq_switch's
 * caller, or in thread_entry when it is new). So whoever holds it sees every
 * thread of that queue either running or wholly saved.
 *
 * A kernel thread keeps the address space that it finds loaded. A thread that
 * exits loads the kernel's before.
 *
 * A thread that exits always hands over to the idle thread of its CPU, which
 * calls what is left to be called: it holds no lock, and no thread has to do
 * it on its own stack in the middle of something else.
 *
 * Locks: runq.h. `threads` has a lock of its own, never taken by an interrupt.
 */
#include <kernel/core/thread.h>
#include <arch/machine.h>
#include <arch/smp.h>
#include <kernel/core/clock.h>
#include <kernel/core/grace.h>
#include <kernel/core/runq.h>
#include <lib/assert.h>
#include <lib/format.h>
#include <lib/log.h>
#include <lib/option.h>
#include <lib/string.h>

#define SLICE_TICKS	4

struct thread_list threads = TAILQ_HEAD_INITIALIZER(threads);
struct spinlock threads_lock = SPINLOCK_INIT(RANK_THREADS);

static struct runq runqs[MAX_CPUS];
static struct thread boot_idle;
static uint64_t sched_hz = 250;

static uint64_t watchdog_s;
option_uint(watchdog, &watchdog_s, 0, 3600,
	    "panic, with what each CPU does, if one is stuck for so many seconds (0: off)");

option_uint(hz, &sched_hz, 10, 1000, "ticks per second; a time slice is 4 of them, or what its thread's niceness says");

static void threads_add(struct thread *t)
{
	spin_lock(&threads_lock);
	TAILQ_INSERT_TAIL(&threads, t, all_link);
	spin_unlock(&threads_lock);
}

static void threads_remove(struct thread *t)
{
	spin_lock(&threads_lock);
	TAILQ_REMOVE(&threads, t, all_link);
	spin_unlock(&threads_lock);
}

static void sched_panic_hook(void)
{
	const struct thread *t = current_thread();

	if (t)
		log_warn("*** thread %s (tid %d)%s", t->name, t->tid,
			 this_cpu()->irq_depth ? ", in an interrupt" : "");
}

/* The running code becomes this CPU's idle thread, *idle. */
static void cpu_init(struct thread *idle)
{
	struct cpu *c = this_cpu();
	struct runq *rq = &runqs[c->id];

	spin_init(&rq->lock, RANK_RUNQ);
	TAILQ_INIT(&rq->ready);
	timerq_init(&rq->timers);
	rq->cpu = c;
	c->runq = rq;

	*idle = (struct thread){
		.state = THREAD_RUNNING,
		.on_cpu = true,
		.cpu = c,
		.stack_top = c->kstack_top,
		.started_ns = arch_clock_ns(),
		.affinity = cpumask_of(c->id),
	};
	snprintf(idle->name, sizeof(idle->name), "idle/%u", c->id);
	c->idle = idle;
	c->current = idle;
	threads_add(idle);
}

void sched_init(void)
{
	cpu_init(&boot_idle);
	panic_hook = sched_panic_hook;
}

void sched_join(void)
{
	struct thread idle;		/* on a stack that is never left */

	cpu_init(&idle);
	arch_smp_join();
	irq_enable();
	sched_idle_loop();
}

static void ready_add(struct runq *rq, struct thread *t)
{
	t->state = THREAD_READY;
	t->cpu = rq->cpu;
	TAILQ_INSERT_TAIL(&rq->ready, t, run_link);
	rq->nready++;
}

/* The next to run, off the list; the idle thread if there is none. */
static struct thread *ready_take(struct runq *rq)
{
	struct thread *t = TAILQ_FIRST(&rq->ready);

	if (unlikely(rq->special & RUNQ_MISPLACED))
		while (t && !cpumask_has(&t->affinity, rq->cpu->id))
			t = TAILQ_NEXT(t, run_link);
	if (!t)
		return rq->cpu->idle;
	assert(t->state == THREAD_READY && t->cpu == rq->cpu);
	assert(!t->on_cpu || t == rq->cpu->current);
	TAILQ_REMOVE(&rq->ready, t, run_link);
	rq->nready--;
	return t;
}

/* Sleeping locks go with their thread; the run queue's own lock, the last taken, stays with the CPU. */
static void held_switch(struct cpu *c, struct thread *prev, const struct thread *next)
{
#ifdef DEBUG
	struct lock_held rq_lock;

	if (READ_ONCE(panicking))	/* on some CPU: from then on nothing is entered (lib/lock.c) */
		return;
	rq_lock = c->held[--c->nheld];
	memcpy(prev->held, c->held, sizeof(c->held));
	prev->nheld = c->nheld;
	memcpy(c->held, next->held, sizeof(c->held));
	c->nheld = next->nheld;
	c->held[c->nheld++] = rq_lock;
#else
	(void)c;
	(void)prev;
	(void)next;
#endif
}

uint64_t sched_tick_ns(void)
{
	return 1000000000ul / sched_hz;
}

static void tick_start(struct runq *rq)
{
	if (!rq->ticking) {
		rq->tick_ns = rq->moved_ns = arch_clock_ns();
		arch_tick_start((unsigned)sched_hz);
	}
	rq->ticking = true;
}

static void tick_stop(struct runq *rq)
{
	if (rq->ticking)
		arch_tick_stop();
	rq->ticking = false;
}

/* All run by turns: who is nicer has shorter ones, from 20 ticks at -20 to 1 at 19. */
static uint64_t slice_of(const struct thread *t)
{
	int nice = READ_ONCE(t->nice);

	return likely(!nice) ? SLICE_TICKS : (uint64_t)(nice < 0 ? SLICE_TICKS - nice * 4 / 5 : MAX(SLICE_TICKS - nice / 5, 1));
}

uint64_t sched_slice_ns(const struct thread *t)
{
	return slice_of(t) * sched_tick_ns();
}

static void account(struct thread *prev, struct thread *next)
{
	uint64_t now = arch_clock_ns();

	prev->run_ns += now - prev->started_ns;
	next->started_ns = now;
	next->slice_left = slice_of(next);
}

/* The first thing a thread does when it has got the CPU. */
static void switch_finish(struct runq *rq)
{
	rq->last->on_cpu = false;
}

static void switch_to(struct runq *rq, struct thread *prev, struct thread *next)
{
	struct cpu *c = rq->cpu;

	account(prev, next);
	rq->switches++;
	next->state = THREAD_RUNNING;
	next->on_cpu = true;
	rq->last = prev;
	if (next != c->idle)
		tick_start(rq);
	held_switch(c, prev, next);
	if (next->aspace)
		arch_aspace_switch(next->aspace);
	else if (arch_ncpus > 1)
		WRITE_ONCE(c->lazy, true);
	c->current = next;
	c->need_resched = next->interrupted ? NEED_ATTENTION : 0;
	arch_context_switch(&prev->ctx, &next->ctx, next->stack_top);
	switch_finish(this_runq());
}

/* The running thread does not stop for any reason of its own: to the end of the line. */
static void step_back(struct runq *rq, struct thread *t)
{
	if (t == rq->cpu->idle)
		t->state = THREAD_READY;
	else
		ready_add(rq, t);
	if (unlikely(!cpumask_has(&t->affinity, rq->cpu->id)))
		rq->special |= RUNQ_MISPLACED;
}

void runq_switch(struct runq *rq)
{
	struct cpu *c = rq->cpu;
	struct thread *prev = c->current, *next;

	assert(!irq_enabled() && !c->irq_depth);
	c->need_resched = prev->interrupted ? NEED_ATTENTION : 0;
	grace_quiescent();
	if (prev->state == THREAD_RUNNING) {
		if (!rq->nready && likely(cpumask_has(&prev->affinity, c->id))) {
			prev->slice_left = slice_of(prev);
			return;
		}
		step_back(rq, prev);
	}
	next = prev->state == THREAD_DEAD ? c->idle : ready_take(rq);
	if (unlikely(next == prev))	/* those before it may not run here */
		prev->state = THREAD_RUNNING;
	else
		switch_to(rq, prev, next);
}

/* What the thread that has just exited wants to be called. On the idle thread. */
static void run_done(struct runq *rq)
{
	void (*done)(void *) = rq->done;

	rq->done = NULL;
	done(rq->done_arg);
}

void schedule(void)
{
	struct runq *rq;
	uint64_t flags;

	lock_assert_may_sleep(0);
	grace_quiescent();
	grace_poll();
	flags = spin_lock_irqsave(&this_runq()->lock);
	runq_switch(this_runq());
	rq = this_runq();
	spin_unlock_irqrestore(&rq->lock, flags);
	if (unlikely(READ_ONCE(rq->special)))
		runq_special(rq);
	if (unlikely(rq->done) && current_thread() == rq->cpu->idle)
		run_done(rq);
}

void sched_yield(void)
{
	schedule();
}

static void thread_entry(void *arg)
{
	struct thread *t = arg;
	struct runq *rq = this_runq();

	switch_finish(rq);
	spin_unlock(&rq->lock);
	irq_enable();
	if (unlikely(READ_ONCE(rq->special)))
		runq_special(rq);
	t->fn(t->arg);
	thread_exit(NULL, NULL);
}

void thread_init(struct thread *t, const char *name, uint64_t stack_bottom, uint64_t stack_top,
		 void (*fn)(void *), void *arg)
{
	*t = (struct thread){
		.stack_bottom = stack_bottom,
		.stack_top = stack_top,
		.fn = fn,
		.arg = arg,
		.state = THREAD_NEW,
		.timer.fn = waitq_timeout,
		.intr_lock = SPINLOCK_INIT(RANK_INTERRUPT),
	};
	if (current_thread() == this_cpu()->idle)
		memset(&t->affinity, 0xff, sizeof(t->affinity));
	else
		t->affinity = current_thread()->affinity;
	strlcpy(t->name, name, sizeof(t->name));
	arch_context_init(&t->ctx, stack_top, thread_entry, t);
	threads_add(t);
}

void runq_make_ready(struct runq *rq, struct thread *t)
{
	ready_add(rq, t);
	if (rq->cpu->current == rq->cpu->idle)
		__atomic_fetch_or(&rq->cpu->need_resched, NEED_SCHEDULE, __ATOMIC_RELAXED);
}

void thread_start(struct thread *t)
{
	uint64_t flags = irq_save();
	struct runq *rq = this_runq();

	spin_lock(&rq->lock);
	assert(t->state == THREAD_NEW);
	t->cpu = rq->cpu;
	runq_wake(rq, t);
	irq_restore(flags);
}

void thread_discard(struct thread *t)
{
	assert(t->state == THREAD_NEW);
	threads_remove(t);
}

/*
 * The lock waits out a switch that is still under way. The thread does not change
 * its CPU meanwhile: the caller alone may make it ready.
 */
void thread_wake(struct thread *t)
{
	struct runq *rq = t->cpu->runq;

	spin_lock(&rq->lock);
	assert(t->state == THREAD_BLOCKED && !t->on_cpu);
	runq_wake(rq, t);
}

void thread_exit(void (*done)(void *), void *done_arg)
{
	struct thread *t = current_thread();
	struct runq *rq;

	lock_assert_none_from(RANK_PROC);
	assert(t != this_cpu()->idle && !t->waiting_on && !t->timer.at);
	if (t->aspace)
		thread_set_aspace(NULL);
	threads_remove(t);
	irq_disable();
	rq = this_runq();
	spin_lock(&rq->lock);
	assert(!rq->done);
	rq->done = done;
	rq->done_arg = done_arg;
	t->state = THREAD_DEAD;
	runq_switch(rq);
	panic("thread %s runs on after its end", t->name);
}

void thread_set_aspace(struct aspace *as)
{
	uint64_t flags = irq_save();

	current_thread()->aspace = as;
	arch_aspace_switch(as ? as : &kernel_aspace);
	irq_restore(flags);
}

uint64_t thread_cpu_ns(const struct thread *t)
{
	uint64_t flags, ns, since = 0;
	struct runq *rq;

	if (!READ_ONCE(t->cpu))
		return 0;
	flags = irq_save();
	rq = thread_runq_lock((struct thread *)t);
	if (rq->cpu->current == t)
		since = arch_clock_ns() - t->started_ns;
	ns = t->run_ns + ((int64_t)since > 0 ? since : 0);
	spin_unlock_irqrestore(&rq->lock, flags);
	return ns;
}

/*
 * The watchdog: every CPU, the idle ones too, ticks and looks at the others. One is stuck if it is not idle
 * and has not ticked (interrupts are off), or has been asked to schedule and has
 * not done so, for that long.
 */
static void watchdog_tick(struct runq *rq)
{
	uint64_t now = arch_clock_ns(), limit = watchdog_s * NS_PER_SEC;

	WRITE_ONCE(rq->tick_ns, now);
	if (!(READ_ONCE(rq->cpu->need_resched) & NEED_SCHEDULE))
		WRITE_ONCE(rq->moved_ns, now);
	for (unsigned i = 0; i < arch_ncpus; i++) {
		const struct cpu *c = arch_cpus[i];
		const struct runq *other = c->runq;
		uint64_t ticked = READ_ONCE(other->tick_ns), moved = READ_ONCE(other->moved_ns);

		if (READ_ONCE(c->current) == c->idle || !READ_ONCE(other->ticking))
			continue;
		if (now > ticked + limit)
			panic("watchdog: CPU %u has not ticked for %lu s", i, watchdog_s);
		if (ticked > moved + limit)
			panic("watchdog: CPU %u has not come to its scheduler for %lu s", i, watchdog_s);
	}
}

void sched_tick(void)
{
	struct cpu *c = this_cpu();
	struct thread *t = c->current;
	struct runq *rq = c->runq;

	timer_expire(&rq->timers);
	if (unlikely(watchdog_s))
		watchdog_tick(rq);
	if (t == c->idle)
		return;
	if (unlikely(t->interrupted))	/* by another CPU */
		__atomic_fetch_or(&c->need_resched, NEED_ATTENTION, __ATOMIC_RELAXED);
	if (arch_ncpus > 1)
		runq_tick(rq);
	if (t->slice_left)
		t->slice_left--;
	if (!t->slice_left && (READ_ONCE(rq->nready) || grace_wanted()))
		__atomic_fetch_or(&c->need_resched, NEED_SCHEDULE, __ATOMIC_RELAXED);
}

/*
 * Halts until an interrupt, if there is nothing to do. The tick is off
 * meanwhile, unless callbacks wait here for other CPUs to be quiescent.
 * Interrupts off at the call, on after it.
 */
static void idle_halt(struct runq *rq)
{
	uint64_t next;

	timer_expire(&rq->timers);
	idle_enter(rq->cpu);
	if (READ_ONCE(rq->nready) || READ_ONCE(rq->special) || runq_steal(rq)) {
		idle_exit(rq->cpu);
		irq_enable();
		return;
	}
	next = timer_next(&rq->timers);
	if (grace_pending() || watchdog_s) {
		tick_start(rq);
	} else {
		tick_stop(rq);
		if (next)
			arch_timer_oneshot(next);
	}
	grace_idle_enter();
	arch_idle();
	grace_idle_exit();
	idle_exit(rq->cpu);
}

void sched_idle_loop(void)
{
	assert(current_thread() == this_cpu()->idle);
	for (;;) {
		schedule();
		grace_poll();
		irq_disable();
		idle_halt(this_runq());
	}
}
