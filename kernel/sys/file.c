/* Calls about open files: read and write in all forms, close, copies of numbers, ioctl. */
#include <kernel/fs/file.h>
#include <asm/fcntl.h>
#include <kernel/dev/block.h>
#include <kernel/fs/memfd.h>
#include <kernel/fs/path.h>
#include <kernel/fs/pipe.h>
#include <kernel/fs/uio.h>
#include <kernel/proc/process.h>
#include <kernel/sys/lock.h>
#include <kernel/sys/syscall.h>
#include <lib/string.h>
#include <linux/close_range.h>
#include <linux/fcntl.h>

/* ---- read and write ---- */

SYSCALL3(read, int, fd, void __user *, buf, size_t, n)
{
	struct file *f __put_file = user_file(fd);

	if (!f)
		return -EBADF;
	return file_read(f, buf, n, NULL);
}

SYSCALL3(write, int, fd, const void __user *, buf, size_t, n)
{
	struct file *f __put_file = user_file(fd);

	if (!f)
		return -EBADF;
	return file_write(f, buf, n, NULL);
}

SYSCALL4(pread64, int, fd, void __user *, buf, size_t, n, int64_t, off)
{
	struct file *f __put_file = off < 0 ? NULL : user_file(fd);
	uint64_t pos = (uint64_t)off;

	if (!f)
		return off < 0 ? -EINVAL : -EBADF;
	return f->ops->stream ? -ESPIPE : file_read(f, buf, n, &pos);
}

SYSCALL4(pwrite64, int, fd, const void __user *, buf, size_t, n, int64_t, off)
{
	struct file *f __put_file = off < 0 ? NULL : user_file(fd);
	uint64_t pos = (uint64_t)off;

	if (!f)
		return off < 0 ? -EINVAL : -EBADF;
	return f->ops->stream ? -ESPIPE : file_write(f, buf, n, &pos);
}

/* ---- vectors ---- */

static long do_vector(int fd, const struct iovec __user *iov, uint64_t n, bool write)
{
	struct file *f __put_file = user_file(fd);
	struct io_vector v;
	long r;

	if (!f)
		return -EBADF;
	r = io_vector_read_own(&v, iov, n);
	if (r)
		return r;
	r = file_vector(f, &v, write);
	io_vector_free(&v);
	return r;
}

SYSCALL3(readv, int, fd, const struct iovec __user *, iov, uint64_t, n)
{
	return do_vector(fd, iov, n, false);
}

SYSCALL3(writev, int, fd, const struct iovec __user *, iov, uint64_t, n)
{
	return do_vector(fd, iov, n, true);
}

/* ---- close, seek ---- */

SYSCALL1(close, int, fd)
{
	return files_close(&current_process()->files, (unsigned)fd);
}

/* All threads of a process have one table: for one of many there is none of its own. */
SYSCALL3(close_range, unsigned, first, unsigned, last, unsigned, flags)
{
	struct process *p = current_process();

	if (flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC) || first > last)
		return -EINVAL;
	if (flags & CLOSE_RANGE_UNSHARE && READ_ONCE(p->ntasks) > 1)
		return -EINVAL;
	files_close_range(&p->files, first, last, flags & CLOSE_RANGE_CLOEXEC);
	return 0;
}

SYSCALL3(lseek, int, fd, int64_t, off, int, whence)
{
	struct file *f __put_file = user_file(fd);

	if (!f)
		return -EBADF;
	return file_seek(f, off, whence);
}

SYSCALL3(getdents64, int, fd, void __user *, buf, unsigned, n)
{
	struct file *f __put_file = user_file(fd);

	if (!f)
		return -EBADF;
	return f->ops->getdents ? f->ops->getdents(f, buf, n) : -ENOTDIR;
}

static long flush_file(int fd)
{
	struct file *f __put_file = user_file(fd);

	if (!f)
		return -EBADF;
	return file_sync(f);
}

SYSCALL1(fsync, int, fd)
{
	return flush_file(fd);
}

SYSCALL1(fdatasync, int, fd)
{
	return flush_file(fd);
}

SYSCALL0(sync)
{
	block_flush_all();
	return 0;
}

/* Everything a tmpfs has is where it stays. */
SYSCALL1(syncfs, int, fd)
{
	struct file *f __put_file = user_file(fd);

	return f ? 0 : -EBADF;
}

SYSCALL3(ioctl, int, fd, unsigned, cmd, uint64_t, arg)
{
	struct file *f __put_file = user_file(fd);

	if (!f)
		return -EBADF;
	return f->ops->ioctl ? f->ops->ioctl(f, cmd, arg) : -ENOTTY;
}

/* ---- copies of numbers, flags ---- */

/* What the number leads to, also if it is only a place (O_PATH). */
static struct file *any_file(int fd)
{
	return files_get(&current_process()->files, (unsigned)fd);
}

static long dup_from(int fd, unsigned min, bool cloexec)
{
	struct process *p = current_process();
	struct file *f = any_file(fd);
	long r;

	if (!f)
		return -EBADF;
	r = files_add(&p->files, f, min, process_fd_limit(p), cloexec);
	if (r < 0)
		file_put(f);
	return r;
}

static long dup_to(int old, int new, bool cloexec)
{
	struct process *p = current_process();
	struct file *f = any_file(old);
	long r;

	if (!f)
		return -EBADF;
	r = files_put_at(&p->files, f, (unsigned)new, process_fd_limit(p), cloexec);
	if (r < 0)
		file_put(f);
	return r < 0 ? r : new;
}

SYSCALL1(dup, int, fd)
{
	return dup_from(fd, 0, false);
}

SYSCALL2(dup2, int, old, int, new)
{
	if (old == new) {
		int r = files_get_cloexec(&current_process()->files, (unsigned)old);

		return r < 0 ? r : new;
	}
	return dup_to(old, new, false);
}

SYSCALL3(dup3, int, old, int, new, int, flags)
{
	if (flags & ~O_CLOEXEC || old == new)
		return -EINVAL;
	return dup_to(old, new, flags & O_CLOEXEC);
}

static long set_flags(struct file *f, unsigned flags)
{
	const unsigned may = O_APPEND | O_NONBLOCK | O_NOATIME | O_DIRECT;

	__atomic_store_n(&f->flags, (f->flags & ~may) | (flags & may), __ATOMIC_RELAXED);
	return 0;
}

static long file_fcntl(int fd, struct file *f, unsigned cmd, uint64_t arg)
{
	struct process *p = current_process();

	if (f->flags & O_PATH && cmd > F_GETFL && cmd != F_DUPFD_CLOEXEC)
		return -EBADF;
	if (lock_is_command(cmd))
		return lock_command(f, cmd, (struct flock __user *)arg);
	switch (cmd) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		if (arg >= process_fd_limit(p))
			return -EINVAL;
		return dup_from(fd, (unsigned)arg, cmd == F_DUPFD_CLOEXEC);
	case F_GETFD:
		return files_get_cloexec(&p->files, (unsigned)fd);
	case F_SETFD:
		return files_set_cloexec(&p->files, (unsigned)fd, arg & FD_CLOEXEC);
	case F_GETFL:
		return f->flags;
	case F_SETFL:
		return set_flags(f, (unsigned)arg);
	case F_ADD_SEALS:
		return memfd_add_seals(f, (unsigned)arg);
	case F_GET_SEALS:
		return memfd_get_seals(f);
	case F_SETPIPE_SZ:
		return pipe_set_size(f, (unsigned)arg);
	case F_GETPIPE_SZ:
		return pipe_size(f);
	default:
		return -EINVAL;
	}
}

SYSCALL3(fcntl, int, fd, unsigned, cmd, uint64_t, arg)
{
	struct file *f __put_file = any_file(fd);

	if (!f)
		return -EBADF;
	return file_fcntl(fd, f, cmd, arg);
}
