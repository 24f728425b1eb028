/* Processes: creation, start, end; see process.h. */
#include <kernel/proc/process.h>
#include <kernel/core/clock.h>
#include <kernel/fs/path.h>
#include <kernel/dev/console.h>
#include <lib/assert.h>
#include <lib/log.h>
#include <lib/math.h>
#include <lib/math.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <mm/alloc/slab.h>
#include <mm/mm.h>

struct process_list processes = TAILQ_HEAD_INITIALIZER(processes);
struct spinlock process_lock = SPINLOCK_INIT(RANK_PROC);
static unsigned nprocesses;		/* process_lock */
static int last_pid = 1;		/* process_lock; 1 is the first thread of the kernel */
static struct kmem_cache *process_cache, *fpu_cache;

void process_init(void)
{
	process_cache = kmem_cache_create("process", sizeof(struct process), 0);
	fpu_cache = kmem_cache_create("fpu", arch_features.xsave_size, 64);
	if (!process_cache || !fpu_cache)
		panic("no memory for the caches of processes");
}

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
	set_limit(p, RLIMIT_SIGPENDING, 0, 0);
	set_limit(p, RLIMIT_MSGQUEUE, 819200, 819200);
	set_limit(p, RLIMIT_NICE, 0, 0);
	set_limit(p, RLIMIT_RTPRIO, 0, 0);
}

static void processes_add(struct process *p)
{
	spin_lock(&process_lock);
	p->pid = p->thread.tid = ++last_pid;
	nprocesses++;
	TAILQ_INSERT_TAIL(&processes, p, link);
	spin_unlock(&process_lock);
}

static void processes_remove(struct process *p)
{
	spin_lock(&process_lock);
	nprocesses--;
	TAILQ_REMOVE(&processes, p, link);
	spin_unlock(&process_lock);
}

unsigned process_count(void)
{
	return READ_ONCE(nprocesses);
}

void process_discard(struct process *p)
{
	if (p->files.file)
		files_destroy(&p->files);
	if (p->cwd)
		node_put(p->cwd);
	if (p->exe)
		node_put(p->exe);
	exec_args_free(p->args);
	kmem_free(fpu_cache, p->thread.ctx.fpu);
	if (p->thread.stack_bottom)
		kstack_free(p->thread.stack_bottom);
	processes_remove(p);
	page_fail_forget(&p->thread);
	kmem_free(process_cache, p);
}

struct process *process_create(void)
{
	struct process *p = kmem_zalloc(process_cache);
	int err;

	if (!p)
		return NULL;
	waitq_init(&p->exited);
	default_limits(p);
	processes_add(p);
	p->ppid = current_thread()->tid;
	p->umask = 022;
	p->start_ns = clock_monotonic_ns();
	node_get(fs_root);
	p->cwd = fs_root;
	p->thread.ctx.fpu = kmem_alloc(fpu_cache);
	err = kstack_alloc(&p->thread.stack_bottom, &p->thread.stack_top);
	if (err)
		p->thread.stack_bottom = 0;
	else
		err = files_init(&p->files);
	if (err || !p->thread.ctx.fpu) {
		process_discard(p);
		return NULL;
	}
	return p;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

void process_set_name(struct process *p, const char *path)
{
	strlcpy(p->thread.name, last_part(path), sizeof(p->thread.name));
}

/* The first thing its thread does: run the program that process_spawn gave it. */
static void process_main(void *arg)
{
	struct process *p = arg;
	struct exec_args *args = p->args;
	struct node *exe = p->exe;
	char name[sizeof(p->thread.name)];
	struct trapframe tf;
	int err;

	p->exe = NULL;
	p->args = NULL;
	strlcpy(name, p->thread.name, sizeof(name));
	err = exec_program(exe, name, args, &tf);
	node_put(exe);
	exec_args_free(args);
	if (err) {
		log_warn("%s[%d]: cannot be executed: %s", name, p->pid, exec_error(err));
		process_exit(STATUS_EXIT(126));
	}
	arch_enter_user(&tf);
}

void process_start(struct process *p, const char *name, void (*fn)(void *))
{
	void *fpu = p->thread.ctx.fpu;

	thread_init(&p->thread, last_part(name), p->thread.stack_bottom, p->thread.stack_top, fn, p);
	arch_fpu_init(fpu);
	p->thread.ctx.fpu = fpu;
	p->thread.owner = p;
	p->thread.tid = p->pid;
	thread_start(&p->thread);
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

int process_spawn(struct node *exe, const char *name, struct exec_args *args, struct process **out)
{
	struct process *p = process_create();
	int err;

	if (!p) {
		exec_args_free(args);
		return -ENOMEM;
	}
	p->args = args;
	node_get(exe);
	p->exe = exe;
	err = open_std_files(p);
	if (err) {
		process_discard(p);
		return err;
	}
	*out = p;
	process_start(p, name, process_main);
	return 0;
}

/* ---- the end ---- */

/* Its stack is no longer in use: from here on the struct is the waiter's. */
static void process_gone(void *arg)
{
	struct process *p = arg;
	uint64_t flags = waitq_lock(&p->exited);

	p->gone = true;
	waitq_wake_all(&p->exited);
	waitq_unlock(&p->exited, flags);
}

static void drop_memory(struct process *p)
{
	struct mm *mm = p->mm;

	spin_lock(&process_lock);	/* who looks at p takes a reference under it */
	p->mm = NULL;
	spin_unlock(&process_lock);
	thread_set_aspace(NULL);
	if (mm)
		mm_put(mm);
}

void process_exit(int status)
{
	struct process *p = current_process();

	p->status = status;
	files_destroy(&p->files);
	drop_memory(p);
	thread_exit(process_gone, p);
}

int process_wait_until(struct process *p, uint64_t deadline_ns, int *status)
{
	uint64_t flags = waitq_lock(&p->exited);
	int err = 0;

	while (!p->gone && !err)
		err = waitq_sleep_until(&p->exited, &flags, deadline_ns);
	if (p->gone)
		err = 0;
	waitq_unlock(&p->exited, flags);
	if (err)
		return err;
	*status = p->status;
	process_discard(p);
	return 0;
}

int process_wait(struct process *p)
{
	uint64_t flags = waitq_lock(&p->exited);
	int status;

	while (!p->gone)
		waitq_sleep(&p->exited, &flags);
	waitq_unlock(&p->exited, flags);
	status = p->status;
	process_discard(p);
	return status;
}

void process_times(const struct process *p, uint64_t *user_ns, uint64_t *system_ns)
{
	uint64_t all = thread_cpu_ns(&p->thread), ticks = p->user_ticks + p->kernel_ticks;

	*user_ns = ticks ? mul_div(all, p->user_ticks, ticks) : all;
	*system_ns = all - *user_ns;
}
