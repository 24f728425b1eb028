/*
 * Wait queues.
 *
 * Why no wake is lost: a sleeper puts itself on the list under the queue's
 * lock, takes its run queue's lock, marks itself blocked, and only then gives
 * the queue's lock up. Whoever finds it on the list must take that run
 * queue's lock to wake it, and gets it only when the switch to the next
 * thread is over: by then the sleeper's registers are saved.
 *
 * A thread on a queue's list is BLOCKED or about to be; the one that takes it
 * off (a waker, its timer, who interrupts it), under the queue's lock, is the
 * one that wakes it.
 *
 * Interruption: the sleeper is on the list, then looks whether it is interrupted;
 * the interrupter marks it so, then looks where it is. One of them sees the
 * other. The queue that the interrupter finds is alive: it holds the thread's
 * intr_lock, which the sleeper takes before it leaves the wait.
 */
#include <kernel/core/wait.h>
#include <arch/smp.h>
#include <kernel/core/runq.h>
#include <lib/assert.h>
#include <linux/errno.h>

void waitq_init(struct waitq *q)
{
	spin_init(&q->lock, RANK_WAITQ);
	TAILQ_INIT(&q->sleepers);
}

uint64_t waitq_lock(struct waitq *q)
{
	return spin_lock_irqsave(&q->lock);
}

void waitq_unlock(struct waitq *q, uint64_t flags)
{
	spin_unlock_irqrestore(&q->lock, flags);
}

/* The running thread joins q's sleepers. q's lock held. */
static void join(struct waitq *q, struct thread *t)
{
	assert(spin_is_locked(&q->lock));
	assert(t != this_runq()->cpu->idle);
	lock_assert_may_sleep(1);
	t->wait_result = 0;
	t->waiting_on = q;
	TAILQ_INSERT_TAIL(&q->sleepers, t, run_link);
}

/* Sleeps; q's lock is not held on return, interrupts are off. */
static void block(struct waitq *q, struct thread *t)
{
	struct runq *rq = this_runq();

	spin_lock(&rq->lock);
	t->state = THREAD_BLOCKED;
	spin_unlock(&q->lock);
	runq_switch(rq);
	rq = this_runq();
	spin_unlock(&rq->lock);
	if (unlikely(READ_ONCE(rq->special)))
		runq_special(rq);
	assert(!t->waiting_on);
}

static void sleep_on(struct waitq *q, uint64_t flags)
{
	struct thread *t = current_thread();

	join(q, t);
	block(q, t);
	irq_restore(flags);
}

void waitq_sleep(struct waitq *q, uint64_t *flags)
{
	sleep_on(q, *flags);
	*flags = waitq_lock(q);
}

int waitq_sleep_until(struct waitq *q, uint64_t *flags, uint64_t deadline_ns)
{
	struct thread *t = current_thread();

	timer_arm(&t->timer, deadline_ns);
	sleep_on(q, *flags);
	timer_cancel(&t->timer);
	*flags = waitq_lock(q);
	return t->wait_result;
}

static void leave(struct waitq *q, struct thread *t)
{
	TAILQ_REMOVE(&q->sleepers, t, run_link);
	t->waiting_on = NULL;
}

/* As sleep_on; its end is in the thread's wait_result. */
static void sleep_on_interruptible(struct waitq *q, uint64_t flags)
{
	struct thread *t = current_thread();

	t->interruptible = true;
	join(q, t);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (thread_interrupted(t)) {
		leave(q, t);
		t->wait_result = -ERESTARTSYS;
		spin_unlock(&q->lock);
	} else {
		block(q, t);
	}
	spin_lock(&t->intr_lock);
	t->interruptible = false;
	spin_unlock_irqrestore(&t->intr_lock, flags);
}

int waitq_sleep_interruptible(struct waitq *q, uint64_t *flags)
{
	sleep_on_interruptible(q, *flags);
	*flags = waitq_lock(q);
	return current_thread()->wait_result;
}

int waitq_sleep_interruptible_until(struct waitq *q, uint64_t *flags, uint64_t deadline_ns)
{
	struct thread *t = current_thread();

	timer_arm(&t->timer, deadline_ns);
	sleep_on_interruptible(q, *flags);
	timer_cancel(&t->timer);
	*flags = waitq_lock(q);
	return t->wait_result;
}

/* Takes t off q and makes it ready. q's lock held. */
static void take_off(struct waitq *q, struct thread *t)
{
	assert(t->waiting_on == q);
	leave(q, t);
	thread_wake(t);
}

void waitq_wake_one(struct waitq *q)
{
	struct thread *t = TAILQ_FIRST(&q->sleepers);

	assert(spin_is_locked(&q->lock));
	if (t)
		take_off(q, t);
}

void waitq_wake_all(struct waitq *q)
{
	assert(spin_is_locked(&q->lock));
	while (!TAILQ_EMPTY(&q->sleepers))
		take_off(q, TAILQ_FIRST(&q->sleepers));
}

/*
 * Takes t off the queue that it waits on, if it still does: a waker may be doing
 * so at this moment. The caller sees to it that the queue is alive.
 */
static void end_wait(struct thread *t, int result)
{
	struct waitq *q = __atomic_load_n(&t->waiting_on, __ATOMIC_ACQUIRE);

	if (!q)
		return;
	spin_lock(&q->lock);
	if (t->waiting_on == q) {
		t->wait_result = result;
		take_off(q, t);
	}
	spin_unlock(&q->lock);
}

/* t cannot leave its wait before timer_cancel lets it. */
void waitq_timeout(struct timer *timer)
{
	end_wait(container_of(timer, struct thread, timer), -ETIMEDOUT);
}

/* The running thread itself is in no wait: they begin and end with interrupts off. */
static bool interrupt_self(struct thread *t)
{
	if (t != current_thread() || READ_ONCE(t->interruptible))
		return false;
	WRITE_ONCE(t->interrupted, true);
	__atomic_fetch_or(&this_cpu()->need_resched, NEED_ATTENTION, __ATOMIC_RELAXED);
	return true;
}

/*
 * If t runs, its CPU goes the long way back to ring 3, from there as well. If it does
 * not, the switch to it will see that it is interrupted: switches hold the lock.
 */
static void attract(struct thread *t)
{
	struct runq *rq;
	struct cpu *c;

	if (!READ_ONCE(t->cpu))
		return;
	rq = thread_runq_lock(t);
	c = rq->cpu;
	if (c->current == t)
		__atomic_fetch_or(&c->need_resched, NEED_ATTENTION, __ATOMIC_RELAXED);
	else
		c = NULL;
	spin_unlock(&rq->lock);
	if (c && c != this_cpu())
		arch_ipi_send(c->id, IPI_RESCHEDULE);
}

void thread_interrupt(struct thread *t)
{
	uint64_t flags;

	if (interrupt_self(t))
		return;
	flags = spin_lock_irqsave(&t->intr_lock);
	WRITE_ONCE(t->interrupted, true);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (READ_ONCE(t->interruptible))
		end_wait(t, -ERESTARTSYS);
	attract(t);		/* it may have left its wait just now */
	spin_unlock_irqrestore(&t->intr_lock, flags);
}

void thread_interrupt_done(void)
{
	assert(!irq_enabled());
	WRITE_ONCE(current_thread()->interrupted, false);
	__atomic_fetch_and(&this_cpu()->need_resched, ~NEED_ATTENTION, __ATOMIC_RELAXED);
}

void sleep_ns(uint64_t ns)
{
	uint64_t deadline = arch_clock_ns(), flags;
	struct waitq q;

	if (__builtin_add_overflow(deadline, ns, &deadline))
		deadline = UINT64_MAX;
	waitq_init(&q);
	flags = waitq_lock(&q);
	while (arch_clock_ns() < deadline)
		(void)waitq_sleep_until(&q, &flags, deadline);
	waitq_unlock(&q, flags);
}

int sleep_interruptible_until(uint64_t deadline_ns)
{
	struct waitq q;
	uint64_t flags;
	int err = 0;

	waitq_init(&q);
	flags = waitq_lock(&q);
	while (arch_clock_ns() < deadline_ns && err != -ERESTARTSYS)
		err = waitq_sleep_interruptible_until(&q, &flags, deadline_ns);
	waitq_unlock(&q, flags);
	return err == -ERESTARTSYS ? err : 0;
}
