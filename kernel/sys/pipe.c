/* Calls that make pipes: pipe, pipe2. */
#include <asm/fcntl.h>
#include <kernel/fs/pipe.h>
#include <kernel/proc/process.h>
#include <kernel/sys/syscall.h>
#include <linux/fcntl.h>

/* As long as the call may fail, another thread may have closed a number and opened something else there. */
static void take_back(struct process *p, struct file *end[2], const int fd[2])
{
	for (int i = 0; i < 2; i++)
		files_take_back(&p->files, (unsigned)fd[i], end[i]);
}

/* Gives both ends a number and the table a reference. 0 or -errno. */
static int number_ends(struct process *p, struct file *end[2], int fd[2], bool cloexec)
{
	for (int i = 0; i < 2; i++) {
		file_get(end[i]);
		fd[i] = files_add(&p->files, end[i], 0, process_fd_limit(p), cloexec);
		if (fd[i] >= 0)
			continue;
		file_put(end[i]);
		if (i)
			files_take_back(&p->files, (unsigned)fd[0], end[0]);
		return fd[i];
	}
	return 0;
}

long file_number_pair(struct file *end[2], int __user *to, bool cloexec)
{
	struct process *p = current_process();
	int fd[2], err = number_ends(p, end, fd, cloexec);

	if (!err && copy_to_user(to, fd, sizeof(fd))) {
		take_back(p, end, fd);
		err = -EFAULT;
	}
	file_put(end[0]);
	file_put(end[1]);
	return err;
}

static long make_pipe(int __user *to, unsigned flags)
{
	struct file *end[2];
	int err;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	err = pipe_create(flags & ~O_CLOEXEC, end);
	return err ? err : file_number_pair(end, to, flags & O_CLOEXEC);
}

SYSCALL1(pipe, int __user *, to)
{
	return make_pipe(to, 0);
}

SYSCALL2(pipe2, int __user *, to, unsigned, flags)
{
	return make_pipe(to, flags);
}
