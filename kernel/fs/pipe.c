/*
 * Pipes: a ring of slots, 16 unless F_SETPIPE_SZ says otherwise, a page each,
 * that hold what was written and not yet read. A write goes behind what the last slot holds if it fits there as a
 * whole, else into slots of its own, like Linux's: so one of up to PIPE_BUF
 * (4,096) bytes, of however many pieces, is never torn, and a pipe is full where
 * Linux's is. What is written with O_DIRECT is packets: a slot each, nothing
 * goes behind one, and a read takes no more than one, and all of it.
 *
 * User memory is copied with no lock held. A writer fills a page of its own
 * first and then puts it into the ring; a reader marks the ring as being read
 * (the first slot stays where it is, and no other reader comes near), copies,
 * and then takes out what it copied.
 *
 * Those who cannot go on remember the count of events, let the lock go and
 * sleep until it has changed. Only changes that somebody can wait for count:
 * empty to not empty, full to not full, the end of a reading, a closed end.
 *
 * Whoever counts an event then wakes those who are marked as waiting; they look
 * at the count once more under the wait queue's lock before they sleep.
 *
 * Locks: pipe.lock (RANK_FS), outside of the wait queue's.
 */
#include <kernel/fs/pipe.h>
#include <kernel/fs/uio.h>
#include <arch/uaccess.h>
#include <asm/ioctls.h>
#include <kernel/proc/process.h>
#include <lib/assert.h>
#include <lib/string.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/poll.h>
#include <mm/alloc/slab.h>
#include <mm/mm.h>

#define SLOTS		16u
#define SIZE_MAX_BYTES	(1u << 31)

struct slot {
	struct page *page;
	unsigned start;			/* of what it holds */
	unsigned len : 31;
	unsigned packet : 1;
};

struct pipe {
	struct spinlock lock;
	struct slot *slot;		/* lock: nslots of them */
	unsigned nslots;		/* lock: a power of two */
	struct slot few[SLOTS];		/* where slot points at first */
	unsigned head, tail;		/* lock: the next to be filled, to be read; they count on */
	struct page *spare;		/* lock: kept for the next write; NULL */
	unsigned readers, writers;	/* lock: open files of each end */
	bool being_read;		/* lock: somebody copies from the first slot */
	bool contended;			/* lock: another reader waits for that to end */
	struct waitq wait;
	unsigned waiting;		/* lock: how many sleep, or are about to */
	uint64_t events;		/* lock to change */
};

static struct kmem_cache *pipe_cache;

static bool is_empty(const struct pipe *p) { return p->head == p->tail; }
static bool is_full(const struct pipe *p) { return p->head - p->tail == p->nslots; }
static struct slot *slot_at(struct pipe *p, unsigned i) { return &p->slot[i & (p->nslots - 1)]; }
static struct slot *first_slot(struct pipe *p) { return slot_at(p, p->tail); }
static struct slot *last_slot(struct pipe *p) { return slot_at(p, p->head - 1); }

/* ---- waiting; the lock is held ---- */

static void tell(struct pipe *p)
{
	p->events++;
	if (unlikely(p->waiting)) {
		uint64_t flags = waitq_lock(&p->wait);

		waitq_wake_all(&p->wait);
		waitq_unlock(&p->wait, flags);
	}
	file_poll_wake();
}

/* Until the next event, without the lock. 0; -EAGAIN, -ERESTARTSYS. */
static int wait_for_event(struct pipe *p, const struct file *f)
{
	uint64_t seen = p->events, flags;
	int err = 0;

	if (f->flags & O_NONBLOCK)
		return -EAGAIN;
	p->waiting++;
	spin_unlock(&p->lock);
	flags = waitq_lock(&p->wait);
	while (READ_ONCE(p->events) == seen && !err)
		err = waitq_sleep_interruptible(&p->wait, &flags);
	waitq_unlock(&p->wait, flags);
	spin_lock(&p->lock);
	p->waiting--;
	return err;
}

/* ---- pages ---- */

static void keep_or_free(struct pipe *p, struct page *page)
{
	if (p->spare)
		page_free(page, 0);
	else
		p->spare = page;
}

static struct page *take_page(struct pipe *p)
{
	struct page *page = p->spare;

	p->spare = NULL;
	return page ? page : page_alloc(0, PAGE_KERNEL, 0);
}

/* ---- reading ---- */

/* n bytes are taken out of the first slot. */
static void consume(struct pipe *p, unsigned n)
{
	struct slot *s = first_slot(p);
	bool was_full = is_full(p);

	s->start += n;
	s->len -= n;
	if (s->len)
		return;
	keep_or_free(p, s->page);
	p->tail++;
	if (was_full)
		tell(p);
}

/* From the first slot. Bytes, or -EFAULT, with nothing taken. The lock is let go meanwhile. */
static ssize_t read_slot(struct pipe *p, struct io_iter *to)
{
	const struct slot *s = first_slot(p);
	const uint8_t *from = (const uint8_t *)page_to_virt(s->page) + s->start;
	size_t n = MIN(to->left, s->len), done;

	p->being_read = true;
	spin_unlock(&p->lock);
	done = io_iter_put(to, from, n);
	spin_lock(&p->lock);
	p->being_read = false;
	if (p->contended)
		tell(p);
	p->contended = false;
	if (done < n)
		return -EFAULT;
	s = first_slot(p);
	if (s->packet)
		to->left = 0;
	consume(p, s->packet ? s->len : (unsigned)n);
	return (ssize_t)n;
}

static ssize_t read_locked(struct pipe *p, const struct file *f, struct io_iter *to)
{
	size_t done = 0;
	ssize_t r = 0;

	while (to->left && r >= 0) {
		if (!is_empty(p) && !p->being_read) {
			r = read_slot(p, to);
			done += (size_t)MAX(r, 0);
		} else if (done || (is_empty(p) && !p->writers)) {
			break;
		} else {
			p->contended |= p->being_read;
			r = wait_for_event(p, f);
		}
	}
	return done ? (ssize_t)done : MIN(r, 0);
}

static ssize_t pipe_read_iter(struct file *f, struct io_iter *to)
{
	struct pipe *p = f->data;
	ssize_t r;

	spin_lock(&p->lock);
	r = read_locked(p, f, to);
	spin_unlock(&p->lock);
	return r;
}

static ssize_t pipe_read(struct file *f, void __user *buf, size_t n, uint64_t off)
{
	struct iovec one = { buf, n };
	struct io_iter to = { .iov = &one, .left = n };

	(void)off;
	return pipe_read_iter(f, &to);
}

/* ---- writing ---- */

/* Does a piece of n bytes go behind what the last slot holds? */
static bool fits_behind(struct pipe *p, size_t n)
{
	const struct slot *s = last_slot(p);

	return !is_empty(p) && n && !s->packet && s->start + s->len + n <= PAGE_SIZE;
}

/* Until a piece of n bytes has room. 0; -EPIPE, -EAGAIN, -ERESTARTSYS. */
static inline int wait_for_room(struct pipe *p, const struct file *f, size_t n)
{
	int err = 0;

	while (p->readers && unlikely(is_full(p)) && !fits_behind(p, n) && !err)
		err = wait_for_event(p, f);
	return p->readers ? err : -EPIPE;
}

/* Puts the n bytes at page, which is taken over, into the ring. 0, or as wait_for_room. */
static int put_piece(struct pipe *p, const struct file *f, struct page *page, size_t n)
{
	int err = wait_for_room(p, f, n);

	if (err) {
		keep_or_free(p, page);
	} else if (fits_behind(p, n)) {
		struct slot *s = last_slot(p);

		memcpy((uint8_t *)page_to_virt(s->page) + s->start + s->len, page_to_virt(page), n);
		s->len += (unsigned)n;
		keep_or_free(p, page);
	} else {
		bool was_empty = is_empty(p);

		*slot_at(p, p->head++) = (struct slot){
			.page = page, .len = (unsigned)n, .packet = (f->flags & O_DIRECT) != 0,
		};
		if (was_empty)
			tell(p);
	}
	return err;
}

/* One piece of n bytes at most a page; the lock is let go meanwhile. 0 or -errno. */
static int write_piece(struct pipe *p, const struct file *f, struct io_iter *from, size_t n)
{
	struct page *page;
	size_t done;
	int err = wait_for_room(p, f, n);

	if (err)
		return err;
	page = take_page(p);
	if (!page)
		return -ENOMEM;
	spin_unlock(&p->lock);
	done = io_iter_take(from, page_to_virt(page), n);
	spin_lock(&p->lock);
	if (done == n)
		return put_piece(p, f, page, n);
	keep_or_free(p, page);
	return -EFAULT;
}

/* The last reader is gone. */
static void pipe_broken(void)
{
	struct sig_info info = signal_info_user(SIGPIPE, SI_USER);

	(void)!signal_send(current_process(), signal_thread(), &info);
}

/* What of n bytes goes first: the odd part, if it fits behind the last ones, else a page. */
static size_t first_piece(struct pipe *p, size_t n)
{
	size_t odd = n % PAGE_SIZE;

	return odd && fits_behind(p, odd) ? odd : MIN(n, PAGE_SIZE);
}

static ssize_t write_locked(struct pipe *p, const struct file *f, struct io_iter *from)
{
	size_t done = 0, n = from->left, piece = first_piece(p, n);
	int err = 0;

	while (done < n && !err) {
		err = write_piece(p, f, from, piece);
		if (!err)
			done += piece;
		piece = MIN(n - done, PAGE_SIZE);
	}
	if (err == -EPIPE)
		pipe_broken();
	return done ? (ssize_t)done : err;
}

static ssize_t pipe_write_iter(struct file *f, struct io_iter *from)
{
	struct pipe *p = f->data;
	ssize_t r;

	spin_lock(&p->lock);
	r = write_locked(p, f, from);
	spin_unlock(&p->lock);
	return r;
}

static ssize_t pipe_write(struct file *f, const void __user *buf, size_t n, uint64_t off)
{
	struct iovec one = { (void __user *)buf, n };
	struct io_iter from = { .iov = &one, .left = n };

	(void)off;
	return pipe_write_iter(f, &from);
}

/* ---- the rest ---- */

static bool is_reader(const struct file *f)
{
	return file_can_read(f);
}

static unsigned pipe_poll(struct file *f)
{
	struct pipe *p = f->data;
	unsigned now = 0;

	spin_lock(&p->lock);
	if (is_reader(f)) {
		now |= is_empty(p) ? 0 : POLLIN | POLLRDNORM;
		now |= p->writers ? 0 : POLLHUP;
	} else {
		now |= is_full(p) ? 0 : POLLOUT | POLLWRNORM;
		now |= p->readers ? 0 : POLLERR;
	}
	spin_unlock(&p->lock);
	return now;
}

static unsigned bytes_in(struct pipe *p)
{
	unsigned n = 0;

	spin_lock(&p->lock);
	for (unsigned i = p->tail; i != p->head; i++)
		n += slot_at(p, i)->len;
	spin_unlock(&p->lock);
	return n;
}

static long pipe_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
	if (cmd != FIONREAD)
		return -ENOTTY;
	return put_user_u32(bytes_in(f->data), (uint32_t __user *)arg);
}

static void pipe_free(struct pipe *p)
{
	for (; p->tail != p->head; p->tail++)
		page_free(first_slot(p)->page, 0);
	if (p->spare)
		page_free(p->spare, 0);
	if (p->slot != p->few)
		kfree(p->slot);
	kmem_free(pipe_cache, p);
}

static void pipe_release(struct file *f)
{
	struct pipe *p = f->data;
	bool last;

	spin_lock(&p->lock);
	(*(is_reader(f) ? &p->readers : &p->writers))--;
	last = !p->readers && !p->writers;
	tell(p);
	spin_unlock(&p->lock);
	if (last)
		pipe_free(p);
}

static const struct file_ops pipe_ops = {
	.read = pipe_read, .write = pipe_write,
	.read_iter = pipe_read_iter, .write_iter = pipe_write_iter, .release = pipe_release, .poll = pipe_poll,
	.ioctl = pipe_ioctl, .stream = true,
};

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
	tell(p);
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

/* ---- making one ---- */

void pipe_init(void)
{
	pipe_cache = kmem_cache_create("pipe", sizeof(struct pipe), 0);
	if (!pipe_cache)
		panic("no memory for the cache of pipes");
}

static int open_end(struct pipe *p, struct node *node, unsigned flags, struct file **out)
{
	int err = file_open(node, &pipe_ops, flags, out);

	if (!err)
		(*out)->data = p;
	return err;
}

/* On an error p is still the caller's. */
static int open_ends(struct pipe *p, struct node *node, unsigned flags, struct file *end[2])
{
	int err = open_end(p, node, O_RDONLY | flags, &end[0]);

	if (err)
		return err;
	err = open_end(p, node, O_WRONLY | flags, &end[1]);
	if (err) {
		p->readers = 2;		/* one more than there are: it stays */
		file_put(end[0]);
	}
	return err;
}

int pipe_create(unsigned flags, struct file *end[2])
{
	struct node *node = node_create(S_IFIFO | 0600);
	struct pipe *p = kmem_zalloc(pipe_cache);
	int err = -ENOMEM;

	if (!node || !p)
		goto out;
	p->slot = p->few;
	p->nslots = SLOTS;
	spin_init(&p->lock, RANK_FS);
	waitq_init(&p->wait);
	p->readers = p->writers = 1;
	err = open_ends(p, node, flags, end);
out:
	if (err && p)
		pipe_free(p);
	if (node)
		node_put(node);
	return err;
}
