/* eventfd(2). Lock: that of the wait queue, for all of it. */
#include <kernel/fs/eventfd.h>
#include <arch/uaccess.h>
#include <kernel/core/wait.h>
#include <kernel/fs/anon.h>
#include <linux/errno.h>
#include <linux/poll.h>
#include <mm/alloc/slab.h>

#define COUNT_MAX	(UINT64_MAX - 1)

struct eventfd {
	struct waitq wait;		/* readers and writers */
	uint64_t count;
	uint64_t changes;
	bool semaphore;
};

static void tell(struct eventfd *e)
{
	e->changes++;
	waitq_wake_all(&e->wait);
}

/* *v: what was taken. 0; -EAGAIN, -ERESTARTSYS. */
static int take(struct eventfd *e, const struct file *f, uint64_t *v)
{
	uint64_t flags = waitq_lock(&e->wait);
	int err = 0;

	while (!e->count && !err)
		err = f->flags & O_NONBLOCK ? -EAGAIN : waitq_sleep_interruptible(&e->wait, &flags);
	if (e->count) {
		err = 0;
		*v = e->semaphore ? 1 : e->count;
		e->count -= *v;
		tell(e);
	}
	waitq_unlock(&e->wait, flags);
	return err;
}

static int add(struct eventfd *e, const struct file *f, uint64_t v)
{
	uint64_t flags = waitq_lock(&e->wait);
	int err = 0;

	while (COUNT_MAX - e->count < v && !err)
		err = f->flags & O_NONBLOCK ? -EAGAIN : waitq_sleep_interruptible(&e->wait, &flags);
	if (!err) {
		e->count += v;
		tell(e);
	}
	waitq_unlock(&e->wait, flags);
	return err;
}

static ssize_t eventfd_read(struct file *f, void __user *buf, size_t n, uint64_t off)
{
	uint64_t v;
	int err = n < sizeof(v) ? -EINVAL : take(f->data, f, &v);

	(void)off;
	if (err)
		return err;
	file_poll_wake();
	return put_user_u64(v, buf) ? -EFAULT : (ssize_t)sizeof(v);
}

static ssize_t eventfd_write(struct file *f, const void __user *buf, size_t n, uint64_t off)
{
	uint64_t v;
	int err;

	(void)off;
	if (n < sizeof(v))
		return -EINVAL;
	if (get_user_u64(&v, buf))
		return -EFAULT;
	err = v == UINT64_MAX ? -EINVAL : add(f->data, f, v);
	if (err)
		return err;
	file_poll_wake();
	return sizeof(v);
}

static unsigned eventfd_poll(struct file *f)
{
	const struct eventfd *e = f->data;
	uint64_t count = READ_ONCE(e->count);

	return (count ? POLLIN | POLLRDNORM : 0) | (count < COUNT_MAX ? POLLOUT | POLLWRNORM : 0);
}

static uint64_t eventfd_changes(const struct file *f)
{
	return READ_ONCE(((const struct eventfd *)f->data)->changes);
}

static void eventfd_release(struct file *f)
{
	kfree(f->data);
}

static const struct file_ops eventfd_ops = {
	.read = eventfd_read, .write = eventfd_write, .poll = eventfd_poll,
	.changes = eventfd_changes, .release = eventfd_release, .stream = true,
};

int eventfd_open(unsigned first, bool semaphore, unsigned flags, struct file **out)
{
	struct eventfd *e = kzalloc(sizeof(*e));
	int err = -ENOMEM;

	if (e) {
		waitq_init(&e->wait);
		e->count = first;
		e->semaphore = semaphore;
		err = anon_open("eventfd", &eventfd_ops, e, flags | O_RDWR, out);
	}
	if (err)
		kfree(e);
	return err;
}
