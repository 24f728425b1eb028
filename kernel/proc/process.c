/* Processes: the table, creation, start, end; see process.h. */
#include <kernel/proc/process.h>
#include <kernel/core/clock.h>
#include <kernel/dev/console.h>
#include <kernel/fs/path.h>
#include <kernel/proc/futex.h>
#include <kernel/proc/terminal.h>
#include <lib/assert.h>
#include <lib/log.h>
#include <lib/math.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <mm/alloc/slab.h>
#include <mm/mm.h>

#define SIGNALS_QUEUED	3840	/* real-time signals that may wait, of all processes */

struct process_list processes = TAILQ_HEAD_INITIALIZER(processes);
struct spinlock process_lock = SPINLOCK_INIT(RANK_PROC);
struct process init_process;

static struct task init_task;
static unsigned nprocesses;		/* process_lock */
static struct kmem_cache *process_cache;

static void set_limit(struct process *p, unsigned which, uint64_t soft, uint64_t hard)
{
	p->rlimit[which] = (struct rlimit64){ .rlim_cur = soft, .rlim_max = hard };
}

static void default_limits(struct process *p)
{
	for (unsigned i = 0; i < RLIM_NLIMITS; i++)
		set_limit(p, i, RLIM64_INFINITY, RLIM64_INFINITY);
	set_limit(p, RLIMIT_STACK, _STK_LIM, RLIM64_INFINITY);
	set_limit(p, RLIMIT_CORE, 0, RLIM64_INFINITY);
	set_limit(p, RLIMIT_NOFILE, FILES_MAX, FILES_MAX);
	set_limit(p, RLIMIT_MEMLOCK, 8ul << 20, 8ul << 20);
	set_limit(p, RLIMIT_SIGPENDING, SIGNALS_QUEUED, SIGNALS_QUEUED);
	set_limit(p, RLIMIT_MSGQUEUE, 819200, 819200);
	set_limit(p, RLIMIT_NICE, 0, 0);
	set_limit(p, RLIMIT_RTPRIO, 0, 0);
}

/* process_lock held, or nobody knows p yet. */
static struct mm_limits memory_limits(const struct process *p)
{
	return (struct mm_limits){
		.as = process_limit(p, RLIMIT_AS), .data = process_limit(p, RLIMIT_DATA),
		.data_max = p->rlimit[RLIMIT_DATA].rlim_max,
		.stack = process_limit(p, RLIMIT_STACK),
		.memlock = process_limit(p, RLIMIT_MEMLOCK),
		.privileged = cred_is_privileged(&p->cred),
	};
}

/* Whoever tells it last tells what holds: who finds that limits have changed meanwhile tells it again. */
void process_limit_memory(struct process *p, struct mm *mm)
{
	struct mm_limits limits;
	unsigned seen;

	do {
		spin_lock(&process_lock);
		seen = p->limits_changed;
		limits = memory_limits(p);
		spin_unlock(&process_lock);
		mm_set_limits(mm, &limits);
	} while (READ_ONCE(p->limits_changed) != seen);
}

void process_limit_memory_built(struct process *p, struct mm *mm)
{
	struct mm_limits limits;

	spin_lock(&process_lock);
	limits = memory_limits(p);
	spin_unlock(&process_lock);
	limits.as = limits.data = limits.data_max = RLIM64_INFINITY;
	mm_set_limits(mm, &limits);
}

/* The memory may have a lender's limits, or some that were changed as it was copied. */
void process_limit_memory_new(struct process *child)
{
	struct mm_limits limits = memory_limits(child);

	if (unlikely(!mm_has_limits(child->mm, &limits)))
		process_limit_memory(child, child->mm);
}

/* ---- the table ---- */

void process_set_group(struct process *p, int sid, int pgid)
{
	pid_change_use(p->pgid, pgid);
	pid_change_use(p->sid, sid);
	p->pgid = pgid;
	p->sid = sid;
}

/* process_lock held. */
static void table_add(struct process *p, int pid)
{
	p->pid = pid;
	task_add(p->leader, pid);
	TAILQ_INSERT_TAIL(&processes, p, link);
	nprocesses++;
}

int process_publish(struct process *p, struct process *parent, const char *name, void (*fn)(void *))
{
	int pid, err = 0;

	spin_lock(&process_lock);
	pid = pid_take();
	if (parent != &init_process && signal_ends(signal_thread())) {
		thread_interrupt(current_thread());	/* another one may have been told */
		err = -ERESTARTNOINTR;
	} else if (pid) {
		task_prepare(p->leader, name, fn);
		p->nlive = p->ntasks = signal_start(&p->leader->sig);
		table_add(p, pid);
		process_set_group(p, parent->sid, parent->pgid);
		p->parent = parent;
		p->ppid = parent->pid;
		TAILQ_INSERT_TAIL(&parent->children, p, sibling);
	} else {
		err = -EAGAIN;
	}
	spin_unlock(&process_lock);
	return err;
}

void process_unlink(struct process *p)
{
	assert(spin_is_locked(&process_lock) && p->gone);
	process_set_group(p, 0, 0);
	task_remove(p->leader);
	TAILQ_REMOVE(&processes, p, link);
	TAILQ_REMOVE(&p->parent->children, p, sibling);
	nprocesses--;
}

struct process *process_find(int pid)
{
	struct task *t = task_find(pid);

	return t && t->process->pid == pid ? t->process : NULL;
}

unsigned process_count(void)
{
	return READ_ONCE(nprocesses);
}

/* ---- the struct ---- */

static void init_common(struct process *p)
{
	p->refs = 1;
	TAILQ_INIT(&p->children);
	TAILQ_INIT(&p->tasks);
	waitq_init(&p->child_wait);
	waitq_init(&p->tasks_wait);
	signal_create(&p->signals);
	p->start_ns = clock_monotonic_ns();
}

void process_init(void)
{
	process_cache = kmem_cache_create("process", sizeof(struct process), 0);
	if (!process_cache)
		panic("no memory for the cache of processes");
	task_init();
	signal_init();
	futex_init();
	init_common(&init_process);
	init_task.process = &init_process;
	init_process.leader = &init_task;
	spin_init(&init_process.files.lock, RANK_FS);
	default_limits(&init_process);
	init_process.umask = 022;
	node_get(fs_root);
	init_process.cwd = fs_root;
	spin_lock(&process_lock);
	table_add(&init_process, 1);
	process_set_group(&init_process, 1, 1);
	spin_unlock(&process_lock);
}

struct process *process_alloc(void)
{
	struct process *p = kmem_alloc(process_cache);

	if (!p)
		return NULL;
	memset(p, 0, offsetof(struct process, rlimit));
	init_common(p);
	p->leader = task_alloc(p);
	if (!p->leader) {
		kmem_free(process_cache, p);
		return NULL;
	}
	return p;
}

void process_free(struct process *p)
{
	if (p->files.file)
		files_destroy(&p->files);
	process_drop_nodes(p);
	if (p->mm)
		mm_put(p->mm);
	exec_args_free(p->args);
	task_free(p->leader);
	kmem_free(process_cache, p);
}

void process_put(struct process *p)
{
	if (ref_put(&p->refs))
		process_free(p);
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void set_name(struct thread *t, const char *name)
{
	spin_lock(&process_lock);
	strlcpy(t->name, name, sizeof(t->name));
	spin_unlock(&process_lock);
}

void process_set_name(struct process *p, const char *path)
{
	set_name(&p->leader->thread, last_part(path));
}

void thread_set_name(const char *name)
{
	set_name(current_thread(), name);
}

struct node *process_cwd(void)
{
	struct process *p = current_process();
	struct node *n;

	spin_lock(&process_lock);
	n = p->cwd;
	node_get(n);
	spin_unlock(&process_lock);
	return n;
}

/* The first thing its thread does: run the program that process_spawn gave it. */
static void process_main(void *arg)
{
	struct process *p = ((struct task *)arg)->process;
	struct exec_args *args = p->args;
	struct node *exe = args->first;
	char name[sizeof(p->leader->thread.name)];
	struct trapframe tf;
	int err;

	p->args = NULL;
	strlcpy(name, p->leader->thread.name, sizeof(name));
	err = exec_program(exe, name, args, &tf);
	exec_args_free(args);
	if (err) {
		log_warn("%s[%d]: cannot be executed: %s", name, p->pid, exec_error(err));
		process_exit(STATUS_EXIT(126));
	}
	arch_enter_user(&tf);
}

static int open_std_files(struct process *p)
{
	int err = 0;

	for (unsigned fd = 0; fd < 3 && !err; fd++) {
		struct file *f;

		err = console_open_std(fd, &f);
		if (err)
			break;
		err = files_add(&p->files, f, fd, FILES_MAX, false);
		if (err < 0)
			file_put(f);
		err = MIN(err, 0);
	}
	return err;
}

/* A process with what a first program finds, or NULL. */
static struct process *create_first(void)
{
	struct process *p = process_alloc();

	if (!p)
		return NULL;
	default_limits(p);
	memset(p->signals.action, 0, sizeof(p->signals.action));
	memset(&p->cred, 0, sizeof(p->cred));
	p->umask = 022;
	p->dumpable = true;
	p->timer_slack = 50000;
	p->exit_signal = SIGCHLD;
	p->awaited = true;
	node_get(fs_root);
	p->cwd = fs_root;
	if (files_init(&p->files) || open_std_files(p)) {
		process_free(p);
		return NULL;
	}
	arch_fpu_init(p->leader->thread.ctx.fpu);
	return p;
}

int process_spawn(struct node *exe, const char *name, struct exec_args *args, struct process **out)
{
	struct process *p = create_first();
	int err;

	if (!p) {
		exec_args_free(args);
		return -ENOMEM;
	}
	node_get(exe);
	args->first = exe;
	p->args = args;
	err = process_publish(p, &init_process, last_part(name), process_main);
	if (err) {
		process_free(p);
		return err;
	}
	spin_lock(&process_lock);
	process_set_group(p, p->pid, p->pid);
	spin_unlock(&process_lock);
	if (console_is_terminal())
		terminal_give(p);
	*out = p;
	thread_start(&p->leader->thread);
	return 0;
}

/* ---- accounts ---- */

/* `all` as `user` of `ticks` say; nothing is known before the first. */
static void split_time(uint64_t all, uint64_t user, uint64_t ticks, uint64_t *user_ns,
		       uint64_t *system_ns)
{
	*user_ns = ticks ? mul_div(all, user, ticks) : all;
	*system_ns = all - *user_ns;
}

void process_times(const struct process *p, uint64_t *user_ns, uint64_t *system_ns)
{
	uint64_t all = p->ended.ns, user = p->ended.user_ticks, ticks;
	const struct task *t;

	ticks = user + p->ended.kernel_ticks;
	TAILQ_FOREACH(t, &p->tasks, link) {
		all += thread_cpu_ns(&t->thread);
		user += t->user_ticks;
		ticks += t->user_ticks + t->kernel_ticks;
	}
	split_time(all, user, ticks, user_ns, system_ns);
}

uint64_t process_cpu_ns(const struct process *p)
{
	uint64_t user, system;

	spin_lock(&process_lock);
	process_times(p, &user, &system);
	spin_unlock(&process_lock);
	return user + system;
}

void task_times(const struct task *t, uint64_t *user_ns, uint64_t *system_ns)
{
	split_time(thread_cpu_ns(&t->thread), t->user_ticks, t->user_ticks + t->kernel_ticks,
		   user_ns, system_ns);
}

void usage_add(struct usage *to, const struct usage *u)
{
	to->user_ns += u->user_ns;
	to->system_ns += u->system_ns;
	to->minflt += u->minflt;
	to->majflt += u->majflt;
	to->rss_max = MAX(to->rss_max, u->rss_max);
}

void process_usage(struct process *p, struct usage *u)
{
	struct mm_figures f = { 0 };

	if (p->mm)
		mm_figures(p->mm, &f);
	spin_lock(&process_lock);
	*u = p->used;
	process_times(p, &u->user_ns, &u->system_ns);
	spin_unlock(&process_lock);
	u->minflt += f.minflt;
	u->majflt += f.majflt;
	u->rss_max = MAX(u->rss_max, f.rss_max);
}
