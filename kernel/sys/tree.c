/* Calls that change the file tree: what makes, moves and takes away names. */
#include <kernel/fs/change.h>
#include <kernel/fs/perm.h>
#include <kernel/proc/process.h>
#include <kernel/sys/syscall.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <lib/string.h>
#include <mm/alloc/slab.h>

uint32_t user_mode(uint32_t mode)
{
	return mode & ~__atomic_load_n(&current_process()->umask, __ATOMIC_RELAXED);
}

SYSCALL1(umask, int, mask)
{
	return __atomic_exchange_n(&current_process()->umask, (unsigned)mask & 0777, __ATOMIC_RELAXED);
}

/* ---- making ---- */

/* Takes n over; the name is at u, which it gives back. */
static long make_at(struct user_end *u, struct node *n)
{
	long r = n ? fs_make(&u->e, n) : -ENOMEM;

	node_put(n);
	user_end_put(u);
	return r;
}

/* A node of the mode's kind at path. */
static long make_node(int dirfd, const char __user *path, uint32_t mode, uint64_t rdev)
{
	struct user_end u;
	long r = user_path_end(dirfd, path, LOOKUP_PARENT, &u);

	if (r)
		return r;
	if (u.e.last == PATH_NAME)
		return make_at(&u, fs_new_node(u.e.dir, user_mode(mode), rdev));
	user_end_put(&u);
	return -EEXIST;
}

SYSCALL3(mkdirat, int, dirfd, const char __user *, path, unsigned, mode)
{
	return make_node(dirfd, path, S_IFDIR | (mode & 01777), 0);
}

SYSCALL2(mkdir, const char __user *, path, unsigned, mode)
{
	return make_node(AT_FDCWD, path, S_IFDIR | (mode & 01777), 0);
}

static long mknod_at(int dirfd, const char __user *path, uint32_t mode, uint32_t dev)
{
	if (!(mode & S_IFMT))
		mode |= S_IFREG;
	switch (mode & S_IFMT) {
	case S_IFREG:
	case S_IFIFO:
	case S_IFSOCK:
		return make_node(dirfd, path, mode, 0);
	case S_IFCHR:
	case S_IFBLK:
		return cred_is_privileged(cred_current()) ? make_node(dirfd, path, mode, dev) : -EPERM;
	case S_IFDIR:
		return -EPERM;
	default:
		return -EINVAL;
	}
}

SYSCALL4(mknodat, int, dirfd, const char __user *, path, uint32_t, mode, uint32_t, dev)
{
	return mknod_at(dirfd, path, mode, dev);
}

SYSCALL3(mknod, const char __user *, path, uint32_t, mode, uint32_t, dev)
{
	return mknod_at(AT_FDCWD, path, mode, dev);
}

/* A link with text, which is in the kernel. */
static struct node *new_link(const struct node *dir, const char *text)
{
	struct node *n = node_create_link(text, strlen(text));

	if (n)
		node_set_new(n, dir, 0777);
	return n;
}

static long make_link(const char __user *utext, int dirfd, const char __user *path)
{
	char *text = kmalloc(PATH_MAX);
	struct user_end u;
	long r;

	if (!text)
		return -ENOMEM;
	r = strncpy_from_user(text, utext, PATH_MAX);
	if (!r)
		r = -ENOENT;
	if (r > 0)
		r = user_path_end(dirfd, path, LOOKUP_PARENT, &u);
	if (!r && u.e.last != PATH_NAME) {
		user_end_put(&u);
		r = -EEXIST;
	} else if (!r) {
		r = make_at(&u, new_link(u.e.dir, text));
	}
	kfree(text);
	return r;
}

SYSCALL3(symlinkat, const char __user *, text, int, dirfd, const char __user *, path)
{
	return make_link(text, dirfd, path);
}

SYSCALL2(symlink, const char __user *, text, const char __user *, path)
{
	return make_link(text, AT_FDCWD, path);
}

static long link_at(int fromfd, const char __user *from, int tofd, const char __user *to, int flags)
{
	unsigned lookup = (flags & AT_SYMLINK_FOLLOW ? 0 : LOOKUP_NOFOLLOW) |
			  (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
	struct user_end u;
	struct node *n;
	long r;

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (flags & AT_EMPTY_PATH && !cred_is_privileged(cred_current()))
		return -ENOENT;
	r = user_path(fromfd, from, lookup, &n);
	if (r)
		return r;
	r = user_path_end(tofd, to, LOOKUP_PARENT, &u);
	if (!r) {
		r = fs_link(&u.e, n);
		user_end_put(&u);
	}
	node_put(n);
	return r;
}

SYSCALL5(linkat, int, fromfd, const char __user *, from, int, tofd, const char __user *, to, int, flags)
{
	return link_at(fromfd, from, tofd, to, flags);
}

SYSCALL2(link, const char __user *, from, const char __user *, to)
{
	return link_at(AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* ---- taking away, moving ---- */

static long remove_at(int dirfd, const char __user *path, int (*remove)(const struct path_end *e))
{
	struct user_end u;
	long r = user_path_end(dirfd, path, LOOKUP_PARENT, &u);

	if (r)
		return r;
	r = remove(&u.e);
	user_end_put(&u);
	return r;
}

SYSCALL3(unlinkat, int, dirfd, const char __user *, path, int, flags)
{
	if (flags & ~AT_REMOVEDIR)
		return -EINVAL;
	return remove_at(dirfd, path, flags & AT_REMOVEDIR ? fs_rmdir : fs_unlink);
}

SYSCALL1(unlink, const char __user *, path)
{
	return remove_at(AT_FDCWD, path, fs_unlink);
}

SYSCALL1(rmdir, const char __user *, path)
{
	return remove_at(AT_FDCWD, path, fs_rmdir);
}

static long rename_at(int fromfd, const char __user *from, int tofd, const char __user *to, unsigned flags)
{
	struct user_end u, v;
	long r;

	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE) ||
	    flags == (RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	r = user_path_end(fromfd, from, LOOKUP_PARENT, &u);
	if (r)
		return r;
	r = user_path_end(tofd, to, LOOKUP_PARENT, &v);
	if (!r) {
		r = fs_rename(&u.e, &v.e, flags);
		user_end_put(&v);
	}
	user_end_put(&u);
	return r;
}

SYSCALL5(renameat2, int, fromfd, const char __user *, from, int, tofd, const char __user *, to, unsigned, flags)
{
	return rename_at(fromfd, from, tofd, to, flags);
}

SYSCALL4(renameat, int, fromfd, const char __user *, from, int, tofd, const char __user *, to)
{
	return rename_at(fromfd, from, tofd, to, 0);
}

SYSCALL2(rename, const char __user *, from, const char __user *, to)
{
	return rename_at(AT_FDCWD, from, AT_FDCWD, to, 0);
}
