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
 * Making and opening one, named ones too: pipe_open.c.
 *
 * Locks: pipe.lock (RANK_FS), outside of the wait queue's.
 */
#include <kernel/fs/pipe_ring.h>
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

/* ---- waiting; the lock is held ---- */

void pipe_tell(struct pipe *p)
{
	p->events++;
	if (unlikely(p->waiting)) {
		uint64_t flags = waitq_lock(&p->wait);

		waitq_wake_all(&p->wait);
		waitq_unlock(&p->wait, flags);
	}
	file_poll_wake();
}

int pipe_wait(struct pipe *p, const struct file *f)
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

void pipe_give_up(struct pipe *p, struct page *page)
{
	if (p->spare || page->kind != PAGE_KERNEL || READ_ONCE(page->refs) > 1)
		page_put(page);
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

void pipe_pop(struct pipe *p)
{
	bool was_full = is_full(p);

	p->tail++;
	if (was_full)
		pipe_tell(p);
}

/* n bytes are taken out of the first slot. */
static void consume(struct pipe *p, unsigned n)
{
	struct slot *s = first_slot(p);

	s->start += n;
	s->len -= n;
	if (s->len)
		return;
	pipe_give_up(p, s->page);
	pipe_pop(p);
}

/* From the first slot. Bytes, or -errno, with nothing taken. The lock is let go meanwhile. */
static ssize_t read_slot(struct pipe *p, struct pipe_sink *to)
{
	const struct slot *s = first_slot(p);
	const uint8_t *from = (const uint8_t *)page_to_virt(s->page) + s->start;
	size_t n = MIN(to->left, s->len);
	ssize_t done;

	p->being_read = true;
	spin_unlock(&p->lock);
	done = to->take(to, from, n);
	spin_lock(&p->lock);
	p->being_read = false;
	if (p->contended)
		pipe_tell(p);
	p->contended = false;
	if (done <= 0)
		return done;
	s = first_slot(p);
	to->left -= (size_t)done;
	if ((s->packet && to->packets) || (size_t)done < n)
		to->left = 0;
	consume(p, s->packet && to->packets ? s->len : (unsigned)done);
	return done;
}

static ssize_t read_locked(struct pipe *p, const struct file *f, struct pipe_sink *to)
{
	size_t done = 0;
	ssize_t r = 0;

	while (to->left && r >= 0) {
		if (!is_empty(p) && !p->being_read) {
			r = read_slot(p, to);
			if (!r)
				break;
			done += (size_t)MAX(r, 0);
		} else if (done || (is_empty(p) && !p->writers)) {
			break;
		} else {
			p->contended |= p->being_read;
			r = pipe_wait(p, f);
		}
	}
	return done ? (ssize_t)done : MIN(r, 0);
}

ssize_t pipe_read_to(struct pipe *p, const struct file *f, struct pipe_sink *to)
{
	ssize_t r;

	spin_lock(&p->lock);
	r = read_locked(p, f, to);
	spin_unlock(&p->lock);
	return r;
}

struct memory_sink {
	struct pipe_sink to;
	struct io_iter *it;
};

/* All of it: a read that does not reach the end of a piece takes nothing. */
static ssize_t put_memory(struct pipe_sink *s, const void *from, size_t n)
{
	return io_iter_put(container_of(s, struct memory_sink, to)->it, from, n) < n ? -EFAULT : (ssize_t)n;
}

static ssize_t read_memory(const struct file *f, struct io_iter *it, bool packets)
{
	struct memory_sink s = { { put_memory, it->left, packets }, it };

	return pipe_read_to(f->data, f, &s.to);
}

static ssize_t pipe_read_iter(struct file *f, struct io_iter *to)
{
	return read_memory(f, to, true);
}

ssize_t pipe_read_bytes(const struct file *from, struct io_iter *it, bool wait)
{
	struct file view = pipe_view(from, wait);

	return read_memory(&view, it, false);
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

	return !is_empty(p) && n && !s->packet && !s->fixed && s->start + s->len + n <= PAGE_SIZE;
}

int pipe_wait_room(struct pipe *p, const struct file *f, size_t n)
{
	int err = 0;

	while (p->readers && unlikely(is_full(p)) && !fits_behind(p, n) && !err)
		err = pipe_wait(p, f);
	return p->readers ? err : -EPIPE;
}

void pipe_push(struct pipe *p, struct slot s)
{
	bool was_empty = is_empty(p);

	*slot_at(p, p->head++) = s;
	if (was_empty)
		pipe_tell(p);
}

/* Puts the n bytes at page, which is taken over, into the ring. 0, or as pipe_wait_room. */
static int put_piece(struct pipe *p, const struct file *f, struct page *page, size_t n)
{
	int err = pipe_wait_room(p, f, n);

	if (err) {
		pipe_give_up(p, page);
	} else if (fits_behind(p, n)) {
		struct slot *s = last_slot(p);

		memcpy((uint8_t *)page_to_virt(s->page) + s->start + s->len, page_to_virt(page), n);
		s->len += (unsigned)n;
		pipe_give_up(p, page);
	} else {
		pipe_push(p, (struct slot){
			.page = page, .len = (unsigned)n, .packet = (f->flags & O_DIRECT) != 0,
		});
	}
	return err;
}

/* One piece of n bytes at most a page; the lock is let go meanwhile. 0 or -errno. */
static int write_piece(struct pipe *p, const struct file *f, struct io_iter *from, size_t n)
{
	struct page *page;
	size_t done;
	int err = pipe_wait_room(p, f, n);

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
	pipe_give_up(p, page);
	return -EFAULT;
}

/* The last reader is gone. */
void pipe_broken(void)
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

static ssize_t pipe_write_iter(struct file *f, struct io_iter *from, uint64_t *pos)
{
	struct pipe *p = f->data;
	ssize_t r;

	(void)pos;
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
	return pipe_write_iter(f, &from, NULL);
}

/* ---- the rest ---- */

static unsigned pipe_poll(struct file *f)
{
	struct pipe *p = f->data;
	unsigned now = 0;

	spin_lock(&p->lock);
	if (file_can_read(f)) {
		now |= is_empty(p) ? 0 : POLLIN | POLLRDNORM;
		now |= p->writers || !p->wopens ? 0 : POLLHUP;
	}
	if (file_can_write(f)) {
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

static uint64_t pipe_changes(const struct file *f)
{
	return READ_ONCE(((const struct pipe *)f->data)->events);
}

const struct file_ops pipe_ops = {
	.changes = pipe_changes,
	.read = pipe_read, .write = pipe_write,
	.read_iter = pipe_read_iter, .write_iter = pipe_write_iter, .release = pipe_release, .poll = pipe_poll,
	.ioctl = pipe_ioctl, .stream = true,
};
