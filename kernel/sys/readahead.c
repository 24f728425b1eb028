/*
 * What a program says of the parts of a file that it will use: fadvise64, readahead, sync_file_range. A tmpfs has all of a file
 * in memory or swap, and takes no advice, as Linux's: what is left of the calls are their checks.
 */
#include <kernel/fs/file.h>
#include <kernel/fs/node.h>
#include <kernel/proc/process.h>
#include <kernel/sys/syscall.h>
#include <linux/fadvise.h>
#include <linux/fs.h>
#include <linux/stat.h>

SYSCALL4(fadvise64, int, fd, int64_t, off, int64_t, len, int, advice)
{
	struct file *f __put_file = user_file(fd);

	(void)off;
	if (!f)
		return -EBADF;
	if (S_ISFIFO(f->node->mode))
		return -ESPIPE;
	return len < 0 || advice < POSIX_FADV_NORMAL || advice > POSIX_FADV_NOREUSE ? -EINVAL : 0;
}

SYSCALL3(readahead, int, fd, int64_t, off, size_t, n)
{
	struct file *f __put_file = user_file(fd);

	(void)off;
	(void)n;
	if (!f || !file_can_read(f))
		return -EBADF;
	return node_is_reg(f->node) || S_ISBLK(f->node->mode) ? 0 : -EINVAL;
}

#define SYNC_FLAGS	(SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER)

SYSCALL4(sync_file_range, int, fd, int64_t, off, int64_t, n, unsigned, flags)
{
	struct file *f __put_file = user_file(fd);

	if (!f)
		return -EBADF;
	if (flags & ~(unsigned)SYNC_FLAGS || off < 0 || n < 0 || n > INT64_MAX - off)
		return -EINVAL;
	return node_is_reg(f->node) || node_is_dir(f->node) || S_ISBLK(f->node->mode) ? 0 : -ESPIPE;
}
