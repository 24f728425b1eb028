/*
 * Signals and the tree of processes: whom kill(2) means, what a parent is told of
 * its child. All under process_lock, so that nobody
 * who is found goes away meanwhile.
 */
#include <kernel/proc/process.h>
#include <lib/assert.h>
#include <linux/errno.h>

/* ---- kill(2) ---- */

static bool is_meant(const struct process *p, int pid)
{
	if (pid == -1)
		return p != &init_process && p != current_process();
	return p->pgid == -pid;
}

static bool may_send(const struct process *p, int sig)
{
	const struct process *self = current_process();

	return p == self || cred_may_signal(&self->cred, &p->cred) || (sig == SIGCONT && p->sid == self->sid);
}

/* To its thread t, or to all of it. */
static int send_one(struct process *p, struct sig_thread *t, const struct sig_info *info)
{
	if (!p)
		return -ESRCH;
	if (info->signo < 0 || info->signo > SIGNAL_MAX)
		return -EINVAL;
	if (!may_send(p, info->signo))
		return -EPERM;
	return info->signo ? signal_send(p, t, info) : 0;
}

/* The last error, if nobody could be sent it; of all that there are, those that it may not be sent do not count. */
static int send_many(int pid, const struct sig_info *info)
{
	bool done = false;
	struct process *p;
	int err = -ESRCH;

	TAILQ_FOREACH(p, &processes, link) {
		if (!is_meant(p, pid))
			continue;
		err = send_one(p, NULL, info);
		done |= !err || (pid == -1 && err == -EPERM);
	}
	return done ? 0 : err;
}

int signal_send_process(struct process *p, const struct sig_info *info)
{
	int err;

	spin_lock(&process_lock);
	err = process_find(p->pid) == p ? send_one(p, NULL, info) : -ESRCH;
	spin_unlock(&process_lock);
	return err;
}

int signal_send_pid(int pid, const struct sig_info *info)
{
	int err;

	if (pid == INT32_MIN)
		return -ESRCH;
	spin_lock(&process_lock);
	if (pid > 0)
		err = send_one(process_find(pid), NULL, info);
	else
		err = send_many(pid ? pid : -current_process()->pgid, info);
	spin_unlock(&process_lock);
	return err;
}

void signal_send_group(int pgid, int sid, int sig)
{
	const struct sig_info info = { .signo = sig, .code = SI_KERNEL };
	struct process *p;

	assert(spin_is_locked(&process_lock));
	TAILQ_FOREACH(p, &processes, link)
		if (p->pgid == pgid && p->sid == sid)
			(void)!signal_send(p, NULL, &info);
}

int signal_send_thread(int pid, int tid, const struct sig_info *info)
{
	int err = -ESRCH;
	struct task *t;

	spin_lock(&process_lock);
	t = task_find(tid);
	if (t && (!pid || t->process->pid == pid))
		err = send_one(t->process, &t->sig, info);
	spin_unlock(&process_lock);
	return err;
}

/* ---- what a parent is told ---- */

static void tell_parent(struct process *p, int sig, int code, int status)
{
	struct sig_info info = {
		.signo = sig, .code = code, .pid = p->pid, .uid = p->cred.uid, .status = status,
	};

	(void)!signal_send(p->parent, NULL, &info);
}

void process_signal_end(struct process *p)
{
	int sig = p->status & 0x7f;

	assert(spin_is_locked(&process_lock));
	if (p->exit_signal)
		tell_parent(p, p->exit_signal, sig ? CLD_KILLED : CLD_EXITED,
			    sig ? sig : p->status >> 8 & 0xff);
}

/*
 * The thread that tells of a stop may be late: others have gone on and said so by then. A
 * later stop is told by who completes it, and before the next going on.
 */
void process_changed(struct process *p, int code, int sig)
{
	spin_lock(&process_lock);
	if (code == CLD_STOPPED && !READ_ONCE(p->signals.stopped))
		goto out;
	p->stop_status = code == CLD_STOPPED ? STATUS_STOPPED(sig) : STATUS_CONTINUED;
	if (!(signal_get_action(&p->parent->signals, SIGCHLD).flags & SA_NOCLDSTOP))
		tell_parent(p, SIGCHLD, code, sig);
	process_wake_parent(p);
out:
	spin_unlock(&process_lock);
}
