/*
 * Pipes as things: made, opened by name (fifos), given another size, freed.
 *
 * A fifo's pipe is there as long as somebody has it open, or is about to: its node leads
 * to it (tree_lock, inside of the pipe's). Who opens one end waits for the other one.
 */
#include <kernel/fs/pipe_ring.h>
#include <kernel/proc/cred.h>
#include <lib/assert.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <mm/alloc/slab.h>

#define SIZE_FREE	(1ul << 20)	/* whoever's pipe may be so large: Linux's fs.pipe-max-size */

static struct kmem_cache *pipe_cache;

void pipe_init(void)
{
	pipe_cache = kmem_cache_create("pipe", sizeof(struct pipe), 0);
	if (!pipe_cache)
		panic("no memory for the cache of pipes");
}

static struct pipe *pipe_alloc(void)
{
	struct pipe *p = kmem_zalloc(pipe_cache);

	if (!p)
		return NULL;
	p->slot = p->few;
	p->nslots = SLOTS;
	spin_init(&p->lock, RANK_FS);
	waitq_init(&p->wait);
	return p;
}

static void pipe_free(struct pipe *p)
{
	for (; p->tail != p->head; p->tail++)
		page_put(first_slot(p)->page);
	if (p->spare)
		page_free(p->spare, 0);
	if (p->slot != p->few)
		kfree(p->slot);
	kmem_free(pipe_cache, p);
}

/* A user of p less, which is n's if n is a fifo. */
static void pipe_leave(struct node *n, struct pipe *p)
{
	bool last;

	spin_lock(&tree_lock);
	last = --p->users == 0;
	if (last)
		n->fifo = NULL;
	spin_unlock(&tree_lock);
	if (last)
		pipe_free(p);
}

/* One end more, or less, as f's flags say. */
static void count_ends(struct pipe *p, unsigned flags, int by)
{
	bool reads = (flags + 1) & 1, writes = (flags + 1) & 2;

	p->readers += reads ? (unsigned)by : 0;
	p->writers += writes ? (unsigned)by : 0;
	p->ropens += reads && by > 0;
	p->wopens += writes && by > 0;
	pipe_tell(p);
}

void pipe_release(struct file *f)
{
	struct pipe *p = f->data;

	spin_lock(&p->lock);
	count_ends(p, f->flags, -1);
	spin_unlock(&p->lock);
	pipe_leave(f->node, p);
}

/* ---- without a name ---- */

static int open_end(struct pipe *p, struct node *node, unsigned flags, struct file **out)
{
	int err = file_open(node, &pipe_ops, flags, out);

	if (err)
		return err;
	(*out)->data = p;
	spin_lock(&p->lock);
	p->users++;			/* nobody else knows it yet */
	count_ends(p, flags, 1);
	spin_unlock(&p->lock);
	return 0;
}

static int open_ends(struct pipe *p, struct node *node, unsigned flags, struct file *end[2])
{
	int err = open_end(p, node, O_RDONLY | flags, &end[0]);

	if (err)
		return err;
	err = open_end(p, node, O_WRONLY | flags, &end[1]);
	if (err)
		file_put(end[0]);
	return err;
}

int pipe_create(unsigned flags, struct file *end[2])
{
	struct node *node = node_create(S_IFIFO | 0600);
	struct pipe *p = node ? pipe_alloc() : NULL;
	int err = -ENOMEM;

	if (p) {
		p->users = 1;
		err = open_ends(p, node, flags, end);
		pipe_leave(node, p);
	}
	node_put(node);
	return err;
}

/* ---- fifos ---- */

/* The pipe of n, made if nobody has it open; NULL: no memory. Then pipe_leave. */
static struct pipe *fifo_join(struct node *n)
{
	struct pipe *fresh = pipe_alloc(), *p;

	if (!fresh)
		return NULL;
	spin_lock(&tree_lock);
	if (!n->fifo) {
		n->fifo = fresh;
		fresh = NULL;
	}
	p = n->fifo;
	p->users++;
	spin_unlock(&tree_lock);
	if (fresh)
		pipe_free(fresh);
	return p;
}

/* Counts the ends that will be open. -ENXIO: nobody reads, and it is not to be waited for. */
static int fifo_take_ends(struct pipe *p, unsigned flags)
{
	int err = 0;

	spin_lock(&p->lock);
	if ((flags & (O_ACCMODE | O_NONBLOCK)) == (O_WRONLY | O_NONBLOCK) && !p->readers)
		err = -ENXIO;
	else
		count_ends(p, flags, 1);
	spin_unlock(&p->lock);
	return err;
}

/* Until the other end is open, or was since. */
static int fifo_wait(struct pipe *p, const struct file *f)
{
	bool reads = file_can_read(f), writes = file_can_write(f);
	uint64_t ropens, wopens;
	int err = 0;

	spin_lock(&p->lock);
	ropens = p->ropens;
	wopens = p->wopens;
	while (reads && !writes && !p->writers && p->wopens == wopens && !err)
		err = pipe_wait(p, f);
	while (writes && !reads && !p->readers && p->ropens == ropens && !err)
		err = pipe_wait(p, f);
	spin_unlock(&p->lock);
	return err == -EAGAIN ? 0 : err;	/* O_NONBLOCK: it does without */
}

int fifo_open(struct node *n, unsigned flags, struct file **out)
{
	struct pipe *p = fifo_join(n);
	int err = p ? fifo_take_ends(p, flags) : -ENOMEM;

	if (!p)
		return err;
	if (!err) {
		err = file_open(n, &pipe_ops, flags, out);
		if (err) {
			spin_lock(&p->lock);
			count_ends(p, flags, -1);
			spin_unlock(&p->lock);
		}
	}
	if (err) {
		pipe_leave(n, p);
		return err;
	}
	(*out)->data = p;
	err = fifo_wait(p, *out);
	if (err)
		file_put(*out);
	return err;
}

/* ---- its size ---- */

long pipe_size(const struct file *f)
{
	const struct pipe *p = f->data;

	return f->ops == &pipe_ops ? (long)(READ_ONCE(p->nslots) * PAGE_SIZE) : -EBADF;
}

/* What is in it moves to n other slots, and the old ones are *slot's. 0, -EBUSY. */
static int change_slots(struct pipe *p, struct slot **slot, unsigned n)
{
	unsigned used = p->head - p->tail;
	struct slot *old = p->slot;

	if (used > n)
		return -EBUSY;
	for (unsigned i = 0; i < used; i++)
		(*slot)[i] = *slot_at(p, p->tail + i);
	p->tail = 0;
	p->head = used;
	p->slot = *slot;
	p->nslots = n;
	*slot = old;
	pipe_tell(p);
	return 0;
}

long pipe_set_size(struct file *f, unsigned bytes)
{
	struct pipe *p = f->data;
	struct slot *slot;
	unsigned n = 1;
	int err;

	if (f->ops != &pipe_ops)
		return -EBADF;
	if (bytes > SIZE_MAX_BYTES)
		return -EINVAL;
	while (n * PAGE_SIZE < bytes)
		n *= 2;
	if (n * PAGE_SIZE > SIZE_FREE && n > READ_ONCE(p->nslots) && !cred_is_privileged(cred_current()))
		return -EPERM;
	slot = kmalloc(n * sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	spin_lock(&p->lock);
	err = change_slots(p, &slot, n);
	spin_unlock(&p->lock);
	if (slot != p->few)
		kfree(slot);
	return err ? err : (long)(n * PAGE_SIZE);
}
