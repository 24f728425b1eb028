/* Threads that a test starts and waits for (crew.h). */
#include <tests/kernel/crew.h>
#include <lib/ktest.h>
#include <mm/pt/pt.h>

/* Called by the idle thread: m runs no more. */
static void member_done(void *arg)
{
	struct member *m = arg;
	struct crew *c = m->crew;
	uint64_t flags;

	kstack_free(m->bottom);
	flags = waitq_lock(&c->ended);
	if (current_thread() != this_cpu()->idle || m->t.state != THREAD_DEAD || m->t.on_cpu)
		c->astray++;
	c->running--;
	waitq_wake_all(&c->ended);
	waitq_unlock(&c->ended, flags);
}

static void member_main(void *arg)
{
	struct member *m = arg;

	m->body(m->arg);
	thread_exit(member_done, m);
}

bool crew_start(struct crew *c, struct member *m, const struct cpumask *where, void (*body)(void *), void *arg)
{
	uint64_t flags, top;

	*m = (struct member){ .crew = c, .body = body, .arg = arg };
	if (kstack_alloc(&m->bottom, &top)) {
		ktest_fail(__FILE__, __LINE__, "no memory for the stack of a thread");
		return false;
	}
	flags = waitq_lock(&c->ended);
	c->running++;
	waitq_unlock(&c->ended, flags);
	thread_init(&m->t, "member", m->bottom, top, member_main, m);
	if (where)
		EXPECT_EQ(thread_set_affinity(&m->t, where), 0);
	thread_start(&m->t);
	return true;
}

void crew_wait(struct crew *c)
{
	uint64_t flags = waitq_lock(&c->ended);

	while (c->running)
		waitq_sleep(&c->ended, &flags);
	waitq_unlock(&c->ended, flags);
	EXPECT_EQ(c->astray, 0);
}
