/* Calls that change what a node is besides its content: permissions, owners, times. */
#include <kernel/core/clock.h>
#include <kernel/fs/path.h>
#include <kernel/fs/perm.h>
#include <kernel/proc/process.h>
#include <kernel/sys/syscall.h>
#include <linux/fcntl.h>
#include <linux/stat.h>
#include <linux/time_types.h>

/* ---- chmod ---- */

static long chmod_at(int dirfd, const char __user *path, uint32_t mode)
{
	struct node *n;
	long r = user_path(dirfd, path, 0, &n);

	if (r)
		return r;
	r = node_chmod(n, mode);
	node_put(n);
	return r;
}

SYSCALL2(chmod, const char __user *, path, unsigned, mode)
{
	return chmod_at(AT_FDCWD, path, mode);
}

SYSCALL3(fchmodat, int, dirfd, const char __user *, path, unsigned, mode)
{
	return chmod_at(dirfd, path, mode);
}

SYSCALL2(fchmod, int, fd, unsigned, mode)
{
	struct file *f __put_file = user_file(fd);

	if (!f)
		return -EBADF;
	return node_chmod(f->node, mode);
}

/* ---- chown ---- */

static long chown_at(int dirfd, const char __user *path, uint32_t uid, uint32_t gid, int flags)
{
	struct node *n;
	long r;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	r = user_path(dirfd, path, user_lookup_flags(flags), &n);
	if (r)
		return r;
	r = node_chown(n, uid, gid);
	node_put(n);
	return r;
}

SYSCALL3(chown, const char __user *, path, uint32_t, uid, uint32_t, gid)
{
	return chown_at(AT_FDCWD, path, uid, gid, 0);
}

SYSCALL3(lchown, const char __user *, path, uint32_t, uid, uint32_t, gid)
{
	return chown_at(AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW);
}

SYSCALL5(fchownat, int, dirfd, const char __user *, path, uint32_t, uid, uint32_t, gid, int, flags)
{
	return chown_at(dirfd, path, uid, gid, flags);
}

SYSCALL3(fchown, int, fd, uint32_t, uid, uint32_t, gid)
{
	struct file *f __put_file = user_file(fd);

	if (!f)
		return -EBADF;
	return node_chown(f->node, uid, gid);
}

/* ---- times ---- */

#define UTIME_NOW	((1l << 30) - 1)
#define UTIME_OMIT	((1l << 30) - 2)

/* What a node can keep: 1677 to 2262; what is beyond, is its end, as file systems do it. */
static int64_t time_ns(int64_t s, int64_t ns)
{
	const int64_t max = INT64_MAX / (int64_t)NS_PER_SEC - 1;

	if (s > max || s < -max)
		return (s > max ? max : -max) * (int64_t)NS_PER_SEC;
	return s * (int64_t)NS_PER_SEC + ns;
}

static int time_of(const struct __kernel_timespec *t, int64_t *ns)
{
	if (t->tv_nsec == UTIME_NOW)
		*ns = NODE_TIME_NOW;
	else if (t->tv_nsec == UTIME_OMIT)
		*ns = NODE_TIME_KEEP;
	else if (t->tv_nsec < 0 || t->tv_nsec >= (int64_t)NS_PER_SEC)
		return -EINVAL;
	else
		*ns = time_ns(t->tv_sec, t->tv_nsec);
	return 0;
}

/* path NULL: the file that is open as dirfd. */
static long set_times_at(int dirfd, const char __user *path, int64_t atime, int64_t mtime, int flags)
{
	struct node *n;
	long r;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (!path && dirfd != AT_FDCWD) {
		struct file *f __put_file = flags ? NULL : user_file(dirfd);

		if (!f)
			return flags ? -EINVAL : -EBADF;
		return node_set_times(f->node, atime, mtime);
	}
	r = user_path(dirfd, path, user_lookup_flags(flags), &n);
	if (r)
		return r;
	r = node_set_times(n, atime, mtime);
	node_put(n);
	return r;
}

SYSCALL4(utimensat, int, dirfd, const char __user *, path, const struct __kernel_timespec __user *, times, int,
	 flags)
{
	struct __kernel_timespec t[2] = { { .tv_nsec = UTIME_NOW }, { .tv_nsec = UTIME_NOW } };
	int64_t atime, mtime;

	if (times && copy_from_user(t, times, sizeof(t)))
		return -EFAULT;
	if (t[0].tv_nsec == UTIME_OMIT && t[1].tv_nsec == UTIME_OMIT)
		return 0;
	if (time_of(&t[0], &atime) || time_of(&t[1], &mtime))
		return -EINVAL;
	return set_times_at(dirfd, path, atime, mtime, flags);
}

/* Older calls: microseconds, or seconds; NULL: now. */
static long set_times_us(int dirfd, const char __user *path, const int64_t __user *times)
{
	int64_t t[4], atime = NODE_TIME_NOW, mtime = NODE_TIME_NOW;

	if (times) {
		if (copy_from_user(t, times, sizeof(t)))
			return -EFAULT;
		if (t[1] < 0 || t[1] >= 1000000 || t[3] < 0 || t[3] >= 1000000)
			return -EINVAL;
		atime = time_ns(t[0], t[1] * 1000);
		mtime = time_ns(t[2], t[3] * 1000);
	}
	return set_times_at(dirfd, path, atime, mtime, 0);
}

SYSCALL2(utimes, const char __user *, path, const int64_t __user *, times)
{
	return set_times_us(AT_FDCWD, path, times);
}

SYSCALL3(futimesat, int, dirfd, const char __user *, path, const int64_t __user *, times)
{
	return set_times_us(dirfd, path, times);
}

SYSCALL2(utime, const char __user *, path, const int64_t __user *, times)
{
	int64_t t[2], atime = NODE_TIME_NOW, mtime = NODE_TIME_NOW;

	if (times) {
		if (copy_from_user(t, times, sizeof(t)))
			return -EFAULT;
		atime = time_ns(t[0], 0);
		mtime = time_ns(t[1], 0);
	}
	return set_times_at(AT_FDCWD, path, atime, mtime, 0);
}

/* ---- extended attributes: no file system here has any ---- */

static long no_xattr_at(const char __user *path, unsigned flags)
{
	struct node *n;
	long r = user_path(AT_FDCWD, path, flags, &n);

	if (r)
		return r;
	node_put(n);
	return -EOPNOTSUPP;
}

static long no_xattr(int fd)
{
	struct file *f __put_file = user_file(fd);

	return f ? -EOPNOTSUPP : -EBADF;
}

SYSCALL1(getxattr, const char __user *, path) { return no_xattr_at(path, 0); }
SYSCALL1(lgetxattr, const char __user *, path) { return no_xattr_at(path, LOOKUP_NOFOLLOW); }
SYSCALL1(fgetxattr, int, fd) { return no_xattr(fd); }
SYSCALL1(setxattr, const char __user *, path) { return no_xattr_at(path, 0); }
SYSCALL1(lsetxattr, const char __user *, path) { return no_xattr_at(path, LOOKUP_NOFOLLOW); }
SYSCALL1(fsetxattr, int, fd) { return no_xattr(fd); }
SYSCALL1(listxattr, const char __user *, path) { return no_xattr_at(path, 0); }
SYSCALL1(llistxattr, const char __user *, path) { return no_xattr_at(path, LOOKUP_NOFOLLOW); }
SYSCALL1(flistxattr, int, fd) { return no_xattr(fd); }
SYSCALL1(removexattr, const char __user *, path) { return no_xattr_at(path, 0); }
SYSCALL1(lremovexattr, const char __user *, path) { return no_xattr_at(path, LOOKUP_NOFOLLOW); }
SYSCALL1(fremovexattr, int, fd) { return no_xattr(fd); }
