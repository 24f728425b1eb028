/* pidfd_open(2); the file has a reference of the process. */
#include <kernel/fs/pidfd.h>
#include <kernel/fs/anon.h>
#include <kernel/proc/process.h>
#include <linux/errno.h>
#include <linux/poll.h>

static unsigned pidfd_poll(struct file *f)
{
	const struct process *p = f->data;

	return READ_ONCE(p->gone) ? POLLIN | POLLRDNORM : 0;
}

static void pidfd_release(struct file *f)
{
	process_put(f->data);
}

static const struct file_ops pidfd_ops = {
	.poll = pidfd_poll, .release = pidfd_release, .stream = true,
};

struct process *pidfd_process(const struct file *f)
{
	return f->ops == &pidfd_ops ? f->data : NULL;
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
