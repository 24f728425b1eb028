/*
 * From one program to another. The new address space is built beside the old
 * one, and loaded to write to it; only when all has worked is the old one
 * given up. Until then an error leaves the process as it was.
 */
#include <kernel/proc/exec.h>
#include <kernel/fs/fs.h>
#include <kernel/fs/path.h>
#include <kernel/fs/perm.h>
#include <kernel/proc/elf.h>
#include <kernel/proc/posix_timer.h>
#include <kernel/proc/process.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <linux/mman.h>
#include <linux/personality.h>
#include <mm/alloc/slab.h>
#include <mm/mm.h>

#define SCRIPTS_MAX	5		/* one run by the next: as many as Linux */

/* Nobody writes to it from now on until node_end_run. */
static int begin_run(struct node *n)
{
	int err = node_object(n) && !fs_has(n, MS_NOEXEC) ? node_may(n, MAY_EXEC) : -EACCES;

	return err ? err : node_begin_run(n);
}

/*
 * Linux's limits: a quarter of the stack's, at least 128 KB, at most 6 MB with the pointers; and
 * the strings alone, from their second page on, must fit into RLIMIT_AS.
 */
static int check_size(const struct process *p, const struct exec_args *a)
{
	uint64_t bytes = a->len + (a->argc + a->envc) * sizeof(uint64_t);
	uint64_t limit = MAX(process_limit(p, RLIMIT_STACK) / 4, 131072ul);
	uint64_t pages = ALIGN_UP(a->len + 8, PAGE_SIZE) >> PAGE_SHIFT;

	if (pages > 1 && pages > process_limit(p, RLIMIT_AS) >> PAGE_SHIFT)
		return -E2BIG;
	return bytes > MIN(limit, _STK_LIM / 4 * 3ul) ? -E2BIG : 0;
}

static int find_stack(const struct vma_info *v, void *arg)
{
	struct vma_info *stack = arg;

	if (v->start > stack->start)
		*stack = *v;
	return 0;
}

/* The topmost mapping is the stack: nothing else is there yet but the program below. */
static int make_stack_executable(struct mm *mm)
{
	struct vma_info stack = { 0 };
	int err = mm_for_each_vma(mm, 0, find_stack, &stack);

	return err ? err : mm_mprotect(mm, stack.start, stack.end - stack.start,
				       PROT_READ | PROT_WRITE | PROT_EXEC);
}

static void tell_layout(struct mm *mm, const struct elf *e, vaddr_t top,
			const struct exec_args *args, vaddr_t sp)
{
	struct mm_layout l = { .stack_start = sp };

	elf_layout(e, &l);
	exec_stack_layout(top, args, &l);
	mm_set_layout(mm, &l);
}

/* By personality(2), which fork and execve keep. */
static bool has_fixed_places(void)
{
	return current_process()->personality & ADDR_NO_RANDOMIZE;
}

/*
 * Maps program, stack and interpreter (NULL: none) into mm, and fills what needs filling; mm is
 * loaded.
 */
static int build_space(struct mm *mm, struct elf *e, struct elf *interp,
		       const struct exec_args *args, vaddr_t *sp)
{
	long top;
	int err = elf_map(e, mm, !mm_norandmaps && !has_fixed_places());

	if (err)
		return err;
	top = mm_map_stack(mm);
	if (top < 0)
		return (int)top;
	if (e->exec_stack)
		err = make_stack_executable(mm);
	if (!err && interp)
		err = elf_map_interpreter(interp, mm);
	if (!err && (elf_clear_tails(e) || (interp && elf_clear_tails(interp))))
		err = -ENOMEM;
	if (!err)
		err = exec_build_stack((vaddr_t)top, args, e, interp ? interp->bias : 0, sp);
	if (!err)
		tell_layout(mm, e, (vaddr_t)top, args, *sp);
	return err;
}

/* No way back from here: the process becomes the new program. */
static void become(struct process *p, struct node *exe, const char *name, struct mm *mm)
{
	struct node *old_exe = p->exe;

	node_get(exe);
	(void)!node_begin_run(exe);	/* it is run already, by who calls */
	spin_lock(&process_lock);	/* who looks at p takes references under it */
	p->exe = exe;
	p->has_execed = true;
	p->cred.dropped &= p->no_new_privs;	/* who is root gets all privileges back */
	p->dumpable = true;
	p->personality &= ~(uint32_t)READ_IMPLIES_EXEC;
	spin_unlock(&process_lock);
	if (old_exe)
		process_put_exe(old_exe);
	task_leave_memory();
	process_change_memory(p, mm);
	process_set_name(p, name);
	files_close_on_exec(&p->files);
	posix_timers_end(p);
	signal_exec(signal_thread());
	p->membarrier = 0;
	arch_set_fs_base(0);
	arch_set_gs_base(0);
	arch_fpu_init(p->leader->thread.ctx.fpu);
	arch_fpu_load(p->leader->thread.ctx.fpu);
}

static int exec_elf(struct process *p, struct node *exe, const char *name, struct elf *e,
		    struct elf *interp, const struct exec_args *args, struct trapframe *tf)
{
	struct aspace *before = current_thread()->aspace;
	struct mm *mm = mm_create();
	vaddr_t sp;
	int err;

	if (!mm)
		return -ENOMEM;
	if (has_fixed_places())
		mm_fix_places(mm);
	process_limit_memory_built(p, mm);
	mm->thp_disabled = p->mm && READ_ONCE(p->mm->thp_disabled);
	thread_set_aspace(mm_aspace(mm));
	err = build_space(mm, e, interp, args, &sp);
	if (!err)
		err = task_end_others();
	if (err) {
		thread_set_aspace(before);
		mm_put(mm);
		return err;
	}
	become(p, exe, name, mm);
	process_limit_memory(p, mm);	/* before it was p's, who changed limits told the old one */
	if (mm_over_limits(mm))
		return EXEC_TOO_LARGE;
	arch_user_frame(tf, elf_entry(interp ? interp : e), sp);
	return 0;
}

/* The program that e names as the one to load it. Linux's error for one that is none: -ELIBBAD. */
static int open_interpreter(const struct elf *e, struct elf *interp, struct node **node)
{
	char *path = kmalloc(PATH_MAX);
	int err = path ? elf_interpreter(e, path) : -ENOMEM;
	struct node *cwd;

	if (!err) {
		cwd = process_cwd();
		err = path_lookup_from(cwd, path, node);
		node_put(cwd);
	}
	kfree(path);
	if (err)
		return err;
	err = begin_run(*node);
	if (!err) {
		err = elf_open(interp, node_object(*node));
		if (err)
			node_end_run(*node);
	}
	if (err)
		node_put(*node);
	return err == -ENOEXEC ? -ELIBBAD : err;
}

static int exec_dynamic(struct process *p, struct node *exe, const char *name, struct elf *e,
			const struct exec_args *args, struct trapframe *tf)
{
	struct elf interp;
	struct node *node;
	int err = open_interpreter(e, &interp, &node);

	if (err)
		return err;
	err = exec_elf(p, exe, name, e, &interp, args, tf);
	elf_close(&interp);
	process_put_exe(node);
	return err;
}

static int load(struct process *p, struct node *exe, const char *name,
		const struct exec_args *args, struct trapframe *tf)
{
	struct elf e;
	int err = check_size(p, args);

	if (!err)
		err = elf_open(&e, node_object(exe));
	if (err)
		return err;
	err = elf_is_dynamic(&e) ? exec_dynamic(p, exe, name, &e, args, tf)
				 : exec_elf(p, exe, name, &e, NULL, args, tf);
	elf_close(&e);
	return err;
}

static int exec_nested(struct node *exe, const char *name, const struct exec_args *args,
		       struct trapframe *tf, unsigned depth);

/* The interpreter goes by the script's name, but has its own path in argv[0]. */
static int interpret(const struct exec_script *s, const char *name, const struct exec_args *args,
		     struct trapframe *tf, unsigned depth)
{
	struct exec_args *more = exec_args_create();
	struct node *cwd = process_cwd(), *exe;
	int err = more ? exec_script_args(s, args, depth > 1, more) : -ENOMEM;

	if (!err)
		err = path_lookup_from(cwd, s->interpreter, &exe);
	node_put(cwd);
	if (!err) {
		err = exec_nested(exe, name, more, tf, depth);
		node_put(exe);
	}
	exec_args_free(more);
	return err;
}

static int exec_nested(struct node *exe, const char *name, const struct exec_args *args,
		       struct trapframe *tf, unsigned depth)
{
	struct exec_script s;
	int err = begin_run(exe);

	if (err)
		return err;
	err = exec_script_read(&s, exe);
	if (!err)
		err = load(current_process(), exe, name, args, tf);
	else if (err > 0)
		err = depth == SCRIPTS_MAX ? -ELOOP : interpret(&s, name, args, tf, depth + 1);
	node_end_run(exe);
	return err;
}

int exec_program(struct node *exe, const char *name, const struct exec_args *args,
		 struct trapframe *tf)
{
	return exec_nested(exe, name, args, tf, 0);
}

const char *exec_error(int err)
{
	switch (err) {
	case -ENOEXEC:	return "it is no program for this machine (ENOEXEC)";
	case -EACCES:	return "it is no file with the right to be executed (EACCES)";
	case -ENOMEM:	return "there is no memory or no room for it (ENOMEM)";
	case -ENOENT:	return "the interpreter or dynamic linker that it names is not there (ENOENT)";
	case -ETXTBSY:	return "somebody has it open for writing (ETXTBSY)";
	case -ELIBBAD:	return "the dynamic linker that it names is no program for this machine (ELIBBAD)";
	case -ELOOP:	return "its interpreter is a script, whose interpreter is a script, and so on (ELOOP)";
	case -E2BIG:	return "its arguments are too long (E2BIG)";
	case EXEC_TOO_LARGE: return "it is larger than RLIMIT_AS or RLIMIT_DATA allows";
	default:	return "it cannot be read";
	}
}
