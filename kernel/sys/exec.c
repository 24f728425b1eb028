/* Calls that run programs: execve, execveat. */
#include <kernel/proc/process.h>
#include <kernel/sys/syscall.h>
#include <lib/format.h>
#include <lib/log.h>
#include <lib/string.h>
#include <linux/fcntl.h>
#include <mm/alloc/slab.h>

#define NAME_MAX_AT	(PATH_MAX + sizeof("/dev/fd/-2147483648/"))

/* What the program gets, as the call gives it. */
struct strings {
	const uint64_t __user *argv, *envp;
};

/* The strings of the call, with the path as the last one. */
static int gather_args(struct exec_args *a, const char *path, const struct strings *s)
{
	int err = exec_args_add_user(a, s->argv, &a->argc);

	if (!err && !a->argc) {		/* as Linux: a program always finds an argv[0] */
		err = exec_args_add(a, "");
		a->argc = 1;
	}
	if (!err)
		err = exec_args_add_user(a, s->envp, &a->envc);
	return err ? err : exec_args_add(a, path);
}

/* A script by a descriptor that its interpreter will not have. */
static bool is_lost_script(int dirfd, const char *path, struct node *exe)
{
	struct exec_script s;

	return dirfd != AT_FDCWD && *path != '/' && files_get_cloexec(&current_process()->files, (unsigned)dirfd) > 0 &&
	       exec_script_read(&s, exe) > 0;
}

/* What the program is called: its path, or how the descriptor would be opened. */
static int name_of(int dirfd, const char *path, char *name)
{
	if (dirfd == AT_FDCWD || *path == '/')
		snprintf(name, NAME_MAX_AT, "%s", path);
	else
		snprintf(name, NAME_MAX_AT, "/dev/fd/%d%s%s", dirfd, *path ? "/" : "", path);
	return strlen(name) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* `path` is user memory's `from`. */
static int exec_path(int dirfd, const char *path, const char __user *from, char *name, int flags,
		     const struct strings *strings, struct trapframe *tf)
{
	struct exec_args *args = exec_args_create();
	struct node *exe;
	int err = args ? name_of(dirfd, path, name) : -ENOMEM;

	if (!err)
		err = gather_args(args, name, strings);
	if (!err)
		err = user_path(dirfd, from, user_lookup_flags(flags), &exe);
	if (!err) {
		if (node_is_link(exe))
			err = -ELOOP;
		else if (is_lost_script(dirfd, path, exe))
			err = -ENOENT;
		else
			err = exec_program(exe, name, args, tf);
		node_put(exe);
	}
	exec_args_free(args);
	return err;
}

static long exec_at(int dirfd, const char __user *from, const struct strings *strings, int flags, struct trapframe *tf)
{
	char *path = kmalloc(PATH_MAX), *name = kmalloc(NAME_MAX_AT);
	ssize_t n = path && name ? strncpy_from_user(path, from, PATH_MAX) : -ENOMEM;
	long r = n < 0 ? n : exec_path(dirfd, path, from, name, flags, strings, tf);

	if (r == EXEC_TOO_LARGE)
		log_info("%s[%d]: SIGSEGV: %s: %s", current_thread()->name, current_process()->pid, name,
			 exec_error(EXEC_TOO_LARGE));
	kfree(path);
	kfree(name);
	if (r == EXEC_TOO_LARGE)
		process_exit(STATUS_SIGNAL(SIGSEGV));
	return r;
}

/* path, argv, envp */
long sys_execve(struct trapframe *tf)
{
	const struct strings s = { (const uint64_t __user *)tf->rsi, (const uint64_t __user *)tf->rdx };

	return exec_at(AT_FDCWD, (const char __user *)tf->rdi, &s, 0, tf);
}

/* dirfd, path, argv, envp, flags */
long sys_execveat(struct trapframe *tf)
{
	const struct strings s = { (const uint64_t __user *)tf->rdx, (const uint64_t __user *)tf->r10 };
	int flags = (int)tf->r8;

	if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return -EINVAL;
	return exec_at((int)tf->rdi, (const char __user *)tf->rsi, &s, flags, tf);
}
