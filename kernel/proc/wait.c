/*
 * The end of processes as their parents see it: zombies, waiting, reaping,
 * orphans.
 *
 * News of a child (it is gone, it stopped, it goes on) is a state of the
 * child, under process_lock; the parent looks through its children, and when
 * there is nothing sleeps until child_events counts on. A child changes its
 * state before it raises the count: no news is lost.
 *
 * Nobody waits for children of init, but for those that process_spawn made:
 * they are reaped as they end, like those of a parent that ignores SIGCHLD.
 *
 * POSIX waitid(), _exit() (consequences of process termination).
 */
#include <kernel/proc/process.h>
#include <kernel/core/clock.h>
#include <lib/assert.h>
#include <linux/errno.h>
#include <linux/wait.h>

/* ---- what becomes of one that is gone ---- */

void process_wake_parent(struct process *p)
{
	struct waitq *q = &p->parent->child_wait;
	uint64_t flags;

	assert(spin_is_locked(&process_lock));
	flags = waitq_lock(q);
	p->parent->child_events++;
	waitq_wake_all(q);
	waitq_unlock(q, flags);
}

/* Nobody will ask how p ended. process_lock held. */
static bool unwanted(const struct process *p)
{
	struct sig_action a;

	if (p->awaited)
		return false;
	if (p->parent == &init_process)
		return true;
	if (p->exit_signal != SIGCHLD)
		return false;
	a = signal_get_action(&p->parent->signals, SIGCHLD);
	return a.handler == (uint64_t)SIG_IGN || a.flags & SA_NOCLDWAIT;
}

/*
 * p, which is gone, leaves the table; true: the caller drops its reference when
 * process_lock is free.
 */
static bool reap_unwanted(struct process *p)
{
	bool reap = unwanted(p);

	process_signal_end(p);
	if (reap)
		process_unlink(p);
	process_wake_parent(p);
	return reap;
}

void process_gone(struct process *p)
{
	bool reap;

	spin_lock(&process_lock);
	process_times(p, &p->used.user_ns, &p->used.system_ns);
	p->gone = true;
	reap = reap_unwanted(p);
	spin_unlock(&process_lock);
	file_poll_wake();		/* who has it as a file */
	if (reap)
		process_put(p);
}

/* PR_SET_PDEATHSIG. */
static void signal_orphan(struct process *c, int parent)
{
	struct sig_info info = { .signo = c->death_signal, .code = SI_USER, .pid = parent };

	(void)!signal_send(c, NULL, &info);
}

/* Who gets the children of p: the next above it that asked for them and lives, or init. process_lock held. */
static struct process *reaper_of(const struct process *p)
{
	struct process *r = p->parent;

	while (r && !(r->reaps && r->nlive))
		r = r->parent;
	return r ? r : &init_process;
}

/* The next child of `from` becomes another one's. False: there was none, and its own group loses it. */
static bool leave_child(struct process *from)
{
	struct process *c, *to;
	bool reap = false;

	spin_lock(&process_lock);
	c = TAILQ_FIRST(&from->children);
	if (!c) {
		group_lose(from, NULL);
	} else {
		to = reaper_of(from);
		TAILQ_REMOVE(&from->children, c, sibling);
		TAILQ_INSERT_TAIL(&to->children, c, sibling);
		c->parent = to;
		group_lose(c, from);
		if (c->death_signal)
			signal_orphan(c, from->pid);
		WRITE_ONCE(c->ppid, to->pid);
		c->exit_signal = SIGCHLD;
		c->stop_status = 0;
		if (c->gone)
			reap = reap_unwanted(c);
	}
	spin_unlock(&process_lock);
	if (reap)
		process_put(c);
	return c;
}

void process_leave_children(struct process *p)
{
	while (leave_child(p))
		;
}

/* ---- waiting ---- */

static bool is_meant(const struct process *c, const struct wait_for *w)
{
	bool clone = c->exit_signal != SIGCHLD;

	if (c->awaited || (!(w->options & __WALL) && clone != !!(w->options & __WCLONE)))
		return false;
	switch (w->whom) {
	case WAIT_PID:		return c->pid == w->id;
	case WAIT_GROUP:	return c->pgid == w->id;
	case WAIT_PROCESS:	return c == w->process;
	default:		return true;
	}
}

/* The status of the news that c has, of the kinds asked for; -1: none. */
static int news_of(const struct process *c, unsigned options)
{
	if (c->gone)
		return options & WEXITED ? c->status : -1;
	if (c->stop_status == STATUS_CONTINUED)
		return options & WCONTINUED ? c->stop_status : -1;
	return c->stop_status && options & WSTOPPED ? c->stop_status : -1;
}

/* Tells c's news, and takes them away: true if c itself goes. */
static bool take_news(struct process *c, int status, const struct wait_for *w,
		      struct wait_news *news)
{
	news->pid = c->pid;
	news->status = status;
	news->uid = c->cred.uid;
	news->used = c->used;
	if (!c->gone)
		process_times(c, &news->used.user_ns, &news->used.system_ns);
	usage_add(&news->used, &c->reaped);
	if (w->options & WNOWAIT)
		return false;
	c->stop_status = 0;
	if (!c->gone)
		return false;
	usage_add(&c->parent->reaped, &news->used);
	process_unlink(c);
	return true;
}

/* Looks at all children: 0 and news->pid, 0 where there are none, or -ECHILD. process_lock held. */
static int look_for_news(struct process *p, const struct wait_for *w, struct wait_news *news,
			 struct process **reaped)
{
	int err = -ECHILD;
	struct process *c;

	TAILQ_FOREACH(c, &p->children, sibling) {
		int status;

		if (!is_meant(c, w))
			continue;
		err = 0;
		status = news_of(c, w->options);
		if (status < 0)
			continue;
		if (take_news(c, status, w, news))
			*reaped = c;
		break;
	}
	return err;
}

/* Sleeps while p has had no news since it had `events` of them. 0 or -ERESTARTSYS. */
static int sleep_for_news(struct process *p, uint64_t events)
{
	uint64_t flags = waitq_lock(&p->child_wait);
	int err = 0;

	while (p->child_events == events && !err)
		err = waitq_sleep_interruptible(&p->child_wait, &flags);
	waitq_unlock(&p->child_wait, flags);
	return err;
}

int process_wait_child(const struct wait_for *w, struct wait_news *news)
{
	struct process *p = current_process(), *reaped = NULL;
	uint64_t events;
	int err;

	news->pid = 0;
	for (;;) {
		spin_lock(&process_lock);
		events = READ_ONCE(p->child_events);
		err = look_for_news(p, w, news, &reaped);
		spin_unlock(&process_lock);
		if (err || news->pid || w->options & WNOHANG)
			break;
		err = sleep_for_news(p, events);
		if (err)
			break;
	}
	if (reaped)
		process_put(reaped);
	return err;
}

/* ---- the kernel's own waiting ---- */

int process_wait_until(struct process *p, uint64_t deadline_ns, int *status)
{
	struct waitq *q = &init_process.child_wait;
	uint64_t flags = waitq_lock(q);
	int err = 0;

	assert(p->awaited);
	while (!READ_ONCE(p->gone) && !err)
		err = waitq_sleep_until(q, &flags, deadline_ns);
	waitq_unlock(q, flags);
	if (!READ_ONCE(p->gone))
		return err;
	spin_lock(&process_lock);
	*status = p->status;
	process_unlink(p);
	spin_unlock(&process_lock);
	process_put(p);
	return 0;
}

int process_wait(struct process *p)
{
	int status;

	while (process_wait_until(p, UINT64_MAX, &status))
		;
	return status;
}

/* Zombies do not count: who made them may be in no hurry. */
static bool others_left(void)
{
	struct process *p;
	bool left = false;

	spin_lock(&process_lock);
	TAILQ_FOREACH(p, &processes, link)
		left |= p != &init_process && !p->gone;
	spin_unlock(&process_lock);
	return left;
}

static void signal_all(int sig)
{
	struct process *p;

	spin_lock(&process_lock);
	TAILQ_FOREACH(p, &processes, link)
		if (p != &init_process)
			signal_raise(p, sig);
	spin_unlock(&process_lock);
}

/*
 * SIGKILL again with each that is gone: the last one that is told may be the parent of one
 * made since.
 */
void process_end_all(int sig, uint64_t deadline_ns)
{
	struct waitq *q = &init_process.child_wait;
	bool told = false;
	uint64_t flags;
	int err = 0;

	while (others_left() && !err) {
		uint64_t events = READ_ONCE(init_process.child_events);

		if (!told || sig == SIGKILL)
			signal_all(sig);
		told = true;
		flags = waitq_lock(q);
		while (init_process.child_events == events && !err)
			err = waitq_sleep_until(q, &flags, deadline_ns);
		waitq_unlock(q, flags);
	}
}
