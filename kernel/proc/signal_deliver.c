/*
 * Signals on the way back to ring 3: each that is pending and not blocked is
 * ignored, stops or ends the process, or gets a frame on which its handler will
 * run. Several frames lie on each other, so that the signal taken last runs first,
 * as in Linux. And what they do to a system call that they have interrupted.
 *
 * Only the process's own thread comes here.
 */
#include <asm/unistd_64.h>
#include <kernel/proc/process.h>
#include <kernel/proc/signal_internal.h>
#include <lib/log.h>
#include <linux/errno.h>

/* A signal whose handler is to be run. */
struct delivery {
	int sig;
	struct sig_info info;
	struct sig_action action;
};

/* ---- the frame ---- */

static bool on_stack(const struct signals *s, uint64_t sp)
{
	return sp > s->stack && sp - s->stack <= s->stack_size;
}

/* An alternate stack that takes itself away while it is in use is never one that sp is on. */
static bool on_alternate(const struct signals *s, uint64_t sp)
{
	return !(s->stack_flags & (int)SS_AUTODISARM) && on_stack(s, sp);
}

/* Where the frame goes: above what bound, and whether the alternate stack is entered. */
static void choose_stack(const struct signals *s, const struct trapframe *tf, uint64_t flags,
			 struct sigframe *f)
{
	bool on = on_alternate(s, tf->rsp);

	f->top = flags & SA_ONSTACK && s->stack_size && !on ? s->stack + s->stack_size : 0;
	f->bottom = f->top || on ? s->stack + 1 : 0;
}

static void no_stack(struct signals *s)
{
	s->stack = s->stack_size = 0;
	s->stack_flags = SS_DISABLE;
}

/* While the handler runs: its mask, and itself unless it asked to be let in again. */
static void block_for_handler(struct process *p, const struct delivery *d)
{
	uint64_t more = d->action.mask;

	if (!(d->action.flags & SA_NODEFER))
		more |= SIG_BIT(d->sig);
	p->signals.mask_kept = false;
	signal_set_blocked(p, p->signals.blocked | more);
}

static int enter_handler(struct process *p, struct trapframe *tf, const struct delivery *d)
{
	struct signals *s = &p->signals;
	struct sigframe f = {
		.signo = d->sig,
		.info = d->action.flags & SA_SIGINFO ? &d->info : NULL,
		.handler = d->action.handler,
		.restorer = d->action.restorer,
		.mask = s->mask_kept ? s->kept_mask : s->blocked,
		.stack = s->stack, .stack_size = s->stack_size, .stack_flags = s->stack_flags,
		.trap = s->trap, .error = s->trap_error, .cr2 = s->cr2,
	};

	if (!(d->action.flags & SA_RESTORER))
		return -EFAULT;
	choose_stack(s, tf, d->action.flags, &f);
	if (arch_sigframe_push(tf, &f))
		return -EFAULT;
	if (s->stack_flags & (int)SS_AUTODISARM)
		no_stack(s);
	block_for_handler(p, d);
	return 0;
}

/* ---- exceptions ---- */

/* The action, if a handler may be run for it now. */
static bool catch_fault(struct signals *s, struct delivery *d)
{
	uint64_t flags = spin_lock_irqsave(&s->lock);
	bool caught;

	d->action = s->action[d->sig];
	caught = d->action.handler > (uint64_t)SIG_IGN && !(s->blocked & SIG_BIT(d->sig));
	if (caught && d->action.flags & SA_RESETHAND)
		s->action[d->sig].handler = (uint64_t)SIG_DFL;
	spin_unlock_irqrestore(&s->lock, flags);
	return caught;
}

bool signal_fault(struct process *p, struct trapframe *tf, const struct sig_info *info, int *sig)
{
	struct delivery d = { .sig = info->signo, .info = *info };

	*sig = d.sig;
	if (!catch_fault(&p->signals, &d))
		return false;
	if (!enter_handler(p, tf, &d))
		return true;
	if (d.sig == SIGSEGV)
		return false;
	d = (struct delivery){ .sig = SIGSEGV, .info = { .signo = SIGSEGV, .code = SI_KERNEL } };
	*sig = SIGSEGV;
	return catch_fault(&p->signals, &d) && !enter_handler(p, tf, &d);
}

/* A frame that cannot be written or read: SIGSEGV, or the end if that was the signal. */
static void bad_frame(struct process *p, struct trapframe *tf, int of, const char *what)
{
	const struct sig_info info = { .signo = SIGSEGV, .code = SI_KERNEL };
	int sig;

	if (of != SIGSEGV && signal_fault(p, tf, &info, &sig))
		return;
	log_info("%s[%d]: SIGSEGV: %s: rip 0x%lx, rsp 0x%lx", p->leader->thread.name, p->pid, what,
		 tf->rip, tf->rsp);
	process_exit(STATUS_SIGNAL(SIGSEGV));
}

/* ---- stopping ---- */

static void stop(struct process *p, int sig)
{
	struct signals *s = &p->signals;
	uint64_t flags = spin_lock_irqsave(&s->lock);
	bool stopped = s->stop_taken;

	s->stopped = stopped;
	s->stop_taken = false;
	spin_unlock_irqrestore(&s->lock, flags);
	if (!stopped)			/* SIGCONT or SIGKILL came in between */
		return;
	process_changed(p, CLD_STOPPED, sig);
	flags = waitq_lock(&s->cont);
	while (READ_ONCE(s->stopped))
		waitq_sleep(&s->cont, &flags);
	waitq_unlock(&s->cont, flags);
	if (!((s->own.set | s->shared.set) & SIG_BIT(SIGKILL)))
		process_changed(p, CLD_CONTINUED, SIGCONT);
}

static void default_action(struct process *p, int sig)
{
	if (signal_ignored_by_default(sig))
		return;
	if (!signal_stops(sig))
		process_exit(STATUS_SIGNAL(sig));
	if (sig == SIGSTOP || !process_is_orphaned(p))
		stop(p, sig);
}

/* ---- system calls ---- */

/* The call that a handler interrupts, before its frame is made. */
static void settle_call(struct trapframe *tf, uint64_t flags)
{
	bool again = false;

	if (!arch_in_syscall(tf))
		return;
	switch (-(int64_t)tf->rax) {
	case ERESTARTNOINTR:
		again = true;
		break;
	case ERESTARTSYS:
		again = flags & SA_RESTART;
		break;
	case ERESTARTNOHAND:
	case ERESTART_RESTARTBLOCK:
		break;
	default:
		return;
	}
	if (again)
		arch_syscall_again(tf, tf->error);
	else
		tf->rax = (uint64_t)-EINTR;
	arch_syscall_over(tf);
}

/* No handler runs: the call is made again, and what it blocked for itself ends with it. */
static void resume_call(struct process *p, struct trapframe *tf)
{
	if (arch_in_syscall(tf)) {
		int64_t err = -(int64_t)tf->rax;

		if (err == ERESTARTSYS || err == ERESTARTNOINTR || err == ERESTARTNOHAND)
			arch_syscall_again(tf, tf->error);
		else if (err == ERESTART_RESTARTBLOCK)
			arch_syscall_again(tf, __NR_restart_syscall);
	}
	arch_syscall_over(tf);
	signal_restore_blocked(p);
}

/* ---- the whole ---- */

/* Takes the next signal: 0: there is none, and the thread is interrupted no more. */
static int take(struct signals *s, struct delivery *d)
{
	uint64_t flags = spin_lock_irqsave(&s->lock);
	struct sig_entry *e;

	d->sig = signal_take(s, ~s->blocked, &d->info, &e);
	if (d->sig) {
		d->action = s->action[d->sig];
		s->stop_taken = signal_stops(d->sig);
		if (d->action.handler > (uint64_t)SIG_IGN && d->action.flags & SA_RESETHAND)
			s->action[d->sig].handler = (uint64_t)SIG_DFL;
	} else {
		signal_look(s);
	}
	spin_unlock_irqrestore(&s->lock, flags);
	signal_taken(e);
	return d->sig;
}

/* Goes through what is pending until a handler is to run; false: nothing is left. */
static bool next_handled(struct process *p, struct delivery *d)
{
	while (take(&p->signals, d)) {
		if (d->action.handler > (uint64_t)SIG_IGN)
			return true;
		if (d->action.handler == (uint64_t)SIG_DFL)
			default_action(p, d->sig);
	}
	return false;
}

void signal_deliver(struct trapframe *tf)
{
	struct process *p = current_process();
	bool handled = false;
	struct delivery d;

	while (next_handled(p, &d)) {
		settle_call(tf, d.action.flags);
		handled = true;
		if (enter_handler(p, tf, &d))
			bad_frame(p, tf, d.sig, "no room for a handler's frame");
	}
	if (!handled)
		resume_call(p, tf);
}

void signal_return(struct process *p, struct trapframe *tf)
{
	struct sigframe f;
	stack_t stack;

	if (arch_sigframe_pop(tf, &f)) {
		bad_frame(p, tf, 0, "a frame that rt_sigreturn cannot take back");
		return;
	}
	signal_set_blocked(p, f.mask);
	stack = (stack_t){
		.ss_sp = (void *)f.stack, .ss_size = f.stack_size, .ss_flags = f.stack_flags,
	};
	(void)!signal_set_stack(p, &stack, tf->rsp);
}

/* ---- the alternate stack ---- */

int signal_set_stack(struct process *p, const stack_t *next, uint64_t sp)
{
	struct signals *s = &p->signals;
	int mode = next->ss_flags & (int)~SS_AUTODISARM;

	if (on_alternate(s, sp))
		return -EPERM;
	if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0)
		return -EINVAL;
	if (mode == SS_DISABLE) {
		s->stack = s->stack_size = 0;
	} else {
		if (next->ss_size < MINSIGSTKSZ)
			return -ENOMEM;
		s->stack = (uint64_t)next->ss_sp;
		s->stack_size = next->ss_size;
	}
	s->stack_flags = next->ss_flags;
	return 0;
}

void signal_get_stack(struct process *p, stack_t *old, uint64_t sp)
{
	const struct signals *s = &p->signals;
	int now = !s->stack_size ? SS_DISABLE : on_alternate(s, sp) ? SS_ONSTACK : 0;

	old->ss_sp = (void *)s->stack;
	old->ss_size = s->stack_size;
	old->ss_flags = now | (s->stack_flags & (int)SS_AUTODISARM);
}
