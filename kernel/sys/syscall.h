/*
 * System calls: Linux's numbers, names, arguments and errors.
 *
 *	SYSCALL3(read, int, fd, void __user *, buf, size_t, n)
 *	{
 *		...
 *	}
 *
 * defines sys_read, which takes its arguments out of the trap frame; the
 * result goes to rax. calls.h lists what there is: the table is made of it.
 * Whatever else a program calls is ENOSYS, said once for each number.
 */
#ifndef KERNEL_SYS_SYSCALL_H
#define KERNEL_SYS_SYSCALL_H

#include <arch/context.h>
#include <arch/types.h>
#include <arch/uaccess.h>
#include <kernel/fs/path.h>
#include <kernel/sys/calls.h>
#include <linux/errno.h>

#define SYSCALL_(name, params, args) \
	static __always_inline_ long do_##name params; \
	long sys_##name(struct trapframe *tf) \
	{ \
		(void)tf; \
		return do_##name args; \
	} \
	static __always_inline_ long do_##name params

#define SYSCALL0(name) SYSCALL_(name, (void), ())
#define SYSCALL1(name, t1, a1) SYSCALL_(name, (t1 a1), ((t1)tf->rdi))
#define SYSCALL2(name, t1, a1, t2, a2) \
	SYSCALL_(name, (t1 a1, t2 a2), ((t1)tf->rdi, (t2)tf->rsi))
#define SYSCALL3(name, t1, a1, t2, a2, t3, a3) \
	SYSCALL_(name, (t1 a1, t2 a2, t3 a3), ((t1)tf->rdi, (t2)tf->rsi, (t3)tf->rdx))
#define SYSCALL4(name, t1, a1, t2, a2, t3, a3, t4, a4) \
	SYSCALL_(name, (t1 a1, t2 a2, t3 a3, t4 a4), \
		 ((t1)tf->rdi, (t2)tf->rsi, (t3)tf->rdx, (t4)tf->r10))
#define SYSCALL5(name, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5) \
	SYSCALL_(name, (t1 a1, t2 a2, t3 a3, t4 a4, t5 a5), \
		 ((t1)tf->rdi, (t2)tf->rsi, (t3)tf->rdx, (t4)tf->r10, (t5)tf->r8))
#define SYSCALL6(name, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5, t6, a6) \
	SYSCALL_(name, (t1 a1, t2 a2, t3 a3, t4 a4, t5 a5, t6 a6), \
		 ((t1)tf->rdi, (t2)tf->rsi, (t3)tf->rdx, (t4)tf->r10, (t5)tf->r8, (t6)tf->r9))

#define SYSCALL_COUNT	451

/* By number; NULL: Linux has none of that number either (names.c). */
extern const char *const syscall_names[SYSCALL_COUNT];

struct file;
struct node;

/* What the program knows as fd, counted; NULL: nothing, or only a place in the tree (O_PATH). (path.c) */
struct file *user_file(int fd);
/* Of such a variable: what it holds, if anything, is put when its scope ends. */
#define __put_file __attribute__((cleanup(file_put_cleanup)))
void file_put_cleanup(struct file **f);
/* A number for f in the running process's table, which takes f over, also on failure: -EMFILE, -ENOMEM. (event.c) */
long file_number(struct file *f, bool cloexec);
/* The same for two, whose numbers go to *to. 0 or -errno; also -EFAULT. (pipe.c) */
long file_number_pair(struct file *end[2], int __user *to, bool cloexec);
/*
 * The node that a path of the program's leads to, from the directory that
 * dirfd means (AT_FDCWD, or an open one), counted. flags: LOOKUP_*. (path.c)
 */
int __must_check user_path(int dirfd, const char __user *path, unsigned flags, struct node **out);
/* LOOKUP_* of AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH. */
unsigned user_lookup_flags(int at_flags);

/* Where such a path ends: for calls that change names. (path.c) */
struct user_end {
	struct path_end e;
	char *buf;			/* the names are in it */
};
int __must_check user_path_end(int dirfd, const char __user *path, unsigned flags, struct user_end *out);
void user_end_put(struct user_end *u);

/* The kind and permissions that mode asks for, without what the process's umask takes away. (tree.c) */
uint32_t user_mode(uint32_t mode);

#endif
