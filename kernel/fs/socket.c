/*
 * AF_UNIX sockets; see socket.h.
 *
 * Bytes, and what can be seen of a socket: socket_data.c. Datagrams: socket_datagram.c.
 *
 * Lock: socket_lock (RANK_FS, spin) guards all that may change in a socket, and who is bound where;
 * nothing is freed, and no file given back, with it held. A socket is counted by its file, by the
 * queue that it waits in to be accepted, and by who connects to it. Who waits (to be
 * accepted, to accept) remembers the count of changes, as with pipes.
 */
#include <kernel/fs/socket_internal.h>
#include <kernel/proc/process.h>
#include <lib/format.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <linux/socket.h>
#include <mm/alloc/slab.h>

struct spinlock socket_lock = SPINLOCK_INIT(RANK_FS);
static struct socket_list names = TAILQ_HEAD_INITIALIZER(names); /* socket_lock: those bound */

/* ---- life ---- */

static struct socket *create(unsigned type)
{
	struct socket *s = kzalloc(sizeof(*s));

	if (!s)
		return NULL;
	s->refs = 1;
	s->type = type;
	waitq_init(&s->wait);
	TAILQ_INIT(&s->queue);
	s->name.un.sun_family = s->peer.un.sun_family = AF_UNIX;
	s->name.len = s->peer.len = sizeof(s->name.un.sun_family);
	if (type != SOCK_DGRAM)
		return s;
	s->in = socket_queue_create(s);
	if (s->in) {
		s->in->datagrams = true;
		return s;
	}
	kfree(s);
	return NULL;
}

/* s gives up its ends. What it has not received, or if it was never accepted, is a reset for the other side. */
static void disconnect(struct socket *s, struct socket_queue *in, struct socket_queue *out)
{
	bool lost = in && (!s->has_file || READ_ONCE(in->bytes));

	if (!in)
		return;
	spin_lock(&socket_lock);
	in->reader = NULL;
	spin_unlock(&socket_lock);
	socket_queue_close_reader(in);
	socket_queue_drain(in);
	socket_queue_close_writer(out, lost);
	socket_queue_put(out);
	socket_queue_put(in);
}

static void get(struct socket *s)
{
	ref_get(&s->refs);
}

static void put(struct socket *s)
{
	if (!ref_put(&s->refs))
		return;
	if (s->type == SOCK_DGRAM)
		datagram_leave(s);
	else
		disconnect(s, s->in, s->out);
	node_put(s->node);
	kfree(s);
}

void socket_tell(struct socket *s)
{
	uint64_t flags = waitq_lock(&s->wait);

	s->changes++;
	waitq_wake_all(&s->wait);
	waitq_unlock(&s->wait, flags);
	file_poll_wake();
}

/* 0, -EAGAIN, -ERESTARTSYS, -EINTR. */
static int wait_for_change(struct socket *s, uint64_t seen, const struct file *f, uint64_t deadline_ns)
{
	uint64_t flags;
	int err = 0;

	if (f->flags & O_NONBLOCK)
		return -EAGAIN;
	flags = waitq_lock(&s->wait);
	while (s->changes == seen && !err)
		err = waitq_sleep_interruptible_until(&s->wait, &flags, deadline_ns);
	waitq_unlock(&s->wait, flags);
	if (err == -ERESTARTSYS)
		return socket_interrupted(deadline_ns);
	return err == -ETIMEDOUT ? -EAGAIN : err;
}

/* The next one of a queue that goes, or NULL. */
static struct socket *unqueue(struct socket *s)
{
	struct socket *first;

	spin_lock(&socket_lock);
	s->state = SOCKET_NEW;
	first = TAILQ_FIRST(&s->queue);
	if (first) {
		TAILQ_REMOVE(&s->queue, first, link);
		s->nqueued--;
	}
	spin_unlock(&socket_lock);
	return first;
}

static void hang_up(struct socket *s)
{
	struct socket *next;

	while ((next = unqueue(s)))
		put(next);
	spin_lock(&socket_lock);
	if (s->bound)
		TAILQ_REMOVE(&names, s, link);
	s->bound = false;
	spin_unlock(&socket_lock);
	socket_tell(s);
}

void socket_release(struct file *f)
{
	struct socket *s = f->data;

	if (s->bound)
		hang_up(s);
	put(s);
}

static ssize_t path(struct node *n, char *buf, size_t size)
{
	ssize_t len = snprintf(buf, size, "socket:[%lu]", n->ino);

	return (size_t)len < size ? len : -ENAMETOOLONG;
}

static const struct node_ops node_ops = { .path = path };

/* An open file of s; takes over a reference on success. */
static int open_file(struct socket *s, unsigned flags, struct file **out)
{
	struct node *n = node_create(S_IFSOCK | 0777);
	int err;

	if (!n)
		return -ENOMEM;
	n->ops = &node_ops;
	n->nlink = 1;
	err = file_open(n, &socket_ops, flags | O_RDWR, out);
	node_put(n);
	if (!err) {
		(*out)->data = s;
		WRITE_ONCE(s->has_file, true);
	}
	return err;
}

int socket_open(unsigned type, unsigned flags, struct file **out)
{
	struct socket *s = create(type);
	int err = s ? open_file(s, flags, out) : -ENOMEM;

	if (err && s)
		put(s);
	return err;
}

bool is_socket(const struct file *f)
{
	return f->ops == &socket_ops;
}

/* ---- two ends ---- */

struct socket_peer socket_myself(void)
{
	const struct process *p = current_process();

	return (struct socket_peer){ (uint32_t)p->pid, p->cred.euid, p->cred.egid };
}

/* Two sockets that are connected; nobody else knows b, or both. 0, -ENOMEM, -EALREADY: a is being connected. */
static int connect_pair(struct socket *a, struct socket *b)
{
	struct socket_queue *there = socket_queue_create(b), *back = socket_queue_create(a);
	int err = there && back ? 0 : -ENOMEM;

	spin_lock(&socket_lock);
	if (!err && a->in)
		err = -EALREADY;
	if (!err) {
		a->in = b->out = back;
		a->out = b->in = there;
		b->state = SOCKET_CONNECTED;
	}
	spin_unlock(&socket_lock);
	if (err) {
		kfree(there);
		kfree(back);
		return err;
	}
	socket_queue_get(there);
	socket_queue_get(back);
	return 0;
}

int socket_open_pair(unsigned type, unsigned flags, struct file *end[2])
{
	struct socket *s[2];
	int err = socket_open(type, flags, &end[0]);

	if (err)
		return err;
	err = socket_open(type, flags, &end[1]);
	if (err) {
		file_put(end[0]);
		return err;
	}
	s[0] = end[0]->data;
	s[1] = end[1]->data;
	if (type == SOCK_DGRAM)
		datagram_connect_pair(s[0], s[1]);
	else
		err = connect_pair(s[0], s[1]);
	s[0]->state = SOCKET_CONNECTED;
	s[0]->who = s[1]->who = socket_myself();
	if (err) {
		file_put(end[0]);
		file_put(end[1]);
	}
	return err;
}

/* ---- names ---- */

/* Abstract names are of one type; socket_lock is held. */
static struct socket *find(unsigned type, const struct node *node, const struct socket_name *name)
{
	struct socket *s;

	TAILQ_FOREACH(s, &names, link)
		if (node ? s->node == node : !s->node && s->type == type && s->name.len == name->len &&
		    memcmp(&s->name.un, &name->un, name->len) == 0)
			return s;
	return NULL;
}

int socket_find(unsigned type, const struct node *node, const struct socket_name *name, struct socket **out)
{
	*out = find(type, node, name);
	if (!*out)
		return -ECONNREFUSED;
	return (*out)->type == type ? 0 : -EPROTOTYPE;
}

int socket_bind(struct file *f, struct node *node, const struct socket_name *name)
{
	struct socket *s = f->data;
	int err = 0;

	spin_lock(&socket_lock);
	if (s->bound) {
		err = -EINVAL;
	} else if (find(s->type, node, name)) {
		err = -EADDRINUSE;
	} else {
		s->bound = true;
		s->name = *name;
		s->node = node;
		if (node)
			node_get(node);
		TAILQ_INSERT_TAIL(&names, s, link);
	}
	spin_unlock(&socket_lock);
	return err;
}

int socket_listen(struct file *f, unsigned backlog)
{
	struct socket *s = f->data;
	int err = 0;

	if (s->type == SOCK_DGRAM)
		return -EOPNOTSUPP;
	spin_lock(&socket_lock);
	if (!s->bound || s->state == SOCKET_CONNECTED) {
		err = -EINVAL;
	} else {
		s->state = SOCKET_LISTENING;
		s->backlog = backlog;
		s->who = socket_myself();
	}
	spin_unlock(&socket_lock);
	if (!err)
		socket_tell(s);
	return err;
}

/* The first that waits to be accepted, its reference the caller's; NULL, with *err if none will come. */
static struct socket *take_first(struct socket *s, const struct file *f, uint64_t *changes, int *err)
{
	struct socket *first;

	spin_lock(&socket_lock);
	*changes = READ_ONCE(s->changes);
	*err = s->state == SOCKET_LISTENING ? 0 : -EINVAL;
	first = *err ? NULL : TAILQ_FIRST(&s->queue);
	if (first) {
		TAILQ_REMOVE(&s->queue, first, link);
		s->nqueued--;
	} else if (s->shut_in && !(f->flags & O_NONBLOCK)) {
		*err = -EINVAL;
	}
	spin_unlock(&socket_lock);
	return first;
}

/* s, which cannot be accepted now, waits on, before all others; its reference is taken over. */
static void put_back(struct socket *l, struct socket *s)
{
	bool listens;

	spin_lock(&socket_lock);
	s->has_file = false;
	listens = l->state == SOCKET_LISTENING;
	if (listens) {
		TAILQ_INSERT_HEAD(&l->queue, s, link);
		l->nqueued++;
	}
	spin_unlock(&socket_lock);
	if (listens)
		socket_tell(l);
	else
		put(s);
}

int socket_accept(struct file *f, unsigned flags, struct file **out)
{
	struct socket *s = f->data, *first;
	uint64_t changes, deadline_ns = socket_deadline(socket_get_options(f).receive_ns);
	int err;

	if (s->type == SOCK_DGRAM)
		return -EOPNOTSUPP;
	while (!(first = take_first(s, f, &changes, &err)) && !err) {
		err = wait_for_change(s, changes, f, deadline_ns);
		if (err)
			return err;
	}
	if (!first)
		return err;
	socket_tell(s);			/* who waits for room */
	err = open_file(first, flags, out);
	if (err)
		put_back(s, first);
	return err;
}

void socket_give_back(struct file *f, struct file *accepted)
{
	struct socket *s = accepted->data;

	get(s);
	file_put(accepted);
	put_back(f->data, s);
}

/* The listener, counted. 0, -ECONNREFUSED, -EPROTOTYPE. */
static int get_listener(unsigned type, const struct node *node, const struct socket_name *name, struct socket **out)
{
	int err;

	spin_lock(&socket_lock);
	err = socket_find(type, node, name, out);
	if (!err && (*out)->state != SOCKET_LISTENING)
		err = -ECONNREFUSED;
	if (!err)
		get(*out);
	spin_unlock(&socket_lock);
	return err;
}

/* `other` waits to be accepted by l from now on. 0, -ECONNREFUSED, -EAGAIN: there is no room. */
static int queue(struct socket *l, struct socket *s, struct socket *other, uint64_t *changes)
{
	int err = 0;

	spin_lock(&socket_lock);
	*changes = READ_ONCE(l->changes);
	if (l->state != SOCKET_LISTENING || l->shut_in) {
		err = -ECONNREFUSED;
	} else if (l->nqueued > l->backlog) {
		err = -EAGAIN;
	} else {
		TAILQ_INSERT_TAIL(&l->queue, other, link);
		l->nqueued++;
		other->name = s->peer = l->name;
		other->peer = s->name;
		s->who = l->who;
		s->state = SOCKET_CONNECTED;
	}
	spin_unlock(&socket_lock);
	return err;
}

static int connect_to(struct socket *l, struct socket *s, struct socket *other, const struct file *f)
{
	uint64_t changes, deadline_ns = socket_deadline(socket_get_options(f).send_ns);
	int err;

	while ((err = queue(l, s, other, &changes)) == -EAGAIN) {
		err = wait_for_change(l, changes, f, deadline_ns);
		if (err)
			return err;
	}
	if (!err)
		socket_tell(l);
	return err;
}

/* What a connection that failed has left. */
static void drop_ends(struct socket *s)
{
	struct socket_queue *in, *out;

	spin_lock(&socket_lock);
	in = s->in;
	out = s->out;
	s->in = s->out = NULL;
	spin_unlock(&socket_lock);
	disconnect(s, in, out);
}

int socket_connect(struct file *f, struct node *node, const struct socket_name *name)
{
	struct socket *s = f->data, *l, *other;
	int err;

	if (s->type == SOCK_DGRAM)
		return datagram_connect(s, node, name);
	if (s->state != SOCKET_NEW || s->in)
		return s->state == SOCKET_LISTENING ? -EINVAL : -EISCONN;
	err = get_listener(s->type, node, name, &l);
	if (err)
		return err;
	other = create(s->type);
	err = other ? connect_pair(s, other) : -ENOMEM;
	if (!err) {
		other->who = socket_myself();
		err = connect_to(l, s, other, f);
		if (err)
			drop_ends(s);
	}
	if (err && other)
		put(other);
	put(l);
	return err;
}
