/* AF_UNIX sockets: bytes, which go through two pipes, and what can be seen; see socket.c. */
#include <kernel/fs/socket_internal.h>
#include <asm/ioctls.h>
#include <kernel/fs/pipe.h>
#include <kernel/fs/uio.h>
#include <linux/errno.h>
#include <linux/poll.h>

/* ---- bytes ---- */

/* One of its ends, counted; NULL with *err: it is not connected, or (0) shut down. */
static struct file *get_end(struct socket *s, bool out, int *err)
{
	struct file *end;

	spin_lock(&socket_lock);
	*err = s->state == SOCKET_CONNECTED ? 0 : -ENOTCONN;
	end = out ? s->out : s->in;
	if (*err)
		end = NULL;
	if (end)
		file_get(end);
	spin_unlock(&socket_lock);
	return end;
}

/* The end as this call sees it: waiting or not, as the socket's file and the call's flags say. */
static struct file view_of(const struct file *end, const struct file *f, unsigned flags)
{
	struct file view = { .data = end->data, .flags = end->flags };

	if (f->flags & O_NONBLOCK || flags & MSG_DONTWAIT)
		view.flags |= O_NONBLOCK;
	if (flags & MSG_NOSIGNAL)
		view.flags |= PIPE_NO_SIGNAL;
	return view;
}

ssize_t socket_receive(struct file *f, struct io_iter *to, unsigned flags)
{
	int err;
	struct file *end = get_end(f->data, false, &err), view;
	ssize_t r;

	if (!end)
		return err == -ENOTCONN ? -EINVAL : err;
	view = view_of(end, f, flags);
	r = end->ops->read_iter(&view, to);
	file_put(end);
	return r;
}

ssize_t socket_send(struct file *f, struct io_iter *from, unsigned flags)
{
	int err;
	struct file *end = get_end(f->data, true, &err), view;
	ssize_t r;

	if (!end) {
		if (!err && !(flags & MSG_NOSIGNAL))
			pipe_broken();
		return err ? err : -EPIPE;
	}
	view = view_of(end, f, flags);
	r = end->ops->write_iter(&view, from, NULL);
	file_put(end);
	return r;
}

/* ---- splice(2): its pipes are pipes ---- */

bool file_is_socket(const struct file *f)
{
	return f->ops == &socket_ops;
}

ssize_t socket_to_pipe(struct file *f, struct file *pipe, size_t n, bool wait)
{
	int err;
	struct file *end = get_end(f->data, false, &err);
	ssize_t r;

	if (!end)
		return err == -ENOTCONN ? -EINVAL : err;
	r = pipe_move(end, pipe, n, false, wait && !(f->flags & O_NONBLOCK));
	file_put(end);
	return r;
}

ssize_t socket_from_pipe(struct file *pipe, struct file *f, size_t n, bool wait)
{
	int err;
	struct file *end = get_end(f->data, true, &err);
	ssize_t r;

	if (!end) {
		if (!err)
			pipe_broken();
		return err ? err : -EPIPE;
	}
	r = pipe_move(pipe, end, n, false, wait && !(f->flags & O_NONBLOCK));
	file_put(end);
	return r;
}

static ssize_t socket_read_iter(struct file *f, struct io_iter *to)
{
	return socket_receive(f, to, 0);
}

static ssize_t socket_write_iter(struct file *f, struct io_iter *from, uint64_t *pos)
{
	(void)pos;
	return socket_send(f, from, 0);
}

static ssize_t socket_read(struct file *f, void __user *buf, size_t n, uint64_t off)
{
	struct iovec one = { buf, n };
	struct io_iter to = { .iov = &one, .left = n };

	(void)off;
	return socket_receive(f, &to, 0);
}

static ssize_t socket_write(struct file *f, const void __user *buf, size_t n, uint64_t off)
{
	struct iovec one = { (void __user *)buf, n };
	struct io_iter from = { .iov = &one, .left = n };

	(void)off;
	return socket_send(f, &from, 0);
}

void socket_shutdown(struct file *f, bool in, bool out)
{
	struct socket *s = f->data;
	struct file *gone[2] = { NULL, NULL };

	spin_lock(&socket_lock);
	if (s->state == SOCKET_CONNECTED) {
		gone[0] = in ? s->in : NULL;
		gone[1] = out ? s->out : NULL;
		s->in = in ? NULL : s->in;
		s->out = out ? NULL : s->out;
	}
	spin_unlock(&socket_lock);
	for (unsigned i = 0; i < 2; i++)
		if (gone[i])
			file_put(gone[i]);
	socket_tell(s);
}

/* ---- what can be seen ---- */

static unsigned poll_connected(struct file *in, struct file *out)
{
	unsigned i = in ? file_poll(in) : POLLHUP, o = out ? file_poll(out) : POLLERR, now = 0;

	if (i & (POLLIN | POLLHUP))
		now |= POLLIN | POLLRDNORM;
	if (i & POLLHUP)
		now |= POLLRDHUP;
	if (o & (POLLOUT | POLLERR))
		now |= POLLOUT | POLLWRNORM | POLLWRBAND;
	if (i & POLLHUP && o & POLLERR)
		now |= POLLHUP;
	return now;
}

static unsigned socket_poll(struct file *f)
{
	struct socket *s = f->data;
	int err, same;
	struct file *in = get_end(s, false, &err), *out = get_end(s, true, &same);
	unsigned now;

	if (!err)
		now = poll_connected(in, out);
	else if (READ_ONCE(s->state) == SOCKET_LISTENING)
		now = READ_ONCE(s->nqueued) ? POLLIN | POLLRDNORM : 0;
	else
		now = POLLOUT | POLLWRNORM | POLLWRBAND | POLLHUP;
	if (in)
		file_put(in);
	if (out)
		file_put(out);
	return now;
}

static uint64_t socket_changes(const struct file *f)
{
	struct socket *s = f->data;
	int err;
	uint64_t sum = READ_ONCE(s->changes);

	for (int i = 0; i < 2; i++) {
		struct file *end = get_end(s, i, &err);

		if (!end)
			continue;
		sum += end->ops->changes(end);
		file_put(end);
	}
	return sum;
}

static long socket_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
	int err;
	struct file *in = cmd == FIONREAD ? get_end(f->data, false, &err) : NULL;
	long r = cmd == FIONREAD ? -EINVAL : -ENOTTY;

	if (in) {
		r = in->ops->ioctl(in, cmd, arg);
		file_put(in);
	}
	return r;
}

void socket_get_name(struct file *f, struct socket_name *name)
{
	spin_lock(&socket_lock);
	*name = ((struct socket *)f->data)->name;
	spin_unlock(&socket_lock);
}

int socket_get_peer(struct file *f, struct socket_name *name, struct socket_peer *who)
{
	struct socket *s = f->data;
	int err;

	spin_lock(&socket_lock);
	err = s->state == SOCKET_CONNECTED ? 0 : -ENOTCONN;
	*name = s->peer;
	*who = s->who;
	spin_unlock(&socket_lock);
	return err;
}

bool socket_is_listening(struct file *f)
{
	return READ_ONCE(((struct socket *)f->data)->state) == SOCKET_LISTENING;
}

const struct file_ops socket_ops = {
	.read = socket_read, .write = socket_write, .read_iter = socket_read_iter,
	.write_iter = socket_write_iter, .poll = socket_poll, .changes = socket_changes,
	.ioctl = socket_ioctl, .release = socket_release, .stream = true,
};
