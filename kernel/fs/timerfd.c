/*
 * timerfd_create(2). How often it was due is computed when it is read; the kernel's timer only
 * wakes those who wait for the next time.
 *
 * Locks: set (RANK_FS) makes one step of cancelling and arming; that of the wait queue, inside
 * it, guards the times.
 */
#include <kernel/fs/timerfd.h>
#include <arch/uaccess.h>
#include <kernel/core/clock.h>
#include <kernel/fs/anon.h>
#include <linux/errno.h>
#include <linux/poll.h>
#include <mm/alloc/slab.h>

struct timerfd {
	struct mutex set;
	struct waitq wait;
	struct timer timer;		/* set */
	bool realtime;			/* const */
	uint64_t next, every;		/* wait.lock: ns of the monotonic clock; next 0: off */
	uint64_t changes;		/* wait.lock */
};

static const struct file_ops timerfd_ops;

/* How often it was due by now and not read. wait.lock is held. */
static uint64_t due(const struct timerfd *t)
{
	uint64_t now = clock_monotonic_ns();

	if (!t->next || now < t->next)
		return 0;
	return t->every ? 1 + (now - t->next) / t->every : 1;
}

/* In the timer interrupt. */
static void rings(struct timer *timer)
{
	struct timerfd *t = container_of(timer, struct timerfd, timer);
	uint64_t flags = waitq_lock(&t->wait);

	t->changes++;
	waitq_wake_all(&t->wait);
	waitq_unlock(&t->wait, flags);
	file_poll_wake();
}

/* Takes what was due: how often; 0: it was not. */
static uint64_t take(struct timerfd *t)
{
	uint64_t flags, n, next;

	mutex_lock(&t->set);
	(void)timer_cancel(&t->timer);
	flags = waitq_lock(&t->wait);
	n = due(t);
	if (n)
		t->next = t->every ? t->next + n * t->every : 0;
	next = t->next;
	waitq_unlock(&t->wait, flags);
	if (next)
		timer_arm(&t->timer, next);
	mutex_unlock(&t->set);
	return n;
}

static int wait_until_due(struct timerfd *t)
{
	uint64_t flags = waitq_lock(&t->wait);
	int err = 0;

	while (!due(t) && !err)
		err = waitq_sleep_interruptible(&t->wait, &flags);
	waitq_unlock(&t->wait, flags);
	return err;
}

static ssize_t timerfd_read(struct file *f, void __user *buf, size_t n, uint64_t off)
{
	uint64_t count = 0;
	int err = 0;

	(void)off;
	if (n < sizeof(count))
		return -EINVAL;
	while (!(count = take(f->data)) && !err)
		err = f->flags & O_NONBLOCK ? -EAGAIN : wait_until_due(f->data);
	if (!count)
		return err;
	return put_user_u64(count, buf) ? -EFAULT : (ssize_t)sizeof(count);
}

static unsigned timerfd_poll(struct file *f)
{
	struct timerfd *t = f->data;
	uint64_t flags = waitq_lock(&t->wait), n = due(t);

	waitq_unlock(&t->wait, flags);
	return n ? POLLIN | POLLRDNORM : 0;
}

static uint64_t timerfd_changes(const struct file *f)
{
	return READ_ONCE(((const struct timerfd *)f->data)->changes);
}

static void timerfd_release(struct file *f)
{
	struct timerfd *t = f->data;

	(void)timer_cancel(&t->timer);
	kfree(t);
}

static const struct file_ops timerfd_ops = {
	.read = timerfd_read, .poll = timerfd_poll, .changes = timerfd_changes,
	.release = timerfd_release, .stream = true,
};

bool is_timerfd(const struct file *f)
{
	return f->ops == &timerfd_ops;
}

bool timerfd_is_realtime(const struct file *f)
{
	return ((const struct timerfd *)f->data)->realtime;
}

/* wait.lock is held. */
static void tell(const struct timerfd *t, struct timer_setting *s)
{
	uint64_t now = clock_monotonic_ns();

	s->every_ns = t->every;
	if (!t->next)
		s->left_ns = 0;
	else if (now < t->next)
		s->left_ns = t->next - now;
	else
		s->left_ns = t->every ? t->every - (now - t->next) % t->every : 0;
}

void timerfd_get(struct file *f, struct timer_setting *s)
{
	struct timerfd *t = f->data;
	uint64_t flags = waitq_lock(&t->wait);

	tell(t, s);
	waitq_unlock(&t->wait, flags);
}

void timerfd_set(struct file *f, uint64_t at, uint64_t every, struct timer_setting *old)
{
	struct timerfd *t = f->data;
	uint64_t flags;

	mutex_lock(&t->set);
	(void)timer_cancel(&t->timer);
	flags = waitq_lock(&t->wait);
	tell(t, old);
	t->next = at;
	t->every = every;
	waitq_wake_all(&t->wait);
	waitq_unlock(&t->wait, flags);
	if (at)
		timer_arm(&t->timer, at);
	mutex_unlock(&t->set);
}

int timerfd_open(bool realtime, unsigned flags, struct file **out)
{
	struct timerfd *t = kzalloc(sizeof(*t));
	int err = -ENOMEM;

	if (t) {
		mutex_init(&t->set, RANK_FS);
		waitq_init(&t->wait);
		t->timer.fn = rings;
		t->realtime = realtime;
		err = anon_open("timerfd", &timerfd_ops, t, flags | O_RDWR, out);
	}
	if (err)
		kfree(t);
	return err;
}
