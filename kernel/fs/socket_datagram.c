/*
 * Sockets of datagrams: each has one queue, its own, that it receives from (socket.in); all who know its name may send
 * to it. One that is connected sends to that queue (socket.out) where it is told no other name, and receives from
 * its socket alone. A queue outlives its reader, so that who is connected to one that was closed learns of it.
 *
 * How much may wait is counted for the receiver, where Linux counts for the sender: SOCKET_BUFFER in all, and few
 * datagrams from those that it is not connected to.
 */
#include <kernel/fs/socket_internal.h>
#include <kernel/fs/uio.h>
#include <linux/errno.h>
#include <linux/poll.h>

/* ---- to whom; socket_lock is held ---- */

/* May s send to who reads q? 0, -ECONNREFUSED: he is gone; -EPERM: he listens to another one. */
static int may_send(const struct socket *s, const struct socket_queue *q)
{
	if (!q->reader)
		return -ECONNREFUSED;
	return q->reader->out && q->reader->out != s->in ? -EPERM : 0;
}

/* Is who reads q connected to s? */
static bool listens_to(const struct socket_queue *q, const struct socket *s)
{
	return q->reader && q->reader->out == s->in;
}

/* ---- connections ---- */

void datagram_connect_pair(struct socket *a, struct socket *b)
{
	spin_lock(&socket_lock);
	a->out = b->in;
	b->out = a->in;
	socket_queue_get(a->in);
	socket_queue_get(b->in);
	a->state = b->state = SOCKET_CONNECTED;
	spin_unlock(&socket_lock);
}

/*
 * s, if it is connected to who reads `old`, is so to `out` (counted; NULL: to nobody). What has come from there is lost:
 * if he is connected to s, he is told.
 */
static void change_peer(struct socket *s, struct socket_queue *old, struct socket_queue *out)
{
	bool mutual = false, done;

	spin_lock(&socket_lock);
	done = s->out == old;
	if (done) {
		s->out = out;
		s->state = out ? SOCKET_CONNECTED : SOCKET_NEW;
		mutual = old && listens_to(old, s);
	}
	spin_unlock(&socket_lock);
	if (!done)			/* another thread was faster */
		old = out;
	else if (old && old != out && socket_queue_purge(s->in) && mutual)
		socket_queue_reset(old);
	if (old)
		socket_queue_put(old);
	socket_tell(s);
}

int datagram_connect(struct socket *s, struct node *node, const struct socket_name *name)
{
	struct socket_queue *old, *out = NULL;
	struct socket *other;
	int err;

	spin_lock(&socket_lock);
	err = socket_find(s->type, node, name, &other);
	if (!err)
		err = may_send(s, other->in);
	if (!err) {
		out = other->in;
		socket_queue_get(out);
		s->peer = other->name;
		s->who = (struct socket_peer){ 0, UINT32_MAX, UINT32_MAX };
	}
	old = s->out;
	spin_unlock(&socket_lock);
	if (!err)
		change_peer(s, old, out);
	return err;
}

void socket_disconnect(struct file *f)
{
	struct socket *s = f->data;

	change_peer(s, READ_ONCE(s->out), NULL);
}

void datagram_leave(struct socket *s)
{
	spin_lock(&socket_lock);
	s->in->reader = NULL;
	spin_unlock(&socket_lock);
	socket_queue_close_reader(s->in);
	socket_queue_drain(s->in);
	if (s->out)
		socket_queue_put(s->out);
	socket_queue_put(s->in);
}

/* ---- sending ---- */

int socket_aim(struct file *f, struct node *node, const struct socket_name *name, struct socket_message *m)
{
	struct socket *s = f->data, *other;
	int err;

	spin_lock(&socket_lock);
	err = socket_find(s->type, node, name, &other);
	if (!err) {
		m->to = other->in;
		socket_queue_get(m->to);
	}
	spin_unlock(&socket_lock);
	return err;
}

/* The queue that m goes to, counted (NULL: none), and what the message has to know; *err: why it may not go there. */
static struct socket_queue *get_target(const struct socket *s, struct socket_message *m, int *err)
{
	struct socket_queue *q;

	spin_lock(&socket_lock);
	q = m->to ? m->to : s->out;
	*err = !q ? -ENOTCONN : s->shut_out ? -EPIPE : may_send(s, q);
	if (q)
		socket_queue_get(q);
	m->limited = q && q != s->in && !listens_to(q, s);
	m->from = s->name;
	if (m->from.len <= sizeof(m->from.un.sun_family))
		m->from.len = 0;
	spin_unlock(&socket_lock);
	return q;
}

static bool is_gone(const struct socket_queue *q)
{
	bool gone;

	spin_lock(&socket_lock);
	gone = !q->reader;
	spin_unlock(&socket_lock);
	return gone;
}

ssize_t datagram_send(struct socket *s, struct io_iter *from, struct socket_message *m)
{
	int err;
	struct socket_queue *q = get_target(s, m, &err);
	ssize_t r = err;

	if (!q)
		return err;
	if (socket_queue_take_reset(s->in))
		r = -ECONNRESET;
	else if (!err)
		r = socket_queue_send(q, from, m);
	if (r == -EPIPE && !READ_ONCE(s->shut_out) && is_gone(q))
		r = -ECONNREFUSED;
	if (r == -ECONNREFUSED && !m->to)
		change_peer(s, q, NULL);
	socket_queue_put(q);
	return r;
}

/* ---- what can be seen ---- */

unsigned datagram_poll(struct socket *s)
{
	struct socket_message m = { 0 };
	int err;
	struct socket_queue *q = get_target(s, &m, &err);
	unsigned now = socket_queue_poll_in(s->in);

	now |= q ? socket_queue_poll_out(q, m.limited) & ~(unsigned)POLLHUP : POLLOUT | POLLWRNORM | POLLWRBAND;
	if (now & POLLRDHUP && READ_ONCE(s->shut_out))
		now |= POLLHUP;
	if (q)
		socket_queue_put(q);
	return now;
}
