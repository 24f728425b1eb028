/*
 * Bytes from file to file; see splice.h.
 *
 *	file -> pipe		the pages of the file, by reference
 *	pipe -> pipe		slots move (pipe_splice.c)
 *	pipe, file -> file	one copy, from the page to the page
 *	pipe <-> socket		one copy, into packets and out of them
 *	device, memory -> pipe	one copy, into pages that the pipe then has
 *
 * Nothing is held while bytes are copied or waited for, but that a pipe is being read.
 */
#include <kernel/fs/splice.h>
#include <kernel/fs/pipe.h>
#include <kernel/fs/socket.h>
#include <kernel/fs/uio.h>
#include <linux/errno.h>
#include <mm/mm.h>

/* Bytes of the kernel's memory to out. */
static ssize_t write_kernel(struct file *out, const void *from, size_t n, uint64_t *pos)
{
	struct iovec one = { (void __user *)(uintptr_t)from, n };
	struct io_iter it = { .iov = &one, .left = n, .kernel = true };

	return out->ops->write_iter(out, &it, pos);
}

static ssize_t put_part(struct file *out, uint64_t *pos, struct page *p, unsigned start, unsigned n, bool wait)
{
	int err;

	if (!file_is_pipe(out))
		return write_kernel(out, (char *)page_to_virt(p) + start, n, pos);
	err = pipe_add(out, p, start, n, wait);
	return err ? err : (ssize_t)n;
}

ssize_t splice_content(struct object *in, uint64_t pos, struct file *out, uint64_t *out_pos, size_t n, bool wait)
{
	size_t done = 0;
	ssize_t r = 0, there;
	unsigned start;
	struct page *p;

	while (done < n) {
		r = there = object_borrow(in, pos + done, n - done, &p, &start);
		if (there <= 0)
			break;
		r = put_part(out, out_pos, p, start, (unsigned)there, wait);
		page_put(p);
		if (r <= 0)
			break;
		done += (size_t)r;
		if (r < there)
			break;
		resched_point();
	}
	return done ? (ssize_t)done : r;
}

/* ---- to a pipe ---- */

/* As much as has room now. in->lock is held if pos is its own. */
static ssize_t content_to_pipe(struct object *in, uint64_t *pos, struct file *pipe, size_t n)
{
	ssize_t r = (int64_t)*pos < 0 ? -EINVAL : splice_content(in, *pos, pipe, NULL, n, false);

	if (r > 0)
		*pos += (uint64_t)r;
	return r;
}

/* A page of its own, filled by `fill`, which goes there. Bytes, -errno. */
static ssize_t page_to_pipe(struct file *pipe, size_t n, ssize_t (*fill)(void *arg, void *to, size_t n), void *arg)
{
	struct page *p = page_alloc(0, PAGE_KERNEL, 0);
	ssize_t r;
	int err;

	if (!p)
		return -ENOMEM;
	r = fill(arg, page_to_virt(p), MIN(n, PAGE_SIZE));
	if (r > 0) {
		err = pipe_add(pipe, p, 0, (unsigned)r, false);
		r = err ? err : r;
	}
	page_put(p);
	return r;
}

static ssize_t fill_by_device(void *arg, void *to, size_t n)
{
	struct file *in = arg;
	struct iovec one = { (void __user *)(uintptr_t)to, n };
	struct io_iter it = { .iov = &one, .left = n, .kernel = true };

	return in->ops->read_iter(in, &it);
}

static ssize_t device_to_pipe(struct file *in, struct file *pipe, size_t n)
{
	size_t done = 0;
	ssize_t r = 1;

	while (done < n && r > 0) {
		r = page_to_pipe(pipe, n - done, fill_by_device, in);
		done += (size_t)MAX(r, 0);
		resched_point();
	}
	return done ? (ssize_t)done : r;
}

static ssize_t what_fits(struct file *in, uint64_t *pos, struct file *pipe, size_t n)
{
	struct object *o = node_object(in->node);
	ssize_t r;

	if (!o)
		return device_to_pipe(in, pipe, n);
	if (pos)
		return content_to_pipe(o, pos, pipe, n);
	mutex_lock(&in->lock);
	r = content_to_pipe(o, &in->pos, pipe, n);
	mutex_unlock(&in->lock);
	return r;
}

ssize_t splice_to_pipe(struct file *in, uint64_t *pos, struct file *pipe, size_t n, bool wait)
{
	ssize_t r;

	if (is_socket(in))
		return pos ? -EINVAL : socket_to_pipe(in, pipe, n, wait);
	if (!node_object(in->node) && (!in->ops->read_iter || in->ops->stream))
		return -EINVAL;
	do {				/* somebody else may take the room */
		r = pipe_has_room(pipe, wait);
		if (!r)
			r = what_fits(in, pos, pipe, n);
	} while (r == -EAGAIN && wait);
	return r;
}

/* ---- from a pipe ---- */

struct file_sink {
	struct pipe_sink from;
	struct file *out;
	uint64_t *pos;
};

static ssize_t put_file(struct pipe_sink *s, const void *from, size_t n)
{
	struct file_sink *to = container_of(s, struct file_sink, from);

	return write_kernel(to->out, from, n, to->pos);
}

ssize_t splice_from_pipe(struct file *pipe, struct file *out, uint64_t *pos, size_t n, bool wait)
{
	struct file_sink sink = { { put_file, n, false }, out, pos };

	if (!out->ops->write_iter || (pos && is_socket(out)) || (pos && (int64_t)*pos < 0))
		return -EINVAL;
	return pipe_drain(pipe, &sink.from, wait);
}

/* ---- from memory ---- */

static ssize_t fill_by_memory(void *arg, void *to, size_t n)
{
	size_t done = io_iter_take(arg, to, n);

	return done ? (ssize_t)done : -EFAULT;
}

ssize_t splice_memory(struct io_iter *from, struct file *pipe, bool wait)
{
	ssize_t r = pipe_has_room(pipe, wait);
	size_t done = 0;

	while (!r && from->left) {
		r = page_to_pipe(pipe, io_iter_span(from), fill_by_memory, from);
		done += (size_t)MAX(r, 0);
		r = MIN(r, 0);
		resched_point();
	}
	return done ? (ssize_t)done : r;
}
