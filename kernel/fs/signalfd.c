/*
 * signalfd(2). A reader takes signals as rt_sigtimedwait(2) does; what it waits for, and poll(2), is that
 * a signal is sent to anybody: senders say so as long as there is a signalfd at all (signal_watchers).
 */
#include <kernel/fs/signalfd.h>
#include <kernel/core/wait.h>
#include <kernel/fs/anon.h>
#include <kernel/proc/process.h>
#include <linux/errno.h>
#include <linux/poll.h>
#include <linux/signalfd.h>
#include <mm/alloc/slab.h>

struct signalfd {
	uint64_t set;			/* written at once */
};

static const struct file_ops signalfd_ops;

/* What a siginfo says, in the places where a signalfd_siginfo has it. */
static struct signalfd_siginfo told(const struct sig_info *i)
{
	struct signalfd_siginfo s = { .ssi_signo = (uint32_t)i->signo, .ssi_errno = i->error, .ssi_code = i->code };

	if (i->code == SI_TIMER) {
		s.ssi_tid = (uint32_t)i->pid;
		s.ssi_overrun = i->uid;
	} else {
		s.ssi_pid = (uint32_t)i->pid;
		s.ssi_uid = i->uid;
	}
	if (i->signo == SIGCHLD && i->code > 0) {
		s.ssi_status = i->status;
		s.ssi_utime = i->utime;
		s.ssi_stime = i->stime;
	} else if (i->code < 0 && i->code != SI_TKILL) {
		s.ssi_ptr = i->value;
		s.ssi_int = (int32_t)i->value;
	}
	return s;
}

/* The next one, waiting for it if told to. Its number; -EAGAIN, -ERESTARTSYS. */
static int take(const struct signalfd *s, bool wait, struct sig_info *info)
{
	uint64_t changes;
	int sig, err = 0;

	do {
		changes = file_poll_changes();
		sig = signal_take_now(signal_thread(), READ_ONCE(s->set), info);
		if (!sig)
			err = wait ? file_poll_sleep(changes, UINT64_MAX) : -EAGAIN;
	} while (!sig && !err);
	return sig ? sig : err;
}

static ssize_t signalfd_read(struct file *f, void __user *buf, size_t n, uint64_t off)
{
	struct signalfd_siginfo one;
	struct sig_info info;
	size_t done = 0;
	int r = 0;

	(void)off;
	if (n < sizeof(one))
		return -EINVAL;
	for (; done + sizeof(one) <= n; done += sizeof(one)) {
		r = take(f->data, !done && !(f->flags & O_NONBLOCK), &info);
		if (r < 0)
			break;
		one = told(&info);
		r = copy_to_user((char __user *)buf + done, &one, sizeof(one)) ? -EFAULT : 0;
		if (r)
			break;
	}
	return done ? (ssize_t)done : r;
}

static unsigned signalfd_poll(struct file *f)
{
	const struct signalfd *s = f->data;

	return signal_is_pending(signal_thread(), READ_ONCE(s->set)) ? POLLIN | POLLRDNORM : 0;
}

static void signalfd_release(struct file *f)
{
	__atomic_fetch_sub(&signal_watchers, 1, __ATOMIC_SEQ_CST);
	kfree(f->data);
}

static const struct file_ops signalfd_ops = {
	.read = signalfd_read, .poll = signalfd_poll, .release = signalfd_release, .stream = true,
};

int signalfd_change(struct file *f, uint64_t set)
{
	if (f->ops != &signalfd_ops)
		return -EINVAL;
	WRITE_ONCE(((struct signalfd *)f->data)->set, set & ~SIG_UNBLOCKABLE);
	file_poll_wake();
	return 0;
}

int signalfd_open(uint64_t set, unsigned flags, struct file **out)
{
	struct signalfd *s = kzalloc(sizeof(*s));
	int err = -ENOMEM;

	if (s) {
		s->set = set & ~SIG_UNBLOCKABLE;
		err = anon_open("signalfd", &signalfd_ops, s, flags | O_RDWR, out);
	}
	if (err)
		kfree(s);
	else
		__atomic_fetch_add(&signal_watchers, 1, __ATOMIC_SEQ_CST);
	return err;
}
