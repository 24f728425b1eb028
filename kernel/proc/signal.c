/*
 * What of signals there is: the actions and the blocked set are kept, faults
 * and signals that a process sends itself take their default action. A
 * handler cannot be run yet: where one would have to be, a fault is fatal
 * all the same, and kill(2) says ENOSYS.
 */
#include <kernel/proc/process.h>
#include <lib/assert.h>
#include <lib/log.h>
#include <linux/errno.h>

#define SIG_BIT(sig)	(1ul << ((sig) - 1))
#define NEVER_BLOCKED	(SIG_BIT(SIGKILL) | SIG_BIT(SIGSTOP))

static const char *const names[] = {
	[SIGHUP] = "SIGHUP", [SIGINT] = "SIGINT", [SIGQUIT] = "SIGQUIT", [SIGILL] = "SIGILL",
	[SIGTRAP] = "SIGTRAP", [SIGABRT] = "SIGABRT", [SIGBUS] = "SIGBUS", [SIGFPE] = "SIGFPE",
	[SIGKILL] = "SIGKILL", [SIGUSR1] = "SIGUSR1", [SIGSEGV] = "SIGSEGV", [SIGUSR2] = "SIGUSR2",
	[SIGPIPE] = "SIGPIPE", [SIGALRM] = "SIGALRM", [SIGTERM] = "SIGTERM",
	[SIGSTKFLT] = "SIGSTKFLT",
	[SIGCHLD] = "SIGCHLD", [SIGCONT] = "SIGCONT", [SIGSTOP] = "SIGSTOP", [SIGTSTP] = "SIGTSTP",
	[SIGTTIN] = "SIGTTIN", [SIGTTOU] = "SIGTTOU", [SIGURG] = "SIGURG", [SIGXCPU] = "SIGXCPU",
	[SIGXFSZ] = "SIGXFSZ", [SIGVTALRM] = "SIGVTALRM", [SIGPROF] = "SIGPROF",
	[SIGWINCH] = "SIGWINCH",
	[SIGIO] = "SIGIO", [SIGPWR] = "SIGPWR", [SIGSYS] = "SIGSYS",
};

const char *signal_name(int sig)
{
	return sig > 0 && (unsigned)sig < ARRAY_SIZE(names) ? names[sig] : "a real-time signal";
}

/* The default action is to do nothing. Stopping is not there: nobody could continue. */
static bool ignored_by_default(int sig)
{
	return sig == SIGCHLD || sig == SIGCONT || sig == SIGURG || sig == SIGWINCH;
}

static bool stops(int sig)
{
	return sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

static int take_effect(struct process *p, int sig)
{
	uint64_t handler = p->action[sig].handler;

	if (handler == (uint64_t)SIG_IGN ||
	    (handler == (uint64_t)SIG_DFL && ignored_by_default(sig)))
		return 0;
	if (handler != (uint64_t)SIG_DFL || stops(sig)) {
		log_once("%s[%d]: %s: handlers and stopping are not there yet: ENOSYS",
			 p->thread.name, p->pid, signal_name(sig));
		return -ENOSYS;
	}
	process_exit(STATUS_SIGNAL(sig));
}

int signal_self(struct process *p, int sig)
{
	if (p->blocked & SIG_BIT(sig) & ~NEVER_BLOCKED) {
		p->pending |= SIG_BIT(sig);
		return 0;
	}
	return take_effect(p, sig);
}

void signal_unblocked(struct process *p)
{
	uint64_t now = p->pending & ~p->blocked;

	while (now) {
		int sig = __builtin_ctzl(now) + 1;

		now &= ~SIG_BIT(sig);
		p->pending &= ~SIG_BIT(sig);
		(void)!take_effect(p, sig);
	}
}

/* The next tick that finds it running sends it through upcall_return_to_user. */
void signal_kill(struct process *p, int sig)
{
	assert(sig > 0 && sig <= SIGNAL_MAX);
	WRITE_ONCE(p->kill_signal, (unsigned)sig);
	if (p == current_process())
		WRITE_ONCE(this_cpu()->need_resched, 1);
}
