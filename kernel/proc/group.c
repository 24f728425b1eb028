/*
 * Process groups as job control sees them. A group is orphaned if no member's parent is in
 * its session, but in another group: nobody is there who would continue what stops
 * (POSIX, 3.264; _exit(), consequences of process termination). All under process_lock.
 */
#include <kernel/proc/process.h>
#include <lib/assert.h>

int group_session(int pgid)
{
	const struct process *p;

	assert(spin_is_locked(&process_lock));
	TAILQ_FOREACH(p, &processes, link)
		if (p->pgid == pgid)
			return p->sid;
	return 0;
}

/* p's parent, as which `parent` counts, could continue p's group. */
static bool links(const struct process *p, const struct process *parent)
{
	return parent && parent->pgid != p->pgid && parent->sid == p->sid;
}

bool group_is_orphaned(const struct process *p, const struct process *but)
{
	const struct process *q;

	assert(spin_is_locked(&process_lock));
	TAILQ_FOREACH(q, &processes, link)
		if (q->pgid == p->pgid && q != but && !q->gone && links(q, q->parent))
			return false;
	return true;
}

static bool has_stopped(const struct process *p)
{
	const struct process *q;

	TAILQ_FOREACH(q, &processes, link)
		if (q->pgid == p->pgid && READ_ONCE(q->signals.stopped))
			return true;
	return false;
}

void group_lose(const struct process *p, const struct process *parent)
{
	if (!links(p, parent ? parent : p->parent) ||
	    !group_is_orphaned(p, parent ? NULL : p) || !has_stopped(p))
		return;
	signal_send_group(p->pgid, p->sid, SIGHUP);
	signal_send_group(p->pgid, p->sid, SIGCONT);
}
