/* Calls about the size of files, and what memory they have: truncate, fallocate. */
#include <kernel/fs/perm.h>
#include <kernel/fs/regular.h>
#include <kernel/proc/process.h>
#include <kernel/sys/syscall.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>

SYSCALL2(ftruncate, int, fd, int64_t, size)
{
	struct file *f __put_file = size < 0 ? NULL : user_file(fd);

	if (!f)
		return size < 0 ? -EINVAL : -EBADF;
	if (!node_object(f->node) || !file_can_write(f))
		return -EINVAL;
	return regular_truncate(f->node, (uint64_t)size);
}

static long truncate_node(struct node *n, uint64_t size)
{
	int err;

	if (node_is_dir(n))
		return -EISDIR;
	if (!node_is_reg(n))
		return -EINVAL;
	err = node_may(n, MAY_WRITE);
	if (err)
		return err;
	return node_object(n) ? regular_truncate(n, size) : -EPERM;
}

SYSCALL2(truncate, const char __user *, path, int64_t, size)
{
	struct node *n;
	long r;

	if (size < 0)
		return -EINVAL;
	r = user_path(AT_FDCWD, path, 0, &n);
	if (r)
		return r;
	r = truncate_node(n, (uint64_t)size);
	node_put(n);
	return r;
}

static long allocate(struct file *f, int mode, int64_t off, int64_t len)
{
	const struct node *n = f->node;

	if (off < 0 || len <= 0)
		return -EINVAL;
	if (mode & ~(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE) || mode == FALLOC_FL_PUNCH_HOLE)
		return -EOPNOTSUPP;
	if (!file_can_write(f))
		return -EBADF;
	if (node_is_dir(n))
		return -EISDIR;
	if (!node_object(n))
		return f->ops->stream ? -ESPIPE : -ENODEV;
	if ((uint64_t)off + (uint64_t)len >= 1ul << 63)
		return -EFBIG;
	return regular_allocate(f->node, mode, (uint64_t)off, (uint64_t)len);
}

SYSCALL4(fallocate, int, fd, int, mode, int64_t, off, int64_t, len)
{
	struct file *f __put_file = user_file(fd);

	if (!f)
		return -EBADF;
	return allocate(f, mode, off, len);
}
