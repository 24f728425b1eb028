/* Lists of pieces at a place of the call's own: preadv and its family; and sendfile. */
#include <kernel/fs/uio.h>
#include <kernel/proc/process.h>
#include <kernel/sys/syscall.h>
#include <linux/fs.h>
#include <mm/alloc/slab.h>

#define HARMLESS_FLAGS	(RWF_HIPRI | RWF_DSYNC | RWF_SYNC)	/* memory is as safe as it will be */
#define PIECE		PAGE_SIZE

/* One piece after another until one comes up short. */
static ssize_t pieces_at(struct file *f, const struct io_vector *v, uint64_t pos, bool write)
{
	ssize_t done = 0, r = 0;

	for (unsigned i = 0; i < v->n; i++) {
		void __user *buf = v->iov[i].iov_base;
		size_t len = v->iov[i].iov_len;

		r = write ? file_write(f, buf, len, &pos) : file_read(f, buf, len, &pos);
		if (r < 0)
			break;
		done += r;
		pos += (uint64_t)r;
		if ((size_t)r < len)
			break;
	}
	return done ? done : MIN(r, 0);
}

static long vector_at(int fd, const struct iovec __user *iov, uint64_t n, int64_t off, bool write)
{
	struct file *f = user_file(fd);
	struct io_vector v;
	long r;

	if (!f)
		return -EBADF;
	r = off < 0 ? -EINVAL : f->ops->stream ? -ESPIPE : io_vector_read_own(&v, iov, n);
	if (!r) {
		r = pieces_at(f, &v, (uint64_t)off, write);
		io_vector_free(&v);
	}
	file_put(f);
	return r;
}

SYSCALL4(preadv, int, fd, const struct iovec __user *, iov, uint64_t, n, int64_t, off)
{
	return vector_at(fd, iov, n, off, false);
}

SYSCALL4(pwritev, int, fd, const struct iovec __user *, iov, uint64_t, n, int64_t, off)
{
	return vector_at(fd, iov, n, off, true);
}

/* With flags; off -1: where the file stands. */
static long vector_flags(struct trapframe *tf, long (*at)(struct trapframe *tf), long (*here)(struct trapframe *tf))
{
	if (tf->r9 & ~(uint64_t)HARMLESS_FLAGS)
		return -EOPNOTSUPP;
	return (int64_t)tf->r10 == -1 ? here(tf) : at(tf);
}

long sys_preadv2(struct trapframe *tf)
{
	return vector_flags(tf, sys_preadv, sys_readv);
}

long sys_pwritev2(struct trapframe *tf)
{
	return vector_flags(tf, sys_pwritev, sys_writev);
}

/* ---- sendfile ---- */

/* n bytes at buf to where out stands: what it takes, or -errno. */
static ssize_t write_kernel(struct file *out, void *buf, size_t n)
{
	struct iovec one = { (void __user *)buf, n };
	struct io_iter it = { .iov = &one, .left = n, .kernel = true };

	return out->ops->write_iter(out, &it);
}

static ssize_t send(struct file *out, struct object *in, uint64_t pos, size_t n, void *buf)
{
	size_t done = 0;
	ssize_t r = 0;

	while (done < n) {
		ssize_t got = object_read_kernel(in, pos + done, buf, MIN(n - done, PIECE));

		r = got > 0 ? write_kernel(out, buf, (size_t)got) : got;
		if (r <= 0)
			break;
		done += (size_t)r;
		if (r < got)
			break;
		resched_point();
	}
	return done ? (ssize_t)done : r;
}

/* What is read must be a file with content; what is written to, a file or a pipe: else -EINVAL, as for old programs. */
static long check_ends(const struct file *out, const struct file *in)
{
	if (!out || !in || !file_can_read(in) || !file_can_write(out))
		return -EBADF;
	return node_object(in->node) && out->ops->write_iter && !(out->flags & O_APPEND) ? 0 : -EINVAL;
}

static long send_from(struct file *out, struct file *in, int64_t __user *uoff, size_t n)
{
	int64_t pos = (int64_t)READ_ONCE(in->pos);
	void *buf;
	long r;

	if (uoff && copy_from_user(&pos, uoff, sizeof(pos)))
		return -EFAULT;
	if (pos < 0)
		return -EINVAL;
	buf = kmalloc(PIECE);
	if (!buf)
		return -ENOMEM;
	r = send(out, node_object(in->node), (uint64_t)pos, MIN(n, FILE_IO_MAX), buf);
	kfree(buf);
	if (r <= 0)
		return r;
	pos += r;
	if (uoff)
		return copy_to_user(uoff, &pos, sizeof(pos)) ? -EFAULT : r;
	mutex_lock(&in->lock);
	in->pos = (uint64_t)pos;
	mutex_unlock(&in->lock);
	return r;
}

SYSCALL4(sendfile, int, outfd, int, infd, int64_t __user *, off, size_t, n)
{
	struct file *out = user_file(outfd), *in = user_file(infd);
	long r = check_ends(out, in);

	if (!r)
		r = send_from(out, in, off, n);
	if (out)
		file_put(out);
	if (in)
		file_put(in);
	return r;
}
