/* AF_UNIX sockets: what is sent and received, by their two queues, and what can be seen; see socket.c. */
#include <kernel/fs/socket_internal.h>
#include <asm/ioctls.h>
#include <arch/uaccess.h>
#include <kernel/fs/pipe.h>
#include <kernel/fs/uio.h>
#include <kernel/proc/process.h>
#include <linux/errno.h>
#include <linux/poll.h>
#include <mm/mm.h>

/* ---- bytes ---- */

/* One of its ends, counted, and what the call has to know of it; NULL with *err: it is not connected. */
static struct socket_queue *get_end(struct socket *s, bool out, int *err)
{
	struct socket_queue *end;

	spin_lock(&socket_lock);
	*err = s->state == SOCKET_CONNECTED || (s->type == SOCK_DGRAM && !out) ? 0 : -ENOTCONN;
	end = *err ? NULL : out ? s->out : s->in;
	if (end)
		socket_queue_get(end);
	spin_unlock(&socket_lock);
	return end;
}

/* How long the call may wait, and how it takes what is there. */
static void prepare(const struct file *f, struct socket_message *m, uint64_t timeout_ns)
{
	const struct socket *s = f->data;

	if (f->flags & O_NONBLOCK)
		m->flags |= MSG_DONTWAIT;
	m->record = s->type != SOCK_STREAM;
	m->wants_sender = s->options.passcred;
	m->deadline_ns = socket_deadline(timeout_ns);
}

ssize_t socket_receive(struct file *f, struct io_iter *to, struct socket_message *m)
{
	struct socket *s = f->data;
	int err;
	struct socket_queue *end = get_end(s, false, &err);
	ssize_t r;

	if (!end)
		return s->type == SOCK_STREAM ? -EINVAL : -ENOTCONN;
	prepare(f, m, s->options.receive_ns);
	r = socket_queue_receive(end, to, m);
	socket_queue_put(end);
	return r;
}

static ssize_t send_connected(struct socket *s, struct io_iter *from, struct socket_message *m)
{
	int err;
	struct socket_queue *end = get_end(s, true, &err);
	ssize_t r;

	if (!end)
		return err;
	r = socket_queue_send(end, from, m);
	socket_queue_put(end);
	if (r == -EPIPE && !(m->flags & MSG_NOSIGNAL) && s->type == SOCK_STREAM)
		pipe_broken();
	return r;
}

ssize_t socket_send(struct file *f, struct io_iter *from, struct socket_message *m)
{
	const struct process *p = current_process();
	struct socket *s = f->data;

	prepare(f, m, s->options.send_ns);
	if (!m->has_who)
		m->who = (struct socket_peer){ (uint32_t)p->pid, p->cred.uid, p->cred.gid };
	return s->type == SOCK_DGRAM ? datagram_send(s, from, m) : send_connected(s, from, m);
}

static ssize_t socket_read_iter(struct file *f, struct io_iter *to)
{
	struct socket_message m = { 0 };
	ssize_t r = socket_receive(f, to, &m);

	socket_cargo_free(m.cargo);	/* nobody can have it this way */
	return r;
}

static ssize_t socket_write_iter(struct file *f, struct io_iter *from, uint64_t *pos)
{
	struct socket_message m = { 0 };

	(void)pos;
	return socket_send(f, from, &m);
}

static ssize_t socket_read(struct file *f, void __user *buf, size_t n, uint64_t off)
{
	struct iovec one = { buf, n };
	struct io_iter to = { .iov = &one, .left = n };

	(void)off;
	return socket_read_iter(f, &to);
}

static ssize_t socket_write(struct file *f, const void __user *buf, size_t n, uint64_t off)
{
	struct iovec one = { (void __user *)buf, n };
	struct io_iter from = { .iov = &one, .left = n };

	(void)off;
	return socket_write_iter(f, &from, NULL);
}

/* ---- splice(2): what is received becomes a slot of a pipe ---- */

/* The pipe has room; who takes that meanwhile is waited for, since what was received is nowhere else. */
static ssize_t page_to_pipe(struct file *f, struct file *pipe, size_t n, bool wait)
{
	struct socket_message m = { .flags = wait ? 0 : MSG_DONTWAIT };
	struct page *p = page_alloc(0, PAGE_KERNEL, 0);
	struct iovec one = { p ? (void __user *)page_to_virt(p) : NULL, MIN(n, PAGE_SIZE) };
	struct io_iter to = { .iov = &one, .left = one.iov_len, .kernel = true };
	ssize_t r = p ? socket_receive(f, &to, &m) : -ENOMEM;
	int err = r > 0 ? pipe_add(pipe, p, 0, (unsigned)r, true) : 0;

	socket_cargo_free(m.cargo);
	if (p)
		page_put(p);
	return err ? err : r;
}

ssize_t socket_to_pipe(struct file *f, struct file *pipe, size_t n, bool wait)
{
	size_t done = 0;
	ssize_t r;

	do {
		r = pipe_has_room(pipe, wait && !done);
		if (!r)
			r = page_to_pipe(f, pipe, n - done, wait && !done);
		done += (size_t)MAX(r, 0);
	} while (r > 0 && done < n);
	return done ? (ssize_t)done : r;
}

/* Who waits to be accepted by it, or to accept, waits no more; or it sends no more datagrams. */
static void shut_alone(struct socket *s, bool in, bool out)
{
	spin_lock(&socket_lock);
	if (s->state == SOCKET_LISTENING || s->type == SOCK_DGRAM) {
		s->shut_in |= in;
		s->shut_out |= out;
	}
	spin_unlock(&socket_lock);
}

/* Both sides see it: what is not received any more is not sent either. */
void socket_shutdown(struct file *f, bool in, bool out)
{
	struct socket *s = f->data;
	int err;

	shut_alone(s, in, out);
	for (unsigned i = 0; i < (s->type == SOCK_DGRAM ? 1 : 2); i++) {
		struct socket_queue *end = (i ? out : in) ? get_end(s, i, &err) : NULL;

		if (!end)
			continue;
		if (i)
			socket_queue_close_writer(end, false);
		else
			socket_queue_close_reader(end);
		socket_queue_put(end);
	}
	socket_tell(s);
}

/* ---- what can be seen ---- */

static unsigned poll_connected(struct socket_queue *in, struct socket_queue *out)
{
	unsigned i = socket_queue_poll_in(in), o = socket_queue_poll_out(out, false);

	if (!(i & POLLRDHUP))
		o &= ~(unsigned)POLLHUP;
	return i | o;
}

static unsigned poll_listener(const struct socket *s)
{
	bool in = READ_ONCE(s->shut_in), ready = in || READ_ONCE(s->nqueued);

	return (ready ? POLLIN | POLLRDNORM : 0) | (in ? POLLRDHUP : 0) | (in && READ_ONCE(s->shut_out) ? POLLHUP : 0);
}

static unsigned socket_poll(struct file *f)
{
	struct socket *s = f->data;
	int err;
	struct socket_queue *in = get_end(s, false, &err), *out = get_end(s, true, &err);
	unsigned now;

	if (s->type == SOCK_DGRAM)
		now = datagram_poll(s);
	else if (in && out)
		now = poll_connected(in, out);
	else if (READ_ONCE(s->state) == SOCKET_LISTENING)
		now = poll_listener(s);
	else
		now = POLLOUT | POLLWRNORM | POLLWRBAND | POLLHUP;
	if (in)
		socket_queue_put(in);
	if (out)
		socket_queue_put(out);
	return now;
}

static uint64_t socket_changes(const struct file *f)
{
	struct socket *s = f->data;
	int err;
	uint64_t sum = READ_ONCE(s->changes);

	for (int i = 0; i < 2; i++) {
		struct socket_queue *end = get_end(s, i, &err);

		if (!end)
			continue;
		sum += READ_ONCE(end->changes);
		socket_queue_put(end);
	}
	return sum;
}

static long socket_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
	struct socket_queue *in;
	size_t n;
	int err;

	if (cmd != FIONREAD)
		return -ENOTTY;
	in = get_end(f->data, false, &err);
	if (!in)
		return -EINVAL;
	n = socket_queue_waiting(in);
	socket_queue_put(in);
	return put_user_u32((uint32_t)n, (uint32_t __user *)arg);
}

int socket_take_error(struct file *f)
{
	int err;
	struct socket_queue *in = get_end(f->data, false, &err);

	if (!in)
		return 0;
	err = socket_queue_take_reset(in) ? ECONNRESET : 0;
	socket_queue_put(in);
	return err;
}

struct socket_options socket_get_options(const struct file *f)
{
	struct socket_options o;

	spin_lock(&socket_lock);
	o = ((const struct socket *)f->data)->options;
	spin_unlock(&socket_lock);
	return o;
}

void socket_set_options(struct file *f, const struct socket_options *o)
{
	spin_lock(&socket_lock);
	((struct socket *)f->data)->options = *o;
	spin_unlock(&socket_lock);
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

unsigned socket_type(const struct file *f)
{
	return ((const struct socket *)f->data)->type;
}

const struct file_ops socket_ops = {
	.read = socket_read, .write = socket_write, .read_iter = socket_read_iter,
	.write_iter = socket_write_iter, .poll = socket_poll, .changes = socket_changes,
	.ioctl = socket_ioctl, .release = socket_release, .stream = true,
};
