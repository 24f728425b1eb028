/* What others may see of a process; see look.h. */
#include <kernel/proc/look.h>
#include <kernel/proc/terminal.h>
#include <lib/log.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <mm/mm.h>

/* The task tid. NULL: not there, and nothing is locked; else process_lock is held. */
static struct task *find_task_locked(int tid)
{
	struct task *t;

	spin_lock(&process_lock);
	t = task_find(tid);
	if (!t)
		spin_unlock(&process_lock);
	return t;
}

/* The process that it is of; likewise. */
static struct process *find_locked(int tid)
{
	struct task *t = find_task_locked(tid);

	return t ? t->process : NULL;
}

static char state_of(const struct task *t)
{
	if (READ_ONCE(t->process->gone) || READ_ONCE(t->sig.gone))
		return 'Z';
	if (READ_ONCE(t->process->signals.stopped))
		return 'T';
	return READ_ONCE(t->thread.state) == THREAD_BLOCKED ? 'S' : 'R';
}

static void look_at_signals(const struct task *t, struct process_view *v)
{
	const struct process *p = t->process;

	v->blocked = t->sig.blocked;
	v->pending = t->sig.queue.set | p->signals.shared.set;
	for (int sig = 1; sig <= SIGNAL_MAX; sig++) {
		uint64_t handler = p->signals.action[sig].handler;

		if (handler == (uint64_t)SIG_IGN)
			v->ignored |= 1ul << (sig - 1);
		else if (handler != (uint64_t)SIG_DFL)
			v->caught |= 1ul << (sig - 1);
	}
}

int process_look(int tid, struct process_view *v)
{
	const struct task *t = find_task_locked(tid);
	const struct process *p;

	if (!t)
		return -ESRCH;
	p = t->process;
	*v = (struct process_view){
		.pid = p->pid, .tid = tid, .ppid = p->ppid, .pgid = p->pgid, .sid = p->sid,
		.state = state_of(t), .umask = p->umask, .cred = p->cred, .oom_score_adj = p->oom_score_adj,
		.files_max = p->files.max, .nthreads = p->nlive, .nice = t->thread.nice,
		.affinity = t->thread.affinity, .no_new_privs = p->no_new_privs,
		.start_ns = p->start_ns, .used = p->used, .reaped = p->reaped,
	};
	if (!terminal_of(p, &v->foreground))
		v->foreground = -1;
	strlcpy(v->name, t->thread.name, sizeof(v->name));
	memcpy(v->rlimit, p->rlimit, sizeof(v->rlimit));
	look_at_signals(t, v);
	if (t == p->leader)
		process_times(p, &v->used.user_ns, &v->used.system_ns);
	else
		task_times(t, &v->used.user_ns, &v->used.system_ns);
	spin_unlock(&process_lock);
	return 0;
}

bool process_exists(int pid)
{
	bool there = find_locked(pid);

	if (there)
		spin_unlock(&process_lock);
	return there;
}

int process_of_task(int tid)
{
	const struct process *p = find_locked(tid);
	int pid = p ? p->pid : 0;

	if (p)
		spin_unlock(&process_lock);
	return pid;
}

int process_next_task(int pid, int tid)
{
	const struct process *p = find_locked(pid);
	const struct task *t;
	int next = 0;

	if (!p)
		return 0;
	TAILQ_FOREACH(t, &p->tasks, link)
		if (t->thread.tid > tid && (!next || t->thread.tid < next))
			next = t->thread.tid;
	spin_unlock(&process_lock);
	return next;
}

int process_next(int pid)
{
	const struct process *p;
	int next = 0;

	spin_lock(&process_lock);
	TAILQ_FOREACH(p, &processes, link)
		if (p->pid > pid && (!next || p->pid < next))
			next = p->pid;
	spin_unlock(&process_lock);
	return next;
}

int process_get_mm(int pid, struct mm **mm)
{
	const struct process *p = find_locked(pid);

	if (!p)
		return -ESRCH;
	*mm = p->mm ? mm_get(p->mm) : NULL;
	spin_unlock(&process_lock);
	return 0;
}

/* Who has these identities and capabilities: p's are no others, and no more. */
static bool may_look(const struct process *p, uint32_t uid, uint32_t gid, uint64_t caps)
{
	uint64_t effective, permitted;

	if (p == current_process() || cred_is_privileged(cred_current()))
		return true;
	cred_caps(&p->cred, &effective, &permitted);
	return p->dumpable && cred_is_all(&p->cred, uid, gid) && !(permitted & ~caps);
}

int process_may_look_inside(const struct process *p)
{
	const struct cred *c = cred_current();
	uint64_t effective, permitted;

	cred_caps(c, &effective, &permitted);
	return may_look(p, c->uid, c->gid, permitted) ? 0 : -EPERM;
}

int process_may_see(int tid)
{
	const struct cred *c = cred_current();
	const struct process *p = find_locked(tid);
	uint64_t effective, permitted;
	int err;

	if (!p)
		return -ESRCH;
	cred_caps(c, &effective, &permitted);
	err = may_look(p, c->fsuid, c->fsgid, effective) ? 0 : -EACCES;
	spin_unlock(&process_lock);
	return err;
}

void process_node_owner(int tid, uint32_t mode, uint32_t *uid, uint32_t *gid)
{
	const struct process *p = find_locked(tid);

	*uid = *gid = 0;
	if (!p)
		return;
	if (p->dumpable || mode == (S_IFDIR | 0555) || (S_ISDIR(mode) && p == current_process())) {
		*uid = p->cred.euid;
		*gid = p->cred.egid;
	}
	spin_unlock(&process_lock);
}

/* process_lock held. */
static int get_mm_inside(const struct process *p, struct mm **mm)
{
	int err = process_may_look_inside(p);

	*mm = NULL;
	if (!err && !p->mm)
		err = -ESRCH;
	if (!err)
		*mm = mm_get(p->mm);
	return err;
}

int process_get_mm_inside(int pid, struct mm **mm)
{
	struct process *p = find_locked(pid);
	int err;

	if (!p)
		return -ESRCH;
	err = get_mm_inside(p, mm);
	spin_unlock(&process_lock);
	return err;
}

int process_open_mm(const struct process *p, struct mm **mm)
{
	int err;

	spin_lock(&process_lock);
	err = get_mm_inside(p, mm);
	spin_unlock(&process_lock);
	return err;
}

/* Counts n, if there is one, and lets process_lock go. */
static int get_node(struct node *n, struct node **out)
{
	if (n)
		node_get(n);
	spin_unlock(&process_lock);
	*out = n;
	return n ? 0 : -ENOENT;
}

int process_get_exe(int pid, struct node **out)
{
	const struct process *p = find_locked(pid);

	return p ? get_node(p->mm ? p->exe : NULL, out) : -ESRCH;
}

int process_get_cwd(int pid, struct node **out)
{
	const struct process *p = find_locked(pid);

	return p ? get_node(p->cwd, out) : -ESRCH;
}

bool process_any_in(const struct fs *fs)
{
	const struct process *p;
	bool found = false;

	spin_lock(&process_lock);
	TAILQ_FOREACH(p, &processes, link)
		found |= (p->cwd && p->cwd->fs == fs) || (p->exe && p->exe->fs == fs);
	spin_unlock(&process_lock);
	return found;
}

struct file *process_get_file(int pid, unsigned fd)
{
	struct process *p = find_locked(pid);
	struct file *f;

	if (!p)
		return NULL;
	f = files_get(&p->files, fd);
	spin_unlock(&process_lock);
	return f;
}

int process_rename(int pid, const char *name)
{
	struct process *p = find_locked(pid);

	if (!p)
		return -ESRCH;
	strlcpy(p->leader->thread.name, name, sizeof(p->leader->thread.name));
	spin_unlock(&process_lock);
	return 0;
}

int process_set_oom_score_adj(int pid, int adj)
{
	bool privileged = cred_is_privileged(cred_current());
	struct process *p = find_locked(pid);
	int err;

	if (!p)
		return -ESRCH;
	err = privileged || adj >= p->oom_score_adj_min ? 0 : -EACCES;
	if (!err)
		p->oom_score_adj = adj;
	if (privileged)
		p->oom_score_adj_min = adj;
	spin_unlock(&process_lock);
	return err;
}

static int check_limit(const struct process *p, unsigned which, const struct rlimit64 *new)
{
	const struct cred *c = cred_current();

	if (which >= RLIM_NLIMITS || (new && new->rlim_cur > new->rlim_max))
		return -EINVAL;
	if (p != current_process() && !cred_may_change(c, &p->cred))
		return -EPERM;
	if (new && new->rlim_max > p->rlimit[which].rlim_max && !cred_is_privileged(c))
		return -EPERM;
	return new && which == RLIMIT_NOFILE && new->rlim_max > FILES_MAX ? -EPERM : 0;
}

/*
 * Its memory is told behind the lock: p may go on to another one meanwhile, which it tells
 * itself (exec.c).
 */
int process_rlimit(int tid, unsigned which, const struct rlimit64 *new, struct rlimit64 *was)
{
	struct process *p = find_locked(tid);
	struct mm *mm = NULL;
	int err;

	if (!p)
		return -ESRCH;
	err = check_limit(p, which, new);
	if (!err)
		*was = p->rlimit[which];
	if (!err && new) {
		p->rlimit[which] = *new;
		p->limits_changed++;
		if (p->mm && !p->shares_memory)		/* what is lent keeps its owner's */
			mm = mm_get(p->mm);
		process_get(p);
	}
	spin_unlock(&process_lock);
	if (mm) {
		process_limit_memory(p, mm);
		mm_put(mm);
	}
	if (!err && new)
		process_put(p);
	return err;
}

unsigned process_running(void)
{
	const struct process *p;
	const struct task *t;
	unsigned running = 0;

	spin_lock(&process_lock);
	TAILQ_FOREACH(p, &processes, link)
		TAILQ_FOREACH(t, &p->tasks, link)
			running += state_of(t) == 'R';
	spin_unlock(&process_lock);
	return running;
}

int process_fail_alloc(int pid, uint64_t n)
{
	const struct process *p = find_locked(pid);

	if (!p)
		return -ESRCH;
	page_fail_nth = 0;
	page_fail_thread = n ? &p->leader->thread : NULL;
	page_fail_objects = n;
	page_fail_nth = n;
	spin_unlock(&process_lock);
	return 0;
}

int process_fail_left(int pid, uint64_t *n)
{
	const struct process *p = find_locked(pid);

	if (!p)
		return -ESRCH;
	*n = page_fail_thread == &p->leader->thread ? READ_ONCE(page_fail_nth) : 0;
	spin_unlock(&process_lock);
	return 0;
}

/* ---- all threads, on the log ---- */

static void show_task(const struct thread *t)
{
	static const char *const states[] = {
		[THREAD_NEW] = "new", [THREAD_READY] = "ready", [THREAD_RUNNING] = "runs",
		[THREAD_BLOCKED] = "sleeps", [THREAD_DEAD] = "dead",
	};
	const struct process *p = t->owner;
	char line[400];

	thread_trace(t, line, sizeof(line));
	log_info("%s (%d of process %d) %s on CPU %u%s", t->name, t->tid, p ? p->pid : 0,
		 states[t->state], t->cpu ? t->cpu->id : 0, line);
}

void tasks_show(void)
{
	const struct thread *t;

	cpus_park();
	TAILQ_FOREACH(t, &threads, all_link)
		if (!t->cpu || t != t->cpu->idle)
			show_task(t);
	cpus_release();
}
