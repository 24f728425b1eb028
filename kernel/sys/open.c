/*
 * open(2) in its forms.
 *
 * A call that finds no memory has changed nothing (it may begin anew): a file that it makes gets its name
 * last, when it is open under a number already.
 */
#include <asm/fcntl.h>
#include <kernel/fs/change.h>
#include <kernel/fs/fs.h>
#include <kernel/fs/perm.h>
#include <kernel/proc/process.h>
#include <kernel/sys/syscall.h>
#include <linux/fcntl.h>

#define NOT_KEPT	(O_CREAT | O_EXCL | O_CLOEXEC)	/* in the flags of what is open */
#define PATH_FLAGS	(O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static unsigned rights_for(unsigned flags)
{
	static const unsigned rights[] = { MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE, MAY_READ | MAY_WRITE };

	return rights[flags & O_ACCMODE] | (flags & O_TRUNC ? MAY_WRITE : 0);
}

static int may_open(const struct node *n, unsigned flags)
{
	int err;

	if (flags & O_PATH || node_is_link(n))
		return 0;
	if (node_is_dir(n) && rights_for(flags) & MAY_WRITE)
		return -EISDIR;
	err = node_may(n, rights_for(flags));
	if (err)
		return err;
	return flags & O_NOATIME && !node_is_own(n) ? -EPERM : 0;
}

static long open_there(struct node *n, unsigned flags)
{
	struct file *f;
	long r;

	if (flags & O_DIRECTORY && !node_is_dir(n))
		return -ENOTDIR;
	r = may_open(n, flags);
	if (r)
		return r;
	r = file_open_node(n, (flags & ~(unsigned)NOT_KEPT) | O_LARGEFILE, &f);
	return r ? r : file_number(f, flags & O_CLOEXEC);
}

/* A new file at the end of the path. -EEXIST: somebody has made one meanwhile. */
static long open_new(const struct path_end *e, unsigned flags, uint32_t mode)
{
	struct node *n = fs_new_node(e->dir, S_IFREG | user_mode(mode & 07777), 0);
	struct file *f;
	long fd, err;

	if (!n)
		return -ENOMEM;
	fd = file_open(n, &regular_file_ops, (flags & ~(unsigned)NOT_KEPT) | O_LARGEFILE, &f);
	if (!fd) {
		file_get(f);
		fd = file_number(f, flags & O_CLOEXEC);
		err = fd < 0 ? fd : fs_make(e, n);
		if (err && fd >= 0)
			files_take_back(&current_process()->files, (unsigned)fd, f);
		if (err)
			fd = err;
		file_put(f);
	}
	node_put(n);
	return fd;
}

/* O_CREAT. */
static long open_or_make(int dirfd, const char __user *path, unsigned flags, uint32_t mode)
{
	bool nofollow = flags & (O_NOFOLLOW | O_EXCL);
	struct user_end u;
	long r = user_path_end(dirfd, path, nofollow ? LOOKUP_NOFOLLOW : 0, &u);

	if (r)
		return r;
	if (u.e.node && flags & O_EXCL)
		r = -EEXIST;
	else if (u.e.slash || (u.e.node && node_is_dir(u.e.node)))
		r = -EISDIR;
	else if (u.e.node)
		r = open_there(u.e.node, flags);
	else
		r = open_new(&u.e, flags, mode);
	user_end_put(&u);
	return r;
}

/* A file without a name, in the file system of a directory. */
static long open_unnamed(int dirfd, const char __user *path, unsigned flags, uint32_t mode)
{
	struct node *dir, *n;
	struct file *f;
	long r;

	if ((flags & O_ACCMODE) == O_RDONLY)
		return -EINVAL;
	r = user_path(dirfd, path, 0, &dir);
	if (r)
		return r;
	r = !node_is_dir(dir) ? -ENOTDIR : dir->fs->type->fixed ? -EOPNOTSUPP : node_may(dir, MAY_WRITE | MAY_EXEC);
	n = r ? NULL : fs_new_node(dir, S_IFREG | user_mode(mode & 07777), 0);
	if (!r)
		r = n ? file_open(n, &regular_file_ops, (flags & ~(unsigned)NOT_KEPT) | O_LARGEFILE, &f) : -ENOMEM;
	if (!r)
		r = file_number(f, flags & O_CLOEXEC);
	node_put(n);
	node_put(dir);
	return r;
}

static long open_at(int dirfd, const char __user *path, unsigned flags, uint32_t mode)
{
	struct node *n;
	long r;

	if (flags & O_PATH)
		flags &= PATH_FLAGS;
	if ((flags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY))
		return -EINVAL;
	if ((flags & O_TMPFILE) == O_TMPFILE)
		return open_unnamed(dirfd, path, flags, mode);
	if (flags & O_CREAT) {
		do	/* it was there, and is not, or the other way round */
			r = open_or_make(dirfd, path, flags, mode);
		while (r == -EEXIST && !(flags & O_EXCL));
		return r;
	}
	r = user_path(dirfd, path, flags & O_NOFOLLOW ? LOOKUP_NOFOLLOW : 0, &n);
	if (r)
		return r;
	r = open_there(n, flags);
	node_put(n);
	return r;
}

SYSCALL3(open, const char __user *, path, unsigned, flags, uint32_t, mode)
{
	return open_at(AT_FDCWD, path, flags, mode);
}

SYSCALL4(openat, int, dirfd, const char __user *, path, unsigned, flags, uint32_t, mode)
{
	return open_at(dirfd, path, flags, mode);
}

SYSCALL2(creat, const char __user *, path, uint32_t, mode)
{
	return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
