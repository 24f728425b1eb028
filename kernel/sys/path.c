/* Paths that programs give, and calls that only look at where they lead: access, readlink, the working directory. */
#include <kernel/fs/path.h>
#include <kernel/fs/fs.h>
#include <kernel/fs/perm.h>
#include <kernel/proc/process.h>
#include <kernel/sys/syscall.h>
#include <lib/string.h>
#include <linux/fcntl.h>
#include <mm/alloc/slab.h>

struct file *user_file(int fd)
{
	struct file *f = files_get(&current_process()->files, (unsigned)fd);

	if (!f || !(f->flags & O_PATH))
		return f;
	file_put(f);
	return NULL;
}

void file_put_cleanup(struct file **f)
{
	if (*f)
		file_put(*f);
}

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

static int walk_from(int dirfd, char *path, unsigned flags, struct path_end *e)
{
	struct node *from;
	int err;

	if (*path == '/')
		return path_walk(fs_root, path, flags, e);
	if (!*path && !(flags & LOOKUP_EMPTY))
		return -ENOENT;
	err = dir_of_fd(dirfd, &from);
	if (err)
		return err;
	err = path_walk(from, path, flags, e);
	node_put(from);
	return err;
}

int user_path_end(int dirfd, const char __user *path, unsigned flags, struct user_end *u)
{
	ssize_t n;
	int err;

	u->buf = kmalloc(PATH_MAX);
	if (!u->buf)
		return -ENOMEM;
	n = strncpy_from_user(u->buf, path, PATH_MAX);
	err = n < 0 ? (int)n : walk_from(dirfd, u->buf, flags, &u->e);
	if (err)
		kfree(u->buf);
	return err;
}

void user_end_put(struct user_end *u)
{
	path_end_put(&u->e);
	kfree(u->buf);
}

int user_path(int dirfd, const char __user *path, unsigned flags, struct node **out)
{
	struct user_end u;
	int err = user_path_end(dirfd, path, flags, &u);

	if (err)
		return err;
	*out = u.e.node;
	u.e.node = NULL;
	user_end_put(&u);
	return *out ? 0 : -ENOENT;
}

unsigned user_lookup_flags(int at_flags)
{
	return (at_flags & AT_SYMLINK_NOFOLLOW ? LOOKUP_NOFOLLOW : 0) |
	       (at_flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
}

/* ---- access ---- */

/* By the real identities, unless AT_EACCESS says otherwise. */
static int check_access(const struct node *n, unsigned mode, bool effective)
{
	struct cred c = current_process()->cred;

	if (!effective) {
		c.fsuid = c.uid;
		c.fsgid = c.gid;
	}
	if (mode & MAY_WRITE && n->fs && n->fs->type->fixed && node_is_dir(n))
		return -EACCES;
	if (mode & MAY_EXEC && node_is_reg(n) && fs_has(n, MS_NOEXEC))
		return -EACCES;
	return node_may_as(&c, n, mode);
}

static long access_at(int dirfd, const char __user *path, int mode, int flags)
{
	struct node *n;
	long err;

	if (mode & ~(int)(MAY_READ | MAY_WRITE | MAY_EXEC) ||
	    flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	err = user_path(dirfd, path, user_lookup_flags(flags), &n);
	if (err)
		return err;
	err = check_access(n, (unsigned)mode, flags & AT_EACCESS);
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
	r = user_path(dirfd, path, LOOKUP_NOFOLLOW | (dirfd == AT_FDCWD ? 0 : LOOKUP_EMPTY), &n);
	if (r)
		return r;
	text = kmalloc(PATH_MAX);
	if (!text)
		r = -ENOMEM;
	else
		r = node_is_link(n) ? node_readlink(n, text, MIN((size_t)size, PATH_MAX)) : -EINVAL;
	if (r > 0)
		node_was_read(n);
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

/* ---- the working directory ---- */

/* Takes the reference of n over. */
static long set_cwd(struct node *n)
{
	struct process *p = current_process();
	struct node *old;
	int err = node_is_dir(n) ? node_may(n, MAY_EXEC) : -ENOTDIR;

	if (err) {
		node_put(n);
		return err;
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
	else if (n > 0 && (size_t)n > size)
		n = -ERANGE;
	else if (n > 0 && copy_to_user(buf, path, (size_t)n))
		n = -EFAULT;
	kfree(path);
	return n;
}
