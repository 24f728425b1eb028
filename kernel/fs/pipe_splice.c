/*
 * Pipes for splice(2), tee(2) and vmsplice(2): slots filled with pages that have other users, too, and slots that go
 * from one pipe to another without a copy.
 *
 * A slot has a reference of its page. Where that is not its own alone (a page of a file, a slot that is in two
 * pipes) the slot is `fixed`: writes never go behind what it holds. As on Linux a page of a file shows
 * what is written to the file until it is read from the pipe.
 *
 * Locks: those of two pipes by address, held for as long as slots move; who waits has let both go.
 */
#include <kernel/fs/pipe_ring.h>
#include <lib/assert.h>
#include <linux/errno.h>

bool file_is_pipe(const struct file *f)
{
	return f->ops == &pipe_ops;
}

bool pipes_are_same(const struct file *a, const struct file *b)
{
	return a->data == b->data;
}

/* ---- one pipe ---- */

/* The lock is held. */
static int wait_room(struct pipe *p, const struct file *f, bool wait)
{
	struct file view = pipe_view(f, wait);

	return pipe_wait_room(p, &view, 0);
}

/* Who writes where nobody reads is told so. */
static int note_broken(int err)
{
	if (err == -EPIPE)
		pipe_broken();
	return err;
}

int pipe_has_room(const struct file *to, bool wait)
{
	struct pipe *p = to->data;
	int err;

	spin_lock(&p->lock);
	err = wait_room(p, to, wait);
	spin_unlock(&p->lock);
	return note_broken(err);
}

int pipe_add(const struct file *to, struct page *page, unsigned start, unsigned len, bool wait)
{
	struct pipe *p = to->data;
	int err;

	spin_lock(&p->lock);
	err = wait_room(p, to, wait);
	if (!err) {
		page_get(page);
		pipe_push(p, (struct slot){ .page = page, .start = start, .len = len, .fixed = true });
	}
	spin_unlock(&p->lock);
	return note_broken(err);
}

ssize_t pipe_drain(const struct file *from, struct pipe_sink *sink, bool wait)
{
	struct file view = pipe_view(from, wait);

	return pipe_read_to(from->data, &view, sink);
}

/* ---- two pipes ---- */

static void lock_both(struct pipe *a, struct pipe *b)
{
	spin_lock(a < b ? &a->lock : &b->lock);
	spin_lock_nested(a < b ? &b->lock : &a->lock);
}

static void unlock_both(struct pipe *a, struct pipe *b)
{
	spin_unlock(&a->lock);
	spin_unlock(&b->lock);
}

/* The first n bytes of slot s, which stays, in a slot of their own. */
static void push_part(struct pipe *to, const struct slot *s, unsigned n)
{
	struct slot part = *s;

	page_get(part.page);
	part.len = n;
	part.fixed = true;
	pipe_push(to, part);
}

/* Slots, or the first part of one, to `to`, as many as there are and have room: bytes. Both locks are held. */
static size_t move_slots(struct pipe *from, struct pipe *to, size_t n)
{
	size_t done = 0;

	while (done < n && !is_empty(from) && !is_full(to) && !from->being_read) {
		struct slot *s = first_slot(from);
		unsigned part = (unsigned)MIN(n - done, s->len);

		if (part == s->len) {
			pipe_push(to, *s);
			pipe_pop(from);
		} else {
			push_part(to, s, part);
			s->start += part;
			s->len -= part;
		}
		done += part;
	}
	return done;
}

/* The same, and all stays in `from`. */
static size_t copy_slots(struct pipe *from, struct pipe *to, size_t n)
{
	size_t done = 0;

	for (unsigned i = from->tail; done < n && i != from->head && !is_full(to); i++) {
		const struct slot *s = slot_at(from, i);
		unsigned part = (unsigned)MIN(n - done, s->len);

		push_part(to, s, part);
		done += part;
	}
	return done;
}

/* Until there is something to move (1), or never will be (0); -EAGAIN, -ERESTARTSYS. */
static int wait_content(struct pipe *p, const struct file *f, bool keep, bool wait)
{
	struct file view = pipe_view(f, wait);
	int err = 0, there;

	spin_lock(&p->lock);
	while (!err && (is_empty(p) ? p->writers : p->being_read && !keep)) {
		p->contended |= p->being_read;
		err = pipe_wait(p, &view);
	}
	there = !is_empty(p);
	spin_unlock(&p->lock);
	return err ? err : there;
}

ssize_t pipe_move(const struct file *from, const struct file *to, size_t n, bool keep, bool wait)
{
	struct pipe *a = from->data, *b = to->data;
	size_t done = 0;
	int r;

	assert(a != b);
	while (!done) {			/* others may be faster, at either end */
		r = wait_content(a, from, keep, wait);
		if (r > 0)
			r = pipe_has_room(to, wait) ? : 1;
		if (r <= 0)
			return r;
		lock_both(a, b);
		if (b->readers)
			done = keep ? copy_slots(a, b, n) : move_slots(a, b, n);
		unlock_both(a, b);
	}
	return (ssize_t)done;
}
