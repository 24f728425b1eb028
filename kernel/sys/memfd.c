/* Calls about files in memory: memfd_create, holes, and the size of files. */
#include <kernel/fs/memfd.h>
#include <kernel/proc/process.h>
#include <kernel/sys/syscall.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/memfd.h>

/* Younger than the headers that are used here. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL	0x8u
#define MFD_EXEC	0x10u
#endif

static long check_flags(unsigned flags)
{
	if (flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC))
		return -EINVAL;		/* no huge pages either */
	return (flags & MFD_EXEC && flags & MFD_NOEXEC_SEAL) ? -EINVAL : 0;
}

SYSCALL2(memfd_create, const char __user *, uname, unsigned, flags)
{
	struct process *p = current_process();
	unsigned seals = flags & (MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL) ? 0 : OBJECT_SEAL_SEAL;
	char name[MEMFD_NAME_MAX + 1];
	struct file *f;
	long r = check_flags(flags);

	if (r)
		return r;
	r = strncpy_from_user(name, uname, sizeof(name));
	if (r < 0)
		return r == -ENAMETOOLONG ? -EINVAL : r;
	if (flags & MFD_NOEXEC_SEAL)
		seals |= OBJECT_SEAL_EXEC;
	r = memfd_create(name, !(flags & MFD_NOEXEC_SEAL), seals, &f);
	if (r)
		return r;
	r = files_add(&p->files, f, 0, process_fd_limit(p), flags & MFD_CLOEXEC);
	if (r < 0)
		file_put(f);
	return r;
}

static long truncate_node(struct node *n, int64_t size)
{
	if (node_is_dir(n))
		return -EISDIR;
	if (!node_is_reg(n))
		return -EINVAL;
	if (!n->reg.obj.ops->memory)
		return -EROFS;
	return object_truncate(&n->reg.obj, (uint64_t)size);
}

SYSCALL2(ftruncate, int, fd, int64_t, size)
{
	struct file *f;
	long r = -EINVAL;

	if (size < 0)
		return -EINVAL;
	f = files_get(&current_process()->files, (unsigned)fd);
	if (!f)
		return -EBADF;
	if (f->flags & O_PATH)
		r = -EBADF;
	else if (node_is_reg(f->node) && file_can_write(f))
		r = truncate_node(f->node, size);
	file_put(f);
	return r;
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
	r = truncate_node(n, size);
	node_put(n);
	return r;
}

/* Of what Linux offers: holes in memory files. */
static long fallocate(struct file *f, int mode, int64_t off, int64_t len)
{
	struct node *n = f->node;

	if (off < 0 || len <= 0)
		return -EINVAL;
	if (mode != (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	if (!file_can_write(f))
		return -EBADF;
	if (node_is_dir(n))
		return -EISDIR;
	if (!node_is_reg(n))
		return f->ops->stream ? -ESPIPE : -ENODEV;
	if (off + (uint64_t)len >= 1ul << 63)
		return -EFBIG;
	return n->reg.obj.ops->memory ? object_punch(&n->reg.obj, (uint64_t)off, (uint64_t)len) :
	       -EOPNOTSUPP;
}

SYSCALL4(fallocate, int, fd, int, mode, int64_t, off, int64_t, len)
{
	struct file *f = files_get(&current_process()->files, (unsigned)fd);
	long r;

	if (!f)
		return -EBADF;
	r = f->flags & O_PATH ? -EBADF : fallocate(f, mode, off, len);
	file_put(f);
	return r;
}
