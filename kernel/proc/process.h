/*
 * Processes: threads (tasks, task.h) with an address space, open files and a place in the
 * file tree in common. Memory never knows a process.
 *
 * Life:
 *
 *	process_alloc		nobody knows it
 *	process_publish		has a pid, a parent, a place in the table, a thread
 *	thread_start		runs: a program, or what fork left it
 *	process_exit		by one of its threads: all of them end
 *	task_exit		by each; the last one gives memory and files back
 *	gone			all are off their stacks: a zombie, its status waits (wait.c)
 *	reaped			out of the table; the last reference frees the struct
 *
 * Whoever finds a process in the table uses it under process_lock, or takes a
 * reference (process_get) and lets the lock go. Fields without a lock named
 * are set while the process has one thread (at its start, or in execve, which ends the
 * others) and by the last one at the end.
 *
 * The tree: every process but the first has a parent, which waits for it. The
 * children of a process that ends become the first one's, init's, and nobody
 * waits for those: they are reaped as they end. init is the kernel's own
 * thread; it runs no program.
 */
#ifndef KERNEL_PROC_PROCESS_H
#define KERNEL_PROC_PROCESS_H

#include <kernel/core/thread.h>
#include <kernel/core/wait.h>
#include <kernel/fs/file.h>
#include <kernel/proc/cred.h>
#include <kernel/proc/exec.h>
#include <kernel/proc/signal.h>
#include <kernel/proc/task.h>
#include <lib/ref.h>
#include <linux/resource.h>

struct mm;

/* What the killer for want of memory (oom.h) has to do with it. */
enum oom_state {
	OOM_NONE,
	OOM_VICTIM,			/* killed: its memory is waited for */
	OOM_OVER,			/* it came back, or is not waited for any more */
};

/* What a process has used up. */
struct usage {
	uint64_t user_ns, system_ns;
	uint64_t minflt, majflt;
	uint64_t rss_max;		/* pages */
};

TAILQ_HEAD(process_list, process);

struct process {
	int pid;			/* const */
	int ppid;			/* parent's pid; process_lock, read without it */
	uint32_t refs;			/* atomic: being in the table, process_get */
	struct process *parent;		/* NULL: init's; process_lock */
	struct process_list children;	/* process_lock */
	struct task *leader;		/* the task with the number pid; process_lock */
	struct task_list tasks;		/* all that have a number; process_lock */
	unsigned nlive;			/* tasks that have not come to their end; process_lock */
	unsigned ntasks;		/* those, and the ones not off their stacks; process_lock */
	bool exiting;			/* status is what it ends with; process_lock */
	struct waitq tasks_wait;	/* for ntasks to become 1 */
	struct { uint64_t ns, user_ticks, kernel_ticks; } ended; /* of tasks that are gone; process_lock */
	int pgid, sid;			/* group and session; process_lock */
	bool no_terminal;		/* it has given its session's up; process_lock */
	bool has_execed;		/* process_lock */
	bool shares_memory;		/* its parent lent it its mm and waits; process_lock */
	bool awaited;			/* by process_wait, nobody else reaps it; const */
	int exit_signal;		/* to its parent at its end; 0: none; process_lock */
	int death_signal;		/* prctl(2)'s; written by its own threads, as the next ones */
	bool dumpable, no_new_privs;
	bool reaps;			/* orphans below it are its children: PR_SET_CHILD_SUBREAPER */
	uint64_t timer_slack;
	struct mempolicy { uint16_t mode; uint16_t node0; } mempolicy; /* MPOL_*, kept by fork and exec; node 0 is named */
	uint32_t personality;		/* ADDR_NO_RANDOMIZE and others of personality(2) */
	struct mm *mm;			/* NULL before the first program and after the last */
	struct files files;
	struct node *cwd;		/* counted; process_lock */
	struct node *exe;		/* what it runs; counted, and run (node_begin_run), or NULL */
	unsigned umask;			/* atomic */
	int oom_score_adj;		/* -1000 .. 1000: told, and inherited; process_lock */
	int oom_score_adj_min;		/* what it may become without privileges; likewise */
	enum oom_state oom;		/* process_lock */
	uint64_t start_ns;
	struct usage used;		/* by programs before this one; when gone: all; process_lock */
	struct usage reaped;		/* by the children that it has waited for; process_lock */
	unsigned membarrier;		/* atomic: what it has registered for, MEMBARRIER_CMD_REGISTER_* */
	struct exec_args *args;		/* of the first program; freed when it runs */
	unsigned limits_changed;	/* how often; process_lock */
	int status;			/* as wait4(2) gives it; valid when gone */
	bool gone;			/* its thread runs no more; process_lock */
	int stop_status;		/* stopped or continued, not waited for yet; process_lock */
	struct waitq child_wait;	/* where it waits for its children */
	uint64_t child_events;		/* how often they had news; child_wait.lock */
	TAILQ_ENTRY(process) link;	/* all; process_lock */
	TAILQ_ENTRY(process) sibling;	/* parent's children; process_lock */
	/* what fork copies whole, and process_alloc leaves as it is */
	struct rlimit64 rlimit[RLIM_NLIMITS];	/* process_lock; a soft one is read without it */
	struct signals signals;
	struct cred cred;		/* process_lock; read by its own threads without it */
};

/* all, in the order of their making; process_lock; for GDB, too */
extern struct process_list processes;
extern struct spinlock process_lock;	/* RANK_PROC */
extern struct process init_process;	/* pid 1 */

static inline struct process *current_process(void) { return current_thread()->owner; }

void process_init(void);
/*
 * A process that nobody knows, with what every one needs (stack, FPU area):
 * no files, no memory; limits and actions of signals are the caller's to fill in.
 * NULL: no memory.
 */
struct process *process_alloc(void);
/* Takes it back; files, directories and memory given to it go, too. */
void process_free(struct process *p);
/* Gives back where it is in the file tree. */
void process_drop_nodes(struct process *p);
/* Of such a node: it is not run any more, and put. */
void process_put_exe(struct node *exe);
/*
 * Gives it a pid, a place among the children of `parent`, its group and session,
 * and its thread, which will begin in fn(task), must not return, and waits for
 * thread_start. 0; -EAGAIN: all pids are taken; -ERESTARTNOINTR: a parent that is told to
 * end makes no child that who tells all of a group, or simply all, would miss.
 */
int __must_check process_publish(struct process *p, struct process *parent, const char *name,
				 void (*fn)(void *));
/* The process of that pid, or NULL; process_lock held. */
struct process *process_find(int pid);
static inline void process_get(struct process *p)
{
	ref_get(&p->refs);
}
void process_put(struct process *p);
/* Out of the table and of its parent's children; process_lock held. Then process_put. */
void process_unlink(struct process *p);
/* Moves it to another session and group; process_lock held. */
void process_set_group(struct process *p, int sid, int pgid);
/*
 * Creates a process with the console as fd 0-2 that runs the program exe, called
 * name, with args (taken over, also on failure), and starts it, as a session of
 * its own. 0, -ENOMEM, -EAGAIN. Where the program cannot be executed, the log
 * says why and the status is exit 126.
 */
int __must_check process_spawn(struct node *exe, const char *name, struct exec_args *args,
			       struct process **out);
/* The running process ends, all its threads do; status as wait4(2) gives it. */
void process_exit(int status) __noreturn;
/* The running task ends; if it is the first one, and nobody ends them all, with what its process ends. */
void task_exit(int status) __noreturn;
/*
 * All tasks but the running one end, which is the first one from now on. 0, or -EINTR: it is
 * told to end itself.
 */
int __must_check task_end_others(void);
/* The directory that paths of the running process begin in; counted. */
struct node *process_cwd(void);
/*
 * The running task is about to leave its memory: robust futexes are given up, and who waits
 * for that is told.
 */
void task_leave_memory(void);
/*
 * The running process leaves its address space for `next` (NULL: none), by its end
 * or for a new program; next is loaded already, or none. Accounts for it, tells
 * those who wait for that.
 */
void process_change_memory(struct process *p, struct mm *next);
/* What its first thread is called from now on: the last part of the program's path. */
void process_set_name(struct process *p, const char *path);
/* What the running thread is called from now on; process_lock guards all names. */
void thread_set_name(const char *name);
/* CPU time in ring 3 and in the kernel, split by what the tick found. process_lock held. */
void process_times(const struct process *p, uint64_t *user_ns, uint64_t *system_ns);
/* The same in one number. */
uint64_t process_cpu_ns(const struct process *p);
/* The running task's own. */
void task_times(const struct task *t, uint64_t *user_ns, uint64_t *system_ns);
/* What the running process has used up so far. */
void process_usage(struct process *p, struct usage *u);
void usage_add(struct usage *to, const struct usage *u);
/* Of RLIMIT_*: the soft one. */
static inline uint64_t process_limit(const struct process *p, unsigned which)
{
	return p->rlimit[which].rlim_cur;
}
/* Tells mm, which p runs or is about to run on, what it has to know of p's limits. May sleep. */
void process_limit_memory(struct process *p, struct mm *mm);
/*
 * The same for memory in which a program for p is being built: its size and its data are not
 * limited before it is whole.
 */
void process_limit_memory_built(struct process *p, struct mm *mm);
/* The same for a process that fork makes, if its memory has not the limits that it has. */
void process_limit_memory_new(struct process *child);
static inline unsigned process_fd_limit(const struct process *p)
{
	return (unsigned)MIN(p->rlimit[RLIMIT_NOFILE].rlim_cur, (uint64_t)FILES_MAX);
}
/* How many there are. */
unsigned process_count(void);

/* ---- fork.c ---- */

struct fork_spec {
	bool thread;			/* no process, but a task of this one; the rest as far as it fits */
	bool share_memory;		/* the child runs in the parent's memory */
	bool wait;			/* until the child has left it */
	bool set_tls;
	int exit_signal;
	uint64_t stack;			/* the child's stack pointer; 0: the parent's */
	uint64_t tls;			/* its FS base, if set_tls */
	uint64_t set_child_tid, clear_child_tid; /* addresses in the child; 0: none */
	uint32_t __user *parent_tid;	/* where the parent wants the pid, or NULL */
	uint32_t __user *pidfd;		/* ... and a file for the child, no thread, or NULL */
};

/*
 * A child of the running process, which entered the kernel with *tf and will see
 * 0. Its pid, or -EAGAIN, -ENOMEM: then nothing has happened.
 */
int __must_check process_fork(const struct fork_spec *spec, const struct trapframe *tf);

/* ---- wait.c ---- */

enum wait_whom { WAIT_ALL, WAIT_PID, WAIT_GROUP, WAIT_PROCESS };

struct wait_for {
	enum wait_whom whom;
	int id;				/* of a process or group */
	const struct process *process;	/* kept by who calls */
	unsigned options;		/* WEXITED, WSTOPPED, WCONTINUED, WNOHANG, WNOWAIT, __W* */
};

struct wait_news {
	int pid;			/* 0: no news, and WNOHANG */
	int status;			/* as wait4(2) gives it */
	uint32_t uid;
	struct usage used;
};

/* Waits for news of a child of the running process. 0, -ECHILD, -ERESTARTSYS. */
int __must_check process_wait_child(const struct wait_for *w, struct wait_news *news);
/* Waits until p, made by process_spawn, is over, and reaps it. Its status. */
int process_wait(struct process *p);
/* The same at most until deadline_ns: -ETIMEDOUT, and p is still there. */
int __must_check process_wait_until(struct process *p, uint64_t deadline_ns, int *status);
/* Sends all processes but init sig, and waits until they are gone, at most until deadline_ns. */
void process_end_all(int sig, uint64_t deadline_ns);
/* p's thread is off its stack. On the idle thread. */
void process_gone(struct process *p);
/* The running process ends: its children become init's, and groups may be orphaned. */
void process_leave_children(struct process *p);
/* p's parent has something to look at. process_lock held. */
void process_wake_parent(struct process *p);

/* ---- for signals (kill.c) ---- */

/*
 * p's parent learns that p was stopped by sig or goes on (code: CLD_STOPPED,
 * CLD_CONTINUED).
 */
void process_changed(struct process *p, int code, int sig);
/* SIGCHLD, or what else was asked for, to the parent of one that is gone. process_lock held. */
void process_signal_end(struct process *p);

/* ---- groups (group.c); process_lock held ---- */

/* The session that group pgid is in, or 0: there is no such group. */
int group_session(int pgid);
/* Nobody of its session outside of p's group, other than `but`, could make the group go on again. */
bool group_is_orphaned(const struct process *p, const struct process *but);
/*
 * p ends (parent NULL), or has just lost that parent: if its group is orphaned by it and has
 * stopped, it gets SIGHUP and SIGCONT.
 */
void group_lose(const struct process *p, const struct process *parent);

#endif
