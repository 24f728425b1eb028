/*
 * Regular files: read, written, mapped, cut. What is done with bytes is the object's
 * (mm/obj/write.c); here is what a file is besides: its times, set-user-ID, the limit of a process.
 */
#include <kernel/fs/regular.h>
#include <kernel/fs/perm.h>
#include <kernel/fs/uio.h>
#include <kernel/proc/process.h>
#include <linux/errno.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>

/* f->data: the node that it counts as a writer of, or NULL. */
static int regular_open(struct file *f)
{
	int err = file_can_write(f) ? node_begin_write(f->node) : 0;

	if (!err && file_can_write(f))
		f->data = f->node;
	return err;
}

static void regular_release(struct file *f)
{
	if (f->data)
		node_end_write(f->data);
	f->data = NULL;
}

void regular_is_no_writer(struct file *f)
{
	regular_release(f);
}

static ssize_t regular_read(struct file *f, void __user *buf, size_t n, uint64_t off)
{
	ssize_t done = object_read(node_object(f->node), off, buf, n);

	if (!(f->flags & O_NOATIME))
		node_was_read(f->node);
	return done;
}

static int regular_mmap(struct file *f, struct object **obj)
{
	node_was_read(f->node);
	*obj = node_object(f->node);
	return 0;
}

/* ---- the longest file that a process may write ---- */

static int too_large(void)
{
	struct sig_info info = signal_info_user(SIGXFSZ, SI_KERNEL);

	(void)!signal_send(current_process(), signal_thread(), &info);
	return -EFBIG;
}

/* How many of n bytes at off it may write; 0: none, SIGXFSZ is sent. */
static size_t within_limit(uint64_t off, size_t n)
{
	uint64_t limit = process_limit(current_process(), RLIMIT_FSIZE);

	if (likely(limit == RLIM64_INFINITY))
		return n;
	if (off >= limit) {
		(void)too_large();
		return 0;
	}
	return MIN(n, limit - off);
}

/* ---- writing ---- */

struct memory_source {
	struct object_source from;
	struct io_iter *it;
};

static size_t take_pieces(struct object_source *s, void *to, size_t n)
{
	return io_iter_take(container_of(s, struct memory_source, from)->it, to, n);
}

/*
 * All pieces are one write: nobody else's comes between them. *end: where it ended. Where the
 * end of an append is, the object says: others may append by an open file of their own.
 */
static ssize_t write_pieces(struct file *f, struct io_iter *it, uint64_t off, uint64_t *end)
{
	bool append = f->flags & O_APPEND;
	struct object *o = node_object(f->node);
	struct memory_source s = { { take_pieces }, it };
	size_t n = within_limit(append ? READ_ONCE(o->size) : off, it->left);
	ssize_t done;

	if (!n)
		return -EFBIG;
	if (append) {
		done = object_append(o, &s.from, n, end);
	} else {
		done = object_write(o, off, &s.from, n);
		*end = off + (uint64_t)MAX(done, 0);
	}
	if (done > 0)
		node_written(f->node);
	return done;
}

static ssize_t regular_write(struct file *f, const void __user *buf, size_t n, uint64_t off)
{
	struct iovec one = { (void __user *)buf, n };
	struct io_iter it = { .iov = &one, .left = n };
	uint64_t end;

	return write_pieces(f, &it, off, &end);
}

/* At *pos, which is moved. */
static ssize_t write_at(struct file *f, struct io_iter *it, uint64_t *pos)
{
	ssize_t done = -EINVAL;
	uint64_t end;

	if (f->flags & O_APPEND || (int64_t)(*pos + it->left) >= 0)
		done = write_pieces(f, it, *pos, &end);
	if (done > 0)
		*pos = end;
	return done;
}

static ssize_t regular_write_iter(struct file *f, struct io_iter *it, uint64_t *pos)
{
	ssize_t done;

	if (pos)
		return write_at(f, it, pos);
	mutex_lock(&f->lock);
	done = write_at(f, it, &f->pos);
	mutex_unlock(&f->lock);
	return done;
}

const struct file_ops regular_file_ops = {
	.open = regular_open, .release = regular_release,
	.read = regular_read, .write = regular_write, .write_iter = regular_write_iter,
	.mmap = regular_mmap,
};

const struct file_ops huge_file_ops = { .read = regular_read, .mmap = regular_mmap };

/* ---- size ---- */

static int truncate(struct node *n, uint64_t size)
{
	int err;

	if (size > node_size(n) && size > process_limit(current_process(), RLIMIT_FSIZE))
		return too_large();
	err = node_own_content(n, size);
	if (!err)
		err = object_truncate(node_object(n), size);
	if (!err)
		node_written(n);
	return err;
}

int regular_truncate(struct node *n, uint64_t size)
{
	int err = node_begin_write(n);

	if (err)
		return err;
	err = truncate(n, size);
	node_end_write(n);
	return err;
}

int regular_allocate(struct node *n, int mode, uint64_t off, uint64_t len)
{
	struct object *o = node_object(n);
	int err;

	if (mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE))
		err = object_punch(o, off, len);
	else if (mode & ~FALLOC_FL_KEEP_SIZE)
		return -EOPNOTSUPP;
	else if (off + len > node_size(n) && !mode && !within_limit(off + len - 1, 1))
		return -EFBIG;
	else
		err = object_allocate(o, off, len, mode & FALLOC_FL_KEEP_SIZE);
	if (!err)
		node_written(n);
	return err;
}
