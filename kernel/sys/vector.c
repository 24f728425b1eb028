/* Lists of pieces at a place of the call's own: preadv and its family. */
#include <kernel/fs/uio.h>
#include <kernel/proc/process.h>
#include <kernel/sys/syscall.h>
#include <linux/fs.h>

#define HARMLESS_FLAGS	(RWF_HIPRI | RWF_DSYNC | RWF_SYNC)	/* memory is as safe as it will be */

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
	struct file *f __put_file = user_file(fd);
	struct io_vector v;
	long r;

	if (!f)
		return -EBADF;
	r = off < 0 ? -EINVAL : f->ops->stream ? -ESPIPE : io_vector_read_own(&v, iov, n);
	if (!r) {
		r = pieces_at(f, &v, (uint64_t)off, write);
		io_vector_free(&v);
	}
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
