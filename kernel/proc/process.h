/*
 * Processes: a thread with an address space, open files and a place in the
 * file tree. (One thread each; memory never knows a process.)
 *
 * Life: process_create, filling, process_start; the thread enters a program;
 * process_exit, by its own thread, gives memory and files back; process_wait,
 * by whoever created it, takes the status and the rest. Fields without a lock named are the process's own: only its thread
 * touches them, or nobody else can know it yet.
 */
#ifndef KERNEL_PROC_PROCESS_H
#define KERNEL_PROC_PROCESS_H

#include <asm/signal.h>
#include <kernel/core/thread.h>
#include <kernel/core/wait.h>
#include <kernel/fs/file.h>
#include <kernel/proc/exec.h>
#include <linux/resource.h>

struct mm;

#define SIGNAL_MAX	64

/* A signal's action, as rt_sigaction(2) takes it: not in a UAPI header. */
struct sig_action {
	uint64_t handler, flags, restorer, mask;
};

struct process {
	struct thread thread;
	int pid, ppid;
	struct mm *mm;			/* NULL before the first program and after the last */
	struct files files;
	struct node *cwd;		/* counted */
	struct node *exe;		/* what it runs; counted, or NULL */
	unsigned umask;
	struct rlimit64 rlimit[RLIM_NLIMITS];
	struct sig_action action[SIGNAL_MAX + 1];
	uint64_t blocked, pending;	/* bit n - 1: signal n */
	unsigned kill_signal;		/* atomic: ends it at its next return to ring 3; 0: none */
	uint64_t clear_child_tid, robust_list;	/* kept for when there are several threads */
	uint64_t start_ns;
	uint64_t user_ticks, kernel_ticks; /* timer interrupts that found it there */
	struct exec_args *args;		/* of the first program; freed when it runs */
	int status;			/* as wait4(2) gives it; its waiter reads it when gone */
	bool gone;			/* its thread runs no more; exited.lock */
	struct waitq exited;
	TAILQ_ENTRY(process) link;	/* process_lock */
};

TAILQ_HEAD(process_list, process);
/* all, in the order of their making; process_lock; for GDB, too */
extern struct process_list processes;
extern struct spinlock process_lock;	/* RANK_PROC */

static inline struct process *current_process(void) { return current_thread()->owner; }

void process_init(void);
/*
 * A process of the thread that calls: no files, cwd the root, Linux's default
 * limits. NULL: no memory.
 */
struct process *process_create(void);
/* Takes a process apart that has no thread, or whose thread runs no more. */
void process_discard(struct process *p);
/* Gives it its thread, which begins in fn(p) and must not return. */
void process_start(struct process *p, const char *name, void (*fn)(void *));
/*
 * Creates a process with the console as fd 0-2 that runs the program exe, called
 * name, with args (taken over, also on failure), and starts it. 0 or -ENOMEM. Where
 * the program cannot be executed, the log says why and the status is exit 126.
 */
int __must_check process_spawn(struct node *exe, const char *name, struct exec_args *args,
			       struct process **out);
/* Waits until p is over, takes its status and frees it. */
int process_wait(struct process *p);
/* The same at most until deadline_ns: -ETIMEDOUT, and p is still there. */
int __must_check process_wait_until(struct process *p, uint64_t deadline_ns, int *status);
/* The running process ends; status as wait4(2) gives it. */
void process_exit(int status) __noreturn;
/* What its thread is called from now on: the last part of the program's path. */
void process_set_name(struct process *p, const char *path);
/* CPU time in ring 3 and in the kernel, split by what the tick found. */
void process_times(const struct process *p, uint64_t *user_ns, uint64_t *system_ns);
/* Of RLIMIT_*: the soft one. */
static inline uint64_t process_limit(const struct process *p, unsigned which)
{
	return p->rlimit[which].rlim_cur;
}
static inline unsigned process_fd_limit(const struct process *p)
{
	return (unsigned)MIN(p->rlimit[RLIMIT_NOFILE].rlim_cur, (uint64_t)FILES_MAX);
}
/* How many there are. */
unsigned process_count(void);

/* ---- signals (signal.c) ---- */

#define STATUS_EXIT(code)	(((code) & 0xff) << 8)
#define STATUS_SIGNAL(sig)	((sig) & 0x7f)
/* As a shell shows it: the exit code, or 128 + the signal. */
static inline int status_code(int status)
{
	return status & 0x7f ? 128 + (status & 0x7f) : status >> 8 & 0xff;
}

const char *signal_name(int sig);
/*
 * kill(2) to the running process itself: ignored, kept pending while blocked, or
 * fatal, by its action. -ENOSYS if a handler would have to be run.
 */
int __must_check signal_self(struct process *p, int sig);
/* After a change of the blocked set: what is pending and no longer blocked takes effect. */
void signal_unblocked(struct process *p);
/* Ends p with sig at its next return to ring 3. From any thread. */
void signal_kill(struct process *p, int sig);

#endif
