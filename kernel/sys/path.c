/* Calls about names in the file tree: stat, access, readlink, statfs, the working directory. */
#include <kernel/fs/path.h>
#include <asm/stat.h>
#include <asm/statfs.h>
#include <kernel/proc/process.h>
#include <kernel/sys/syscall.h>
#include <lib/string.h>
#include <linux/fcntl.h>
#include <linux/magic.h>
#include <mm/alloc/slab.h>
#include <mm/mm.h>

#define R_OK	4
#define W_OK	2
#define X_OK	1

/* The directory that dirfd means; counted. */
static int dir_of_fd(int dirfd, struct node **out)
{
	struct process *p = current_process();
	struct file *f;

	if (dirfd == AT_FDCWD) {
		*out = process_cwd();
		return 0;
	}
	f = files_get(&p->files, (unsigned)dirfd);
	if (!f)
		return -EBADF;
	*out = f->node;
	node_get(*out);
	file_put(f);
	return 0;
}

static int path_from(int dirfd, char *path, unsigned flags, struct node **out)
{
	struct node *from;
	int err;

	if (*path == '/')
		return path_lookup(fs_root, path, flags, out);
	if (!*path && !(flags & LOOKUP_EMPTY))
		return -ENOENT;
	err = dir_of_fd(dirfd, &from);
	if (err)
		return err;
	err = path_lookup(from, path, flags, out);
	node_put(from);
	return err;
}

int user_path(int dirfd, const char __user *upath, unsigned flags, struct node **out)
{
	char *path = kmalloc(PATH_MAX);
	ssize_t n;
	int err;

	if (!path)
		return -ENOMEM;
	n = strncpy_from_user(path, upath, PATH_MAX);
	err = n < 0 ? (int)n : path_from(dirfd, path, flags, out);
	kfree(path);
	return err;
}

/* ---- stat ---- */

/* Memory takes what it holds, other files what they are long. */
static __kernel_long_t blocks_of(const struct node *n, uint64_t size)
{
	if (!node_is_reg(n))
		return 0;
	if (n->reg.obj.ops->memory)
		return (__kernel_long_t)(n->reg.obj.npages * (PAGE_SIZE / 512));
	return (__kernel_long_t)(ALIGN_UP(size, PAGE_SIZE) / 512);
}

static void fill_stat(const struct node *n, struct stat *st)
{
	uint64_t size = node_size(n);

	*st = (struct stat){
		.st_dev = FS_DEV,
		.st_ino = n->ino,
		.st_nlink = n->nlink,
		.st_mode = n->mode,
		.st_uid = n->uid,
		.st_gid = n->gid,
		.st_rdev = n->rdev,
		.st_size = (__kernel_long_t)size,
		.st_blksize = PAGE_SIZE,
		.st_blocks = blocks_of(n, size),
		.st_atime = n->mtime,
		.st_mtime = n->mtime,
		.st_ctime = n->mtime,
	};
}

static long put_stat(const struct node *n, struct stat __user *to)
{
	struct stat st;

	fill_stat(n, &st);
	return copy_to_user(to, &st, sizeof(st)) ? -EFAULT : 0;
}

static long stat_at(int dirfd, const char __user *path, struct stat __user *st, unsigned flags)
{
	struct node *n;
	long err = user_path(dirfd, path, flags, &n);

	if (err)
		return err;
	err = put_stat(n, st);
	node_put(n);
	return err;
}

SYSCALL2(stat, const char __user *, path, struct stat __user *, st)
{
	return stat_at(AT_FDCWD, path, st, 0);
}

SYSCALL2(lstat, const char __user *, path, struct stat __user *, st)
{
	return stat_at(AT_FDCWD, path, st, LOOKUP_NOFOLLOW);
}

SYSCALL2(fstat, int, fd, struct stat __user *, st)
{
	struct node *n;
	long err = fd == AT_FDCWD ? -EBADF : dir_of_fd(fd, &n);

	if (err)
		return err;
	err = put_stat(n, st);
	node_put(n);
	return err;
}

SYSCALL4(newfstatat, int, dirfd, const char __user *, path, struct stat __user *, st, int, flags)
{
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT))
		return -EINVAL;
	return stat_at(dirfd, path, st, (flags & AT_SYMLINK_NOFOLLOW ? LOOKUP_NOFOLLOW : 0) |
		       (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0));
}

/* ---- access ---- */

/* Root may read and write all, but nothing can be written to the read-only tree, and a file must have an x bit. */
static long check_access(const struct node *n, int mode)
{
	if (mode & W_OK && !S_ISCHR(n->mode))
		return -EROFS;
	if (mode & X_OK && !node_is_dir(n) && !(n->mode & 0111))
		return -EACCES;
	return 0;
}

static long access_at(int dirfd, const char __user *path, int mode, int flags)
{
	struct node *n;
	long err;

	if (mode & ~(R_OK | W_OK | X_OK) || flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	err = user_path(dirfd, path, (flags & AT_SYMLINK_NOFOLLOW ? LOOKUP_NOFOLLOW : 0) |
			(flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0), &n);
	if (err)
		return err;
	err = check_access(n, mode);
	node_put(n);
	return err;
}

SYSCALL2(access, const char __user *, path, int, mode)
{
	return access_at(AT_FDCWD, path, mode, 0);
}

SYSCALL3(faccessat, int, dirfd, const char __user *, path, int, mode)
{
	return access_at(dirfd, path, mode, 0);
}

SYSCALL4(faccessat2, int, dirfd, const char __user *, path, int, mode, int, flags)
{
	return access_at(dirfd, path, mode, flags);
}

/* ---- links ---- */

static long read_link(int dirfd, const char __user *path, char __user *buf, int size)
{
	struct node *n;
	char *text;
	long r;

	if (size <= 0)
		return -EINVAL;
	r = user_path(dirfd, path, LOOKUP_NOFOLLOW, &n);
	if (r)
		return r;
	text = kmalloc(PATH_MAX);
	if (!text)
		r = -ENOMEM;
	else
		r = node_is_link(n) ? node_readlink(n, text, MIN((size_t)size, PATH_MAX)) : -EINVAL;
	node_put(n);
	if (r > 0 && copy_to_user(buf, text, (size_t)r))
		r = -EFAULT;
	kfree(text);
	return r;
}

SYSCALL3(readlink, const char __user *, path, char __user *, buf, int, size)
{
	return read_link(AT_FDCWD, path, buf, size);
}

SYSCALL4(readlinkat, int, dirfd, const char __user *, path, char __user *, buf, int, size)
{
	return read_link(dirfd, path, buf, size);
}

/* ---- file systems ---- */

static long put_statfs(struct statfs __user *to)
{
	struct statfs s = {
		.f_type = RAMFS_MAGIC,
		.f_bsize = PAGE_SIZE,
		.f_namelen = NAME_MAX,
		.f_frsize = PAGE_SIZE,
		.f_flags = 0x21,	/* ST_VALID, ST_RDONLY */
	};

	return copy_to_user(to, &s, sizeof(s)) ? -EFAULT : 0;
}

SYSCALL2(statfs, const char __user *, path, struct statfs __user *, st)
{
	struct node *n;
	long err = user_path(AT_FDCWD, path, 0, &n);

	if (err)
		return err;
	node_put(n);
	return put_statfs(st);
}

SYSCALL2(fstatfs, int, fd, struct statfs __user *, st)
{
	struct node *n;
	long err = fd == AT_FDCWD ? -EBADF : dir_of_fd(fd, &n);

	if (err)
		return err;
	node_put(n);
	return put_statfs(st);
}

/* ---- the working directory ---- */

/* Takes the reference of n over. */
static long set_cwd(struct node *n)
{
	struct process *p = current_process();
	struct node *old;

	if (!node_is_dir(n)) {
		node_put(n);
		return -ENOTDIR;
	}
	spin_lock(&process_lock);	/* who looks at p takes a reference under it */
	old = p->cwd;
	p->cwd = n;
	spin_unlock(&process_lock);
	node_put(old);
	return 0;
}

SYSCALL1(chdir, const char __user *, path)
{
	struct node *n;
	long err = user_path(AT_FDCWD, path, 0, &n);

	return err ? err : set_cwd(n);
}

SYSCALL1(fchdir, int, fd)
{
	struct node *n;
	long err = fd == AT_FDCWD ? -EBADF : dir_of_fd(fd, &n);

	return err ? err : set_cwd(n);
}

/* The length with the NUL, as Linux returns it. */
SYSCALL2(getcwd, char __user *, buf, size_t, size)
{
	char *path = kmalloc(PATH_MAX);
	struct node *cwd;
	long n;

	if (!path)
		return -ENOMEM;
	cwd = process_cwd();
	n = path_of_dir(cwd, path, PATH_MAX);
	node_put(cwd);
	if (n == -ERANGE)
		n = -ENAMETOOLONG;
	else if ((size_t)n > size)
		n = -ERANGE;
	else if (copy_to_user(buf, path, (size_t)n))
		n = -EFAULT;
	kfree(path);
	return n;
}

SYSCALL1(umask, int, mask)
{
	return __atomic_exchange_n(&current_process()->umask, (unsigned)mask & 0777, __ATOMIC_RELAXED);
}
