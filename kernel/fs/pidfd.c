/* pidfd_open(2), CLONE_PIDFD; the file has a reference of the process, as soon as that is there. */
#include <kernel/fs/pidfd.h>
#include <arch/uaccess.h>
#include <kernel/fs/anon.h>
#include <kernel/proc/process.h>
#include <linux/errno.h>
#include <linux/poll.h>

static unsigned pidfd_poll(struct file *f)
{
	const struct process *p = READ_ONCE(f->data);

	return p && READ_ONCE(p->gone) ? POLLIN | POLLRDNORM : 0;
}

static void pidfd_release(struct file *f)
{
	if (f->data)
		process_put(f->data);
}

static const struct file_ops pidfd_ops = {
	.poll = pidfd_poll, .release = pidfd_release, .stream = true,
};

struct process *pidfd_process(const struct file *f)
{
	return f->ops == &pidfd_ops ? __atomic_load_n(&f->data, __ATOMIC_ACQUIRE) : NULL;
}

static int get_process(int pid, struct process **out)
{
	struct task *t;
	int err = -ESRCH;

	spin_lock(&process_lock);
	t = task_find(pid);
	if (t)
		err = t->process->pid == pid ? 0 : -EINVAL;
	if (!err) {
		*out = t->process;
		process_get(*out);
	}
	spin_unlock(&process_lock);
	return err;
}

int pidfd_open(int pid, unsigned flags, struct file **out)
{
	struct process *p;
	int err = get_process(pid, &p);

	if (err)
		return err;
	err = anon_open("pidfd", &pidfd_ops, p, flags | O_RDWR, out);
	if (err)
		process_put(p);
	return err;
}

int pidfd_begin(struct pidfd_made *m, uint32_t __user *to)
{
	struct process *p = current_process();
	int err = anon_open("pidfd", &pidfd_ops, NULL, O_RDWR, &m->file), fd;

	if (err)
		return err;
	file_get(m->file);
	fd = files_add(&p->files, m->file, 0, process_fd_limit(p), true);
	if (fd < 0) {
		file_put(m->file);
		file_put(m->file);
		return fd;
	}
	m->fd = (unsigned)fd;
	if (!put_user_u32(m->fd, to))
		return 0;
	pidfd_finish(m, NULL);
	return -EFAULT;
}

void pidfd_finish(struct pidfd_made *m, struct process *p)
{
	if (p) {
		process_get(p);
		__atomic_store_n(&m->file->data, p, __ATOMIC_RELEASE);
	} else {
		files_take_back(&current_process()->files, m->fd, m->file);
	}
	file_put(m->file);
}
