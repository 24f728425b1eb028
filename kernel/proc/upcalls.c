/*
 * The machine's upcalls that concern programs: faults and exceptions of ring
 * 3, the tick, the way back. A fault that memory cannot settle ends the
 * program that caused it, alone, with a line in the log that says what it did
 * and where. For want of memory the one that has the most of it ends (oom.c), and the
 * fault is tried again.
 */
#include <arch/upcall.h>
#include <arch/layout.h>
#include <kernel/core/grace.h>
#include <kernel/core/load.h>
#include <kernel/proc/posix_timer.h>
#include <kernel/proc/oom.h>
#include <kernel/proc/process.h>
#include <lib/assert.h>
#include <lib/log.h>
#include <mm/mm.h>

/*
 * The address space that the running thread has loaded: also of a kernel thread
 * that borrows one.
 */
static struct mm *current_mm(void)
{
	struct aspace *as = current_thread()->aspace;

	return as && as->in_mm ? container_of(as, struct mm, as) : NULL;
}

static const char *access_name(unsigned access)
{
	return access & ACCESS_EXEC ? "execution of" :
	       access & ACCESS_WRITE ? "write to" : "read of";
}

static const char *missing_right(unsigned access)
{
	return access & ACCESS_EXEC ? "mapped, but not executable" :
	       access & ACCESS_WRITE ? "mapped, but read-only" : "mapped, but not readable";
}

static const char *fault_reason(enum fault_result r, vaddr_t va, unsigned access)
{
	switch (r) {
	case FAULT_OK:
		break;
	case FAULT_SEGV_MAPERR:
		return va < KERNEL_HALF ? "nothing is mapped there" : "that is the kernel's half";
	case FAULT_SEGV_ACCERR:
		return missing_right(access);
	case FAULT_BUS:
		return "past the end of the mapped file, or it cannot be read";
	case FAULT_OOM:
		break;
	}
	return "?";
}

static struct sig_info fault_info(enum fault_result r, vaddr_t va)
{
	switch (r) {
	case FAULT_BUS:
		return (struct sig_info){ .signo = SIGBUS, .code = BUS_ADRERR, .addr = va };
	case FAULT_SEGV_ACCERR:
		return (struct sig_info){ .signo = SIGSEGV, .code = SEGV_ACCERR, .addr = va };
	default:
		return (struct sig_info){ .signo = SIGSEGV, .code = SEGV_MAPERR, .addr = va };
	}
}

/* Why a handler that there is does not help. */
static const char *handler_note(const struct process *p, int sig)
{
	if (p->signals.action[sig].handler <= (uint64_t)SIG_IGN)
		return "";
	return signal_thread()->blocked & SIG_BIT(sig) ?
	       " (there is a handler, but the signal is blocked)" :
	       " (there is a handler, but no room for its frame)";
}

/* What the handler's frame says of the exception. */
static void remember_trap(struct sig_thread *t, const struct trapframe *tf)
{
	t->state.trap = tf->vector;
	t->state.error = tf->error;
}

static void user_fault(struct process *p, struct trapframe *tf, vaddr_t va, unsigned access,
		       enum fault_result r)
{
	struct sig_info info = fault_info(r, va);
	struct sig_thread *t = signal_thread();
	uint64_t rip = tf->rip;
	int sig;

	remember_trap(t, tf);
	t->state.cr2 = va;
	if (likely(signal_fault(t, tf, &info, &sig)))
		return;
	log_info("%s[%d]: %s: %s 0x%lx at rip 0x%lx: %s%s", p->leader->thread.name, p->pid,
		 signal_name(info.signo), access_name(access), va, rip,
		 fault_reason(r, va, access), handler_note(p, info.signo));
	process_exit(STATUS_SIGNAL(sig));
}

/* Its memory has been taken, or there is none for it: it ends on its way back to ring 3. */
static bool is_over(const struct process *p, enum fault_result r)
{
	return r == FAULT_OOM || READ_ONCE(p->oom) != OOM_NONE;
}

static __attribute__((noinline)) bool fault_refused(struct trapframe *tf, struct mm *mm, vaddr_t va,
						    unsigned access, enum fault_result r)
{
	struct process *p = current_process();

	for (unsigned tries = 0; r == FAULT_OOM && oom_wait(va, tries); tries++)
		r = vm_fault(mm, va, access);
	if (r == FAULT_OK)
		return true;
	if (!(access & ACCESS_USER))
		return false;
	assert(p);
	if (!is_over(p, r))
		user_fault(p, tf, va, access, r);
	return true;
}

bool upcall_page_fault(struct trapframe *tf, vaddr_t va, unsigned access)
{
	struct mm *mm = current_mm();
	enum fault_result r = mm ? vm_fault(mm, va, access) : FAULT_SEGV_MAPERR;

	return likely(r == FAULT_OK) || fault_refused(tf, mm, va, access, r);
}

/* code 0: SI_KERNEL, which says no address. */
static const struct { const char *what; int sig, code; } exceptions[32] = {
	[0] = { "division error", SIGFPE, FPE_INTDIV },
	[1] = { "debug trap", SIGTRAP, TRAP_TRACE },
	[3] = { "breakpoint", SIGTRAP, 0 },
	[4] = { "overflow trap", SIGSEGV, 0 },
	[5] = { "bound range exceeded", SIGSEGV, 0 },
	[6] = { "invalid instruction", SIGILL, ILL_ILLOPN },
	[7] = { "no floating-point unit", SIGFPE, 0 },
	[9] = { "coprocessor segment overrun", SIGFPE, 0 },
	[10] = { "invalid TSS", SIGSEGV, 0 },
	[11] = { "segment not present", SIGBUS, 0 },
	[12] = { "stack segment fault", SIGBUS, 0 },
	[13] = { "general protection fault: an instruction or address that ring 3 may not use",
		 SIGSEGV, 0 },
	[16] = { "floating-point error", SIGFPE, FPE_FLTUNK },
	[17] = { "misaligned access", SIGBUS, BUS_ADRALN },
	[19] = { "SIMD floating-point error", SIGFPE, FPE_FLTUNK },
	[21] = { "control protection fault", SIGSEGV, 0 },
};

static struct sig_info exception_info(const struct trapframe *tf, int sig, int code)
{
	if (!code)
		return (struct sig_info){ .signo = sig, .code = SI_KERNEL };
	if (code == FPE_FLTUNK)
		code = arch_fpe_code(tf);
	return (struct sig_info){
		.signo = sig, .code = code,
		.addr = code == BUS_ADRALN && sig == SIGBUS ? 0 : tf->rip,
	};
}

void upcall_user_exception(struct trapframe *tf)
{
	const struct process *p = current_process();
	struct sig_thread *t = signal_thread();
	const char *what = tf->vector < ARRAY_SIZE(exceptions) ? exceptions[tf->vector].what : NULL;
	int sig = what ? exceptions[tf->vector].sig : SIGSEGV;
	struct sig_info info = exception_info(tf, sig, what ? exceptions[tf->vector].code : 0);
	uint64_t rip = tf->rip;

	remember_trap(t, tf);
	if (!info.code || signal_fault(t, tf, &info, &sig))	/* 0: the FPU has calmed down */
		return;
	log_info("%s[%d]: %s: %s at rip 0x%lx%s", p->leader->thread.name, p->pid,
		 signal_name(info.signo), what ? what : "an unknown exception", rip,
		 handler_note(p, info.signo));
	process_exit(STATUS_SIGNAL(sig));
}

void upcall_timer(struct trapframe *tf)
{
	struct process *p = current_process();
	bool user = trap_from_user(tf);

	sched_tick();
	load_tick(user);
	if (!p)
		return;
	if (user)
		current_task()->user_ticks++;
	else
		current_task()->kernel_ticks++;
	signal_cpu_tick(p, user);
	posix_timer_tick(p);
}

/* An attention that finds nothing is one that another thread got, or that has been seen to. */
void upcall_return_to_user(struct trapframe *tf)
{
	if (READ_ONCE(this_cpu()->need_resched) & NEED_SCHEDULE) {
		schedule();
	} else if (READ_ONCE(this_cpu()->need_resched) & NEED_GRACE) {
		grace_quiescent();
		grace_poll();
	}
	__atomic_fetch_and(&this_cpu()->need_resched, ~(NEED_ATTENTION | NEED_GRACE),
			   __ATOMIC_RELAXED);
	if (thread_interrupted(current_thread()))
		signal_deliver(tf);
}
