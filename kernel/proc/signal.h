/*
 * Signals: what a process does about them (actions), what has been sent and
 * not taken yet (queues: one of each thread, one of the process as a whole), and
 * what becomes of them on the way back to ring 3.
 *
 *	signal_send, signal_raise -> queue, thread_interrupt -> upcall_return_to_user ->
 *	signal_deliver -> ignored | stop | end | arch_sigframe_push -> handler ->
 *	rt_sigreturn -> signal_return
 *
 * An exception of ring 3 goes straight to its handler (signal_fault): it cannot be
 * put off. A standard signal that is pending already is not queued again; real-time
 * ones are, in order, up to RLIMIT_SIGPENDING.
 *
 * struct signals is the process's part, struct sig_thread a thread's: it blocks, waits
 * and has an alternate stack for itself. What is sent to the process wakes a thread
 * that does not block it; whichever comes first takes it.
 *
 * Locks: signals.lock (RANK_SIGNAL, interrupts off) guards what may be looked at
 * by senders, of the process and of its threads; what is marked "own" only the thread
 * itself touches.
 */
#ifndef KERNEL_PROC_SIGNAL_H
#define KERNEL_PROC_SIGNAL_H

#include <linux/signal.h>
#include <arch/sigframe.h>
#include <kernel/core/wait.h>

struct posix_timer;
struct process;

#define SIGNAL_MAX	64
#define SIG_BIT(sig)	(1ul << ((sig) - 1))
#define SIG_UNBLOCKABLE	(SIG_BIT(SIGKILL) | SIG_BIT(SIGSTOP))

/* A signal's action, as rt_sigaction(2) takes it: not in a UAPI header. */
struct sig_action {
	uint64_t handler, flags, restorer, mask;
};

/* The head of a siginfo_t, all that ever is in it. */
struct sig_info {
	int signo, error, code, pad;
	union {
		struct {
			int pid;
			uint32_t uid;
			union {
				uint64_t value;		/* SI_QUEUE */
				int status;		/* SIGCHLD */
			};
			uint64_t utime, stime;
		};
		uint64_t addr;
		uint64_t word[4];
	};
};
_Static_assert(sizeof(struct sig_info) == SIGINFO_HEAD, "as arch_sigframe_push takes it");

struct sig_entry {
	TAILQ_ENTRY(sig_entry) link;
	struct sig_info info;
	struct posix_timer *timer;	/* const: whose it is for good; NULL: nobody's, freed when taken */
};

/* All that most signals say. */
struct sig_brief {
	int16_t code, pid;
};

/*
 * Signals sent, signals.lock. A standard signal is here once at most, and needs no memory:
 * what it says has a place here. Real-time ones, and what says more, have entries. A set
 * bit with neither: nothing is known but the signal.
 */
struct sig_queue {
	uint64_t set;
	uint64_t brief;			/* of those, the ones whose told[] is valid */
	TAILQ_HEAD(, sig_entry) entries;
	struct sig_brief told[SIGRTMIN];
};

/* What restart_syscall(2) goes on with. */
struct sig_restart {
	long (*fn)(struct sig_restart *r);
	uint64_t deadline_ns;
	uint64_t rest;			/* user address */
	uint64_t word[3];		/* whatever else fn wants */
};

/* ITIMER_VIRTUAL, ITIMER_PROF: CPU time, counted by ticks. */
#define CPU_TIMERS	2
struct cpu_timer {
	uint64_t left;			/* ns; 0: off */
	uint64_t every;			/* ns; 0: once */
};

struct signals {
	struct spinlock lock;
	bool alive;			/* lock: takes signals: from its start to its end */
	bool ending;			/* lock to write: all threads but one are to end */
	bool stopped;			/* lock to write */
	bool stop_taken;		/* lock: a stop is under way, no SIGCONT came since */
	bool continued;			/* lock: nobody has said so to the parent yet */
	int stop_signal;		/* lock */
	unsigned nthreads, nstopped;	/* lock: of threads, those that sit still */
	struct waitq cont;		/* where they sit while it is stopped */
	struct timer alarm;		/* ITIMER_REAL: signal_timer.c */
	uint64_t alarm_every;		/* ns; 0: once. process_lock, set while it is not armed */
	struct cpu_timer cpu_timer[CPU_TIMERS]; /* lock; whether one is set is read without it */
	TAILQ_HEAD(posix_timers, posix_timer) timers; /* process_lock, and the lock: posix_timer.c */
	int next_timer;			/* process_lock */
	unsigned ncpu_timers;		/* of them, by CPU time; lock to write */
	TAILQ_HEAD(, sig_thread) threads; /* lock: the first one first */
	/* signal_create leaves what follows as it is, but for empty queues */
	struct sig_queue shared;	/* lock: kill(2)'s */
	struct sig_action action[SIGNAL_MAX + 1];	/* lock to write */
};

struct sig_thread {
	struct signals *of;		/* const: its process's */
	struct thread *thread;		/* const */
	TAILQ_ENTRY(sig_thread) link;	/* lock */
	bool gone;			/* lock: is none of them any more, takes no signal */
	uint64_t blocked;		/* lock to write */
	uint64_t awaited;		/* lock: rt_sigtimedwait(2) waits for them */
	uint64_t only;			/* lock: nothing else interrupts it; 0: no such limit */
	bool mask_kept;			/* own: kept_mask is to be blocked when this call is over */
	uint64_t kept_mask;		/* own */
	struct sig_restart restart;	/* own */
	struct sigframe_state state;	/* own: sigaltstack(2), the last exception */
	struct sig_queue queue;		/* lock: tgkill(2)'s */
};

/* ---- life ---- */

void signal_init(void);
/*
 * Nothing is blocked or pending; the actions are left for the caller to fill in. Not sent
 * to before signal_start.
 */
void signal_create(struct signals *s);
/* The same of a thread of it. */
void signal_thread_create(struct sig_thread *t, struct signals *s, struct thread *thread);
/* A copy for fork(2) and its kin: actions; nothing pending, no timer. */
void signal_inherit(struct signals *s, struct signals *from);
/*
 * A thread like another one: its blocked set, its alternate stack (not if both run at once
 * in the same memory); nothing pending.
 */
void signal_thread_inherit(struct sig_thread *t, const struct sig_thread *from, bool same_memory);
/*
 * t, whose thread is initialised, is one of its process's: signals reach it, from the first on.
 * False: all threads are told to end.
 */
bool signal_start(struct sig_thread *t);
/* execve(2), by the only thread that is left: handlers become defaults, no alternate stack. */
void signal_exec(struct sig_thread *t);
/*
 * The running thread, t, is none of its process's any more; what was sent to it is freed.
 * After the last one: nothing is sent any more, what is queued is freed, the timer is off.
 * May sleep.
 */
void signal_exit(struct sig_thread *t);
/*
 * All threads but the running one are told to end: none starts any more, those that wait
 * are interrupted, each ends on its way back to ring 3. False: somebody else has said so.
 */
bool signal_end_others(struct signals *s);
/* They have ended: the running thread goes on alone. */
void signal_ended_others(struct signals *s);

/* ---- sending ---- */

/*
 * Sends, to a thread of the process (tgkill(2)), or with t NULL to all of it. Thread
 * context, no lock from RANK_SLAB on held. 0; -EINVAL: there is no such signal; -EAGAIN: a
 * real-time signal of sigqueue(3)'s kind found no room. One that is ignored, or of a
 * process that is over, is sent and forgotten.
 */
int __must_check signal_send(struct process *p, struct sig_thread *t,
			     const struct sig_info *info);
/* The kernel's own (SI_KERNEL), but no SIGCONT. Any context; no lock from RANK_SIGNAL on held. */
void signal_raise(struct process *p, int sig);
/* kill(2)'s siginfo, from the running process. */
struct sig_info signal_info_user(int sig, int code);
/* To p, of which there is a reference. 0 or -errno. */
int __must_check signal_send_process(struct process *p, const struct sig_info *info);
/* To a process, or to its group: as kill(2) takes pid. 0 or -errno. */
int __must_check signal_send_pid(int pid, const struct sig_info *info);
/* The kernel's own, to all of a session's group; process_lock held. */
void signal_send_group(int pgid, int sid, int sig);
/* To the thread tid, of the process pid (0: whichever). 0 or -errno. */
int __must_check signal_send_thread(int pid, int tid, const struct sig_info *info);

/* ---- for the running thread, t ---- */

/* A change of the blocked set. */
void signal_set_blocked(struct sig_thread *t, uint64_t set);
/* The same until the running system call is over: then what was blocked before is again. */
void signal_set_blocked_for_call(struct sig_thread *t, uint64_t set);
/* The call is over without a handler: what was blocked before is blocked again. */
void signal_restore_blocked(struct sig_thread *t);
/* Until it is told otherwise, only what ends the process interrupts it. */
void signal_only_fatal(struct sig_thread *t, bool only);
/* What is pending and blocked. */
uint64_t signal_pending_blocked(const struct sig_thread *t);
/* What ends the process has been sent and not taken, or it is told to end. */
bool signal_ends(struct sig_thread *t);
/* What is done about sig, now. */
struct sig_action signal_get_action(struct signals *s, int sig);
/* rt_sigaction(2): new and old may be NULL. -EINVAL. */
int __must_check signal_set_action(struct signals *s, int sig, const struct sig_action *next,
				   struct sig_action *old);
/* sigaltstack(2), sp being ring 3's stack pointer. 0, -EINVAL, -EPERM, -ENOMEM. */
int __must_check signal_set_stack(struct sig_thread *t, const stack_t *next, uint64_t sp);
void signal_get_stack(const struct sig_thread *t, stack_t *old, uint64_t sp);
/*
 * Takes a pending one of `set`, waiting for it until the deadline: its number;
 * -EAGAIN: none came; -EINTR: another one did.
 */
int signal_wait(struct sig_thread *t, uint64_t set, uint64_t deadline_ns, struct sig_info *info);
/*
 * ITIMER_REAL: nanoseconds from now and from one to the next (0: off, once); what was
 * left before.
 */
void signal_set_alarm(struct process *p, uint64_t ns, uint64_t every, uint64_t *old_ns,
		      uint64_t *old_every);
void signal_get_alarm(struct process *p, uint64_t *ns, uint64_t *every);
/* The same for ITIMER_VIRTUAL and ITIMER_PROF (`which`), whose time passes as p's threads use CPUs. */
void signal_set_cpu_timer(struct process *p, int which, uint64_t ns, uint64_t every,
			  uint64_t *old_ns, uint64_t *old_every);
void signal_get_cpu_timer(struct process *p, int which, uint64_t *ns, uint64_t *every);
/* A tick has found a thread of p, in ring 3 or not. In its interrupt. */
void signal_cpu_tick(struct process *p, bool user);

/* Takes a pending one of `set`: its number; 0: none is. */
int signal_take_now(struct sig_thread *t, uint64_t set, struct sig_info *info);
/* One of `set` is pending. */
bool signal_is_pending(const struct sig_thread *t, uint64_t set);
/* How many watch signals by files: as long as there are any, each that is sent wakes who polls. Atomic. */
extern uint32_t signal_watchers;

/* ---- the way back to ring 3 ---- */

/*
 * An exception of ring 3, which cannot go on: enters the handler. False: there is
 * none (default, ignored, blocked), or its frame cannot be written; the caller
 * says so in the log and ends the process with *sig.
 */
bool __must_check signal_fault(struct sig_thread *t, struct trapframe *tf,
			       const struct sig_info *info, int *sig);
/*
 * Whatever is pending takes effect; a system call that was interrupted is settled. May
 * not return.
 */
void signal_deliver(struct trapframe *tf);
/* rt_sigreturn(2). */
void signal_return(struct sig_thread *t, struct trapframe *tf);

const char *signal_name(int sig);
/* By default nothing is done; by default it stops. */
bool signal_ignored_by_default(int sig);
bool signal_stops(int sig);

#define STATUS_EXIT(code)	(((code) & 0xff) << 8)
#define STATUS_SIGNAL(sig)	((sig) & 0x7f)
#define STATUS_STOPPED(sig)	((sig) << 8 | 0x7f)
#define STATUS_CONTINUED	0xffff
/* As a shell shows it: the exit code, or 128 + the signal. */
static inline int status_code(int status)
{
	return status & 0x7f ? 128 + (status & 0x7f) : status >> 8 & 0xff;
}

#endif
