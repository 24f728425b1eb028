/* Calls that make pipes: pipe, pipe2. */
#include <asm/fcntl.h>
#include <kernel/fs/pipe.h>
#include <kernel/proc/process.h>
#include <kernel/sys/syscall.h>
#include <linux/fcntl.h>

/* Gives both ends, which are taken over, a number. 0 or -errno. */
static int number_ends(struct process *p, struct file *end[2], int fd[2], bool cloexec)
{
	fd[0] = files_add(&p->files, end[0], 0, process_fd_limit(p), cloexec);
	if (fd[0] < 0) {
		file_put(end[0]);
		file_put(end[1]);
		return fd[0];
	}
	fd[1] = files_add(&p->files, end[1], 0, process_fd_limit(p), cloexec);
	if (fd[1] < 0) {
		(void)!files_close(&p->files, (unsigned)fd[0]);
		file_put(end[1]);
		return fd[1];
	}
	return 0;
}

static long make_pipe(int __user *to, unsigned flags)
{
	struct process *p = current_process();
	struct file *end[2];
	int fd[2], err;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	err = pipe_create(flags & ~O_CLOEXEC, end);
	if (err)
		return err;
	err = number_ends(p, end, fd, flags & O_CLOEXEC);
	if (err)
		return err;
	if (!copy_to_user(to, fd, sizeof(fd)))
		return 0;
	(void)!files_close(&p->files, (unsigned)fd[0]);
	(void)!files_close(&p->files, (unsigned)fd[1]);
	return -EFAULT;
}

SYSCALL1(pipe, int __user *, to)
{
	return make_pipe(to, 0);
}

SYSCALL2(pipe2, int __user *, to, unsigned, flags)
{
	return make_pipe(to, flags);
}
