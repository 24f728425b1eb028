/* Calls about process groups and sessions. */
#include <kernel/proc/process.h>
#include <kernel/sys/syscall.h>

/* 0: the caller. process_lock held. */
static struct process *find(int pid)
{
	return pid ? process_find(pid) : current_process();
}

static long get_group(int pid)
{
	const struct process *p;
	long r;

	spin_lock(&process_lock);
	p = find(pid);
	r = p ? p->pgid : -ESRCH;
	spin_unlock(&process_lock);
	return r;
}

SYSCALL0(getpgrp)
{
	return get_group(0);
}

SYSCALL1(getpgid, int, pid)
{
	return get_group(pid);
}

SYSCALL1(getsid, int, pid)
{
	const struct process *p;
	long r;

	spin_lock(&process_lock);
	p = find(pid);
	r = p ? p->sid : -ESRCH;
	spin_unlock(&process_lock);
	return r;
}

/* May the caller move p, to which it is `self` or the parent? process_lock held. */
static int may_move(const struct process *self, const struct process *p)
{
	if (!p || (p != self && p->parent != self))
		return -ESRCH;
	if (p->sid != self->sid)
		return -EPERM;
	if (p != self && p->has_execed)
		return -EACCES;
	return p->sid == p->pid ? -EPERM : 0;
}

SYSCALL2(setpgid, int, pid, int, pgid)
{
	struct process *self = current_process(), *p;
	int err;

	if (pgid < 0)
		return -EINVAL;
	spin_lock(&process_lock);
	p = find(pid);
	err = may_move(self, p);
	if (!err) {
		if (!pgid)
			pgid = p->pid;
		if (pgid != p->pid && group_session(pgid) != self->sid)
			err = -EPERM;
		else
			process_set_group(p, p->sid, pgid);
	}
	spin_unlock(&process_lock);
	return err;
}

SYSCALL0(setsid)
{
	struct process *self = current_process();
	long r = self->pid;

	spin_lock(&process_lock);
	if (group_session(self->pid)) {
		r = -EPERM;
	} else {
		process_set_group(self, self->pid, self->pid);
		self->no_terminal = false;
	}
	spin_unlock(&process_lock);
	return r;
}
