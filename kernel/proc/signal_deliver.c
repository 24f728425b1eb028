/*
 * Signals on the way back to ring 3: each that is pending and not blocked is
 * ignored, stops or ends the process, or gets a frame on which its handler will
 * run. Several frames lie on each other, so that the signal taken last runs first,
 * as in Linux. And what they do to a system call that they have interrupted.
 *
 * Only a thread itself comes here. The lock is let go for whatever may sleep, frames
 * above all: they are written right into user memory.
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

static bool on_stack(const struct sigframe_state *st, uint64_t sp)
{
	return sp > st->stack && sp - st->stack <= st->stack_size;
}

/* An alternate stack that takes itself away while it is in use is never one that sp is on. */
static bool on_alternate(const struct sigframe_state *st, uint64_t sp)
{
	return !(st->stack_flags & (int)SS_AUTODISARM) && on_stack(st, sp);
}

/* Where the frame goes: above what bound, and whether the alternate stack is entered. */
static void choose_stack(const struct sigframe_state *st, const struct trapframe *tf,
			 uint64_t flags, struct sigframe *f)
{
	bool on = on_alternate(st, tf->rsp);

	f->top = flags & SA_ONSTACK && st->stack_size && !on ? st->stack + st->stack_size : 0;
	f->bottom = f->top || on ? st->stack + 1 : 0;
}

static void no_stack(struct sigframe_state *st)
{
	st->stack = st->stack_size = 0;
	st->stack_flags = SS_DISABLE;
}

static int set_stack(struct sigframe_state *st, const struct sigframe_state *next, uint64_t sp)
{
	int mode = next->stack_flags & (int)~SS_AUTODISARM;

	if (on_alternate(st, sp))
		return -EPERM;
	if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0)
		return -EINVAL;
	if (mode == SS_DISABLE) {
		st->stack = st->stack_size = 0;
	} else {
		if (next->stack_size < MINSIGSTKSZ)
			return -ENOMEM;
		st->stack = next->stack;
		st->stack_size = next->stack_size;
	}
	st->stack_flags = next->stack_flags;
	return 0;
}

static int push_frame(struct sig_thread *t, struct trapframe *tf, const struct delivery *d)
{
	struct sigframe_state *st = &t->state;
	struct sigframe f = {
		.signo = d->sig,
		.info = d->action.flags & SA_SIGINFO ? &d->info : NULL,
		.handler = d->action.handler,
		.restorer = d->action.restorer,
		.mask = t->mask_kept ? t->kept_mask : t->blocked,
		.state = st,
	};

	if (!(d->action.flags & SA_RESTORER))
		return -EFAULT;
	choose_stack(st, tf, d->action.flags, &f);
	if (arch_sigframe_push(tf, &f))
		return -EFAULT;
	if (unlikely(st->stack_flags & (int)SS_AUTODISARM))
		no_stack(st);
	return 0;
}

/*
 * While the handler runs: its mask, and itself unless it asked to be let in again. The
 * lock is held.
 */
static void block_for_handler(struct sig_thread *t, const struct delivery *d)
{
	uint64_t more = d->action.mask;

	if (!(d->action.flags & SA_NODEFER))
		more |= SIG_BIT(d->sig);
	t->mask_kept = false;
	signal_block(t, t->blocked | more);
}

/* ---- exceptions ---- */

/* The action, if a handler may be run for it now. */
static bool catch_fault(struct sig_thread *t, struct delivery *d)
{
	struct signals *s = t->of;
	uint64_t flags = spin_lock_irqsave(&s->lock);
	bool caught;

	d->action = s->action[d->sig];
	caught = d->action.handler > (uint64_t)SIG_IGN && !(t->blocked & SIG_BIT(d->sig));
	if (caught && d->action.flags & SA_RESETHAND)
		s->action[d->sig].handler = (uint64_t)SIG_DFL;
	spin_unlock_irqrestore(&s->lock, flags);
	return caught;
}

static int enter_handler(struct sig_thread *t, struct trapframe *tf, const struct delivery *d)
{
	uint64_t flags;

	if (push_frame(t, tf, d))
		return -EFAULT;
	flags = spin_lock_irqsave(&t->of->lock);
	block_for_handler(t, d);
	signal_look(t);
	spin_unlock_irqrestore(&t->of->lock, flags);
	return 0;
}

bool signal_fault(struct sig_thread *t, struct trapframe *tf, const struct sig_info *info,
		  int *sig)
{
	struct delivery d = { .sig = info->signo, .info = *info };

	*sig = d.sig;
	if (!catch_fault(t, &d))
		return false;
	if (!enter_handler(t, tf, &d))
		return true;
	if (d.sig == SIGSEGV)
		return false;
	d = (struct delivery){ .sig = SIGSEGV, .info = { .signo = SIGSEGV, .code = SI_KERNEL } };
	*sig = SIGSEGV;
	return catch_fault(t, &d) && !enter_handler(t, tf, &d);
}

/* A frame that cannot be written or read: SIGSEGV, or the end if that was the signal. */
static void bad_frame(struct sig_thread *t, struct trapframe *tf, int of, const char *what)
{
	const struct process *p = current_process();
	const struct sig_info info = { .signo = SIGSEGV, .code = SI_KERNEL };
	int sig;

	if (of != SIGSEGV && signal_fault(t, tf, &info, &sig))
		return;
	log_info("%s[%d]: SIGSEGV: %s: rip 0x%lx, rsp 0x%lx", p->leader->thread.name, p->pid, what,
		 tf->rip, tf->rsp);
	process_exit(STATUS_SIGNAL(SIGSEGV));
}

/* ---- stopping ---- */

/*
 * Sits still while the process is stopped. The last thread to do so tells the parent, and
 * the first to go on.
 */
static void sit(struct process *p)
{
	struct signals *s = &p->signals;
	uint64_t flags = spin_lock_irqsave(&s->lock);
	bool stopped = s->stopped, all = ++s->nstopped == s->nthreads, first;

	spin_unlock_irqrestore(&s->lock, flags);
	if (stopped && all)
		process_changed(p, CLD_STOPPED, s->stop_signal);
	flags = waitq_lock(&s->cont);
	while (READ_ONCE(s->stopped))
		waitq_sleep(&s->cont, &flags);
	waitq_unlock(&s->cont, flags);
	flags = spin_lock_irqsave(&s->lock);
	s->nstopped--;
	first = s->continued && !s->ending &&
		!((signal_thread()->queue.set | s->shared.set) & SIG_BIT(SIGKILL));
	s->continued = false;
	spin_unlock_irqrestore(&s->lock, flags);
	if (first)
		process_changed(p, CLD_CONTINUED, SIGCONT);
}

static void stop(struct process *p, int sig)
{
	struct signals *s = &p->signals;
	uint64_t flags = spin_lock_irqsave(&s->lock);
	bool stopped = s->stop_taken && !s->ending;	/* else SIGCONT or SIGKILL came in between */
	struct sig_thread *t;

	s->stop_taken = false;
	if (stopped) {
		s->stopped = true;
		s->continued = false;
		s->stop_signal = sig;
		TAILQ_FOREACH(t, &s->threads, link)
			if (t != signal_thread() && !t->only)
				thread_interrupt(t->thread);
	}
	spin_unlock_irqrestore(&s->lock, flags);
	if (stopped)
		sit(p);
}

static bool may_stop(const struct process *p)
{
	bool may;

	spin_lock(&process_lock);
	may = !group_is_orphaned(p, NULL);
	spin_unlock(&process_lock);
	return may;
}

static void default_action(struct process *p, int sig)
{
	if (signal_ignored_by_default(sig))
		return;
	if (!signal_stops(sig))
		process_exit(STATUS_SIGNAL(sig));
	if (sig == SIGSTOP || may_stop(p))
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
static void resume_call(struct sig_thread *t, struct trapframe *tf)
{
	if (arch_in_syscall(tf)) {
		int64_t err = -(int64_t)tf->rax;

		if (err == ERESTARTSYS || err == ERESTARTNOINTR || err == ERESTARTNOHAND)
			arch_syscall_again(tf, tf->error);
		else if (err == ERESTART_RESTARTBLOCK)
			arch_syscall_again(tf, __NR_restart_syscall);
	}
	arch_syscall_over(tf);
	signal_restore_blocked(t);
}

/* ---- the whole ---- */

/* The action of the signal taken. The lock is held. */
static void take_action(struct signals *s, struct delivery *d)
{
	d->action = s->action[d->sig];
	if (unlikely(SIG_BIT(d->sig) & SIG_STOPPING))
		s->stop_taken = true;
	if (d->action.handler > (uint64_t)SIG_IGN && d->action.flags & SA_RESETHAND)
		s->action[d->sig].handler = (uint64_t)SIG_DFL;
}

/* What another thread has decided for all: to end, or to stop. The lock is held, and let go for it. */
static void obey(struct signals *s, uint64_t *flags)
{
	while (unlikely(s->ending | s->stopped)) {
		bool ending = s->ending;

		spin_unlock_irqrestore(&s->lock, *flags);
		if (ending)
			task_exit(0);
		sit(current_process());
		*flags = spin_lock_irqsave(&s->lock);
	}
}

/*
 * Takes signals until a handler is to run; the lock is held, and let go for default
 * actions, and when a signal is returned. False: nothing is left.
 */
static bool next_handled(struct sig_thread *t, struct delivery *d, uint64_t *flags)
{
	struct signals *s = t->of;
	struct sig_entry *e;

	for (;;) {
		obey(s, flags);
		d->sig = signal_take(t, ~t->blocked, &d->info, &e);
		if (!d->sig)
			return false;
		take_action(s, d);
		spin_unlock_irqrestore(&s->lock, *flags);
		signal_taken(e);
		if (d->action.handler > (uint64_t)SIG_IGN)
			return true;
		if (d->action.handler == (uint64_t)SIG_DFL)
			default_action(current_process(), d->sig);
		*flags = spin_lock_irqsave(&s->lock);
	}
}

void signal_deliver(struct trapframe *tf)
{
	struct sig_thread *t = signal_thread();
	struct signals *s = t->of;
	uint64_t flags = spin_lock_irqsave(&s->lock);
	bool handled = false;
	struct delivery d;

	while (next_handled(t, &d, &flags)) {
		bool failed;

		settle_call(tf, d.action.flags);
		handled = true;
		failed = push_frame(t, tf, &d);
		if (unlikely(failed))
			bad_frame(t, tf, d.sig, "no room for a handler's frame");
		flags = spin_lock_irqsave(&s->lock);
		if (likely(!failed))
			block_for_handler(t, &d);
	}
	thread_interrupt_done();	/* nothing is pending that is not blocked */
	spin_unlock_irqrestore(&s->lock, flags);
	if (!handled)
		resume_call(t, tf);
}

/* The set of the frame takes effect even if the rest of it is bad. */
void signal_return(struct sig_thread *t, struct trapframe *tf)
{
	struct sigframe_state st;
	uint64_t mask = t->blocked;
	int err = arch_sigframe_pop(tf, &mask, &st);

	signal_set_blocked(t, mask);
	if (err)
		bad_frame(t, tf, 0, "a frame that rt_sigreturn cannot take back");
	else
		(void)!set_stack(&t->state, &st, tf->rsp);
}

/* ---- the alternate stack ---- */

int signal_set_stack(struct sig_thread *t, const stack_t *next, uint64_t sp)
{
	const struct sigframe_state st = {
		.stack = (uint64_t)next->ss_sp, .stack_size = next->ss_size,
		.stack_flags = next->ss_flags,
	};

	return set_stack(&t->state, &st, sp);
}

void signal_get_stack(const struct sig_thread *t, stack_t *old, uint64_t sp)
{
	const struct sigframe_state *st = &t->state;
	int now = !st->stack_size ? SS_DISABLE : on_alternate(st, sp) ? SS_ONSTACK : 0;

	old->ss_sp = (void *)st->stack;
	old->ss_size = st->stack_size;
	old->ss_flags = now | (st->stack_flags & (int)SS_AUTODISARM);
}
