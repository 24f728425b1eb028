/*
 * What others may see of a process, and tell it: copies and counted references,
 * taken under the lock of all processes. Nothing here waits, and nobody keeps a
 * pointer to a process that may end.
 */
#ifndef KERNEL_PROC_LOOK_H
#define KERNEL_PROC_LOOK_H

#include <kernel/proc/process.h>

struct fs;

struct process_view {
	int pid, tid, ppid, pgid, sid;
	int foreground;			/* group of its terminal; -1: it has none */
	char name[16];
	char state;			/* R, S, Z as /proc shows it */
	unsigned umask, files_max, nthreads;
	int nice;
	struct cred cred;
	int oom_score_adj;
	uint64_t start_ns;
	struct usage used, reaped;	/* used: without what its memory of now knows */
	uint64_t blocked, pending, ignored, caught;
	struct rlimit64 rlimit[RLIM_NLIMITS];
	struct cpumask affinity;
	bool no_new_privs;
};

/*
 * A process is found here by the number of any of its tasks. Name, state, signals and, but for
 * the first task, times are the task's own. 0 or -ESRCH: there is none.
 */
int __must_check process_look(int tid, struct process_view *v);
bool process_exists(int tid);
/* Whose task tid is: the pid, or 0. */
int process_of_task(int tid);
/* The lowest number of a task of the process above tid; 0: there is none. */
int process_next_task(int pid, int tid);
/* The lowest number of a process above pid; 0: there is none. */
int process_next(int pid);
/* Counted. *mm NULL: it runs no program (any more). 0 or -ESRCH. */
int __must_check process_get_mm(int pid, struct mm **mm);
/* May the running process look at p's memory and files, and change them? 0 or -EPERM. */
int __must_check process_may_look_inside(const struct process *p);
/* May it see, in /proc, what is inside of that process? By the identities for file systems. 0, -EACCES, -ESRCH. */
int __must_check process_may_see(int tid);
/*
 * Whose a node of that mode in /proc/TID is: its user's, or root's, if others are not to look inside of it. A directory
 * is its own in any case; one that all may read, its user's.
 */
void process_node_owner(int tid, uint32_t mode, uint32_t *uid, uint32_t *gid);
/* Its memory, counted, for who wants that. 0, -EPERM, -ESRCH: it is over, or has none. */
int __must_check process_get_mm_inside(int pid, struct mm **mm);
/* The same of p, of which there is a reference. */
int __must_check process_open_mm(const struct process *p, struct mm **mm);
/* Counted. 0; -ESRCH; -ENOENT: it has none. */
int __must_check process_get_exe(int pid, struct node **out);
int __must_check process_get_cwd(int pid, struct node **out);
/* The open file fd, counted; NULL. */
struct file *process_get_file(int pid, unsigned fd);
/* Has any process its working directory or its program there? */
bool process_any_in(const struct fs *fs);
/* Its name, from now on. 0 or -ESRCH. */
int __must_check process_rename(int pid, const char *name);
/* How dear it is when memory is short, -1000 to 1000. 0, -ESRCH, -EACCES: dearer than who may made it. */
int __must_check process_set_oom_score_adj(int pid, int adj);
/*
 * A limit (RLIMIT_*) of the process that task tid is of: *was: what it is, and then *new unless
 * that is NULL. 0, -ESRCH, -EINVAL, -EPERM (also: more open files than there can be). May sleep.
 */
int __must_check process_rlimit(int tid, unsigned which, const struct rlimit64 *new,
				struct rlimit64 *was);
/* How many tasks there are in state R. */
unsigned process_running(void);
/*
 * Failure injection (fail_alloc): the n-th allocation by this process, of pages or
 * of a kernel object, fails; 0: none. 0 or -ESRCH.
 */
int __must_check process_fail_alloc(int pid, uint64_t n);
/* What is left of that. */
int __must_check process_fail_left(int pid, uint64_t *n);

/*
 * What every thread does, the kernel's too, a line of the log each: where it is in the kernel, and
 * from where it came. All CPUs stop for that; one that does not give its thread up is waited for
 * (the watchdog names it).
 */
void tasks_show(void);

#endif
