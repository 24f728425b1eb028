/* The controlling terminal; see terminal.h. */
#include <kernel/proc/terminal.h>
#include <kernel/proc/process.h>
#include <linux/errno.h>

static struct {
	int sid;			/* process_lock: whose it is; 0: nobody's */
	int foreground;			/* process_lock: a group of that session, or what was one; 0: none */
} terminal;

/* ---- all with process_lock held ---- */

static bool has_it(const struct process *p)
{
	return terminal.sid && p->sid == terminal.sid && !p->no_terminal;
}

bool terminal_of(const struct process *p, int *foreground)
{
	if (!has_it(p))
		return false;
	*foreground = terminal.foreground;
	return true;
}

static void take(struct process *p)
{
	terminal.sid = p->sid;
	terminal.foreground = p->pgid;
	p->no_terminal = false;
}

/* The session that has it does not have it any more, by its leader's end or wish. */
static void hang_up(bool ends)
{
	if (terminal.foreground)
		signal_send_group(terminal.foreground, terminal.sid, SIGHUP);
	if (terminal.foreground && !ends)
		signal_send_group(terminal.foreground, terminal.sid, SIGCONT);
	terminal.sid = terminal.foreground = 0;
}

/* Ignored or blocked, it is no way to stop a process. */
static bool would_stop(struct process *p, int sig)
{
	return !(signal_thread()->blocked & SIG_BIT(sig)) &&
	       signal_get_action(&p->signals, sig).handler != (uint64_t)SIG_IGN;
}

static int check(struct process *p, int sig)
{
	if (!has_it(p) || !terminal.foreground || p->pgid == terminal.foreground)
		return 0;
	if (!would_stop(p, sig))
		return sig == SIGTTIN ? -EIO : 0;
	if (group_is_orphaned(p, NULL))
		return -EIO;
	signal_send_group(p->pgid, p->sid, sig);
	return -ERESTARTSYS;
}

/* As on Linux, a process will do that leads no group. 0; -ENOTTY, -ESRCH, -EPERM. */
static int set_foreground(const struct process *p, int pgid)
{
	const struct process *q = process_find(pgid);
	int sid = group_session(pgid);

	if (!sid && q)
		sid = q->sid;
	if (!has_it(p))
		return -ENOTTY;
	if (!sid)
		return -ESRCH;
	if (sid != p->sid)
		return -EPERM;
	terminal.foreground = pgid;
	return 0;
}

static int take_for(struct process *p, bool steal)
{
	if (has_it(p) && p->pid == p->sid)
		return 0;
	if (p->pid != p->sid || (terminal.sid && !steal))
		return -EPERM;
	take(p);
	return 0;
}

/* ---- for all ---- */

bool terminal_is_mine(void)
{
	bool mine;

	spin_lock(&process_lock);
	mine = has_it(current_process());
	spin_unlock(&process_lock);
	return mine;
}

int terminal_take(bool steal)
{
	int err;

	spin_lock(&process_lock);
	err = take_for(current_process(), steal);
	spin_unlock(&process_lock);
	return err;
}

void terminal_give(struct process *p)
{
	spin_lock(&process_lock);
	take(p);
	spin_unlock(&process_lock);
}

int terminal_leave(void)
{
	struct process *p = current_process();
	int err = 0;

	spin_lock(&process_lock);
	if (!has_it(p))
		err = -ENOTTY;
	else if (p->pid != p->sid)
		p->no_terminal = true;
	else
		hang_up(false);
	spin_unlock(&process_lock);
	return err;
}

void terminal_leader_ends(struct process *p)
{
	if (p->pid != p->sid)
		return;
	spin_lock(&process_lock);
	if (has_it(p))
		hang_up(true);
	spin_unlock(&process_lock);
}

int terminal_foreground(void)
{
	int pgid;

	spin_lock(&process_lock);
	if (!terminal_of(current_process(), &pgid))
		pgid = -ENOTTY;
	spin_unlock(&process_lock);
	return pgid;
}

int terminal_session(void)
{
	int sid;

	spin_lock(&process_lock);
	sid = has_it(current_process()) ? terminal.sid : -ENOTTY;
	spin_unlock(&process_lock);
	return sid;
}

int terminal_set_foreground(int pgid)
{
	struct process *p = current_process();
	int err;

	if (pgid < 0)
		return -EINVAL;
	spin_lock(&process_lock);
	err = check(p, SIGTTOU);
	if (!err)
		err = set_foreground(p, pgid);
	spin_unlock(&process_lock);
	return err == -EIO ? -ENOTTY : err;
}

int terminal_check(int sig)
{
	int err;

	spin_lock(&process_lock);
	err = check(current_process(), sig);
	spin_unlock(&process_lock);
	return err;
}

void terminal_signal(int sig)
{
	spin_lock(&process_lock);
	if (terminal.foreground)
		signal_send_group(terminal.foreground, terminal.sid, sig);
	spin_unlock(&process_lock);
}
