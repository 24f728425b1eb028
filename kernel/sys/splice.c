/*
 * Calls that move bytes between files without the program's memory: sendfile, splice, tee, copy_file_range; and
 * vmsplice, between a pipe and that memory. Errors and their order are Linux's.
 */
#include <kernel/fs/splice.h>
#include <kernel/fs/fs.h>
#include <kernel/fs/pipe.h>
#include <kernel/fs/uio.h>
#include <kernel/proc/process.h>
#include <kernel/sys/syscall.h>
#include <linux/fcntl.h>

#define SPLICE_MOVE	1u		/* allowed, as MORE and GIFT: nothing follows from them */
#define SPLICE_NONBLOCK	2u
#define SPLICE_MORE	4u
#define SPLICE_GIFT	8u
#define SPLICE_ALL	(SPLICE_MOVE | SPLICE_NONBLOCK | SPLICE_MORE | SPLICE_GIFT)

/* Two files of a call; a place in each, if the call names one. */
struct ends {
	struct file *in, *out;
	uint64_t in_at, out_at;
	uint64_t *in_pos, *out_pos;	/* that place, or NULL: where the file stands */
};

static int get_ends(struct ends *e, int in, int out)
{
	*e = (struct ends){ .in = user_file(in), .out = user_file(out) };
	return e->in && e->out ? 0 : -EBADF;
}

static void put_ends(struct ends *e)
{
	file_put_cleanup(&e->in);
	file_put_cleanup(&e->out);
}

static int get_place(const uint64_t __user *from, uint64_t *at, uint64_t **pos)
{
	*pos = from ? at : NULL;
	return from && copy_from_user(at, from, sizeof(*at)) ? -EFAULT : 0;
}

/* The place as it is by now: r, or -EFAULT. */
static long put_place(uint64_t __user *to, uint64_t at, long r)
{
	return r >= 0 && to && copy_to_user(to, &at, sizeof(at)) ? -EFAULT : r;
}

static void stand_at(struct file *f, uint64_t at)
{
	mutex_lock(&f->lock);
	f->pos = at;
	mutex_unlock(&f->lock);
}

static int may_move(const struct ends *e)
{
	return file_can_read(e->in) && file_can_write(e->out) ? 0 : -EBADF;
}

/* May the call wait, as the flags say and these files do? */
static bool may_wait(unsigned flags, const struct file *a, const struct file *b)
{
	return !(flags & SPLICE_NONBLOCK) && !((a->flags | b->flags) & O_NONBLOCK);
}

/* ---- sendfile ---- */

/* What is read must be a file with content; what is written to, a file or a pipe: else -EINVAL, as for old programs. */
static long check_send(const struct ends *e)
{
	int err = may_move(e);

	if (err)
		return err;
	return node_object(e->in->node) && e->out->ops->write_iter && !(e->out->flags & O_APPEND) ? 0 : -EINVAL;
}

static long send(struct ends *e, uint64_t __user *off, size_t n)
{
	uint64_t pos = READ_ONCE(e->in->pos);
	long r = get_place(off, &pos, &e->in_pos);

	if (r)
		return r;
	if ((int64_t)pos < 0)
		return -EINVAL;
	r = splice_content(node_object(e->in->node), pos, e->out, NULL, MIN(n, FILE_IO_MAX),
			   may_wait(0, e->out, e->out));
	if (r <= 0)
		return r;
	if (off)
		return put_place(off, pos + (uint64_t)r, r);
	stand_at(e->in, pos + (uint64_t)r);
	return r;
}

SYSCALL4(sendfile, int, out, int, in, uint64_t __user *, off, size_t, n)
{
	struct ends e;
	long r = get_ends(&e, in, out);

	if (!r)
		r = check_send(&e);
	if (!r)
		r = send(&e, off, n);
	put_ends(&e);
	return r;
}

/* ---- splice ---- */

static long splice(struct ends *e, size_t n, unsigned flags)
{
	bool from_pipe = file_is_pipe(e->in), to_pipe = file_is_pipe(e->out);
	int err = may_move(e);

	if (err)
		return err;
	n = MIN(n, FILE_IO_MAX);
	if (from_pipe && to_pipe)
		return pipes_are_same(e->in, e->out) ? -EINVAL :
		       pipe_move(e->in, e->out, n, false, may_wait(flags, e->in, e->out));
	if (from_pipe)
		return e->out->flags & O_APPEND ? -EINVAL :
		       splice_from_pipe(e->in, e->out, e->out_pos, n, may_wait(flags, e->in, e->in));
	if (to_pipe)
		return splice_to_pipe(e->in, e->in_pos, e->out, n, may_wait(flags, e->out, e->out));
	return -EINVAL;
}

static long splice_at(struct ends *e, uint64_t __user *in_off, uint64_t __user *out_off, size_t n, unsigned flags)
{
	long r;

	if ((in_off && file_is_pipe(e->in)) || (out_off && file_is_pipe(e->out)))
		return -ESPIPE;
	r = get_place(out_off, &e->out_at, &e->out_pos);
	if (!r)
		r = get_place(in_off, &e->in_at, &e->in_pos);
	if (!r)
		r = splice(e, n, flags);
	return put_place(in_off, e->in_at, put_place(out_off, e->out_at, r));
}

SYSCALL6(splice, int, in, uint64_t __user *, in_off, int, out, uint64_t __user *, out_off, size_t, n,
	 unsigned, flags)
{
	struct ends e;
	long r;

	if (!n)
		return 0;
	if (flags & ~SPLICE_ALL)
		return -EINVAL;
	r = get_ends(&e, in, out);
	if (!r)
		r = splice_at(&e, in_off, out_off, n, flags);
	put_ends(&e);
	return r;
}

/* ---- tee ---- */

static long tee(const struct ends *e, size_t n, unsigned flags)
{
	int err = may_move(e);

	if (err)
		return err;
	if (!file_is_pipe(e->in) || !file_is_pipe(e->out) || pipes_are_same(e->in, e->out))
		return -EINVAL;
	return pipe_move(e->in, e->out, MIN(n, FILE_IO_MAX), true, may_wait(flags, e->in, e->out));
}

SYSCALL4(tee, int, in, int, out, size_t, n, unsigned, flags)
{
	struct ends e;
	long r;

	if (flags & ~SPLICE_ALL)
		return -EINVAL;
	if (!n)
		return 0;
	r = get_ends(&e, in, out);
	if (!r)
		r = tee(&e, n, flags);
	put_ends(&e);
	return r;
}

/* ---- vmsplice ---- */

static long splice_own(struct file *f, const struct io_vector *v, bool wait)
{
	struct io_iter it = io_iter_of(v);

	if (!it.left)
		return 0;
	if (!file_is_pipe(f))
		return -EBADF;
	return file_can_write(f) ? splice_memory(&it, f, wait) : pipe_read_bytes(f, &it, wait);
}

SYSCALL4(vmsplice, int, fd, const struct iovec __user *, iov, uint64_t, n, unsigned, flags)
{
	struct file *f __put_file = NULL;
	struct io_vector v;
	long r;

	if (flags & ~SPLICE_ALL)
		return -EINVAL;
	f = user_file(fd);
	if (!f)
		return -EBADF;
	r = io_vector_read_own(&v, iov, n);
	if (!r) {
		r = splice_own(f, &v, !(flags & SPLICE_NONBLOCK));
		io_vector_free(&v);
	}
	return r;
}

/* ---- copy_file_range ---- */

static long check_copy(const struct ends *e)
{
	const struct node *in = e->in->node, *out = e->out->node;

	if (node_is_dir(in) || node_is_dir(out))
		return -EISDIR;
	if (!node_is_reg(in) || !node_is_reg(out))
		return -EINVAL;
	if (may_move(e) || e->out->flags & O_APPEND)
		return -EBADF;
	if (fs_dev(in) != fs_dev(out))
		return -EXDEV;
	return node_object(in) && e->out->ops->write_iter ? 0 : -EINVAL;
}

/* *n: as far as there is something to copy. */
static long check_ranges(const struct ends *e, size_t *n)
{
	uint64_t size = node_size(e->in->node), in = *e->in_pos, out = *e->out_pos;

	if (in + *n < in || out + *n < out)
		return -EOVERFLOW;
	if ((int64_t)in < 0 || (int64_t)out < 0)
		return -EINVAL;
	*n = in >= size ? 0 : MIN(MIN(*n, size - in), FILE_IO_MAX);
	if (*n && out >= INT64_MAX)
		return -EFBIG;
	*n = MIN(*n, INT64_MAX - out);
	return e->in->node == e->out->node && in < out + *n && out < in + *n ? -EINVAL : 0;
}

/* Where a file stands is copied, and set at the end. */
static void start_at(struct file *f, uint64_t *at, uint64_t **pos)
{
	if (!*pos)
		*at = READ_ONCE(f->pos);
	*pos = at;
}

static long copy_range(struct ends *e, size_t n)
{
	long r = check_copy(e);

	start_at(e->in, &e->in_at, &e->in_pos);
	start_at(e->out, &e->out_at, &e->out_pos);
	if (!r)
		r = check_ranges(e, &n);
	if (!r && n)
		r = splice_content(node_object(e->in->node), e->in_at, e->out, e->out_pos, n, true);
	if (r > 0)
		e->in_at += (uint64_t)r;
	return r;
}

SYSCALL6(copy_file_range, int, in, uint64_t __user *, in_off, int, out, uint64_t __user *, out_off, size_t, n,
	 unsigned, flags)
{
	struct ends e;
	long r = get_ends(&e, in, out);

	if (!r)
		r = get_place(in_off, &e.in_at, &e.in_pos);
	if (!r)
		r = get_place(out_off, &e.out_at, &e.out_pos);
	if (!r)
		r = flags ? -EINVAL : copy_range(&e, n);
	if (r > 0 && !in_off)
		stand_at(e.in, e.in_at);
	if (r > 0 && !out_off)
		stand_at(e.out, e.out_at);
	r = put_place(in_off, e.in_at, put_place(out_off, e.out_at, r));
	put_ends(&e);
	return r;
}
