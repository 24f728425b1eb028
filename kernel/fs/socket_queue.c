/* What two sockets send each other; see socket_queue.h. */
#include <kernel/fs/socket_internal.h>
#include <kernel/fs/uio.h>
#include <lib/assert.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <linux/poll.h>
#include <mm/alloc/slab.h>

#define PIECE_MAX	(8192 - sizeof(struct packet))	/* of a stream, in one packet */
#define RECORD_MAX	65536u

struct packet {
	TAILQ_ENTRY(packet) link;
	struct socket_cargo *cargo;
	struct socket_peer who;
	size_t len, at;			/* received up to there */
	unsigned name_len;		/* of the sender's name, which stands behind the data */
	uint8_t data[];
};

/* ---- life ---- */

struct socket_queue *socket_queue_create(struct socket *reader)
{
	struct socket_queue *q = kzalloc(sizeof(*q));

	if (!q)
		return NULL;
	q->refs = 1;
	spin_init(&q->lock, RANK_FS);
	waitq_init(&q->wait);
	TAILQ_INIT(&q->packets);
	q->reader = reader;
	return q;
}

static void tell(struct socket_queue *q)
{
	uint64_t flags = waitq_lock(&q->wait);

	q->changes++;
	waitq_wake_all(&q->wait);
	waitq_unlock(&q->wait, flags);
	file_poll_wake();
}

static void drop_packet(struct socket_queue *q, struct packet *p)
{
	if (p->cargo) {
		cargo_unload(q, p->cargo);
		socket_cargo_free(p->cargo);
	}
	kfree(p);
}

void socket_queue_drain(struct socket_queue *q)
{
	struct packet *p;

	for (;;) {
		spin_lock(&q->lock);
		p = TAILQ_FIRST(&q->packets);
		if (p)
			TAILQ_REMOVE(&q->packets, p, link);
		spin_unlock(&q->lock);
		if (!p)
			return;
		drop_packet(q, p);
	}
}

/* p is in line no more; what has not been received of it is not counted any more. Lock held. */
static void take_out(struct socket_queue *q, struct packet *p)
{
	TAILQ_REMOVE(&q->packets, p, link);
	q->bytes -= p->len - p->at;
	q->charged -= p->len - p->at + sizeof(*p);
	q->npackets--;
}

bool socket_queue_purge(struct socket_queue *q)
{
	TAILQ_HEAD(, packet) dead = TAILQ_HEAD_INITIALIZER(dead);
	struct packet *p, *next;
	bool any;

	spin_lock(&q->lock);
	p = TAILQ_FIRST(&q->packets);
	if (p && q->being_read)
		p = TAILQ_NEXT(p, link);
	for (; p; p = next) {
		next = TAILQ_NEXT(p, link);
		take_out(q, p);
		TAILQ_INSERT_TAIL(&dead, p, link);
	}
	spin_unlock(&q->lock);
	any = !TAILQ_EMPTY(&dead);
	while ((p = TAILQ_FIRST(&dead))) {
		TAILQ_REMOVE(&dead, p, link);
		drop_packet(q, p);
	}
	if (any)
		tell(q);
	return any;
}

void socket_queue_put(struct socket_queue *q)
{
	if (!ref_put(&q->refs))
		return;
	socket_queue_drain(q);
	kfree(q);
}

void socket_queue_close_reader(struct socket_queue *q)
{
	spin_lock(&q->lock);
	q->no_reader = true;
	spin_unlock(&q->lock);
	tell(q);
}

void socket_queue_close_writer(struct socket_queue *q, bool reset)
{
	spin_lock(&q->lock);
	q->no_writer = true;
	q->reset |= reset;
	spin_unlock(&q->lock);
	tell(q);
}

void socket_queue_reset(struct socket_queue *q)
{
	spin_lock(&q->lock);
	q->reset = true;
	spin_unlock(&q->lock);
	tell(q);
}

bool socket_queue_take_reset(struct socket_queue *q)
{
	bool was;

	spin_lock(&q->lock);
	was = q->reset;
	q->reset = false;
	spin_unlock(&q->lock);
	return was;
}

/* Lets the lock go until something has changed. 0, -EAGAIN, -ERESTARTSYS, -EINTR. */
static int wait_for_change(struct socket_queue *q, const struct socket_message *m)
{
	uint64_t seen = READ_ONCE(q->changes), flags;
	int err = 0;

	if (m->flags & MSG_DONTWAIT)
		return -EAGAIN;
	spin_unlock(&q->lock);
	flags = waitq_lock(&q->wait);
	while (q->changes == seen && !err)
		err = waitq_sleep_interruptible_until(&q->wait, &flags, m->deadline_ns);
	waitq_unlock(&q->wait, flags);
	spin_lock(&q->lock);
	if (err == -ERESTARTSYS)
		return socket_interrupted(m->deadline_ns);
	return err == -ETIMEDOUT ? -EAGAIN : err;
}

/* ---- sending ---- */

static bool has_room(const struct socket_queue *q, bool limited)
{
	return q->charged < SOCKET_BUFFER && (!limited || q->npackets <= DATAGRAMS_MAX);
}

/* The next n bytes as a packet. 0, -ENOMEM, -EFAULT. */
static int fill(struct io_iter *from, size_t n, const struct socket_message *m, struct packet **out)
{
	struct packet *p = kmalloc(sizeof(*p) + n + m->from.len);

	if (!p)
		return -ENOMEM;
	p->len = n ? io_iter_take(from, p->data, n) : 0;
	p->at = 0;
	p->who = m->who;
	p->cargo = NULL;
	p->name_len = m->from.len;
	memcpy(p->data + n, &m->from.un, m->from.len);
	*out = p;
	if (p->len == n)
		return 0;
	kfree(p);
	return -EFAULT;
}

/* Puts p in line, when there is room. */
static int enqueue(struct socket_queue *q, struct packet *p, const struct socket_message *m)
{
	int err = 0;

	spin_lock(&q->lock);
	while (!err && !q->no_reader && !q->no_writer && !has_room(q, m->limited))
		err = wait_for_change(q, m);
	if (!err && (q->no_reader || q->no_writer))
		err = -EPIPE;
	if (!err) {
		TAILQ_INSERT_TAIL(&q->packets, p, link);
		q->npackets++;
		q->bytes += p->len;
		q->charged += p->len + sizeof(*p);
	}
	spin_unlock(&q->lock);
	if (!err)
		tell(q);
	return err;
}

static int send_packet(struct socket_queue *q, struct io_iter *from, size_t n, struct socket_message *m)
{
	struct packet *p;
	int err = fill(from, n, m, &p);

	if (err)
		return err;
	if (m->cargo)
		err = cargo_load(q, m->cargo);
	if (!err) {
		p->cargo = m->cargo;
		err = enqueue(q, p, m);
		if (!err)
			m->cargo = NULL;
		else if (p->cargo)
			cargo_unload(q, p->cargo);
	}
	if (err)
		kfree(p);
	return err;
}

ssize_t socket_queue_send(struct socket_queue *q, struct io_iter *from, struct socket_message *m)
{
	size_t total = from->left;
	ssize_t done = 0;
	int err;

	if (m->record && total > RECORD_MAX)
		return -EMSGSIZE;
	do {
		size_t n = m->record ? total : MIN(total - (size_t)done, PIECE_MAX);

		if (!n && !m->record)
			return READ_ONCE(q->no_reader) ? -EPIPE : 0;
		err = send_packet(q, from, n, m);
		if (err)
			return done ? done : err;
		done += (ssize_t)n;
	} while ((size_t)done < total);
	return done;
}

/* ---- receiving; the lock is held ---- */

/* p has been received, up to n bytes more of it. */
static void consume(struct socket_queue *q, struct packet *p, size_t n, struct packet **dead)
{
	bool had_room = has_room(q, false), had_all = has_room(q, true);

	p->at += n;
	q->bytes -= n;
	q->charged -= n;
	if (p->at == p->len) {
		take_out(q, p);
		*dead = p;
	}
	if (has_room(q, false) > had_room || has_room(q, true) > had_all)
		tell(q);
}

/* What comes with p is m's. The lock is let go meanwhile. */
static int take_cargo(struct socket_queue *q, struct packet *p, struct socket_message *m)
{
	if (!p->cargo)
		return 0;
	if (m->flags & MSG_PEEK) {
		m->cargo = cargo_copy(p->cargo);
		return m->cargo ? 0 : -ENOMEM;
	}
	spin_unlock(&q->lock);
	cargo_unload(q, p->cargo);
	spin_lock(&q->lock);
	m->cargo = p->cargo;
	p->cargo = NULL;
	return 0;
}

static bool same_sender(const struct socket_peer *a, const struct socket_peer *b)
{
	return a->pid == b->pid && a->uid == b->uid && a->gid == b->gid;
}

/* From p; the lock is let go meanwhile. Bytes or -EFAULT. */
static ssize_t copy_packet(struct socket_queue *q, const struct packet *p, struct io_iter *to)
{
	size_t n = MIN(to->left, p->len - p->at), done;

	spin_unlock(&q->lock);
	done = n ? io_iter_put(to, p->data + p->at, n) : 0;
	spin_lock(&q->lock);
	return done == n ? (ssize_t)n : -EFAULT;
}

/* All of one record, or as much as there is room for: then the rest is gone. */
static ssize_t receive_record(struct socket_queue *q, struct io_iter *to, struct socket_message *m)
{
	struct packet *p = TAILQ_FIRST(&q->packets), *dead = NULL;
	ssize_t n = copy_packet(q, p, to), len = (ssize_t)p->len;
	int err = n < 0 ? (int)n : take_cargo(q, p, m);

	if (err)
		return err;
	m->who = p->who;
	m->cut = n < len;
	m->from.len = p->name_len;
	memcpy(&m->from.un, p->data + p->len, p->name_len);
	if (!(m->flags & MSG_PEEK))
		consume(q, p, p->len, &dead);
	if (dead) {
		spin_unlock(&q->lock);
		drop_packet(q, dead);
		spin_lock(&q->lock);
	}
	return m->flags & MSG_TRUNC ? len : n;
}

/* As much as is there, of one sender where that is asked for, up to the first cargo. */
static ssize_t receive_some(struct socket_queue *q, struct io_iter *to, struct socket_message *m, bool first)
{
	struct packet *p = TAILQ_FIRST(&q->packets), *next;
	ssize_t done = 0;

	for (; p && to->left && !m->cargo; p = next, first = false) {
		struct packet *dead = NULL;
		ssize_t n;
		int err;

		if (!first && m->wants_sender && !same_sender(&p->who, &m->who))
			break;
		n = copy_packet(q, p, to);
		err = n < 0 ? (int)n : take_cargo(q, p, m);
		if (err)
			return done ? done : err;
		m->who = p->who;
		done += n;
		next = TAILQ_NEXT(p, link);
		if (!(m->flags & MSG_PEEK))
			consume(q, p, (size_t)n, &dead);
		if (dead) {
			spin_unlock(&q->lock);
			drop_packet(q, dead);
			spin_lock(&q->lock);
		}
	}
	return done;
}

/* Until there is something to receive, and nobody else does so. 1: there is; 0: there will be nothing; or an error. */
static int wait_for_packets(struct socket_queue *q, const struct socket_message *m)
{
	int err = 0;

	while (!err) {
		if (!q->being_read && q->reset && (m->record || TAILQ_EMPTY(&q->packets))) {
			q->reset = false;
			return -ECONNRESET;
		}
		if (!q->being_read && !TAILQ_EMPTY(&q->packets))
			return 1;
		if (!q->being_read && (q->no_writer || q->no_reader))
			return q->datagrams && m->flags & MSG_DONTWAIT ? -EAGAIN : 0;
		q->contended |= q->being_read;
		err = wait_for_change(q, m);
	}
	return err;
}

/* It has been read by one, and others may. */
static void end_reading(struct socket_queue *q)
{
	q->being_read = false;
	if (q->contended)
		tell(q);
	q->contended = false;
}

ssize_t socket_queue_receive(struct socket_queue *q, struct io_iter *to, struct socket_message *m)
{
	ssize_t done = 0, r;
	bool more;

	spin_lock(&q->lock);
	do {
		r = wait_for_packets(q, m);
		if (r <= 0)
			break;
		q->being_read = true;
		r = m->record ? receive_record(q, to, m) : receive_some(q, to, m, !done);
		end_reading(q);
		more = r > 0 && m->flags & MSG_WAITALL && !m->record && !m->cargo && !(m->flags & MSG_PEEK);
		done += MAX(r, 0);
	} while (more && to->left);
	spin_unlock(&q->lock);
	return done ? done : r;
}

/* ---- what can be seen ---- */

unsigned socket_queue_poll_in(struct socket_queue *q)
{
	unsigned now = 0;

	spin_lock(&q->lock);
	if (!TAILQ_EMPTY(&q->packets) || q->no_writer || q->no_reader)
		now |= POLLIN | POLLRDNORM;
	if (q->no_writer || q->no_reader)
		now |= POLLRDHUP;
	if (q->reset)
		now |= POLLERR;
	spin_unlock(&q->lock);
	return now;
}

unsigned socket_queue_poll_out(struct socket_queue *q, bool limited)
{
	unsigned now = 0;

	spin_lock(&q->lock);
	if (has_room(q, limited) || q->no_reader)
		now |= POLLOUT | POLLWRNORM | POLLWRBAND;
	if (q->no_reader || q->no_writer)
		now |= POLLHUP;
	spin_unlock(&q->lock);
	return now;
}

size_t socket_queue_waiting(struct socket_queue *q)
{
	struct packet *first;
	size_t n;

	spin_lock(&q->lock);
	first = TAILQ_FIRST(&q->packets);
	n = !q->datagrams ? q->bytes : first ? first->len : 0;
	spin_unlock(&q->lock);
	return n;
}
