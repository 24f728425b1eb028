/* Open files on their way from socket to socket; see socket_queue.h for which sockets may be. */
#include <kernel/fs/socket_internal.h>
#include <linux/errno.h>
#include <mm/alloc/slab.h>

struct socket_cargo *socket_cargo_create(unsigned n)
{
	return kzalloc(sizeof(struct socket_cargo) + n * sizeof(struct file *));
}

void socket_cargo_free(struct socket_cargo *c)
{
	if (!c)
		return;
	for (unsigned i = 0; i < c->n; i++)
		file_put(c->file[i]);
	kfree(c);
}

struct socket_cargo *cargo_copy(const struct socket_cargo *c)
{
	struct socket_cargo *copy = socket_cargo_create(c->n);

	if (!copy)
		return NULL;
	for (; copy->n < c->n; copy->n++) {
		copy->file[copy->n] = c->file[copy->n];
		file_get(copy->file[copy->n]);
	}
	return copy;
}

/* May f be sent by q? Sockets may if that leads to no circle. socket_lock held. */
static bool may_carry(const struct socket_queue *q, const struct file *f)
{
	const struct socket *s = f->data;

	if (!is_socket(f))
		return true;
	return q->reader && q->reader->has_file && !q->reader->in_flight && !(s->in && s->in->carries) && s->in != q;
}

static void count_sockets(struct socket_queue *q, const struct socket_cargo *c, int n)
{
	for (unsigned i = 0; i < c->n; i++)
		if (is_socket(c->file[i])) {
			((struct socket *)c->file[i]->data)->in_flight += (unsigned)n;
			q->carries += (unsigned)n;
		}
}

int cargo_load(struct socket_queue *q, const struct socket_cargo *c)
{
	int err = 0;

	spin_lock(&socket_lock);
	for (unsigned i = 0; i < c->n && !err; i++)
		err = may_carry(q, c->file[i]) ? 0 : -ETOOMANYREFS;
	if (!err)
		count_sockets(q, c, 1);
	spin_unlock(&socket_lock);
	return err;
}

void cargo_unload(struct socket_queue *q, const struct socket_cargo *c)
{
	spin_lock(&socket_lock);
	count_sockets(q, c, -1);
	spin_unlock(&socket_lock);
}
