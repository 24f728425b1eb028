/* setpriority(2), getpriority(2): how nice threads are. */
#include <kernel/proc/process.h>
#include <kernel/sys/syscall.h>

#define NICE_MIN	(-20)
#define NICE_MAX	19

/* Does p count as `who` of those calls? A number of a process or thread is looked for otherwise. */
static bool is_meant(const struct process *p, int which, int who)
{
	const struct process *self = current_process();

	if (which == PRIO_PGRP)
		return p->pgid == (who ? who : self->pgid);
	return p->cred.uid == (who ? (uint32_t)who : self->cred.uid);
}

/* Does fn(t, arg) for each thread that is meant, while it says true. process_lock held. */
static void for_each(int which, int who, bool (*fn)(struct task *t, void *arg), void *arg)
{
	struct process *p;
	struct task *t;

	if (which == PRIO_PROCESS) {
		t = who ? task_find(who) : current_task();
		if (t)
			fn(t, arg);
		return;
	}
	TAILQ_FOREACH(p, &processes, link)
		if (is_meant(p, which, who))
			TAILQ_FOREACH(t, &p->tasks, link)
				if (!fn(t, arg))
					return;
}

/* *arg is the least niceness found. */
static bool take_least(struct task *t, void *arg)
{
	int *least = arg;

	*least = MIN(*least, t->thread.nice);
	return true;
}

/* The result is 20 less the niceness, so that it is no error. */
SYSCALL2(getpriority, int, which, int, who)
{
	int least = NICE_MAX + 1;

	if (which != PRIO_PROCESS && which != PRIO_PGRP && which != PRIO_USER)
		return -EINVAL;
	spin_lock(&process_lock);
	for_each(which, who, take_least, &least);
	spin_unlock(&process_lock);
	return least > NICE_MAX ? -ESRCH : 20 - least;
}

struct setting { int nice, err; };

/* Nicer everybody may be; less so, who is allowed to: RLIMIT_NICE is 20 less the least one. */
static int check(const struct task *t, int nice)
{
	const struct cred *c = cred_current(), *of = &t->process->cred;

	if (cred_is_privileged(c))
		return 0;
	if (of->uid != c->euid && of->euid != c->euid)
		return -EPERM;
	if (nice < t->thread.nice && 20 - nice > (int)MIN(process_limit(t->process, RLIMIT_NICE), 40ul))
		return -EACCES;
	return 0;
}

static bool set(struct task *t, void *arg)
{
	struct setting *s = arg;
	int err = check(t, s->nice);

	if (!err)
		WRITE_ONCE(t->thread.nice, s->nice);
	if (err || s->err == -ESRCH)
		s->err = err;
	return true;
}

SYSCALL3(setpriority, int, which, int, who, int, nice)
{
	struct setting s = { MIN(MAX(nice, NICE_MIN), NICE_MAX), -ESRCH };

	if (which != PRIO_PROCESS && which != PRIO_PGRP && which != PRIO_USER)
		return -EINVAL;
	spin_lock(&process_lock);
	for_each(which, who, set, &s);
	spin_unlock(&process_lock);
	return s.err;
}
