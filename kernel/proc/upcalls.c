/*
 * The machine's upcalls that concern programs: faults and exceptions of ring
 * 3, the tick, the way back. A fault that memory cannot settle ends the
 * program that caused it, alone, with a line in the log that says what it did
 * and where.
 */
#include <arch/upcall.h>
#include <arch/layout.h>
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
		return "no memory is left";
	}
	return "?";
}

static int fault_signal(enum fault_result r)
{
	return r == FAULT_BUS ? SIGBUS : r == FAULT_OOM ? SIGKILL : SIGSEGV;
}

static const char *handler_note(const struct process *p, int sig)
{
	return p->action[sig].handler > (uint64_t)SIG_IGN ? " (handlers cannot be run yet)" : "";
}

static __noreturn void die_of_fault(struct process *p, const struct trapframe *tf, vaddr_t va,
				    unsigned access, enum fault_result r)
{
	int sig = fault_signal(r);

	log_info("%s[%d]: %s: %s 0x%lx at rip 0x%lx: %s%s", p->thread.name, p->pid,
		 signal_name(sig), access_name(access), va, tf->rip, fault_reason(r, va, access),
		 handler_note(p, sig));
	process_exit(STATUS_SIGNAL(sig));
}

bool upcall_page_fault(struct trapframe *tf, vaddr_t va, unsigned access)
{
	struct mm *mm = current_mm();
	enum fault_result r = mm ? vm_fault(mm, va, access) : FAULT_SEGV_MAPERR;
	struct process *p = current_process();

	if (likely(r == FAULT_OK))
		return true;
	if (access & ACCESS_USER) {
		assert(p);
		die_of_fault(p, tf, va, access, r);
	}
	if (r == FAULT_OOM && p) {
		log_info("%s[%d]: SIGKILL: no memory is left for 0x%lx in a system call",
			 p->thread.name, p->pid, va);
		signal_kill(p, SIGKILL);
	}
	return false;
}

static const struct { const char *what; int sig; } exceptions[32] = {
	[0] = { "division error", SIGFPE },
	[1] = { "debug trap", SIGTRAP },
	[3] = { "breakpoint", SIGTRAP },
	[4] = { "overflow trap", SIGSEGV },
	[5] = { "bound range exceeded", SIGSEGV },
	[6] = { "invalid instruction", SIGILL },
	[7] = { "no floating-point unit", SIGFPE },
	[9] = { "coprocessor segment overrun", SIGFPE },
	[10] = { "invalid TSS", SIGSEGV },
	[11] = { "segment not present", SIGBUS },
	[12] = { "stack segment fault", SIGBUS },
	[13] = { "general protection fault: an instruction or address that ring 3 may not use",
		 SIGSEGV },
	[16] = { "floating-point error", SIGFPE },
	[17] = { "misaligned access", SIGBUS },
	[19] = { "SIMD floating-point error", SIGFPE },
	[21] = { "control protection fault", SIGSEGV },
};

void upcall_user_exception(struct trapframe *tf)
{
	struct process *p = current_process();
	const char *what = tf->vector < ARRAY_SIZE(exceptions) ? exceptions[tf->vector].what : NULL;
	int sig = what ? exceptions[tf->vector].sig : SIGSEGV;

	log_info("%s[%d]: %s: %s at rip 0x%lx%s", p->thread.name, p->pid, signal_name(sig),
		 what ? what : "an unknown exception", tf->rip, handler_note(p, sig));
	process_exit(STATUS_SIGNAL(sig));
}

void upcall_timer(struct trapframe *tf)
{
	struct process *p = current_process();

	sched_tick();
	if (!p)
		return;
	if (trap_from_user(tf))
		p->user_ticks++;
	else
		p->kernel_ticks++;
	if (READ_ONCE(p->kill_signal))
		WRITE_ONCE(this_cpu()->need_resched, 1);
}

void upcall_return_to_user(struct trapframe *tf)
{
	struct process *p = current_process();

	(void)tf;
	schedule();
	if (READ_ONCE(p->kill_signal))
		process_exit(STATUS_SIGNAL((int)p->kill_signal));
}
